//! `RedisCounter` on a real server; its bounds, windows and ids in modules of their own.

#[path = "counter/bounded.rs"]
mod bounded;
#[path = "counter/ids.rs"]
mod ids;
#[path = "counter/window.rs"]
mod window;

use std::fmt::Debug;
use std::time::Duration;

use purse::{
    Client, Codec, Command, ErrorKind, Float, Integer, Number, Plain, RedisCounter, RedisList,
    Reply,
};
use purse_testkit::{Release, Server};
use purse_tests::{client, fresh, until};

/// Returns the text of a counter.
async fn text(client: &Client, key: &[u8]) -> Option<String> {
    let reply = client.run(Command::read("GET").key(key.to_vec())).await;
    let bytes = reply
        .expect("a reply")
        .non_nil()?
        .into_bytes()
        .expect("a reply");
    Some(String::from_utf8(bytes.into()).expect("a reply"))
}

async fn write(client: &Client, key: &[u8], text: &str) {
    let set = Command::write("SET").key(key.to_vec()).arg(text);
    client.run(set).await.expect("a reply");
}

/// A counter, and the client that reads its text.
struct Tested<N> {
    counter: RedisCounter<N>,
    client: Client,
}

impl<N: Number + Debug + PartialEq> Tested<N> {
    async fn new() -> Self {
        let client = client().await;
        let counter = RedisCounter::new(&client, fresh("counter"));
        Self { counter, client }
    }

    async fn text(&self) -> Option<String> {
        text(&self.client, self.counter.key().name()).await
    }

    async fn write(&self, text: &str) {
        write(&self.client, self.counter.key().name(), text).await;
    }

    fn check_refusal(error: &purse::Error) {
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Server, Some("ERR")),
            "{error}"
        );
        assert!(error.key().is_some() && error.server().is_some(), "{error}");
    }
}

impl<N: Integer + Number + Debug + PartialEq + Copy> Tested<N>
where
    Plain: Codec<N>,
{
    /// Adds by each method in turn, and takes the amount back in between.
    async fn check_sum(&self, by: i64, sum: N) {
        let before = self.text().await;
        assert_eq!(self.counter.add_once(by).await.expect("a reply"), sum);
        assert_eq!(self.counter.get().await.expect("a reply"), sum);
        match &before {
            Some(text) => self.write(text).await,
            None => drop(self.counter.clear().await.expect("a reply")),
        }
        assert_eq!(self.counter.add(by).await.expect("a reply"), sum);
        assert_eq!(self.counter.get().await.expect("a reply"), sum);
    }

    async fn check_refusals(&self, by: i64) {
        let before = self.text().await;
        Self::check_refusal(&self.counter.add(by).await.expect_err("a refusal"));
        Self::check_refusal(&self.counter.add_once(by).await.expect_err("a refusal"));
        assert_eq!(self.text().await, before);
    }
}

#[tokio::test]
async fn absent_counter_is_zero() {
    let client = client().await;
    let counter: RedisCounter<u32> = RedisCounter::new(&client, fresh("counter"));
    assert_eq!(counter.get().await.unwrap(), 0);
    assert_eq!(counter.take().await.unwrap(), 0);
    assert!(!counter.exists().await.unwrap());
    let floats: RedisCounter<f64> = RedisCounter::new(&client, fresh("counter"));
    assert_eq!(floats.get().await.unwrap().to_bits(), 0.0_f64.to_bits());
}

#[tokio::test]
async fn number_is_added_set_and_taken() {
    let client = client().await;
    let counter: RedisCounter<i64> = RedisCounter::new(&client, fresh("counter"));
    assert_eq!(counter.add(5).await.unwrap(), 5);
    assert_eq!(counter.add(-7).await.unwrap(), -2);
    counter.set(10).await.unwrap();
    counter.expire(Duration::from_secs(60)).await.unwrap();
    assert_eq!(counter.add_once(1).await.unwrap(), 11);
    counter.set(12).await.unwrap();
    assert!(counter.ttl().await.unwrap().remaining().is_some());
    assert_eq!(counter.take().await.unwrap(), 12);
    assert_eq!(counter.get().await.unwrap(), 0);
}

