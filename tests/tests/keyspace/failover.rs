//! Scans over a space whose shards change hands.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use purse::{Client, RedisKeySpace, Result};
use purse_testkit::Cluster;
use purse_tests::{kill_in_step, until};

const KEYS: u32 = 3_000;

/// Reads a half of the stream, lets a shard change hands (`change` hears
/// the last key, which is in the shard that is just being scanned), and reads on. Either all is seen, or the
/// stream says that it is not.
async fn check_complete_or_invalidated(
    what: &str,
    stream: impl Stream<Item = Result<u32>>,
    change: impl AsyncFnOnce(u32),
) {
    let mut stream = pin!(stream);
    let (mut seen, mut last) = (HashSet::new(), 0);
    while seen.len() < KEYS as usize / 2 {
        last = stream.try_next().await.expect("a key").expect("a key");
        seen.insert(last);
    }
    change(last).await;
    while let Some(key) = stream.next().await {
        match key {
            Ok(key) => assert!(seen.insert(key) || key < KEYS, "{what}: {key}"),
            Err(error) => {
                assert!(error.is_retryable(), "{what}: {error:?}");
                return;
            }
        }
    }
    assert_eq!(
        seen.len(),
        KEYS as usize,
        "{what}: some were left out in silence"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scan_during_a_failover_is_complete_or_invalidated() {
    let cluster = Cluster::start(3, 1).unwrap();
    let client = Client::builder(&cluster.url()).command_timeout(Duration::from_secs(2));
    let client = client.connect().await.unwrap();
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    let fill = async || {
        let entries = (0..KEYS).map(|n| (n.to_string(), n));
        space.extend(entries).await.is_ok()
    };
    let number = |key: String| key.parse().expect("a number");
    let begin = |n: usize| match n % 3 {
        0 => space.keys().page_size(20).map_ok(number).boxed(),
        1 => space.items().page_size(20).map_ok(|(_, n)| n).boxed(),
        _ => space.values().page_size(20).boxed(),
    };
    until("the keys are there", &fill).await;
    let scanned = |key: u32| cluster.primary_of(&format!("space:{key}")).unwrap();
    let again = async || {
        until(
            "scans are whole again",
            async || matches!(space.len().await, Ok(keys) if keys >= u64::from(KEYS)),
        )
        .await;
    };

    let hand_over = async |key| {
        cluster.fail_over(scanned(key)).unwrap();
    };
    check_complete_or_invalidated("the shard is handed over", begin(0), hand_over).await;
    again().await;

    let hand_over = async |key| {
        let port = scanned(key).port();
        let mut primaries = (0..3).map(|n| cluster.primary_of_slot(5_461 * n).unwrap());
        let other = primaries.find(|primary| primary.port() != port);
        cluster.fail_over(other.unwrap()).unwrap();
    };
    check_complete_or_invalidated("another shard is handed over", begin(1), hand_over).await;
    again().await;

    let kill = async |key| {
        let old = scanned(key);
        let replicas = cluster.replicas_of(old).unwrap();
        kill_in_step(old, replicas[0]).await;
        cluster.settle().unwrap();
    };
    check_complete_or_invalidated("the shard is killed", begin(2), kill).await;
    again().await;
}
