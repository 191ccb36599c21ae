//! Sums of many fields in one call: all of a chunk, or none.

use std::fmt::Debug;

use purse::{Client, Command, ErrorKind, Integer, Plain, RedisHash, RedisSet, Reply};
use purse_testkit::{Release, Server};
use purse_tests::{calls, client, fresh};

/// A hash, and a way to its bytes.
struct Raw {
    client: Client,
    key: String,
}

impl Raw {
    async fn new() -> Self {
        let (client, key) = (client().await, fresh("hash"));
        Self { client, key }
    }

    fn hash<V>(&self) -> RedisHash<String, V> {
        RedisHash::new(&self.client, &self.key)
    }

    async fn set(&self, field: &str, text: &str) {
        let set = Command::write("HSET")
            .key(self.key.as_str())
            .arg(field)
            .arg(text);
        let set = self.client.run(set).await;
        set.and_then(Reply::into_int).expect("a reply");
    }

    async fn all(&self) -> Vec<(String, String)> {
        let texts: RedisHash<String, String> = self.hash();
        let mut all: Vec<_> = texts.to_map().await.expect("a reply").into_iter().collect();
        all.sort();
        all
    }
}

#[tokio::test]
async fn many_sums_are_returned_in_order() {
    let raw = Raw::new().await;
    let hash = raw.hash::<u32>();
    hash.set("a", 5).await.unwrap();
    let sums = hash.increment_many([("a", 1), ("b", 2), ("a", -3), ("b", 0)]);
    assert_eq!(sums.await.unwrap(), [6, 2, 3, 2]);
    assert_eq!(hash.get_many(["a", "b"]).await.unwrap(), [Some(3), Some(2)]);

    let raw = Raw::new().await;
    let floats = raw.hash::<f64>();
    floats.set("a", 0.5).await.unwrap();
    let sums = floats.increment_float_many([("a", 0.25), ("b", -1.0), ("a", 1e-7)]);
    assert_eq!(sums.await.unwrap(), [0.75, -1.0, 0.750_000_1]);
    assert_eq!(floats.get("b").await.unwrap(), Some(-1.0));
}

/// Compares a sum of many with the sum of one, of which other tests know that it is exact.
async fn check_as_one<V: Integer + Debug + PartialEq>(old: &str, by: i64)
where
    Plain: purse::Codec<V>,
{
    let (one, many) = (Raw::new().await, Raw::new().await);
    for raw in [&one, &many] {
        raw.set("n", old).await;
    }
    let expected = one.hash::<V>().increment("n", by).await;
    let sums = many.hash::<V>().increment_many([("m", 1), ("n", by)]).await;
    match (expected, sums) {
        (Ok(expected), Ok(sums)) => assert_eq!(sums.last(), Some(&expected), "{old} + {by}"),
        (Err(expected), Err(error)) => {
            assert_eq!(error.kind(), expected.kind(), "{old} + {by}: {error}");
            assert_eq!(error.code(), Some("ERR"), "{error}");
        }
        (expected, sums) => panic!("{old} + {by}: {expected:?}, {sums:?}"),
    }
    let mut all = many.all().await;
    all.retain(|(field, _)| field == "n");
    assert_eq!(all, one.all().await, "{old} + {by}");
    let refused = many.all().await.len() == 1;
    let error = many.hash::<V>().increment_many([("m", 1), ("n", by)]).await;
    assert!(!refused || error.is_err(), "nothing changed: {old} + {by}");
}

#[tokio::test]
async fn each_sum_of_many_is_that_of_one() {
    let numbers = [
        0,
        1,
        -1,
        255,
        999_999_999,
        1_000_000_000,
        -1_000_000_000,
        (1 << 53) - 1,
        (1 << 53) + 1,
        -(1 << 53) - 1,
        i64::MAX,
        i64::MAX - 1,
        i64::MIN,
        i64::MIN + 1,
    ];
    for old in numbers {
        for by in numbers {
            let old = old.to_string();
            check_as_one::<i64>(&old, by).await;
            check_as_one::<u64>(&old, by).await;
            check_as_one::<i32>(&old, by).await;
        }
    }
    for text in [
        "",
        "text",
        "1.5",
        "007",
        "-0",
        "+5",
        " 5",
        "5 ",
        "5\n",
        "0x10",
        "1e3",
        "-",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "10000000000000000000000",
    ] {
        check_as_one::<i64>(text, 0).await;
        check_as_one::<u64>(text, 0).await;
        check_as_one::<u128>(text, -1).await;
    }
}

