//! Bit sets on the server: the seats of a hall, and who was active on which day.

use std::error::Error;

use futures::TryStreamExt;
use purse::{Client, RedisBitSet};
use purse_examples::Store;

/// Works on the bit sets `{redis_bit_set}…` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let set = |name: &str| RedisBitSet::new(&client, format!("{{redis_bit_set}}{name}"), 100);
    let (monday, friday, both) = (set("monday"), set("friday"), set("both"));
    let seats = set("seats");
    for set in [&monday, &friday, &both, &seats] {
        set.clear().await?;
    }

    // What is in braces decides the place in a cluster: so these can be worked on together.
    monday.extend([3, 14, 15, 92]).await?;
    friday.extend([14, 65, 92]).await?;
    println!("on monday        {}", monday.len().await?);
    let stored = monday.intersection([&friday]).store_into(&both).await?;
    let users: Vec<u32> = both.stream().try_collect().await?;
    println!("on both days     {stored} {users:?}");
    let stored = monday.difference([&friday]).store_into(&both).await?;
    println!("on monday only   {stored}");

    println!("seat 7 was free  {}", seats.insert(7).await?);
    println!("seat 7 was free  {}", seats.insert(7).await?);
    seats.extend(0..2).await?;
    println!("the first free   {:?}", seats.first_absent().await?);
    println!("taken up to 9    {}", seats.count(..10).await?);
    println!("free seats       {}", 100 - seats.len().await?);
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
