//! HyperLogLogs on the server: how many visitors there were, in 12 kB.

use std::error::Error;

use purse::{Client, RedisHyperLogLog};
use purse_examples::Store;

/// Works on the sketches `{redis_hyper_log_log}…` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let [first, second, both] = ["1", "2", "both"].map(|week| {
        let key = format!("{{redis_hyper_log_log}}{week}");
        RedisHyperLogLog::<u32>::new(&client, key)
    });
    for week in [&first, &second, &both] {
        week.clear().await?;
    }

    println!("changed          {}", first.add(4_711).await?);
    println!("changed          {}", first.add(4_711).await?);
    println!("visitors         {}", first.count().await?);
    first.extend(0..20_000).await?;
    second.extend(10_000..30_000).await?;
    let near = |count: u64, expected: u64| count.abs_diff(expected) < expected / 25;
    println!("near 20,000      {}", near(first.count().await?, 20_000));
    let count = first.count_union([&second]).await?;
    println!("near 30,000      {}", near(count, 30_000));
    both.merge([&first, &second]).await?;
    println!("in both weeks    {}", both.count().await? == count);
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
