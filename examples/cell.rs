//! A value that many clients update at once, without a version and with one.

use std::error::Error;

use purse::{Client, RedisCell, RedisVersioned};
use purse_examples::Store;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Config {
    color: String,
    limit: u32,
}

/// Works on the cells `redis_cell` and `redis_versioned` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let color: RedisCell<String> = RedisCell::new(&client, "redis_cell");
    color.clear().await?;
    println!("empty            {:?}", color.load().await?);
    color.store("blue").await?;
    println!("swapped          {:?}", color.swap("green").await?);
    let exchanged = color.compare_exchange("blue", "red").await?;
    println!("if blue, red     {exchanged:?}");
    let exchanged = color.compare_exchange("green", "red").await?;
    println!("if green, red    {exchanged:?}");

    let config: RedisVersioned<Config> = RedisVersioned::new(&client, "redis_versioned");
    config.clear().await?;
    let first = Config {
        color: "blue".to_owned(),
        limit: 0,
    };
    let Ok(version) = config.store_if(None, &first).await? else {
        return Err("another program has stored a configuration".into());
    };
    // Many writers: each update happens exactly once, whatever becomes of its reply.
    let writers = (0..5).map(|_| async {
        let raise = |config: Option<&Config>| Config {
            limit: config.map_or(0, |config| config.limit) + 10,
            ..first.clone()
        };
        config.update(raise).await
    });
    futures::future::try_join_all(writers).await?;
    // The version from before does not fit any more.
    let outcome = config.store_if(version, &first).await?;
    println!("old version      {}", outcome.is_ok());
    let (last, _) = config.load().await?.ok_or("the configuration is gone")?;
    println!("limit            {}", last.limit);
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
