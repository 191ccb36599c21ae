//! A map from each key to several values: the tags of plants, and the plants of tags.

use std::collections::BTreeSet;
use std::error::Error;

use futures::TryStreamExt;
use purse::{Client, RedisMultimap};
use purse_examples::Store;

/// Works on the multimap `redis_multimap` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let plants: RedisMultimap<String, String> = RedisMultimap::new(&client, "redis_multimap");
    plants.clear().await?;

    let entries = [
        ("sunny", "tomato"),
        ("sunny", "sage"),
        ("tasty", "tomato"),
        ("tasty", "leek"),
        ("tall", "sunflower"),
    ];
    println!("new              {}", plants.extend(entries).await?);
    println!("sage is new      {}", plants.insert("sunny", "sage").await?);
    println!("sunny            {:?}", sort(plants.get("sunny").await?));
    let answers = [
        plants.contains("tasty", "leek").await?,
        plants.contains("tasty", "sage").await?,
    ];
    println!("leek, sage tasty {answers:?}");

    let mut tags = plants.keys();
    while let Some(tag) = tags.try_next().await? {
        println!("{tag:16} {}", plants.count(&tag).await?);
    }
    let mut entries = plants.iter();
    while let Some((tag, plant)) = entries.try_next().await? {
        println!("  {tag}: {plant}");
    }

    println!(
        "tomato removed   {}",
        plants.remove("sunny", "tomato").await?
    );
    println!(
        "tasty removed    {:?}",
        sort(plants.remove_all("tasty").await?)
    );
    println!("tags             {}", plants.count_keys().await?);
    println!("left             {}", plants.len().await?);
    client.close().await;
    Ok(())
}

fn sort(values: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    values.into_iter().collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
