//! `RedisHash` on a real server.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{ErrorKind, Pattern, RedisHash, RedisList, Ttl};
use purse_testkit::{Release, Server};
use purse_tests::{calls, client, fresh};
use serde::{Deserialize, Serialize};

#[path = "hash/fields.rs"]
mod fields;
#[path = "hash/many_sums.rs"]
mod many_sums;
#[path = "hash/numbers.rs"]
mod sums;

async fn numbers(entries: &[(&str, i64)]) -> RedisHash<String, i64> {
    let hash = RedisHash::new(&client().await, fresh("hash"));
    hash.extend(entries.iter().copied()).await.expect("a reply");
    hash
}

async fn to_sorted_map(hash: &RedisHash<String, i64>) -> BTreeMap<String, i64> {
    let map = hash.to_map().await.expect("a reply");
    map.into_iter().collect()
}

fn map<const N: usize>(entries: [(&str, i64); N]) -> BTreeMap<String, i64> {
    entries.map(|(key, value)| (key.to_owned(), value)).into()
}

#[tokio::test]
async fn an_absent_hash_is_an_empty_one() {
    let hash = numbers(&[]).await;
    assert!(hash.is_empty().await.unwrap() && !hash.exists().await.unwrap());
    assert_eq!(hash.len().await.unwrap(), 0);
    assert_eq!(hash.get("a").await.unwrap(), None);
    assert_eq!(hash.get_many(["a", "b"]).await.unwrap(), [None, None]);
    assert!(!hash.contains_key("a").await.unwrap());
    assert_eq!(hash.remove("a").await.unwrap(), None);
    assert!(!hash.delete("a").await.unwrap());
    assert_eq!(hash.remove_many(["a", "b"]).await.unwrap(), 0);
    assert!(hash.to_map().await.unwrap().is_empty());
    assert!(hash.iter().next().await.is_none());
    assert!(hash.keys().next().await.is_none());
    assert!(hash.values().next().await.is_none());
}

#[tokio::test]
async fn insert_returns_the_old_value_and_set_whether_it_is_new() {
    let hash = numbers(&[]).await;
    assert_eq!(hash.insert("a", 1).await.unwrap(), None);
    assert_eq!(hash.insert("a", 2).await.unwrap(), Some(1));
    assert!(!hash.set("a", 3).await.unwrap());
    assert!(hash.set("b", 4).await.unwrap());
    assert_eq!(to_sorted_map(&hash).await, map([("a", 3), ("b", 4)]));
    assert_eq!(hash.len().await.unwrap(), 2);
    assert!(hash.contains_key("a").await.unwrap());
}

#[tokio::test]
async fn many_are_set_got_and_removed() {
    let hash = numbers(&[("a", 1), ("b", 2)]).await;
    assert_eq!(hash.extend([("b", 3), ("c", 4)]).await.unwrap(), 1);
    assert_eq!(
        hash.extend(HashMap::from([("d".to_owned(), 5)]))
            .await
            .unwrap(),
        1
    );
    let borrowed = BTreeMap::from([("e".to_owned(), 6)]);
    assert_eq!(hash.extend(&borrowed).await.unwrap(), 1);
    let got = hash.get_many(["e", "x", "b", "e"]).await.unwrap();
    assert_eq!(got, [Some(6), None, Some(3), Some(6)]);
    assert_eq!(hash.remove("e").await.unwrap(), Some(6));
    assert!(hash.delete("d").await.unwrap());
    assert_eq!(hash.remove_many(["a", "x", "c"]).await.unwrap(), 2);
    assert_eq!(to_sorted_map(&hash).await, map([("b", 3)]));
}

#[tokio::test]
async fn nothing_is_sent_for_nothing() {
    let server = Server::start().unwrap();
    let client = purse::Client::connect(&server.url()).await.unwrap();
    let hash: RedisHash<String, i64> = RedisHash::new(&client, "hash");
    let none: [&str; 0] = [];
    assert_eq!(hash.extend(HashMap::<String, i64>::new()).await.unwrap(), 0);
    assert!(hash.get_many(none).await.unwrap().is_empty());
    assert_eq!(hash.remove_many(none).await.unwrap(), 0);
    for command in ["hset", "hmget", "hdel"] {
        assert_eq!(calls(&server, command), 0, "{command}");
    }
}

