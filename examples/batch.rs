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

    // Operations on many elements are operations of a batch as well.
    let delivery = (
        stock.extend([("leeks", 4), ("beets", 8)]),
        stock.get_many(["leeks", "beets"]),
        orders.extend(["a leek", "two beets"]),
    );
    let (new, counts, waiting) = client.batch().run(delivery).await?;
    println!("new kinds        {new}, {counts:?}");
    println!("orders           {waiting}");

    // No other client sees a state in which the order is gone and the carrots are still there.
    let serve = (orders.pop_front(), stock.increment("carrots", -3));
    let (order, left) = client.batch().atomic().run(serve).await?;
    println!("order served     {order:?}");
    println!("carrots left     {left}");
    client.close().await;
    Ok(())
}
