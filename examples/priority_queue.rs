//! Calls answered by urgency, the smallest number first; among equals, the earliest call.

use std::error::Error;

use futures::TryStreamExt;
use purse::{Client, RedisPriorityQueue};
use purse_examples::Store;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::find()?;
    let client = Client::connect(store.url()).await?;
    let calls: RedisPriorityQueue<String> = RedisPriorityQueue::new(&client, "redis_priorities");
    calls.clear().await?;

    calls
        .push_many([("sprained ankle", 9.0), ("fire", 1.0), ("lost cat", 9.5)])
        .await?;
    if let Some((call, priority)) = calls.peek().await? {
        println!(
            "of {} the most urgent, {priority}: {call}",
            calls.len().await?
        );
    }

    // Another task calls while this one answers.
    let caller = {
        let calls = calls.clone();
        tokio::spawn(async move {
            calls.push("second ankle", 9.0).await?;
            calls.push("nothing more", f64::INFINITY).await
        })
    };
    let mut arrivals = calls.into_stream();
    while let Some((call, priority)) = arrivals.try_next().await? {
        println!("{priority:>4} {call}");
        if priority.is_infinite() {
            break;
        }
    }
    caller.await??;
    client.close().await;
    Ok(())
}
