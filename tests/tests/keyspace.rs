//! `RedisKeySpace` on a real server.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{Client, ErrorKind, Pattern, RedisKeySpace, SetOptions, SetOutcome, Ttl};
use purse_testkit::Server;
use purse_tests::{calls, client, fresh};
use serde::{Deserialize, Serialize};

#[path = "keyspace/bad_input.rs"]
mod bad_input;
#[path = "keyspace/cluster.rs"]
mod cluster;
#[path = "keyspace/compare.rs"]
mod compare;
#[path = "keyspace/failover.rs"]
mod failover;
#[path = "keyspace/numbers.rs"]
mod numbers;
#[path = "keyspace/own_keys.rs"]
mod own_keys;
#[path = "keyspace/races.rs"]
mod races;
#[path = "keyspace/times_to_live.rs"]
mod times_to_live;
#[path = "keyspace/typed_keys.rs"]
mod typed_keys;

const MINUTE: Duration = Duration::from_secs(60);

async fn numbers(entries: &[(&str, i64)]) -> RedisKeySpace<i64> {
    let space = RedisKeySpace::new(&client().await, fresh("keyspace") + ":");
    space
        .extend(entries.iter().copied())
        .await
        .expect("a reply");
    space
}

async fn all<T: Send + 'static>(space: &RedisKeySpace<T>) -> BTreeMap<String, T>
where
    purse::Plain: purse::Codec<T>,
{
    space.items().try_collect().await.expect("items")
}

fn map<T: Clone>(entries: &[(&str, T)]) -> BTreeMap<String, T> {
    let entries = entries.iter().cloned();
    entries
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

async fn sort_keys(space: &RedisKeySpace<i64>, pattern: Option<Pattern>) -> Vec<String> {
    let keys = match pattern {
        Some(pattern) => space.keys().matching(pattern),
        None => space.keys(),
    };
    let mut keys: Vec<_> = keys.try_collect().await.expect("keys");
    keys.sort();
    keys
}

#[tokio::test]
async fn an_absent_key_and_an_empty_space() {
    let space = numbers(&[]).await;
    assert!(space.is_empty().await.unwrap());
    assert_eq!(space.len().await.unwrap(), 0);
    assert_eq!(space.get("a").await.unwrap(), None);
    assert_eq!(space.get_many(["a", "b"]).await.unwrap(), [None, None]);
    assert!(!space.contains("a").await.unwrap());
    assert_eq!(space.pop("a").await.unwrap(), None);
    assert!(!space.delete("a").await.unwrap());
    assert_eq!(space.delete_many(["a", "b"]).await.unwrap(), 0);
    assert_eq!(space.ttl("a").await.unwrap(), Ttl::Missing);
    assert!(!space.expire("a", MINUTE).await.unwrap());
    assert!(!space.persist("a").await.unwrap());
    assert!(space.items().next().await.is_none());
    assert!(space.keys().next().await.is_none());
    assert!(space.values().next().await.is_none());
    assert_eq!(space.clear().await.unwrap(), 0);
}

#[tokio::test]
async fn keys_are_set_got_popped_and_deleted() {
    let space = numbers(&[]).await;
    space.set("a", 1).await.unwrap();
    space.set("a", 2).await.unwrap();
    space.set("", 3).await.unwrap();
    assert_eq!(space.get("a").await.unwrap(), Some(2));
    assert_eq!(space.get("").await.unwrap(), Some(3), "the prefix itself");
    assert!(space.contains("a").await.unwrap());
    assert_eq!(space.len().await.unwrap(), 2);
    assert!(!space.is_empty().await.unwrap());
    assert_eq!(all(&space).await, map(&[("", 3), ("a", 2)]));
    assert_eq!(space.pop("a").await.unwrap(), Some(2));
    assert_eq!(space.pop("a").await.unwrap(), None);
    assert!(space.delete("").await.unwrap());
    assert!(!space.delete("").await.unwrap());
    assert!(space.is_empty().await.unwrap());
}

#[tokio::test]
async fn many_are_set_got_and_deleted() {
    let space = numbers(&[("a", 1), ("b", 2)]).await;
    space.extend([("b", 3), ("c", 4)]).await.unwrap();
    space
        .extend(HashMap::from([("d".to_owned(), 5)]))
        .await
        .unwrap();
    let borrowed = BTreeMap::from([("e".to_owned(), 6)]);
    space.extend(&borrowed).await.unwrap();
    let got = space.get_many(["e", "x", "b", "e"]).await.unwrap();
    assert_eq!(got, [Some(6), None, Some(3), Some(6)]);
    assert_eq!(space.delete_many(["a", "x", "c"]).await.unwrap(), 2);
    assert_eq!(all(&space).await, map(&[("b", 3), ("d", 5), ("e", 6)]));
    let mut values: Vec<i64> = space.values().try_collect().await.unwrap();
    values.sort_unstable();
    assert_eq!(values, [3, 5, 6]);
}

#[tokio::test]
async fn all_are_set_or_none() {
    let space = numbers(&[("a", 1)]).await;
    assert!(
        !space
            .extend_if_none_exist([("b", 2), ("a", 3)])
            .await
            .unwrap()
    );
    assert_eq!(all(&space).await, map(&[("a", 1)]));
    assert!(
        space
            .extend_if_none_exist(HashMap::from([("b".to_owned(), 2), ("c".to_owned(), 3)]))
            .await
            .unwrap()
    );
    assert_eq!(all(&space).await, map(&[("a", 1), ("b", 2), ("c", 3)]));
}

#[tokio::test]
async fn nothing_is_sent_for_nothing() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let space: RedisKeySpace<i64> = RedisKeySpace::new(&client, "space:");
    let none: [&str; 0] = [];
    space.extend(HashMap::<String, i64>::new()).await.unwrap();
    assert!(
        space
            .extend_if_none_exist(HashMap::<String, i64>::new())
            .await
            .unwrap()
    );
    assert!(space.get_many(none).await.unwrap().is_empty());
    assert_eq!(space.delete_many(none).await.unwrap(), 0);
    for command in ["mset", "msetnx", "mget", "unlink"] {
        assert_eq!(calls(&server, command), 0, "{command}");
    }
}