#[tokio::test]
async fn refused_sum_of_many_changes_nothing() {
    let raw = Raw::new().await;
    let hash = raw.hash::<i64>();
    raw.set("max", "9223372036854775807").await;
    raw.set("text", "five").await;
    let before = raw.all().await;
    for last in [("max", 1), ("text", 1), ("new", i64::MAX)] {
        let items = [("a", 1), ("new", 1), ("b", 2), last];
        let error = hash.increment_many(items).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        assert_eq!(error.code(), Some("ERR"), "{error}");
        assert_eq!(raw.all().await, before, "{error}");
    }
    // Each step must fit, not only the last.
    let there_and_back = [
        ("max", -5),
        ("max", 5),
        ("max", i64::MIN),
        ("max", i64::MAX),
    ];
    let sums = hash.increment_many(there_and_back).await.unwrap();
    assert_eq!(sums, [i64::MAX - 5, i64::MAX, -1, i64::MAX - 1]);
    let over_and_back = [("max", 2), ("max", -2)];
    assert!(hash.increment_many(over_and_back).await.is_err());
    assert_eq!(hash.get("max").await.unwrap(), Some(i64::MAX - 1));

    let set: RedisSet<String> = RedisSet::new(&raw.client, fresh("hash"));
    set.add("x").await.unwrap();
    let hash: RedisHash<String, i64> = RedisHash::new(&raw.client, set.key().name());
    let error = hash.increment_many([("a", 1)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    let hash: RedisHash<String, f64> = RedisHash::new(&raw.client, set.key().name());
    let error = hash.increment_float_many([("a", 1.0)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
}

#[tokio::test]
async fn each_float_sum_of_many_is_that_of_one_or_refused() {
    let mut refused = Vec::new();
    for old in [
        "0", "-0.0", "1e-7", "1e+16", "0.1", ".5", "5.", "+1.5", "1e308", "-1e308", "1e400",
        "1e-400", "1e-5000", "1e", "1e+", "text", "", "nan", "inf", "-inf", "infinity", "0x10",
        "0x1p3", " 1", "1 ", "1.5x", "1.2.3", "--1", "1,5", "1\0",
    ] {
        for by in [0.0, 0.1, -0.1, 5e-324, 1e308, -1e308, f64::MAX] {
            let (one, many) = (Raw::new().await, Raw::new().await);
            for raw in [&one, &many] {
                raw.set("n", old).await;
            }
            let expected = one.hash::<f64>().increment_float("n", by).await;
            let items = [("a", 1.0), ("n", by)];
            match many.hash::<f64>().increment_float_many(items).await {
                Ok(sums) => {
                    let expected = expected.expect("one sum is not refused");
                    assert_eq!(sums, [1.0, expected], "{old} + {by}");
                    assert_eq!(many.all().await.len(), 2);
                    assert_eq!(many.all().await.last(), one.all().await.last());
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Server, "{old} + {by}: {error}");
                    assert_eq!(error.code(), Some("ERR"), "{error}");
                    let before = [("n".to_owned(), old.to_owned())];
                    assert_eq!(many.all().await, before, "{old} + {by}: {error}");
                    if expected.is_ok() {
                        refused.push(old);
                    }
                }
            }
        }
    }
    refused.dedup();
    // What the script cannot judge as the server does.
    assert_eq!(refused, ["1e-400", "0x10", "0x1p3"]);
}

#[tokio::test]
async fn float_sums_of_many_beyond_the_type_change_nothing() {
    let raw = Raw::new().await;
    let hash = raw.hash::<f64>();
    hash.set("n", 1e308).await.unwrap();
    let before = raw.all().await;
    for by in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = hash.increment_float_many([("a", 1.0), ("n", by)]).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    for items in [
        vec![("a", 1.0), ("n", 1e308)],
        vec![("n", 5e307), ("n", 5e307)],
        vec![("a", f64::MAX), ("a", -1.0)],
    ] {
        let error = hash.increment_float_many(items).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        assert_eq!(raw.all().await, before, "{error}");
    }
    let there_and_back = [("n", -1e308), ("n", 1e308), ("a", f64::MAX)];
    let sums = hash.increment_float_many(there_and_back).await.unwrap();
    assert_eq!(sums, [0.0, 1e308, f64::MAX]);

    let raw = Raw::new().await;
    let small = raw.hash::<f32>();
    small.set("n", 3e38).await.unwrap();
    assert!(small.increment_float_many([("n", 3e38)]).await.is_err());
    let sums = small.increment_float_many([("n", -3e38), ("a", 0.1)]);
    assert_eq!(sums.await.unwrap(), [0.0, 0.1]);
}

#[tokio::test]
async fn many_sums_go_in_chunks_on_old_servers_too() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        let hash: RedisHash<u32, i64> = RedisHash::new(&client, "hash");
        let none: [(u32, i64); 0] = [];
        assert!(hash.increment_many(none).await.unwrap().is_empty());
        assert_eq!(calls(&server, "hincrby"), 0);
        // 2,048 elements and two of them again.
        let items = (0..2_048).chain([1, 2_047]).map(|n| (n, i64::from(n)));
        let sums = hash.increment_many(items).await.unwrap();
        assert_eq!(sums.len(), 2_050);
        assert_eq!(sums[2_047..], [2_047, 2, 4_094]);
        assert_eq!(calls(&server, "hincrby"), 2_050);
        let scripts = calls(&server, "eval") + calls(&server, "evalsha");
        assert_eq!(scripts, 3);

        server
            .command(&["CONFIG", "SET", "maxmemory", "1"])
            .unwrap();
        let error = hash.increment_many([(1, 1), (2, 1)]).await.unwrap_err();
        assert_eq!(error.code(), Some("OOM"), "{error}");
        assert_eq!(hash.get_many([1, 2]).await.unwrap(), [Some(2), Some(2)]);
    }
}
