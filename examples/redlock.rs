//! Ten tasks add to one list in turns, kept apart by a lock over five masters.

use std::error::Error;
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::try_join_all;
use purse::redlock::Release;
use purse::{Client, RedisList, Redlock};
use purse_examples::{Quorum, Store};
use tokio::time::sleep;

type Failure = Box<dyn Error + Send + Sync>;

/// Ten times: under the lock, reads the last number, works for a while, and appends the next one.
async fn work(task: usize, redlock: Redlock, numbers: RedisList<u64>) -> Result<(), Failure> {
    let mutex = redlock.mutex("redlock:list_lock");
    for _ in 0..10 {
        let guard = mutex.lock().await?;
        let last = match numbers.back().await? {
            Some(last) => last,
            None => {
                numbers.push_back(0).await?;
                0
            }
        };
        sleep(Duration::from_millis(fastrand::u64(..=100))).await;
        println!("task {task} works on number {}", last + 1);
        guard.check()?;
        numbers.push_back(last + 1).await?;
        if guard.release().await? == Release::AlreadyExpired {
            return Err("the lock expired during the work".into());
        }
    }
    Ok(())
}

/// Works on the list `redis_list` of the server at `url`, under a lock over `masters`.
pub(crate) async fn run(url: &str, masters: &[String]) -> Result<(), Failure> {
    let client = Client::connect(url).await?;
    let numbers: RedisList<u64> = RedisList::new(&client, "redis_list");
    numbers.clear().await?;

    let redlock = Redlock::builder(masters).build().await?;
    let tasks = (0..10).map(|task| tokio::spawn(work(task, redlock.clone(), numbers.clone())));
    for outcome in try_join_all(tasks).await? {
        outcome?;
    }
    redlock.shutdown().await;

    let mut all = numbers.stream();
    while let Some(number) = all.try_next().await? {
        println!("{number}");
    }
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let store = Store::find()?;
    let masters = Quorum::find()?;
    run(store.url(), masters.urls()).await
}