#[tokio::test]
async fn bulk_goes_in_chunks_and_streams_in_pages() {
    const MANY: u32 = 20_000;
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    space
        .extend((0..MANY).map(|n| (n.to_string(), n)))
        .await
        .unwrap();
    assert_eq!(calls(&server, "mset"), 20);
    let names = || (0..MANY).map(|n| n.to_string());
    let got = space.get_many(names()).await.unwrap();
    assert!(got.into_iter().eq((0..MANY).map(Some)), "in order");
    assert_eq!(calls(&server, "mget"), 20);
    assert_eq!(space.len().await.unwrap(), u64::from(MANY));
    let scans = calls(&server, "scan");
    assert!((10..=30).contains(&scans), "{scans} pages of about 1024");

    let items: HashMap<String, u32> = space.items().try_collect().await.unwrap();
    assert_eq!(items.len(), MANY as usize);
    assert!(items.iter().all(|(key, value)| *key == value.to_string()));
    let pages = calls(&server, "scan") - scans;
    assert!((40..=120).contains(&pages), "{pages} pages of about 256");
    assert_eq!(calls(&server, "mget") - 20, pages, "one for each page");
    assert_eq!(calls(&server, "get"), 0, "no value is got alone");

    let (scans, gets) = (calls(&server, "scan"), calls(&server, "mget"));
    let mut stream = space.values().page_size(10);
    stream.next().await.unwrap().unwrap();
    drop(stream);
    // Requests of the dropped stream would be sent before this one on the same connection.
    assert!(space.contains("1").await.unwrap());
    assert_eq!(calls(&server, "scan") - scans, 1, "one page was asked for");
    assert_eq!(calls(&server, "mget") - gets, 1);

    assert_eq!(
        space
            .delete_many((0..MANY / 2).map(|n| n.to_string()))
            .await
            .unwrap(),
        10_000
    );
    assert_eq!(calls(&server, "unlink"), 10);
    assert_eq!(space.clear().await.unwrap(), 10_000);
    let unlinks = calls(&server, "unlink") - 10;
    assert!((5..=30).contains(&unlinks), "{unlinks} batches");
    assert!(space.is_empty().await.unwrap());
}

