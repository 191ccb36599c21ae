//! A sorted set on the server: a ranking of players by their points.

use std::error::Error;
use std::time::Duration;

use purse::{Client, Condition, RedisSortedSet};
use purse_examples::Store;

/// Works on the sorted sets `{redis_sorted_set}…` of the server at `url`.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::connect(url).await?;
    let today: RedisSortedSet<String> = RedisSortedSet::new(&client, "{redis_sorted_set}today");
    let ever: RedisSortedSet<String> = RedisSortedSet::new(&client, "{redis_sorted_set}ever");
    today.clear().await?;
    ever.clear().await?;

    let new = today
        .extend([("Ada", 30.0), ("Bob", 10.0), ("Cem", 20.0)])
        .await?;
    println!("players          {new}");
    println!("Bob wins         {}", today.increment("Bob", 15.0).await?);
    let sums = today.increment_many([("Ada", 1.0), ("Dot", 12.5)]).await?;
    println!("Ada and Dot win  {sums:?}");
    let better = today.insert_if("Cem", 5.0, Condition::OnlyGreater).await?;
    println!("Cem is better    {better}");

    println!("best two         {:?}", today.top(2).with_scores().await?);
    println!("place of Bob     {:?}", today.rank_from_top("Bob").await?);
    println!("points of Cem    {:?}", today.score("Cem").await?);
    println!(
        "10 to below 25   {:?}",
        today.by_score(10.0..25.0).to_vec().await?
    );
    println!("from 20 on       {}", today.by_score(20.0..).count().await?);
    let page = today.by_score(..).top(2).offset(1).to_vec().await?;
    println!("second and third {page:?}");

    ever.extend([("Ada", 100.0), ("Eve", 90.0)]).await?;
    let all = ever
        .union([&today])
        .weights([1.0, 2.0])
        .store_into(&ever)
        .await?;
    println!("players ever     {all}");
    println!("best ever        {:?}", ever.peek_max().await?);

    println!("last one out     {:?}", today.pop_min().await?);
    println!(
        "below 30 out     {}",
        today.by_score(..30.0).remove().await?
    );
    let wait = Some(Duration::from_secs(1));
    println!("best one out     {:?}", today.pop_max_wait(wait).await?);
    println!("left             {}", today.len().await?);
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::find()?;
    run(store.url()).await
}
