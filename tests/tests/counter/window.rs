//! A counter of a window, on the server's clock.

use std::time::Duration;

use purse::{ErrorKind, RedisHash, RedisList, RedisWindowCounter};
use purse_tests::{client, fresh};

const HOUR: Duration = Duration::from_secs(3_600);

/// The width of a bucket: tests in one year do not meet the next bucket.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// A counter of 60 years, and the counts in its hash.
struct Planted {
    counter: RedisWindowCounter,
    hash: RedisHash<String, i64>,
}

impl Planted {
    /// Creates a counter with an empty present bucket. Returns also the index of the bucket.
    async fn new() -> (Self, i64) {
        let client = client().await;
        let key = fresh("window");
        let planted = Self {
            counter: RedisWindowCounter::new(&client, &key, 60 * YEAR),
            hash: RedisHash::new(&client, &key),
        };
        planted.counter.add(0).await.expect("a reply");
        let indexes = planted.indexes().await;
        (planted, indexes[0])
    }

    async fn plant(&self, index: i64, count: i64) {
        self.hash
            .set(index.to_string(), count)
            .await
            .expect("a reply");
    }

    async fn indexes(&self) -> Vec<i64> {
        let keys = futures::TryStreamExt::try_collect::<Vec<String>>(self.hash.keys());
        let keys = keys.await.expect("a reply").into_iter();
        let mut indexes: Vec<_> = keys.filter_map(|key| key.parse().ok()).collect();
        indexes.sort_unstable();
        indexes
    }

    async fn sum(&self, years: u32) -> u64 {
        self.counter.sum(years * YEAR).await.expect("a reply")
    }
}

#[tokio::test]
async fn absent_window_is_empty() {
    let client = client().await;
    let counter = RedisWindowCounter::new(&client, fresh("window"), HOUR);
    assert_eq!(counter.sum(HOUR).await.unwrap(), 0);
    assert!(!counter.key().exists().await.unwrap());
    assert!(!counter.clear().await.unwrap());
}

#[tokio::test]
async fn counts_are_added_and_the_key_expires_with_its_window() {
    let client = client().await;
    let counter = RedisWindowCounter::new(&client, fresh("window"), HOUR);
    for by in [1, 20, 300] {
        counter.add(by).await.unwrap();
    }
    assert_eq!(counter.sum(HOUR).await.unwrap(), 321);
    let left = counter.key().ttl().await.unwrap().remaining().unwrap();
    let most = HOUR + Duration::from_secs(60);
    assert!(left <= most && left > HOUR, "{left:?}");
    assert!(counter.clear().await.unwrap());
    assert_eq!(counter.sum(HOUR).await.unwrap(), 0);
}

#[tokio::test]
async fn sum_has_the_buckets_that_its_time_touches() {
    // The bucket of index n starts n years after 1970.
    let (planted, now) = Planted::new().await;
    for (age, count) in [
        (0, 1),
        (1, 20),
        (2, 300),
        (59, 4_000),
        (60, 50_000),
        (61, 600_000),
    ] {
        planted.plant(now - age, count).await;
    }
    assert_eq!(planted.sum(0).await, 1);
    assert_eq!(planted.sum(1).await, 21);
    assert_eq!(planted.sum(2).await, 321);
    assert_eq!(planted.sum(58).await, 321);
    assert_eq!(planted.sum(59).await, 4_321);
    assert_eq!(planted.sum(60).await, 54_321);
}

#[tokio::test]
async fn write_removes_what_has_left_the_window() {
    let (planted, now) = Planted::new().await;
    for age in 1..=200 {
        planted.plant(now - age, 1).await;
    }
    planted.counter.add(1).await.unwrap();
    let expected: Vec<_> = (now - 60..=now).collect();
    assert_eq!(planted.indexes().await, expected);
    assert_eq!(planted.sum(60).await, 61);
}

#[tokio::test]
async fn clock_that_went_back_forgets_nothing() {
    let (planted, now) = Planted::new().await;
    planted.hash.delete(now.to_string()).await.unwrap();
    planted.plant(now + 5, 1).await;
    planted.plant(now - 54, 20).await;
    planted.plant(now - 55, 300).await;
    planted.plant(now - 56, 4_000).await;
    assert_eq!(
        planted.sum(60).await,
        321,
        "the present is that of the last write"
    );
    assert_eq!(planted.sum(1).await, 1);
    planted.counter.add(2).await.unwrap();
    assert_eq!(planted.indexes().await, [now - 55, now - 54, now + 5]);
    assert_eq!(planted.sum(1).await, 3);
    // What no clock that is right can have written.
    planted.plant(now + 500, 9).await;
    assert_eq!(planted.sum(60).await, 323);
    planted.counter.add(0).await.unwrap();
    assert_eq!(planted.indexes().await, [now - 55, now - 54, now + 5]);
}

