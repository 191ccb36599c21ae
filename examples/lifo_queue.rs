//! A walk that goes deep first: what was found last is visited next.

use std::error::Error;

use purse::{Client, RedisLifoQueue};
use purse_examples::Store;

/// The pages that a page of a small site leads to.
fn links(page: &str) -> &'static [&'static str] {
    match page {
        "/" => &["/guide", "/news"],
        "/guide" => &["/guide/locks", "/guide/queues"],
        "/guide/queues" => &["/guide/queues/lifo"],
        _ => &[],
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::find()?;
    let client = Client::connect(store.url()).await?;
    let found: RedisLifoQueue<String> = RedisLifoQueue::new(&client, "redis_lifo_queue");
    found.clear().await?;

    found.push("/").await?;
    while let Some(page) = found.try_pop().await? {
        let depth = page.split('/').filter(|part| !part.is_empty()).count();
        println!("{}{page}", "  ".repeat(depth));
        // In reverse, so that the first link of a page is visited first.
        found.push_many(links(&page).iter().rev()).await?;
    }
    client.close().await;
    Ok(())
}
