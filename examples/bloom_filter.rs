//! A Bloom filter on the server: which pages a crawler has seen.

use std::error::Error;

use purse::{Client, RedisBloomFilter};
use purse_examples::Store;

/// Works on the Bloom filter `redis_bloom_filter` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    // About 10,000 pages; of those that are new, one in a million is taken for one that was seen.
    let seen: RedisBloomFilter<String> =
        RedisBloomFilter::new(&client, "redis_bloom_filter", 10_000, 1e-6)?;
    seen.clear().await?;

    for page in ["/", "/news", "/", "/about"] {
        if seen.add(page).await? {
            println!("visit            {page}");
        }
    }
    let answers = seen.contains_many(["/news", "/imprint"]).await?;
    println!("news, imprint    {answers:?}");
    let new = seen.add_many(["/news", "/imprint"]).await?;
    println!("are new          {new:?}");
    println!("pages            {}", seen.len().await?);

    // No element can be removed: a new filter replaces the old one.
    println!("still there      {}", seen.replace(["/", "/news"]).await?);
    println!("about is new     {}", seen.add("/about").await?);
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