#[tokio::test]
async fn counts_are_exact_up_to_63_bits() {
    let (planted, now) = Planted::new().await;
    planted.plant(now, (1 << 53) + 1).await;
    planted.plant(now - 1, i64::MAX - 1).await;
    let sum = i64::MAX.unsigned_abs() + (1 << 53);
    assert_eq!(planted.sum(1).await, sum);
    planted.plant(now, i64::MAX - 1).await;
    planted.counter.add(1).await.unwrap();
    assert_eq!(planted.sum(0).await, i64::MAX.unsigned_abs());
    let error = planted.counter.add(1).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Server, Some("ERR"))
    );
    assert_eq!(planted.sum(0).await, i64::MAX.unsigned_abs());
    // Three of them are more than 64 bits.
    planted.plant(now - 2, i64::MAX).await;
    assert_eq!(planted.sum(2).await, u64::MAX);
}

#[tokio::test]
async fn handle_with_another_window_is_refused() {
    let client = client().await;
    let key = fresh("window");
    let counter = RedisWindowCounter::new(&client, &key, HOUR);
    counter.add(1).await.unwrap();
    for other in [
        RedisWindowCounter::new(&client, &key, 2 * HOUR),
        // Buckets of the same width, but fewer of them.
        RedisWindowCounter::new(&client, &key, HOUR / 2).buckets(30),
    ] {
        let errors = [
            other.add(1).await.map(drop).unwrap_err(),
            other.sum(HOUR / 2).await.map(drop).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(
                (error.kind(), error.code()),
                (ErrorKind::Server, Some("ERR"))
            );
        }
    }
    assert_eq!(counter.sum(HOUR).await.unwrap(), 1);
}

#[tokio::test]
async fn key_that_is_not_a_window_is_refused_and_kept() {
    let client = client().await;
    let key = fresh("window");
    let counter = RedisWindowCounter::new(&client, &key, HOUR);
    let hash: RedisHash<String, u32> = RedisHash::new(&client, &key);
    hash.set("a", 1).await.unwrap();
    let kinds = [
        counter.add(1).await.map(drop).unwrap_err().kind(),
        counter.sum(HOUR).await.map(drop).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Server; 2]);
    assert_eq!(hash.len().await.unwrap(), 1);
    hash.clear().await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, &key);
    list.push_back(1).await.unwrap();
    let kinds = [
        counter.add(1).await.map(drop).unwrap_err().kind(),
        counter.sum(HOUR).await.map(drop).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::WrongType; 2]);
}

#[tokio::test]
async fn windows_and_amounts_that_make_no_sense_are_refused_unsent() {
    let client = client().await;
    let key = fresh("window");
    let before = client.stats().commands;
    let year = Duration::from_secs(366 * 24 * 3_600);
    for window in [Duration::ZERO, 101 * year, Duration::MAX] {
        let counter = RedisWindowCounter::new(&client, &key, window);
        let error = counter.add(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let error = counter.sum(Duration::ZERO).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    for buckets in [0, 64, u32::MAX] {
        let counter = RedisWindowCounter::new(&client, &key, HOUR).buckets(buckets);
        let error = counter.add(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(error.key().unwrap(), key.as_bytes());
    }
    let counter = RedisWindowCounter::new(&client, &key, HOUR);
    for error in [
        counter.add(u64::MAX).await.map(drop).unwrap_err(),
        counter
            .sum(HOUR + Duration::from_nanos(1))
            .await
            .map(drop)
            .unwrap_err(),
        counter.sum(Duration::MAX).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(client.stats().commands, before);
}

#[tokio::test]
async fn windows_of_all_sizes_count() {
    let client = client().await;
    for (window, buckets) in [
        (Duration::from_nanos(1), 60),
        (Duration::from_millis(7), 3),
        (Duration::from_secs(1), 1),
        (100 * Duration::from_secs(365 * 24 * 3_600), 63),
    ] {
        let counter = RedisWindowCounter::new(&client, fresh("window"), window).buckets(buckets);
        counter.add(3).await.unwrap();
        let sum = counter.sum(window).await.unwrap();
        // A window of milliseconds may be over by now.
        assert!(sum == 3 || window < HOUR && sum == 0, "{window:?}: {sum}");
    }
}
