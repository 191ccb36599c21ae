//! `RedisKey` on a real server.

use std::time::{Duration, SystemTime};

use purse::{ErrorKind, KeyType, RedisKey, RedisList, Ttl};
use purse_tests::{client, fresh};

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
    let error = key.rename(fresh("key")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
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
