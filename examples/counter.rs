//! Counters: of visits, of free seats, of the errors in the last hour; and ids.

use std::error::Error;
use std::time::Duration;

use purse::{Client, RedisCounter, RedisIdGenerator, RedisWindowCounter};
use purse_examples::Store;

/// Works on the counters `redis_counter…` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let visits: RedisCounter<u64> = RedisCounter::new(&client, "redis_counter_visits");
    visits.clear().await?;
    visits.add(40).await?;
    // This one counts exactly once, also if its reply is lost.
    println!("visits           {}", visits.add_once(2).await?);
    println!("below zero       {}", visits.add(-43).await.is_ok());
    println!("billed           {}", visits.take().await?);

    let seats: RedisCounter<u32> = RedisCounter::new(&client, "redis_counter_seats");
    seats.set(3).await?;
    let hall = seats.bounded(0..=100);
    println!("two seats        {:?}", hall.checked_add(-2).await?);
    println!("two more         {:?}", hall.checked_add(-2).await?);
    println!("all are back     {}", hall.saturating_add(500).await?);

    let hour = Duration::from_secs(60 * 60);
    let errors = RedisWindowCounter::new(&client, "redis_counter_errors", hour);
    errors.clear().await?;
    errors.add(1).await?;
    errors.add(4).await?;
    let lately = errors.sum(Duration::from_secs(5 * 60)).await?;
    println!("lately           {lately} errors");

    let ids = RedisIdGenerator::new(&client, "redis_counter_ids");
    let (first, second) = (ids.next_id().await?, ids.next_id().await?);
    println!("ids in order     {}", first < second);
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