macro_rules! check_bounds {
    ($($type:ident)*) => {$({
        let tested: Tested<$type> = Tested::new().await;
        let lowest = i64::try_from($type::MIN).unwrap_or(i64::MIN);
        let highest = i64::try_from($type::MAX).unwrap_or(i64::MAX);
        let value = |number: i64| $type::try_from(number).unwrap();
        if lowest == 0 {
            tested.check_refusals(-1).await;
            tested.check_refusals(i64::MIN).await;
            assert_eq!(tested.text().await, None);
        }
        tested.check_sum(highest, value(highest)).await;
        tested.check_refusals(1).await;
        tested.check_refusals(i64::MAX).await;
        tested.check_sum(-1, value(highest - 1)).await;
        tested.check_sum(1, value(highest)).await;
        tested.check_sum(-highest, value(0)).await;
        tested.check_sum(lowest, value(lowest)).await;
        tested.check_refusals(-1).await;
        tested.check_refusals(i64::MIN).await;
        tested.check_sum(0, value(lowest)).await;
        for text in ["text", "", "1.5", "007", "-0", "+1", " 1", "9223372036854775808", "0x10", "1e3"] {
            tested.write(text).await;
            tested.check_refusals(1).await;
            tested.check_refusals(0).await;
        }
    })*};
}

#[tokio::test]
async fn sum_beyond_the_type_changes_nothing() {
    check_bounds!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
}

#[tokio::test]
async fn sums_are_exact_where_lua_rounds() {
    let tested: Tested<u64> = Tested::new().await;
    for value in [(1 << 53) + 1, (1 << 62) + 1, i64::MAX, i64::MAX - 1] {
        tested.write(&value.to_string()).await;
        tested.check_refusals(-value - 1).await;
        tested.check_sum(0, value.unsigned_abs()).await;
        tested.check_sum(1 - value, 1).await;
        tested.check_refusals(-2).await;
        tested.check_sum(-1, 0).await;
        tested.check_sum(value - 1, value.unsigned_abs() - 1).await;
    }
}

impl<N: Float + Number + Debug + PartialEq + Copy> Tested<N>
where
    Plain: Codec<N>,
{
    async fn check_float_refusals(&self, by: N) {
        let before = self.text().await;
        Self::check_refusal(&self.counter.add_float(by).await.expect_err("a refusal"));
        Self::check_refusal(
            &self
                .counter
                .add_float_once(by)
                .await
                .expect_err("a refusal"),
        );
        assert_eq!(self.text().await, before);
    }
}

#[tokio::test]
async fn floats_are_added() {
    let tested: Tested<f64> = Tested::new().await;
    assert_eq!(tested.counter.add_float(2.5).await.unwrap(), 2.5);
    assert_eq!(tested.counter.add_float_once(-4.25).await.unwrap(), -1.75);
    assert_eq!(tested.counter.take().await.unwrap(), -1.75);
    for (value, by) in [(1e308, 1e308), (-1e308, -1e308), (f64::MAX, 1e292)] {
        tested.counter.set(value).await.unwrap();
        tested.check_float_refusals(by).await;
        assert_eq!(tested.counter.add_float_once(-value).await.unwrap(), 0.0);
    }
    for text in ["1e400", "text", "", "nan", "inf"] {
        tested.write(text).await;
        tested.check_float_refusals(1.0).await;
    }
    let small: Tested<f32> = Tested::new().await;
    assert_eq!(small.counter.add_float(0.1).await.unwrap(), 0.1);
    small.counter.set(3e38).await.unwrap();
    small.check_float_refusals(1e38).await;
}

#[tokio::test]
async fn amount_that_is_not_finite_is_not_sent() {
    let tested: Tested<f64> = Tested::new().await;
    let before = tested.client.stats().commands;
    for by in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let errors = [
            tested.counter.add_float(by).await.unwrap_err(),
            tested.counter.add_float_once(by).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.key().is_some(), "{error}");
        }
    }
    assert_eq!(tested.client.stats().commands, before);
}

#[tokio::test]
async fn key_of_another_type_is_refused_and_kept() {
    let client = client().await;
    let key = fresh("counter");
    let list: RedisList<u32> = RedisList::new(&client, &key);
    list.push_back(1).await.unwrap();
    let counter: RedisCounter<i64> = RedisCounter::new(&client, &key);
    let floats: RedisCounter<f64> = RedisCounter::new(&client, &key);
    let kinds = [
        counter.get().await.map(drop).unwrap_err().kind(),
        counter.add(1).await.map(drop).unwrap_err().kind(),
        counter.add_once(1).await.map(drop).unwrap_err().kind(),
        counter.take().await.map(drop).unwrap_err().kind(),
        floats.add_float(1.0).await.map(drop).unwrap_err().kind(),
        floats
            .add_float_once(1.0)
            .await
            .map(drop)
            .unwrap_err()
            .kind(),
    ];
    assert_eq!(kinds, [ErrorKind::WrongType; 6]);
    assert_eq!(list.to_vec().await.unwrap(), [1]);
}

