//! Posts: the feed, the leaderboard, and the queue of the workers.

use axum::Json;
use axum::extract::State;
use purse::{Client, RedisHash, RedisList, RedisQueue, RedisSortedSet};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::error::Result;
use crate::sessions::LoggedIn;

/// The number of posts that the feed keeps.
const FEED: i64 = 100;

/// A post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The name of its author.
    pub user: String,
    /// Its text.
    pub text: String,
}

/// All that posts change.
#[derive(Debug, Clone)]
pub struct Posts {
    client: Client,
    /// The newest posts, the newest first.
    pub feed: RedisList<Post>,
    /// The number of posts of each user.
    pub leaders: RedisSortedSet<String>,
    /// The posts that no worker has seen yet.
    pub queue: RedisQueue<Post>,
    /// The number of uses of each word.
    pub words: RedisHash<String, u64>,
}

impl Posts {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            feed: RedisList::new(client, "feed"),
            leaders: RedisSortedSet::new(client, "leaders"),
            queue: RedisQueue::new(client, "posts:new"),
            words: RedisHash::new(client, "words"),
        }
    }

    /// Stores a post: all of it, or nothing.
    async fn publish(&self, post: &Post) -> purse::Result<()> {
        let mut batch = self.client.batch().atomic();
        let pushed = batch.add(self.feed.push_front(post));
        let trimmed = batch.add(self.feed.trim(0..FEED));
        let counted = batch.add(self.leaders.increment(&post.user, 1.0));
        let queued = batch.add(self.queue.push(post));
        batch.send().await?;
        pushed.take()?;
        trimmed.take()?;
        counted.take()?;
        queued.take()?;
        Ok(())
    }
}

/// The body of a new post.
#[derive(Debug, Deserialize)]
pub struct NewPost {
    text: String,
}

pub(crate) async fn publish(
    State(app): State<App>,
    login: LoggedIn,
    Json(new): Json<NewPost>,
) -> Result<Json<Post>> {
    let post = Post {
        user: login.session.user,
        text: new.text,
    };
    app.posts.publish(&post).await?;
    Ok(Json(post))
}

pub(crate) async fn feed(State(app): State<App>) -> Result<Json<Vec<Post>>> {
    Ok(Json(app.posts.feed.range(0..20).await?))
}

pub(crate) async fn leaders(State(app): State<App>) -> Result<Json<Vec<(String, f64)>>> {
    let leaders = app.posts.leaders.top(10);
    Ok(Json(leaders.with_scores().await?))
}