#[tokio::test]
async fn the_options_of_a_set_are_kept() {
    let space = numbers(&[]).await;
    let new = SetOptions::new;
    let set = async |value, options| space.set_with("k", value, options).await.unwrap();

    assert_eq!(set(1, new().if_present()).await, SetOutcome::NotSet(None));
    assert_eq!(set(1, new().if_absent()).await, SetOutcome::Set(None));
    assert_eq!(set(2, new().if_absent()).await, SetOutcome::NotSet(None));
    assert_eq!(space.get("k").await.unwrap(), Some(1));
    assert_eq!(set(2, new().if_present()).await, SetOutcome::Set(None));
    assert_eq!(space.get("k").await.unwrap(), Some(2));

    assert!(set(3, new().ttl(MINUTE)).await.is_set());
    let left = space.ttl("k").await.unwrap().remaining().expect("a ttl");
    assert!(left <= MINUTE && left > MINUTE / 2, "{left:?}");
    assert!(set(4, new().keep_ttl()).await.is_set());
    assert!(space.ttl("k").await.unwrap().remaining().is_some());
    assert_eq!(space.get("k").await.unwrap(), Some(4));
    assert!(set(5, new()).await.is_set());
    assert_eq!(space.ttl("k").await.unwrap(), Ttl::Persistent);

    // The one that is named last holds.
    let last = new().if_absent().if_present().ttl(MINUTE).keep_ttl();
    assert!(set(6, last).await.is_set());
    assert_eq!(space.ttl("k").await.unwrap(), Ttl::Persistent);
}

#[tokio::test]
async fn a_set_returns_the_old_value_if_asked() {
    let space = numbers(&[]).await;
    let old = SetOptions::new().return_old();
    let set = async |value, options| space.set_with("k", value, options).await.unwrap();

    assert_eq!(set(1, old.if_present()).await, SetOutcome::NotSet(None));
    assert_eq!(set(1, old.if_absent()).await, SetOutcome::Set(None));
    assert_eq!(set(2, old.if_absent()).await, SetOutcome::NotSet(Some(1)));
    assert_eq!(set(3, old.if_present()).await, SetOutcome::Set(Some(1)));
    assert_eq!(set(4, old.ttl(MINUTE)).await.into_old(), Some(3));
    assert!(space.ttl("k").await.unwrap().remaining().is_some());
    assert_eq!(set(5, old.keep_ttl()).await, SetOutcome::Set(Some(4)));
    assert!(space.ttl("k").await.unwrap().remaining().is_some());
    assert_eq!(set(6, old).await, SetOutcome::Set(Some(5)));
    assert_eq!(space.ttl("k").await.unwrap(), Ttl::Persistent);
    assert_eq!(space.get("k").await.unwrap(), Some(6));
}

#[tokio::test]
async fn each_key_has_its_own_ttl() {
    let space = numbers(&[("a", 1), ("b", 2)]).await;
    assert_eq!(space.ttl("a").await.unwrap(), Ttl::Persistent);
    assert!(space.expire("a", MINUTE).await.unwrap());
    assert!(space.ttl("a").await.unwrap().remaining().is_some());
    assert_eq!(space.ttl("b").await.unwrap(), Ttl::Persistent);
    assert!(space.persist("a").await.unwrap());
    assert!(!space.persist("a").await.unwrap());

    // Only what is inserted gets the time to live.
    let got = space.get_or_insert_with_ttl("a", 9, MINUTE).await.unwrap();
    assert_eq!((got, space.ttl("a").await.unwrap()), (1, Ttl::Persistent));
    let got = space.get_or_insert_with_ttl("c", 9, MINUTE).await.unwrap();
    assert_eq!(got, 9);
    assert!(space.ttl("c").await.unwrap().remaining().is_some());
    assert_eq!(space.get_or_insert("c", 10).await.unwrap(), 9);
    assert!(space.ttl("c").await.unwrap().remaining().is_some());
    assert_eq!(space.get_or_insert("d", 10).await.unwrap(), 10);
    assert_eq!(space.ttl("d").await.unwrap(), Ttl::Persistent);

    // A set takes it away.
    space.extend([("c", 11)]).await.unwrap();
    assert_eq!(space.ttl("c").await.unwrap(), Ttl::Persistent);

    assert!(space.expire("a", Duration::from_millis(1)).await.unwrap());
    let deadline = Instant::now() + Duration::from_secs(10);
    while space.contains("a").await.unwrap() {
        assert!(Instant::now() < deadline, "the key stays");
    }
    assert_eq!(sort_keys(&space, None).await, ["b", "c", "d"]);
}