#[tokio::test]
async fn bulk_goes_in_chunks_and_streams_in_pages() {
    let server = Server::start().unwrap();
    let client = purse::Client::connect(&server.url()).await.unwrap();
    let hash: RedisHash<u32, u32> = RedisHash::new(&client, "hash");
    assert_eq!(
        hash.extend((0..5_000).map(|n| (n, n + 1))).await.unwrap(),
        5_000
    );
    assert_eq!(calls(&server, "hset"), 5);
    let got = hash.get_many(0..5_000).await.unwrap();
    assert!(
        got.iter()
            .enumerate()
            .all(|(n, value)| *value == Some(n as u32 + 1))
    );
    assert_eq!(calls(&server, "hmget"), 5);

    let entries: HashMap<u32, u32> = hash.iter().try_collect().await.unwrap();
    assert_eq!(entries.len(), 5_000);
    assert!(entries.iter().all(|(key, value)| *value == key + 1));
    let pages = calls(&server, "hscan");
    assert!((10..=30).contains(&pages), "{pages}");

    let mut stream = hash.keys().page_size(10);
    assert!(stream.next().await.unwrap().unwrap() < 5_000);
    drop(stream);
    hash.len().await.unwrap();
    assert_eq!(calls(&server, "hscan") - pages, 1, "one page was asked for");

    assert_eq!(hash.remove_many(0..5_000).await.unwrap(), 5_000);
    assert_eq!(calls(&server, "hdel"), 5);
    assert!(!hash.exists().await.unwrap());
}

