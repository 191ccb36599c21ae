//! `RedisKey` on a real server.

use std::time::{Duration, SystemTime};

use purse::{
    Client, ErrorKind, ExpiryCondition, KeyType, RedisHash, RedisKey, RedisList, Result, Ttl,
};
use purse_testkit::{Release, Server};
use purse_tests::{calls, client, cluster_of_one, fresh};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const CONDITIONS: [ExpiryCondition; 4] = [
    ExpiryCondition::OnlyPersistent,
    ExpiryCondition::OnlyExpiring,
    ExpiryCondition::OnlyLonger,
    ExpiryCondition::OnlyShorter,
];

/// The server that tests use, and one that lacks the commands for which scripts stand in.
async fn servers() -> Vec<(Server, Client)> {
    let mut servers = Vec::new();
    for release in [Release::Default, Release::Redis6_0_9] {
        let server = Server::builder()
            .release(release)
            .start()
            .expect("a server");
        let client = Client::connect(&server.url()).await.expect("a client");
        servers.push((server, client));
    }
    servers
}

async fn list(client: &Client, key: &str, elements: &[&str]) -> RedisList<String> {
    let list = RedisList::new(client, key);
    list.clear().await.expect("a reply");
    list.extend(elements).await.expect("a reply");
    list
}

#[tokio::test]
async fn an_absent_key() {
    let client = client().await;
    let key = RedisKey::new(&client, fresh("key"));
    assert!(!key.exists().await.unwrap());
    assert_eq!(key.key_type().await.unwrap(), None);
    assert_eq!(key.ttl().await.unwrap(), Ttl::Missing);
    assert_eq!(key.dump().await.unwrap(), None);
    assert!(!key.expire(Duration::from_secs(1)).await.unwrap());
    assert!(!key.persist().await.unwrap());
    assert!(!key.touch().await.unwrap());
    assert!(!key.delete().await.unwrap());
    assert_eq!(key.memory_usage().await.unwrap(), None);
    let other = RedisKey::new(&client, fresh("key"));
    assert!(!key.copy(&other).await.unwrap());
    assert!(!key.copy_replace(&other).await.unwrap());
    for condition in CONDITIONS {
        assert!(!key.expire_if(MINUTE, condition).await.unwrap());
        let at = SystemTime::now() + MINUTE;
        assert!(!key.expire_at_if(at, condition).await.unwrap());
    }
    for error in [
        key.rename(fresh("key")).await.unwrap_err(),
        key.rename_if_absent(fresh("key"))
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}

#[tokio::test]
async fn ttl_is_set_read_and_removed() {
    let client = client().await;
    let list: RedisList<String> = RedisList::new(&client, fresh("key"));
    list.push_back("x").await.unwrap();
    let key = list.key();
    assert_eq!(key.ttl().await.unwrap(), Ttl::Persistent);
    assert!(!key.persist().await.unwrap());

    let most = Duration::from_millis(60_500);
    assert!(list.expire(most).await.unwrap());
    let left = list
        .ttl()
        .await
        .unwrap()
        .remaining()
        .expect("a time to live");
    assert!(
        left <= most && left > most - Duration::from_secs(10),
        "{left:?}"
    );
    assert!(key.persist().await.unwrap());
    assert_eq!(key.ttl().await.unwrap(), Ttl::Persistent);

    assert!(key.expire_at(SystemTime::now() + most).await.unwrap());
    let left = key
        .ttl()
        .await
        .unwrap()
        .remaining()
        .expect("a time to live");
    assert!(
        left <= most + Duration::from_millis(1) && left > most - Duration::from_secs(10),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_time_to_live_that_would_delete_or_overflow_changes_nothing() {
    let client = client().await;
    let list: RedisList<String> = RedisList::new(&client, fresh("key"));
    list.push_back("x").await.unwrap();
    let key = list.key();
    for ttl in [Duration::ZERO, Duration::from_micros(999), Duration::MAX] {
        let error = key.expire(ttl).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{ttl:?}: {error}");
        let error = key.restore_replace("x", Some(ttl)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{ttl:?}: {error}");
    }
    let now = SystemTime::now();
    for at in [SystemTime::UNIX_EPOCH, now, now - Duration::from_secs(1)] {
        let error = key.expire_at(at).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{at:?}: {error}");
    }
    assert_eq!(key.ttl().await.unwrap(), Ttl::Persistent);
    // The longest that is let through is one that the server takes.
    assert!(
        key.expire(Duration::from_millis(i64::MAX as u64 / 2))
            .await
            .unwrap()
    );
    assert!(key.ttl().await.unwrap().remaining().is_some());
}

#[tokio::test]
async fn a_dump_makes_the_same_value_elsewhere() {
    let client = client().await;
    let from: RedisList<String> = RedisList::new(&client, fresh("key"));
    let to: RedisList<String> = RedisList::new(&client, fresh("key"));
    from.extend(["a", "b"]).await.unwrap();
    let dump = from.key().dump().await.unwrap().expect("a value");

    to.key().restore(dump.clone(), None).await.unwrap();
    assert_eq!(to.to_vec().await.unwrap(), ["a", "b"]);
    assert_eq!(to.ttl().await.unwrap(), Ttl::Persistent);

    to.push_back("c").await.unwrap();
    let error = to.key().restore(dump.clone(), None).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Server, Some("BUSYKEY")),
        "{error}"
    );
    let error = to.key().restore_replace("no dump", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert_eq!(
        to.len().await.unwrap(),
        3,
        "a refused restore changed something"
    );

    to.key()
        .restore_replace(dump, Some(Duration::from_secs(60)))
        .await
        .unwrap();
    assert_eq!(to.to_vec().await.unwrap(), ["a", "b"]);
    assert!(to.ttl().await.unwrap().remaining().is_some());
}

#[tokio::test]
async fn a_rename_keeps_value_and_time_to_live_and_replaces() {
    let client = client().await;
    let (old, new) = (fresh("key"), fresh("key"));
    let list: RedisList<String> = RedisList::new(&client, &old);
    list.push_back("x").await.unwrap();
    list.expire(Duration::from_secs(60)).await.unwrap();
    let renamed: RedisList<String> = RedisList::new(&client, &new);
    renamed.push_back("replaced").await.unwrap();

    list.key().rename(&new).await.unwrap();
    assert!(!list.exists().await.unwrap());
    assert_eq!(renamed.to_vec().await.unwrap(), ["x"]);
    assert!(renamed.ttl().await.unwrap().remaining().is_some());
}

#[tokio::test]
async fn key_type_is_returned() {
    let client = client().await;
    let key = RedisKey::new(&client, fresh("key"));
    for (command, args, expected) in [
        ("SET", vec!["v"], KeyType::String),
        ("LPUSH", vec!["v"], KeyType::List),
        ("HSET", vec!["f", "v"], KeyType::Hash),
        ("SADD", vec!["v"], KeyType::Set),
        ("ZADD", vec!["1", "v"], KeyType::SortedSet),
        ("XADD", vec!["*", "f", "v"], KeyType::Stream),
    ] {
        let make = [
            vec![command, std::str::from_utf8(key.name()).unwrap()],
            args,
        ]
        .concat();
        purse_tests::shared().command(&make).unwrap();
        assert_eq!(key.key_type().await.unwrap(), Some(expected));
        assert!(key.touch().await.unwrap());
        assert!(key.delete().await.unwrap());
    }
}

#[tokio::test]
async fn any_bytes_are_a_key() {
    let client = client().await;
    let prefix = fresh("key").into_bytes();
    for name in [&b""[..], b"*?[]{}\\", b"\x00\xff\r\n", "ключ".as_bytes()] {
        let key = [&prefix[..], name].concat();
        let list: RedisList<String> = RedisList::new(&client, &key);
        list.push_back("x").await.unwrap();
        assert_eq!(list.key().name(), key);
        assert_eq!(list.to_vec().await.unwrap(), ["x"]);
        assert!(list.clear().await.unwrap());
    }
    // The empty key, too; other tests leave it alone.
    let list: RedisList<String> = RedisList::new(&client, "");
    list.push_back("x").await.unwrap();
    assert_eq!(list.len().await.unwrap(), 1);
    assert!(list.clear().await.unwrap());
    assert!(!list.clear().await.unwrap());
}

#[tokio::test]
async fn copy_keeps_value_and_time_to_live() {
    for (_server, client) in servers().await {
        let from = list(&client, "from", &["a", "b"]).await;
        let to: RedisList<String> = RedisList::new(&client, "to");
        assert!(from.key().copy(&to.key()).await.unwrap());
        assert_eq!(to.to_vec().await.unwrap(), ["a", "b"]);
        assert_eq!(to.ttl().await.unwrap(), Ttl::Persistent);
        assert_eq!(from.len().await.unwrap(), 2);

        from.push_back("c").await.unwrap();
        assert!(from.expire(MINUTE).await.unwrap());
        assert!(!from.key().copy(&to.key()).await.unwrap());
        assert_eq!(to.len().await.unwrap(), 2, "nothing is replaced");
        assert!(from.key().copy_replace(&to.key()).await.unwrap());
        assert_eq!(to.to_vec().await.unwrap(), ["a", "b", "c"]);
        let left = to.ttl().await.unwrap().remaining().expect("a time to live");
        assert!(left <= MINUTE && left > MINUTE / 2, "{left:?}");
        from.push_back("d").await.unwrap();
        assert_eq!(to.len().await.unwrap(), 3, "two values");

        // Of any type, binary and large, and over one of another type.
        let hash: RedisHash<u32, Vec<u8>> = RedisHash::new(&client, "hash");
        let bytes: Vec<u8> = (0..=255).collect();
        hash.extend((0..5_000).map(|n| (n, bytes.clone())))
            .await
            .unwrap();
        assert!(!hash.key().copy(&to.key()).await.unwrap());
        assert!(hash.key().copy_replace(&to.key()).await.unwrap());
        let copied: RedisHash<u32, Vec<u8>> = RedisHash::new(&client, "to");
        assert_eq!(copied.len().await.unwrap(), 5_000);
        assert_eq!(copied.get(4_999).await.unwrap(), Some(bytes));
        assert_eq!(copied.ttl().await.unwrap(), Ttl::Persistent);

        let absent = RedisKey::new(&client, "absent");
        assert!(!absent.copy_replace(&to.key()).await.unwrap());
        assert_eq!(copied.len().await.unwrap(), 5_000, "nothing is replaced");
    }
}

#[tokio::test]
async fn copy_to_itself_or_another_slot_is_refused_unsent() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let a = RedisKey::new(&client, "a");
    let b = RedisKey::new(&client, "b");
    let before = client.stats().commands;
    for (error, kind) in [
        (a.copy(&a.clone()).await.map(drop), ErrorKind::InvalidInput),
        (a.copy_replace(&a).await.map(drop), ErrorKind::InvalidInput),
        (a.copy(&b).await.map(drop), ErrorKind::CrossSlot),
        (a.copy_replace(&b).await.map(drop), ErrorKind::CrossSlot),
        (a.rename("b").await, ErrorKind::CrossSlot),
        (
            a.rename_if_absent("b").await.map(drop),
            ErrorKind::CrossSlot,
        ),
    ] {
        let error: Result<()> = error;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.command().is_some() && error.server().is_some());
    }
    assert_eq!(client.stats().commands, before, "nothing is sent");
    let from = list(&client, "{tag}a", &["x"]).await;
    assert!(
        from.key()
            .copy(&RedisKey::new(&client, "{tag}b"))
            .await
            .unwrap()
    );
    assert!(from.key().rename_if_absent("{tag}c").await.unwrap());
}

#[tokio::test]
async fn rename_if_absent_replaces_nothing() {
    let client = client().await;
    let (old, new) = (fresh("key"), fresh("key"));
    let from = list(&client, &old, &["x"]).await;
    let to = list(&client, &new, &["y"]).await;
    from.expire(MINUTE).await.unwrap();
    assert!(!from.key().rename_if_absent(&new).await.unwrap());
    assert_eq!(from.to_vec().await.unwrap(), ["x"]);
    assert_eq!(to.to_vec().await.unwrap(), ["y"]);
    to.clear().await.unwrap();
    assert!(from.key().rename_if_absent(&new).await.unwrap());
    assert!(!from.exists().await.unwrap());
    assert_eq!(to.to_vec().await.unwrap(), ["x"]);
    assert!(to.ttl().await.unwrap().remaining().is_some());
}

/// The conditions, and whether each holds for a key that is persistent, one that goes earlier and one
/// that goes later.
const HOLDS: [(ExpiryCondition, [bool; 3]); 4] = [
    (ExpiryCondition::OnlyPersistent, [true, false, false]),
    (ExpiryCondition::OnlyExpiring, [false, true, true]),
    (ExpiryCondition::OnlyLonger, [false, true, false]),
    (ExpiryCondition::OnlyShorter, [true, false, true]),
];

#[tokio::test]
async fn expiry_conditions_hold_on_every_server() {
    for (server, client) in servers().await {
        let key = list(&client, "key", &["x"]).await.key();
        for (condition, holds) in HOLDS {
            let before = [None, Some(MINUTE), Some(24 * HOUR)];
            for (ttl, holds) in before.into_iter().zip(holds) {
                for absolute in [false, true] {
                    key.persist().await.unwrap();
                    if let Some(ttl) = ttl {
                        assert!(key.expire(ttl).await.unwrap());
                    }
                    let set = match absolute {
                        true => key.expire_at_if(SystemTime::now() + HOUR, condition).await,
                        false => key.expire_if(HOUR, condition).await,
                    };
                    let context = format!("{condition:?} on {ttl:?}, {absolute}");
                    assert_eq!(set.unwrap(), holds, "{context}");
                    let left = key.ttl().await.unwrap().remaining();
                    let expected = if holds { Some(HOUR) } else { ttl };
                    assert_eq!(left.is_some(), expected.is_some(), "{context}");
                    let is_near = |(left, expected): (Duration, Duration)| {
                        left <= expected + MINUTE / 60 && left > expected / 2
                    };
                    assert!(
                        left.zip(expected).is_none_or(is_near),
                        "{context}: {left:?}"
                    );
                }
            }
        }
        let is_old = server.binary().version().major < 7;
        assert_eq!(
            calls(&server, "eval") > 0,
            is_old,
            "the command where there is one"
        );

        // In an atomic batch, the script runs on each server.
        let mut batch = client.batch().atomic();
        let set = batch.add(key.expire_if(24 * HOUR, ExpiryCondition::OnlyShorter));
        let copied = batch.add(key.copy(&RedisKey::new(&client, "copy")));
        let usage = batch.add(key.memory_usage());
        batch.send().await.unwrap();
        assert!(!set.take().unwrap() && copied.take().unwrap());
        assert!(usage.take().unwrap().is_some());
    }
}

#[tokio::test]
async fn expiry_condition_with_a_bad_time_changes_nothing() {
    let client = client().await;
    let key = list(&client, &fresh("key"), &["x"]).await.key();
    for condition in CONDITIONS {
        for ttl in [Duration::ZERO, Duration::from_micros(999), Duration::MAX] {
            let error = key.expire_if(ttl, condition).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{ttl:?}: {error}");
        }
        let error = key.expire_at_if(SystemTime::UNIX_EPOCH, condition).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(key.ttl().await.unwrap(), Ttl::Persistent);
}

#[tokio::test]
async fn memory_usage_grows_with_the_value() {
    let client = client().await;
    let list = list(&client, &fresh("key"), &["x"]).await;
    let small = list.key().memory_usage().await.unwrap().expect("a value");
    list.push_back("x".repeat(100_000)).await.unwrap();
    let large = list.key().memory_usage().await.unwrap().expect("a value");
    assert!(small > 0 && large > small + 100_000, "{small} and {large}");
}
