//! A map of bounded size, as a cache of pages that are expensive to make.

use std::error::Error;

use purse::{Client, RedisLruMap};
use purse_examples::Store;

/// Works on the map `redis_lru_map` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    // By default one of eight gets notes the use of its entry. Here each does, so that the output is
    // always the same.
    let pages: RedisLruMap<String, String> =
        RedisLruMap::new(&client, "redis_lru_map", 3)?.note_uses(1);
    pages.clear().await?;

    for path in ["/a", "/b", "/c", "/a", "/d", "/b"] {
        let page = match pages.get(path).await? {
            Some(page) => format!("found {page}"),
            None => {
                let page = format!("the page of {path}");
                pages.insert(path, &page).await?;
                format!("made  {page}")
            }
        };
        println!("{path:16} {page}");
    }
    let mut paths: Vec<String> = pages.to_map().await?.into_keys().collect();
    paths.sort();
    println!("in the map       {paths:?}");

    let smaller: RedisLruMap<String, String> = RedisLruMap::new(&client, "redis_lru_map", 2)?;
    println!("evicted          {}", smaller.shrink().await?);
    println!("left             {}", smaller.len().await?);
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
