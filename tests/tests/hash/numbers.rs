//! Sums that the type of a counter, or Rust, cannot hold.

use std::fmt::Debug;

use purse::{
    Codec, Command, DecimalText, ErrorKind, Float, Integer, Json, Op, Plain, RedisHash, Reply,
};
use purse_testkit::{Release, Server};
use purse_tests::{client, fresh};

/// Asserts that the sum was refused by the server, and that the field is what it was.
async fn check_refused<V: Debug + Send + 'static>(
    sum: Op<V>,
    field: impl AsyncFn() -> Option<String>,
) {
    let before = field().await;
    let error = sum.await.expect_err("a refusal");
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Server, Some("ERR")),
        "{error}"
    );
    assert_eq!(field().await, before, "{error}");
}

struct Counter<V, C> {
    hash: RedisHash<String, V, C>,
    client: purse::Client,
}

impl<V: Debug + PartialEq + Copy + Send + 'static, C: Codec<V> + DecimalText> Counter<V, C> {
    async fn new() -> Self {
        let client = client().await;
        let hash = RedisHash::new(&client, fresh("counter"));
        Self { hash, client }
    }

    /// Returns the bytes of the field.
    async fn text(&self) -> Option<String> {
        let get = Command::read("HGET").key(self.hash.key().name()).arg("n");
        let reply = self.client.run(get).await.expect("a reply").non_nil()?;
        Some(String::from_utf8(reply.into_bytes().expect("a reply").into()).expect("ASCII"))
    }

    async fn write(&self, text: &str) {
        let set = Command::write("HSET").key(self.hash.key().name());
        let set = set.arg("n").arg(text);
        self.client
            .run(set)
            .await
            .and_then(Reply::into_int)
            .expect("a reply");
    }
}

impl<V: Integer + Debug + PartialEq + Copy, C: Codec<V> + DecimalText> Counter<V, C> {
    async fn check_sum(&self, by: i64, sum: V) {
        assert_eq!(self.hash.increment("n", by).await.expect("a reply"), sum);
        assert_eq!(self.hash.get("n").await.expect("a reply"), Some(sum));
    }

    async fn check_refusal(&self, by: i64) {
        check_refused(self.hash.increment("n", by), async || self.text().await).await;
    }
}

impl<V: Float + Debug + PartialEq + Copy, C: Codec<V> + DecimalText> Counter<V, C> {
    async fn check_float(&self, by: V, sum: V) {
        assert_eq!(
            self.hash.increment_float("n", by).await.expect("a reply"),
            sum
        );
        assert_eq!(self.hash.get("n").await.expect("a reply"), Some(sum));
    }

    async fn check_float_refusal(&self, by: V) {
        let sum = self.hash.increment_float("n", by);
        check_refused(sum, async || self.text().await).await;
    }
}

macro_rules! check_bounds {
    ($codec:ident: $($type:ident)*) => {$({
        let counter: Counter<$type, $codec> = Counter::new().await;
        let lowest = i64::try_from($type::MIN).unwrap_or(i64::MIN);
        let highest = i64::try_from($type::MAX).unwrap_or(i64::MAX);
        let value = |number: i64| $type::try_from(number).unwrap();
        // A missing value counts as zero.
        if lowest == 0 {
            counter.check_refusal(-1).await;
            counter.check_refusal(i64::MIN).await;
            assert_eq!(counter.text().await, None);
            assert!(!counter.hash.exists().await.unwrap());
        }
        counter.check_sum(highest, value(highest)).await;
        counter.check_refusal(1).await;
        counter.check_refusal(i64::MAX).await;
        counter.check_sum(-1, value(highest - 1)).await;
        counter.check_sum(1, value(highest)).await;
        counter.check_sum(-highest, value(0)).await;
        counter.check_sum(lowest, value(lowest)).await;
        counter.check_refusal(-1).await;
        counter.check_refusal(i64::MIN).await;
        counter.check_sum(0, value(lowest)).await;
        for text in ["text", "", "1.5", "007", "9223372036854775808", "0x10", "1e3"] {
            counter.write(text).await;
            counter.check_refusal(1).await;
        }
    })*};
}

