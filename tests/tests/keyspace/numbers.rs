//! Sums, and what the type of a counter cannot hold.

use std::fmt::Debug;

use futures::future::join_all;
use purse::{Codec, DecimalText, ErrorKind, Float, Integer, Json, Op, Plain, RedisKeySpace};
use purse_tests::{client, fresh};

use super::MINUTE;

/// Counters with and without a default time to live: they take different ways.
async fn spaces<T, C: Codec<T>>() -> [RedisKeySpace<T, String, C>; 2] {
    let client = client().await;
    let space = || RedisKeySpace::new(&client, fresh("counter") + ":");
    [space(), space().with_ttl(MINUTE)]
}

async fn text<T, C>(space: &RedisKeySpace<T, String, C>) -> Option<String> {
    let client = client().await;
    let texts: RedisKeySpace<String> = RedisKeySpace::new(&client, space.prefix());
    texts.get("n").await.expect("a reply")
}

async fn write<T, C>(space: &RedisKeySpace<T, String, C>, text: &str) {
    let client = client().await;
    let texts: RedisKeySpace<String> = RedisKeySpace::new(&client, space.prefix());
    texts.set("n", text).await.expect("a reply");
}

/// Asserts that the sum was refused by the server, and that the entry is what it was.
async fn check_refused<T, C, R>(space: &RedisKeySpace<T, String, C>, sum: Op<R>)
where
    R: Debug + Send + 'static,
{
    let before = text(space).await;
    let error = sum.await.expect_err("a refusal");
    let refused = (ErrorKind::Server, Some("ERR"));
    assert_eq!((error.kind(), error.code()), refused, "{error}");
    assert_eq!(text(space).await, before, "{error}");
}

async fn check_sum<T, C>(space: &RedisKeySpace<T, String, C>, by: i64, sum: T)
where
    T: Integer + Debug + PartialEq + Copy,
    C: Codec<T> + DecimalText,
{
    assert_eq!(space.increment("n", by).await.expect("a reply"), sum);
    assert_eq!(space.get("n").await.expect("a reply"), Some(sum));
}

macro_rules! check_bounds {
    ($codec:ident: $($type:ident)*) => {$(for space in spaces::<$type, $codec>().await {
        let lowest = i64::try_from($type::MIN).unwrap_or(i64::MIN);
        let highest = i64::try_from($type::MAX).unwrap_or(i64::MAX);
        let value = |number: i64| $type::try_from(number).unwrap();
        // A missing value counts as zero.
        if lowest == 0 {
            check_refused(&space, space.increment("n", -1)).await;
            check_refused(&space, space.increment("n", i64::MIN)).await;
            check_refused(&space, space.decrement("n", 1)).await;
            assert!(!space.contains("n").await.unwrap());
        }
        check_sum(&space, highest, value(highest)).await;
        check_refused(&space, space.increment("n", 1)).await;
        check_refused(&space, space.increment("n", i64::MAX)).await;
        check_sum(&space, -1, value(highest - 1)).await;
        assert_eq!(space.decrement("n", -1).await.unwrap(), value(highest));
        assert_eq!(space.decrement("n", highest).await.unwrap(), value(0));
        check_sum(&space, lowest, value(lowest)).await;
        check_refused(&space, space.increment("n", -1)).await;
        check_refused(&space, space.decrement("n", 1)).await;
        check_refused(&space, space.increment("n", i64::MIN)).await;
        check_sum(&space, 0, value(lowest)).await;
        space.delete("n").await.unwrap();
        check_sum(&space, highest, value(highest)).await;
        space.delete("n").await.unwrap();
        check_sum(&space, lowest, value(lowest)).await;
        for text in ["text", "", "1.5", "007", "9223372036854775808", "0x10", "1e3"] {
            write(&space, text).await;
            check_refused(&space, space.increment("n", 1)).await;
        }
    })*};
}

#[tokio::test]
async fn sums_beyond_the_type_change_nothing() {
    check_bounds!(Plain: i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
    check_bounds!(Json: i32 i64 u8 u64);
}

#[tokio::test]
async fn integers_beyond_53_bits_are_exact() {
    for space in spaces::<u64, Plain>().await {
        for number in [(1_i64 << 53) + 1, i64::MAX - 1] {
            space.delete("n").await.unwrap();
            check_sum(&space, number, number as u64).await;
            check_sum(&space, 1, number as u64 + 1).await;
            check_sum(&space, -2, number as u64 - 1).await;
        }
    }
}

#[tokio::test]
async fn amount_that_has_no_opposite_is_refused() {
    for space in spaces::<i64, Plain>().await {
        let error = space.decrement("n", i64::MIN).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        check_sum(&space, i64::MIN, i64::MIN).await;
        assert_eq!(space.decrement("n", -i64::MAX).await.unwrap(), -1);
    }
}

async fn check_float<T, C>(space: &RedisKeySpace<T, String, C>, by: T, sum: T)
where
    T: Float + Debug + PartialEq,
    C: Codec<T> + DecimalText,
{
    assert_eq!(space.increment_float("n", by).await.expect("a reply"), sum);
    assert_eq!(space.get("n").await.expect("a reply"), Some(sum));
}

macro_rules! check_floats {
    ($codec:ident: $($type:ident)*) => {$(for space in spaces::<$type, $codec>().await {
        for nothing in [$type::NAN, $type::INFINITY, $type::NEG_INFINITY] {
            let error = space.increment_float("n", nothing).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
        assert!(!space.contains("n").await.unwrap());
        check_float(&space, 0.5, 0.5).await;
        check_float(&space, 0.25, 0.75).await;
        check_float(&space, -1.0, -0.25).await;
        space.delete("n").await.unwrap();
        check_float(&space, -0.0, 0.0).await;
        assert_eq!(text(&space).await.as_deref(), Some("0"), "no negative zero");
        space.set("n", $type::MAX / 2.0).await.unwrap();
        check_refused(&space, space.increment_float("n", $type::MAX)).await;
        space.set("n", -$type::MAX / 2.0).await.unwrap();
        check_refused(&space, space.increment_float("n", -$type::MAX)).await;
        for text in ["text", "", "0x10 "] {
            write(&space, text).await;
            check_refused(&space, space.increment_float("n", 1.0)).await;
        }
    })*};
}

#[tokio::test]
async fn floats_are_added_within_their_range() {
    check_floats!(Plain: f64 f32);
    check_floats!(Json: f64);
    for space in spaces::<f64, Plain>().await {
        check_float(&space, 1e300, 1e300).await;
        check_float(&space, 1e300, 2e300).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_increments_are_all_counted() {
    for space in spaces::<u32, Plain>().await {
        let adds = (0..200).map(|_| {
            let space = space.clone();
            tokio::spawn(async move { space.increment("n", 1).await.unwrap() })
        });
        let mut sums: Vec<u32> = join_all(adds)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        sums.sort_unstable();
        assert!(sums.into_iter().eq(1..=200));
    }
}
