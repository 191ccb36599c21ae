//! Jobs handed from one task to others, in order.

use std::error::Error;
use std::time::Duration;

use purse::{Client, RedisQueue};
use purse_examples::Store;
use tokio::time::sleep;

/// Takes jobs until none has come for a second.
async fn work(worker: u32, jobs: RedisQueue<String>) -> purse::Result<u32> {
    let mut done = 0;
    while let Some(job) = jobs.pop_timeout(Duration::from_secs(1)).await? {
        println!("worker {worker} does {job}");
        sleep(Duration::from_millis(fastrand::u64(..50))).await;
        done += 1;
    }
    Ok(done)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::find()?;
    let client = Client::connect(store.url()).await?;
    let jobs: RedisQueue<String> = RedisQueue::new(&client, "redis_queue");
    jobs.clear().await?;

    let workers = [1, 2, 3].map(|worker| tokio::spawn(work(worker, jobs.clone())));
    for number in 1..=12 {
        jobs.push(format!("job {number}")).await?;
    }
    let mut done = 0;
    for worker in workers {
        done += worker.await??;
    }
    println!("{done} jobs done, {} left", jobs.len().await?);
    client.close().await;
    Ok(())
}