#[tokio::test]
async fn sums_beyond_the_type_change_nothing() {
    check_bounds!(Plain: i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
    check_bounds!(Json: i32 i64 u8 u64);
}

#[tokio::test]
async fn bounds_hold_where_lua_rounds() {
    let counter: Counter<u64, Plain> = Counter::new().await;
    for value in [(1 << 53) + 1, (1 << 62) + 1, i64::MAX, i64::MAX - 1] {
        counter.write(&value.to_string()).await;
        counter.check_refusal(-value - 1).await;
        counter.check_sum(1 - value, 1).await;
        counter.check_refusal(-2).await;
        counter.check_sum(-1, 0).await;
        counter.check_sum(value - 1, value.unsigned_abs() - 1).await;
    }
}

#[tokio::test]
async fn number_of_another_type_is_not_added_to() {
    let counter: Counter<u32, Plain> = Counter::new().await;
    for text in ["-5", "4294967296", "-9223372036854775808"] {
        counter.write(text).await;
        for by in [0, 1, 5, 10, -1, i64::MAX] {
            counter.check_refusal(by).await;
        }
    }
}

#[tokio::test]
async fn float_sums_beyond_the_type_change_nothing() {
    let counter: Counter<f64, Plain> = Counter::new().await;
    for (value, by) in [
        (1e308, 1e308),
        (-1e308, -1e308),
        (f64::MAX, f64::MAX),
        (f64::MAX, 1e292),
        (f64::MIN, -1e300),
        // Readable once, but not for ever: the server keeps what Rust rounds off.
        (f64::MAX, 7e291),
    ] {
        counter.hash.set("n", value).await.unwrap();
        counter.check_float_refusal(by).await;
        assert_eq!(counter.hash.get("n").await.unwrap(), Some(value));
        counter.check_float(0.0, value).await;
        counter.check_float(-value, 0.0).await;
        counter.check_float(by, by).await;
    }
    for text in ["1e400", "-1e309", "text", "", "nan", "inf", "1.5x"] {
        counter.write(text).await;
        counter.check_float_refusal(1.0).await;
    }

    let counter: Counter<f32, Json> = Counter::new().await;
    counter.check_float(0.1, 0.1).await;
    counter.check_float(0.2, 0.3).await;
    for (value, by) in [(3e38, 3e38), (f32::MAX, f32::MAX), (-3e38, -1e38)] {
        counter.hash.set("n", value).await.unwrap();
        counter.check_float_refusal(by).await;
        assert_eq!(counter.hash.get("n").await.unwrap(), Some(value));
    }
    counter.write("1e39").await;
    counter.check_float_refusal(-1.0).await;
}

#[tokio::test]
async fn refusals_hold_in_a_batch_and_on_old_servers() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = purse::Client::connect(&server.url()).await.unwrap();
        let hash: RedisHash<String, u32> = RedisHash::new(&client, "hash");
        let floats: RedisHash<String, f64> = RedisHash::new(&client, "floats");
        floats.set("n", 1e308).await.unwrap();
        for atomic in [false, true] {
            let mut batch = client.batch();
            if atomic {
                batch = batch.atomic();
            }
            hash.set("n", 1).await.unwrap();
            let more = batch.add(hash.increment("n", 4));
            let refused = batch.add(hash.increment("n", -6));
            let beyond = batch.add(floats.increment_float("n", 1e308));
            let less = batch.add(hash.increment("n", -5));
            let _ = batch.send().await;
            assert_eq!(more.take().unwrap(), 5);
            assert_eq!(refused.take().unwrap_err().kind(), ErrorKind::Server);
            assert_eq!(beyond.take().unwrap_err().kind(), ErrorKind::Server);
            assert_eq!(less.take().unwrap(), 0);
            assert_eq!(hash.get("n").await.unwrap(), Some(0));
            assert_eq!(floats.get("n").await.unwrap(), Some(1e308));
        }
    }
}
