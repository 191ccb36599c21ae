//! Bounds of a counter.

use std::ops::Bound;

use purse::{ErrorKind, RedisCounter};
use purse_tests::{client, fresh};

use super::write;

#[tokio::test]
async fn sum_out_of_bounds_is_refused_or_saturated() {
    let client = client().await;
    let counter: RedisCounter<i64> = RedisCounter::new(&client, fresh("counter"));
    let bounded = counter.bounded(-10..=10);
    assert_eq!(bounded.checked_add(10).await.unwrap(), Some(10));
    assert_eq!(bounded.checked_add(1).await.unwrap(), None);
    assert_eq!(bounded.checked_add_once(i64::MAX).await.unwrap(), None);
    assert_eq!(bounded.checked_add_once(-20).await.unwrap(), Some(-10));
    assert_eq!(bounded.checked_add(-1).await.unwrap(), None);
    assert_eq!(bounded.checked_add(i64::MIN).await.unwrap(), None);
    assert_eq!(counter.get().await.unwrap(), -10);
    assert_eq!(bounded.saturating_add(5).await.unwrap(), -5);
    assert_eq!(bounded.saturating_add(-6).await.unwrap(), -10);
    assert_eq!(bounded.saturating_add_once(i64::MAX).await.unwrap(), 10);
    assert_eq!(bounded.saturating_add_once(i64::MIN).await.unwrap(), -10);
}

#[tokio::test]
async fn bounds_hold_in_all_64_bits() {
    let client = client().await;
    let key = fresh("counter");
    let counter: RedisCounter<i64> = RedisCounter::new(&client, &key);
    let near = [
        i64::MIN,
        i64::MIN + 1,
        -(1 << 53) - 1,
        -(1 << 53),
        -1,
        0,
        1,
        (1 << 53) - 1,
        1 << 53,
        (1 << 53) + 1,
        i64::MAX - 1,
        i64::MAX,
    ];
    for old in near {
        for by in near {
            for (lowest, highest) in [
                (i64::MIN, i64::MAX),
                (0, (1 << 53) + 1),
                (-(1 << 53) - 1, 0),
                (i64::MAX, i64::MAX),
                (i64::MIN, i64::MIN),
                (-1, 1),
            ] {
                let bounded = counter.bounded(lowest..=highest);
                let sum = i128::from(old) + i128::from(by);
                let clamped = sum.clamp(lowest.into(), highest.into());
                let fits = (clamped == sum).then(|| i64::try_from(sum).unwrap());
                write(&client, key.as_bytes(), &old.to_string()).await;
                let checked = bounded.checked_add(by).await.unwrap();
                assert_eq!(checked, fits, "{old} + {by} in {lowest}..={highest}");
                assert_eq!(counter.get().await.unwrap(), fits.unwrap_or(old));
                write(&client, key.as_bytes(), &old.to_string()).await;
                let saturated = bounded.saturating_add(by).await.unwrap();
                assert_eq!(i128::from(saturated), clamped, "{old} + {by}");
                assert_eq!(counter.get().await.unwrap(), saturated);
            }
        }
    }
}

#[tokio::test]
async fn ranges_of_all_kinds_are_bounds() {
    let client = client().await;
    let counter: RedisCounter<u8> = RedisCounter::new(&client, fresh("counter"));
    let most = async |range: (Bound<u8>, Bound<u8>)| {
        let bounded = counter.bounded(range);
        let most = bounded.saturating_add(1_000).await.unwrap();
        (bounded.saturating_add(-1_000).await.unwrap(), most)
    };
    use Bound::{Excluded, Included, Unbounded};
    assert_eq!(most((Unbounded, Unbounded)).await, (0, 255));
    assert_eq!(most((Included(3), Excluded(9))).await, (3, 8));
    assert_eq!(most((Excluded(3), Included(9))).await, (4, 9));
    assert_eq!(most((Included(255), Included(255))).await, (255, 255));

    // More than the server can hold.
    let most = i64::MAX.unsigned_abs();
    let counter: RedisCounter<u64> = RedisCounter::new(&client, fresh("counter"));
    let bounded = counter.bounded(..u64::MAX);
    assert_eq!(bounded.saturating_add(i64::MAX).await.unwrap(), most);
    let wide: RedisCounter<u128> = RedisCounter::new(&client, fresh("counter"));
    let bounded = wide.bounded(..=u128::MAX);
    let sum = bounded.saturating_add(i64::MAX).await.unwrap();
    assert_eq!(sum, most.into());
    assert_eq!(bounded.checked_add(1).await.unwrap(), None);
    let empty = wide.bounded(u128::from(most) + 1..);
    let error = empty.checked_add(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let wide: RedisCounter<i128> = RedisCounter::new(&client, fresh("counter"));
    let bounded = wide.bounded(i128::MIN..=-5);
    assert_eq!(bounded.saturating_add(9).await.unwrap(), -5);
    let lowest = bounded.saturating_add(i64::MIN).await.unwrap();
    assert_eq!(lowest, i64::MIN.into());
}

#[tokio::test]
async fn empty_range_is_refused_unsent() {
    let client = client().await;
    let key = fresh("counter");
    let counter: RedisCounter<i64> = RedisCounter::new(&client, &key);
    let before = client.stats().commands;
    use Bound::{Excluded, Included, Unbounded};
    for range in [
        (Included(2), Included(1)),
        (Included(1), Excluded(1)),
        (Excluded(i64::MAX), Unbounded),
        (Unbounded, Excluded(i64::MIN)),
    ] {
        let bounded = counter.bounded(range);
        let errors = [
            bounded.checked_add(0).await.map(drop).unwrap_err(),
            bounded.saturating_add(0).await.map(drop).unwrap_err(),
            bounded.checked_add_once(0).await.map(drop).unwrap_err(),
            bounded.saturating_add_once(0).await.map(drop).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert_eq!(error.key().unwrap(), key.as_bytes());
        }
    }
    assert_eq!(client.stats().commands, before);
}

#[tokio::test]
async fn number_out_of_bounds_may_return_into_them() {
    let client = client().await;
    let counter: RedisCounter<i32> = RedisCounter::new(&client, fresh("counter"));
    let bounded = counter.bounded(0..=10);
    counter.set(15).await.unwrap();
    assert_eq!(bounded.checked_add(-4).await.unwrap(), None);
    assert_eq!(bounded.checked_add(-5).await.unwrap(), Some(10));
    counter.set(15).await.unwrap();
    assert_eq!(bounded.saturating_add(0).await.unwrap(), 10);
}

#[tokio::test]
async fn bounds_keep_the_time_to_live() {
    let client = client().await;
    let counter: RedisCounter<i32> = RedisCounter::new(&client, fresh("counter"));
    let bounded = counter.bounded(0..=10);
    counter.set(1).await.unwrap();
    counter
        .expire(std::time::Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(bounded.saturating_add(50).await.unwrap(), 10);
    assert_eq!(bounded.checked_add(-3).await.unwrap(), Some(7));
    assert!(counter.ttl().await.unwrap().remaining().is_some());
}