#[tokio::test]
async fn a_prefix_is_taken_literally() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let outside: RedisKeySpace<i64> = RedisKeySpace::new(&client, "");
    for prefix in [
        "*",
        "?",
        "a?",
        "[ab]",
        "[^a]",
        "[a-c]",
        "{x}",
        "\\",
        "\\*",
        "^",
        "-",
        "a*?[]{}\\^-",
    ] {
        let decoys = [
            "",
            "a",
            "ab",
            "b",
            "x",
            "bb",
            "[",
            "]",
            "{",
            "}",
            "axx",
            "a\\",
            "\\x",
            "*a",
            "?a",
            "[ab",
            "[ab[",
            "a*?[]{}\\^",
            "a*?[]{}\\^a",
        ];
        let space: RedisKeySpace<i64> = RedisKeySpace::new(&client, prefix);
        let decoys: Vec<_> = decoys
            .into_iter()
            .filter(|decoy| !decoy.starts_with(prefix))
            .collect();
        outside
            .extend(decoys.iter().map(|key| (key, 0)))
            .await
            .unwrap();
        space
            .extend([("", 1), ("k", 2), ("*", 3), ("[", 4)])
            .await
            .unwrap();

        assert_eq!(space.prefix(), prefix.as_bytes());
        assert_eq!(space.len().await.unwrap(), 4, "{prefix}");
        let expected = map(&[("", 1), ("k", 2), ("*", 3), ("[", 4)]);
        assert_eq!(all(&space).await, expected, "{prefix}");
        assert_eq!(
            sort_keys(&space, Some(Pattern::glob("?"))).await,
            ["*", "[", "k"]
        );
        assert_eq!(sort_keys(&space, Some(Pattern::literal("*"))).await, ["*"]);
        assert_eq!(space.clear().await.unwrap(), 4, "{prefix}");
        assert_eq!(
            outside.clear().await.unwrap(),
            decoys.len() as u64,
            "{prefix}"
        );
    }
}

#[tokio::test]
async fn a_sub_space_is_a_part() {
    let space = numbers(&[("a", 1), ("x*:a", 2), ("x*:b", 3), ("xy:a", 4)]).await;
    let sub = space.sub("x*:");
    assert_eq!(all(&sub).await, map(&[("a", 2), ("b", 3)]));
    sub.set("c", 5).await.unwrap();
    assert_eq!(space.get("x*:c").await.unwrap(), Some(5));
    assert_eq!(sub.sub("c").get("").await.unwrap(), Some(5));
    assert_eq!(sub.clear().await.unwrap(), 3);
    assert_eq!(all(&space).await, map(&[("a", 1), ("xy:a", 4)]));
    assert_eq!(
        space.key("a").unwrap().name(),
        [space.prefix(), b"a"].concat()
    );
}

#[tokio::test]
async fn streams_filter_by_pattern() {
    let space = numbers(&[("a1", 1), ("a2", 2), ("ab3", 3), ("b1", 4)]).await;
    assert_eq!(
        sort_keys(&space, Some(Pattern::glob("a?"))).await,
        ["a1", "a2"]
    );
    assert_eq!(
        sort_keys(&space, Some(Pattern::glob("?1"))).await,
        ["a1", "b1"]
    );
    assert_eq!(
        sort_keys(&space, Some(Pattern::prefix("ab"))).await,
        ["ab3"]
    );
    let items: BTreeMap<String, i64> = space
        .items()
        .matching(Pattern::glob("[ab]1"))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(items, map(&[("a1", 1), ("b1", 4)]));
    let raw: Vec<Bytes> = space
        .raw_keys()
        .matching(Pattern::literal("ab3"))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(raw, ["ab3"]);
}

#[tokio::test]
async fn an_empty_prefix_is_the_whole_database() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let everything: RedisKeySpace<i64> = RedisKeySpace::new(&client, "");
    everything.set("a", 1).await.unwrap();
    everything.set("", 2).await.unwrap();
    assert_eq!(everything.sub("a").get("").await.unwrap(), Some(1));
    assert_eq!(all(&everything).await, map(&[("", 2), ("a", 1)]));
    assert_eq!(everything.clear().await.unwrap(), 2);
    assert_eq!(server.command(&["DBSIZE"]).unwrap().int(), Some(0));
}

