//! A primary that is known by its name, and changes.

use std::time::{Duration, Instant};

use purse::{Client, RedisHash, RedisQueue};
use purse_testkit::Sentinels;
use purse_tests::deliveries::Deliveries;
use purse_tests::tally::Tally;
use purse_tests::{blocked, kill_in_step, until};

/// The longest time until the group works again.
const SOON: Duration = Duration::from_secs(10);

async fn client(group: &Sentinels) -> Client {
    let client = Client::builder(&group.url()).command_timeout(Duration::from_secs(2));
    client.connect().await.expect("a group that runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_work_after_a_killed_primary_is_replaced() {
    let group = Sentinels::start(1).expect("a group");
    let client = client(&group).await;
    let names = ["a".to_owned(), "b".to_owned()];
    let tally = Tally::start(&client, &names);
    let deliveries = Deliveries::start(&client, &names);
    tally.wait_progress(SOON).await;
    deliveries.wait_progress(SOON).await;

    let old = group.primary().unwrap();
    let mut servers = group.servers().iter();
    let replica = servers.find(|server| server.port() != old.port()).unwrap();
    kill_in_step(old, replica).await;
    group.sentinels()[0].kill().unwrap();
    let new = group.fail_over().unwrap();
    assert_eq!(new.port(), replica.port());
    tally.wait_progress(SOON).await;
    deliveries.wait_progress(SOON).await;
    tally.end().await;
    deliveries.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_became_a_replica_is_left_for_the_new_one() {
    let group = Sentinels::start(1).expect("a group");
    let client = client(&group).await;
    let hash: RedisHash<String, i64> = RedisHash::new(&client, "hash");
    let queue: RedisQueue<u32> = RedisQueue::new(&client, "queue");
    hash.set("n", 1).await.unwrap();
    assert_eq!(hash.get("n").await.unwrap(), Some(1));
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.pop().await }
    });
    let old = group.primary().unwrap();
    until("the pop waits", async || blocked(old) > 0).await;

    let new = group.fail_over().unwrap();
    assert_ne!(new.port(), old.port());
    until("a write works", async || {
        match hash.increment("n", 1).await {
            Ok(n) => n == 2,
            Err(error) => {
                assert_eq!(error.code(), Some("READONLY"), "{error:?}");
                assert!(error.is_retryable());
                false
            }
        }
    })
    .await;
    queue.push(7).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 7);
    let moved = new.command(&["HGET", "hash", "n"]).unwrap();
    assert_eq!(moved.text(), Some("2"));
    until("reads have left the old one, too", async || {
        let clients = old.command(&["CLIENT", "LIST"]).unwrap();
        !clients.text().unwrap().contains("cmd=hget")
    })
    .await;
    assert_eq!(hash.get("n").await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows_is_an_error_in_bounded_time() {
    let group = Sentinels::start(0).expect("a group");
    let url = group.url().replace(Sentinels::NAME, "another");
    let limit = Duration::from_secs(1);
    let client = Client::builder(&url).connect_timeout(limit);
    let started = Instant::now();
    let error = client.connect().await.unwrap_err();
    assert!(started.elapsed() < 2 * limit);
    let message = error.to_string();
    assert!(message.contains("\"another\""), "{message}");
    assert!(message.contains("know a primary by this name"), "{message}");
}