#[tokio::test]
async fn streams_filter_by_pattern() {
    let hash = numbers(&[("a*1", 1), ("a*2", 2), ("ab3", 3), ("[x]{}?", 4)]).await;
    let keys = async |pattern: Pattern| {
        let mut keys: Vec<String> = hash.keys().matching(pattern).try_collect().await.unwrap();
        keys.sort();
        keys
    };
    assert_eq!(keys(Pattern::glob("a*")).await, ["a*1", "a*2", "ab3"]);
    assert_eq!(keys(Pattern::prefix("a*")).await, ["a*1", "a*2"]);
    assert_eq!(keys(Pattern::literal("[x]{}?")).await, ["[x]{}?"]);
    let mut values: Vec<i64> = hash
        .values()
        .matching(Pattern::prefix("a*"))
        .try_collect()
        .await
        .unwrap();
    values.sort_unstable();
    assert_eq!(values, [1, 2]);
    let entries: Vec<(String, i64)> = hash
        .iter()
        .matching(Pattern::literal("ab3"))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(entries, [("ab3".to_owned(), 3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_get_or_insert_returns_one_value() {
    let hash = numbers(&[]).await;
    for round in 0..20 {
        let key = format!("{round}");
        let races = (0..64).map(|n| {
            let (hash, key) = (hash.clone(), key.clone());
            tokio::spawn(async move { hash.get_or_insert(key, n).await.unwrap() })
        });
        let got = futures::future::try_join_all(races).await.unwrap();
        assert!(got.iter().all(|value| *value == got[0]), "{got:?}");
        assert_eq!(hash.get(&key).await.unwrap(), Some(got[0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_insert_and_remove_return_each_value_once() {
    let hash = numbers(&[]).await;
    let inserts = (0..64).map(|n| {
        let hash = hash.clone();
        tokio::spawn(async move { hash.insert("k", n).await.unwrap() })
    });
    let mut seen: Vec<_> = futures::future::try_join_all(inserts)
        .await
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    seen.extend(hash.get("k").await.unwrap());
    seen.sort_unstable();
    assert_eq!(seen, (0..64).collect::<Vec<_>>());

    let removes = (0..64).map(|_| {
        let hash = hash.clone();
        tokio::spawn(async move { hash.remove("k").await.unwrap() })
    });
    let removed = futures::future::try_join_all(removes).await.unwrap();
    assert_eq!(removed.into_iter().flatten().count(), 1);
}

#[tokio::test]
async fn numbers_are_added_to() {
    let hash = numbers(&[("a", 40)]).await;
    assert_eq!(hash.increment("a", 2).await.unwrap(), 42);
    assert_eq!(hash.increment("b", -1).await.unwrap(), -1);
    assert_eq!(hash.get("a").await.unwrap(), Some(42));
    hash.set("a", i64::MAX).await.unwrap();
    let error = hash.increment("a", 1).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Server, Some("ERR")),
        "{error}"
    );
    assert_eq!(hash.get("a").await.unwrap(), Some(i64::MAX));

    let floats: RedisHash<String, f64> = RedisHash::new(&client().await, fresh("hash"));
    assert_eq!(floats.increment_float("x", 1.5).await.unwrap(), 1.5);
    assert_eq!(floats.increment_float("x", -0.25).await.unwrap(), 1.25);
    assert_eq!(floats.get("x").await.unwrap(), Some(1.25));
    for by in [f64::NAN, f64::INFINITY] {
        let error = floats.increment_float("x", by).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(floats.get("x").await.unwrap(), Some(1.25));
}

#[tokio::test]
async fn field_expires_where_the_server_supports_it() {
    let server = Server::builder()
        .release(Release::Valkey9_1)
        .start()
        .unwrap();
    let client = purse::Client::connect(&server.url()).await.unwrap();
    let hash: RedisHash<String, i64> = RedisHash::new(&client, "hash");
    hash.extend([("a", 1), ("b", 2)]).await.unwrap();
    let ttl = Duration::from_secs(60);
    assert!(hash.expire_field("a", ttl).await.unwrap());
    assert!(!hash.expire_field("none", ttl).await.unwrap());
    let left = hash
        .field_ttl("a")
        .await
        .unwrap()
        .remaining()
        .expect("a time to live");
    assert!(
        left <= ttl && left > ttl - Duration::from_secs(10),
        "{left:?}"
    );
    assert_eq!(hash.field_ttl("b").await.unwrap(), Ttl::Persistent);
    assert_eq!(hash.field_ttl("none").await.unwrap(), Ttl::Missing);
    assert!(hash.persist_field("a").await.unwrap());
    assert!(!hash.persist_field("a").await.unwrap());
    assert!(!hash.persist_field("none").await.unwrap());
    for bad in [Duration::ZERO, Duration::from_micros(1), Duration::MAX] {
        let error = hash.expire_field("a", bad).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert!(
        hash.expire_field("a", Duration::from_millis(1))
            .await
            .unwrap()
    );
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while hash.contains_key("a").await.unwrap() {
        assert!(std::time::Instant::now() < deadline, "the field stays");
    }
    assert_eq!(hash.get("b").await.unwrap(), Some(2));

    let absent: RedisHash<String, i64> = RedisHash::new(&client, "absent");
    assert!(!absent.expire_field("a", ttl).await.unwrap());
    assert_eq!(absent.field_ttl("a").await.unwrap(), Ttl::Missing);
    assert!(!absent.persist_field("a").await.unwrap());
}

#[tokio::test]
async fn a_field_on_an_older_server_is_a_clear_error() {
    let server = Server::builder()
        .release(Release::Redis6_2_5)
        .start()
        .unwrap();
    let client = purse::Client::connect(&server.url()).await.unwrap();
    let hash: RedisHash<String, i64> = RedisHash::new(&client, "hash");
    hash.set("a", 1).await.unwrap();
    for error in [
        hash.expire_field("a", Duration::from_secs(1))
            .await
            .unwrap_err(),
        hash.field_ttl("a").await.unwrap_err(),
        hash.persist_field("a").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    assert_eq!(hash.get("a").await.unwrap(), Some(1));
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Place {
    row: u32,
    name: String,
}

#[tokio::test]
async fn keys_and_values_may_be_of_any_serde_type() {
    let client = client().await;
    let hash: RedisHash<Place, Option<Place>> = RedisHash::new(&client, fresh("hash"));
    let place = Place {
        row: 1,
        name: "x".into(),
    };
    hash.set(&place, Some(place.clone())).await.unwrap();
    assert_eq!(hash.get(&place).await.unwrap(), Some(Some(place.clone())));
    hash.set(&place, None).await.unwrap();
    assert_eq!(hash.get(&place).await.unwrap(), Some(None));
    assert_eq!(hash.to_map().await.unwrap(), HashMap::from([(place, None)]));

    let bytes: RedisHash<Vec<u8>, Vec<u8>> = RedisHash::new(&client, fresh("hash"));
    for key in [&b""[..], b"*?[]{}\\", b"\x00\xff\r\n"] {
        bytes.set(key, key).await.unwrap();
        assert_eq!(bytes.get(key).await.unwrap().unwrap(), key);
    }
    let keys: Vec<Vec<u8>> = bytes
        .keys()
        .matching(Pattern::literal(b"*?[]{}\\"))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(keys, [b"*?[]{}\\"]);
    assert_eq!(bytes.len().await.unwrap(), 3);
}

/// A hash of numbers in which `bad` holds none.
async fn create_undecodable() -> RedisHash<String, i64> {
    let client = client().await;
    let texts: RedisHash<String, String> = RedisHash::new(&client, fresh("hash"));
    texts
        .extend([("a", "1"), ("bad", "two"), ("c", "3")])
        .await
        .expect("a reply");
    RedisHash::new(&client, texts.key().name())
}

#[tokio::test]
async fn undecodable_value_is_an_error_with_its_bytes() {
    let hash = create_undecodable().await;
    let two = Bytes::from("two");
    for error in [
        hash.get("bad").await.unwrap_err(),
        hash.get_many(["a", "bad"]).await.unwrap_err(),
        hash.to_map().await.unwrap_err(),
        hash.get_or_insert("bad", 2).await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.bytes()),
            (ErrorKind::Decode, Some(&two)),
            "{error}"
        );
        assert!(error.removed().is_empty());
    }
    let entries: Vec<_> = hash.iter().collect().await;
    assert_eq!(
        entries.iter().filter(|entry| entry.is_ok()).count(),
        2,
        "the others are seen"
    );
    let error = entries
        .into_iter()
        .find_map(Result::err)
        .expect("one fails");
    assert_eq!(error.bytes(), Some(&two));
    assert_eq!(
        hash.keys().try_collect::<Vec<_>>().await.unwrap().len(),
        3,
        "keys are no values"
    );
    assert_eq!(hash.len().await.unwrap(), 3);
}

/// fred takes some arrays for messages, drops them, and hands each later reply to the wrong caller.
#[tokio::test]
async fn entries_that_look_like_messages_are_entries() {
    let client = client().await;
    for word in ["message", "smessage", "subscribe", "punsubscribe", "pubsub"] {
        let hash: RedisHash<String, String> = RedisHash::new(&client, fresh("hash"));
        hash.extend([(word, word), ("b", "message")]).await.unwrap();
        let (map, one) = tokio::join!(hash.to_map(), hash.get("b"));
        assert_eq!(map.unwrap().len(), 2);
        assert_eq!(one.unwrap().as_deref(), Some("message"));
        let (many, one) = tokio::join!(hash.get_many([word, "b", "c"]), hash.get("b"));
        let expected = [Some(word.to_owned()), Some("message".to_owned()), None];
        assert_eq!(many.unwrap(), expected);
        assert_eq!(one.unwrap().as_deref(), Some("message"));
        assert_eq!(hash.remove(word).await.unwrap().as_deref(), Some(word));
    }
}

#[tokio::test]
async fn undecodable_later_chunk_is_an_error_with_its_bytes() {
    let client = client().await;
    let texts: RedisHash<u32, String> = RedisHash::new(&client, fresh("hash"));
    texts
        .extend((0..1_500).map(|n| (n, if n == 1_400 { "two" } else { "1" })))
        .await
        .unwrap();
    let numbers: RedisHash<u32, u32> = RedisHash::new(&client, texts.key().name());
    let error = numbers.get_many(0..1_500).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&Bytes::from("two")))
    );
    assert_eq!(error.done(), 0, "a read has done nothing");
    assert!(error.to_string().contains("HMGET"), "{error}");
}

#[tokio::test]
async fn undecodable_removed_value_is_in_the_error() {
    let hash = create_undecodable().await;
    let two = Bytes::from("two");
    let error = hash.insert("bad", 2).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&two))
    );
    assert_eq!(
        hash.get("bad").await.unwrap(),
        Some(2),
        "the new value is set"
    );

    let hash = create_undecodable().await;
    let error = hash.remove("bad").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&two))
    );
    assert_eq!(error.removed(), [two]);
    assert!(!hash.contains_key("bad").await.unwrap());
}

#[tokio::test]
async fn unencodable_value_is_not_sent() {
    let hash: RedisHash<String, f64> = RedisHash::new(&client().await, fresh("hash"));
    for error in [
        hash.set("a", f64::NAN).await.unwrap_err(),
        hash.insert("a", f64::NAN).await.unwrap_err(),
        hash.extend([("a", 1.0), ("b", f64::NAN)])
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert!(!hash.exists().await.unwrap());
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let list: RedisList<String> = RedisList::new(&client, fresh("hash"));
    list.push_back("x").await.unwrap();
    let hash: RedisHash<String, i64> = RedisHash::new(&client, list.key().name());
    for error in [
        hash.len().await.unwrap_err(),
        hash.set("a", 1).await.unwrap_err(),
        hash.insert("a", 1).await.unwrap_err(),
        hash.get_or_insert("a", 1).await.unwrap_err(),
        hash.remove("a").await.unwrap_err(),
        hash.increment("a", 1).await.unwrap_err(),
        hash.to_map().await.unwrap_err(),
        hash.iter().try_collect::<Vec<_>>().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(list.to_vec().await.unwrap(), ["x"]);
}
