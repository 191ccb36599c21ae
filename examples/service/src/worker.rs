//! Workers: each post is handled by one of them.

use purse::ErrorKind;
use tokio::sync::watch;

use crate::posts::{Post, Posts};
use crate::wait_stopped;

/// Handles posts until `stop` becomes true. The post that is being handled is finished first.
pub async fn run(posts: Posts, mut stop: watch::Receiver<bool>) {
    loop {
        let post = tokio::select! {
            // Dropped, it puts back what it may have taken.
            post = posts.queue.pop() => post,
            () = wait_stopped(&mut stop) => return,
        };
        match post {
            Ok(post) => {
                if let Err(error) = handle(&posts, &post).await {
                    tracing::error!(%error, user = post.user, "a post was not counted");
                }
            }
            Err(error) if error.kind() == ErrorKind::Closed => return,
            // The client reconnects automatically; the pop waits for that.
            Err(error) => tracing::warn!(%error, "no post could be taken"),
        }
    }
}

/// Counts the words of a post.
async fn handle(posts: &Posts, post: &Post) -> purse::Result<()> {
    for word in post.text.split_whitespace() {
        posts.words.increment(word.to_lowercase(), 1).await?;
    }
    tracing::info!(user = post.user, "counted a post");
    Ok(())
}
