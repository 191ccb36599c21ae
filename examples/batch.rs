//! Operations of several collections in one trip, and in one transaction.

use std::error::Error;

use purse::{Client, RedisHash, RedisList};
use purse_examples::Store;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::find()?;
    let client = Client::connect(store.url()).await?;
    let stock: RedisHash<String, i64> = RedisHash::new(&client, "redis_stock");
    let orders: RedisList<String> = RedisList::new(&client, "redis_orders");
    stock.clear().await?;
    orders.clear().await?;

    let mut batch = client.batch();
    let filled = batch.add(stock.insert("carrots", 10));
    let ordered = batch.add(orders.push_back("three carrots"));
    let beets = batch.add(stock.get("beets"));
    batch.send().await?;
    println!("carrots before   {:?}", filled.take()?);
    println!("orders           {}", ordered.take()?);
    println!("beets            {:?}", beets.take()?);

    // No other client sees a state in which the order is gone and the carrots are still there.
    let mut batch = client.batch().atomic();
    let order = batch.add(orders.pop_front());
    let left = batch.add(stock.increment("carrots", -3));
    batch.send().await?;
    println!("order served     {:?}", order.take()?);
    println!("carrots left     {}", left.take()?);
    client.close().await;
    Ok(())
}
