//! A map on the server, with values of a type of one's own.

use std::collections::HashMap;
use std::error::Error;

use futures::TryStreamExt;
use purse::{Client, RedisHash};
use purse_examples::Store;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Plant {
    name: String,
    healthiness: f64,
    tasty: bool,
}

impl Plant {
    fn new(name: &str, healthiness: f64, tasty: bool) -> Self {
        Self {
            name: name.to_owned(),
            healthiness,
            tasty,
        }
    }
}

/// Works on the hash `redis_hash` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let plants: RedisHash<String, Plant> = RedisHash::new(&client, "redis_hash");
    plants.clear().await?;

    let garden: HashMap<String, Plant> = [
        Plant::new("spinach", 9.8, false),
        Plant::new("broccoli", 12.2, true),
        Plant::new("lettuce", 3.0, false),
        Plant::new("avocado", 8.0, true),
    ]
    .into_iter()
    .map(|plant| (plant.name.clone(), plant))
    .collect();
    plants.extend(&garden).await?;
    plants
        .set("carrot", Plant::new("carrot", 5.0, false))
        .await?;
    println!("plants           {}", plants.len().await?);

    if let Some(spinach) = plants.get("spinach").await? {
        println!("spinach is tasty {}", spinach.tasty);
    }

    let mut entries = plants.iter();
    while let Some((name, plant)) = entries.try_next().await? {
        println!("{name:16} {plant:?}");
    }
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
