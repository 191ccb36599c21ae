//! Sessions on the server: a key space in which every entry expires.

use std::error::Error;
use std::time::Duration;

use futures::TryStreamExt;
use purse::{Client, Pattern, RedisKeySpace, SetOptions};
use purse_examples::Store;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Session {
    user: String,
    visits: u32,
}

impl Session {
    fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            visits: 1,
        }
    }
}

/// Works on the keys `redis_keyspace:…` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let sessions: RedisKeySpace<Session> = RedisKeySpace::new(&client, "redis_keyspace:");
    sessions.clear().await?;

    let hour = Duration::from_secs(3_600);
    let new = SetOptions::new().ttl(hour).if_absent();
    println!(
        "ada is new       {}",
        sessions
            .set_with("ada", Session::new("Ada"), new)
            .await?
            .is_set()
    );
    println!(
        "ada is new again {}",
        sessions
            .set_with("ada", Session::new("Eve"), new)
            .await?
            .is_set()
    );
    let expires = sessions.ttl("ada").await?.remaining().is_some();
    println!("ada goes         {expires}");

    let bob = sessions
        .get_or_insert_with_ttl("bob", Session::new("Bob"), hour)
        .await?;
    println!("bob              {bob:?}");

    let guests = sessions.sub("guest:");
    let arrivals = (1..=3).map(|n| (n.to_string(), Session::new("a guest")));
    println!(
        "guests came      {}",
        guests.extend_if_none_exist(arrivals).await?
    );
    println!("sessions         {}", sessions.len().await?);

    let mut items = sessions.items().matching(Pattern::prefix("b"));
    while let Some((key, session)) = items.try_next().await? {
        println!("{key:16} {session:?}");
    }
    println!("guests left      {}", guests.clear().await?);
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