#[tokio::test]
async fn batch_takes_the_operations_of_counters() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        let counter: RedisCounter<u32> = RedisCounter::new(&client, "counter");
        let large: RedisCounter<i64> = RedisCounter::new(&client, "large");
        let window = purse::RedisWindowCounter::new(&client, "window", Duration::from_secs(3_600));
        let ids = purse::RedisIdGenerator::new(&client, "ids");
        for atomic in [false, true] {
            let mut batch = client.batch();
            if atomic {
                batch = batch.atomic();
            }
            let set = batch.add(counter.set(1));
            let added = batch.add(counter.add(4));
            let refused = batch.add(counter.add(-6));
            let checked = batch.add(counter.bounded(0..=9).checked_add(5));
            let saturated = batch.add(counter.bounded(0..=9).saturating_add(5));
            let most = batch.add(large.bounded(..).saturating_add(i64::MAX));
            let counted = batch.add(window.add(2));
            let sum = batch.add(window.sum(Duration::from_secs(60)));
            let advanced = batch.add(ids.advance_to(7));
            let taken = batch.add(counter.take());
            batch.send().await.unwrap();
            set.take().unwrap();
            assert_eq!(added.take().unwrap(), 5);
            assert_eq!(refused.take().unwrap_err().kind(), ErrorKind::Server);
            assert_eq!(checked.take().unwrap(), None);
            assert_eq!(saturated.take().unwrap(), 9);
            assert_eq!(most.take().unwrap(), i64::MAX);
            counted.take().unwrap();
            assert!(sum.take().unwrap() >= 2);
            assert_eq!(advanced.take().unwrap(), 7);
            assert_eq!(taken.take().unwrap(), 9);
        }
    }
}

#[tokio::test]
async fn refused_addition_leaves_counter_and_receipt_consistent() {
    let server = Server::start().unwrap();
    let rights = "~* -@all +hello +eval +evalsha +get +set +unlink";
    server.user("app", "secret", rights).unwrap();
    let client = Client::connect(&server.url_of("app", "secret"))
        .await
        .unwrap();
    let counter: RedisCounter<i64> = RedisCounter::new(&client, "counter");
    let floats: RedisCounter<f64> = RedisCounter::new(&client, "floats");
    let kinds = async || {
        [
            counter.add_once(1).await.map(drop).unwrap_err().kind(),
            floats
                .add_float_once(1.0)
                .await
                .map(drop)
                .unwrap_err()
                .kind(),
        ]
    };
    assert_eq!(kinds().await, [ErrorKind::Auth; 2]);
    let rules = ["ACL", "SETUSER", "app", "+incrby", "+incrbyfloat", "-set"];
    server.command(&rules).unwrap();
    assert_eq!(kinds().await, [ErrorKind::Auth; 2], "no receipt, no sum");
    assert_eq!(counter.get().await.unwrap(), 0);
    assert_eq!(floats.get().await.unwrap(), 0.0);
    server.command(&["ACL", "SETUSER", "app", "+set"]).unwrap();
    assert_eq!(counter.add_once(1).await.unwrap(), 1);
    assert_eq!(floats.add_float_once(1.0).await.unwrap(), 1.0);
}

#[tokio::test]
async fn full_server_refuses_an_addition_as_a_whole() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let counter: RedisCounter<u32> = RedisCounter::new(&client, "counter");
    let floats: RedisCounter<f64> = RedisCounter::new(&client, "floats");
    counter.add_once(1).await.unwrap();
    until("the receipt is removed", async || {
        server.command(&["DBSIZE"]).unwrap().int() == Some(1)
    })
    .await;
    server
        .command(&["CONFIG", "SET", "maxmemory", "1"])
        .unwrap();
    let errors = [
        counter.add(1).await.map(drop).unwrap_err(),
        counter.add_once(1).await.map(drop).unwrap_err(),
        counter
            .bounded(..)
            .saturating_add_once(i64::MAX)
            .await
            .map(drop)
            .unwrap_err(),
        floats.add_float_once(1.0).await.map(drop).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), Some("OOM"), "{error}");
    }
    assert_eq!(server.command(&["DBSIZE"]).unwrap().int(), Some(1));
    assert_eq!(counter.get().await.unwrap(), 1);
}

#[tokio::test]
async fn other_clients_add_to_a_counter() {
    let tested: Tested<u16> = Tested::new().await;
    tested.counter.add_once(3).await.unwrap();
    let key = tested.counter.key().name().to_vec();
    let sum = tested
        .client
        .run(Command::write("INCRBY").key(key).arg(4))
        .await;
    assert_eq!(sum.and_then(Reply::into_int).unwrap(), 7);
    assert_eq!(tested.text().await.as_deref(), Some("7"));
    tested.write("70000").await;
    let error = tested.counter.get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    let error = tested.counter.take().await.unwrap_err();
    assert_eq!(error.removed(), ["70000"], "{error}");
}