#[tokio::test]
async fn a_key_may_be_any_bytes_and_none_is_lost() {
    let space = numbers(&[("text", 1)]).await;
    let raw: RedisKeySpace<i64, Vec<u8>> = RedisKeySpace::new(&client().await, space.prefix());
    let binary = [&b"\x00\xff\r\n"[..], b"\xc3", b"*?[]{}\\\xfe"];
    for (n, key) in binary.into_iter().enumerate() {
        raw.set(key, n as i64).await.unwrap();
        assert_eq!(raw.get(key).await.unwrap(), Some(n as i64));
    }
    assert_eq!(space.len().await.unwrap(), 4);
    assert_eq!(
        space.values().try_collect::<Vec<_>>().await.unwrap().len(),
        4
    );
    let expected = [&b"\x00\xff\r\n"[..], b"*?[]{}\\\xfe", b"text", b"\xc3"];
    let mut names: Vec<Bytes> = space.raw_keys().try_collect().await.unwrap();
    names.sort();
    assert_eq!(names, expected);
    let mut names: Vec<Vec<u8>> = raw.keys().try_collect().await.unwrap();
    names.sort();
    assert_eq!(names, expected);

    let keys: Vec<_> = space.keys().collect().await;
    let items: Vec<_> = space.items().collect().await;
    let keys = keys.into_iter().map(|key| key.map(|key| (key, 1)));
    for seen in [keys.collect::<Vec<_>>(), items] {
        let (texts, errors): (Vec<_>, Vec<_>) = seen.into_iter().partition(Result::is_ok);
        assert_eq!(texts.len(), 1, "the others are seen");
        assert_eq!(texts[0].as_ref().unwrap(), &("text".to_owned(), 1));
        let mut bytes: Vec<_> = errors
            .into_iter()
            .map(|error| {
                let error = error.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
                error.bytes().cloned().unwrap()
            })
            .collect();
        bytes.sort();
        assert_eq!(bytes, [&b"\x00\xff\r\n"[..], b"*?[]{}\\\xfe", b"\xc3"]);
    }
    assert_eq!(raw.delete_many(binary).await.unwrap(), 3);
    assert_eq!(space.clear().await.unwrap(), 1);
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    row: u32,
    name: Option<String>,
}

#[tokio::test]
async fn values_may_be_of_any_serde_type() {
    let client = client().await;
    let space: RedisKeySpace<Option<Place>> = RedisKeySpace::new(&client, fresh("keyspace"));
    let place = Place {
        row: 1,
        name: Some("x".into()),
    };
    space.set("a", Some(place.clone())).await.unwrap();
    space.set("b", &None).await.unwrap();
    assert_eq!(space.get("a").await.unwrap(), Some(Some(place)));
    assert_eq!(space.get("b").await.unwrap(), Some(None));
    assert_eq!(space.get_or_insert("b", None).await.unwrap(), None);

    let bytes: RedisKeySpace<Vec<u8>, String, purse::Raw> =
        RedisKeySpace::new(&client, fresh("keyspace"));
    let every: Vec<u8> = (0..=255).collect();
    for value in [&every[..], b""] {
        bytes.set("k", value).await.unwrap();
        assert_eq!(bytes.get("k").await.unwrap().unwrap(), value);
        assert_eq!(bytes.get_or_insert("k", b"other").await.unwrap(), value);
        let old = SetOptions::new().return_old();
        let outcome = bytes.set_with("k", value, old).await.unwrap();
        assert_eq!(outcome, SetOutcome::Set(Some(value.to_vec())));
        assert_eq!(bytes.pop("k").await.unwrap().unwrap(), value);
    }
}

/// fred takes some arrays for messages, drops them, and hands each later reply to the wrong caller.
#[tokio::test]
async fn values_and_keys_that_look_like_messages_are_values_and_keys() {
    let client = client().await;
    for word in ["message", "smessage", "subscribe", "punsubscribe", "pubsub"] {
        let space: RedisKeySpace<String> = RedisKeySpace::new(&client, fresh("keyspace"));
        space
            .extend([("a", word), ("b", "b"), (word, "c")])
            .await
            .unwrap();
        let (many, one) = tokio::join!(space.get_many(["a", "b", "x"]), space.get("b"));
        assert_eq!(
            many.unwrap(),
            [Some(word.to_owned()), Some("b".to_owned()), None]
        );
        assert_eq!(one.unwrap().as_deref(), Some("b"));
        let (items, one) = tokio::join!(all(&space), space.get("b"));
        assert_eq!(items.len(), 3);
        assert_eq!(one.unwrap().as_deref(), Some("b"));
        assert_eq!(space.pop("a").await.unwrap().as_deref(), Some(word));
    }
}
