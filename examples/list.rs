//! A list on the server, used as a `Vec` and as a double-ended queue.

use std::error::Error;

use futures::TryStreamExt;
use purse::{Client, RedisList};
use purse_examples::Store;

/// Works on the list `redis_list` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let list: RedisList<String> = RedisList::new(&client, "redis_list");
    list.clear().await?;

    list.extend(["a", "b", "c", "d", "e", "f"]).await?;
    let elements: Vec<String> = list.stream().try_collect().await?;
    println!("elements         {elements:?}");

    println!("contains f       {}", list.contains("f").await?);
    println!("contains g       {}", list.contains("g").await?);
    println!("position of c    {:?}", list.position("c").await?);
    println!("position of g    {:?}", list.position("g").await?);
    println!("from 2 to 5      {:?}", list.range(2..5).await?);

    list.insert(2, "x").await?;
    list.insert(-2, "y").await?;
    println!("with x and y     {:?}", list.to_vec().await?);
    println!("at 2             {:?}", list.get(2).await?);
    println!("at -3            {:?}", list.get(-3).await?);

    list.push_front("z").await?;
    println!("popped back      {:?}", list.pop_back().await?);
    println!("popped front     {:?}", list.pop_front().await?);
    println!("left             {:?}", list.to_vec().await?);
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
