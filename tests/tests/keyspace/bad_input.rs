//! What is refused, and what is handed over where something else failed.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{Client, ErrorKind, RedisKeySpace, RedisList, SetOptions, Ttl};
use purse_testkit::Server;
use purse_tests::{client, fresh};

use super::{all, map, numbers, sort_keys};

#[tokio::test]
async fn a_time_to_live_that_would_delete_or_overflow_changes_nothing() {
    let space = numbers(&[("a", 1)]).await;
    let half = Duration::from_millis(i64::MAX as u64 / 2);
    let too_long = half + Duration::from_nanos(1);
    let too_short = Duration::from_micros(999);
    for ttl in [Duration::ZERO, too_short, too_long, Duration::MAX] {
        let options = SetOptions::new().ttl(ttl);
        for error in [
            space.expire("a", ttl).await.unwrap_err(),
            space.set_with("a", 2, options).await.unwrap_err(),
            space
                .set_with("a", 2, options.return_old())
                .await
                .unwrap_err(),
            space.get_or_insert_with_ttl("b", 2, ttl).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{ttl:?}: {error}");
        }
    }
    assert_eq!(all(&space).await, map(&[("a", 1)]));
    assert_eq!(space.ttl("a").await.unwrap(), Ttl::Persistent);
    // The longest that is let through is one that the server takes.
    let longest = SetOptions::new().ttl(half);
    assert!(space.set_with("a", 2, longest).await.unwrap().is_set());
    assert!(space.ttl("a").await.unwrap().remaining().is_some());
}

#[tokio::test]
async fn a_stream_ends_after_an_error() {
    let server = Server::start().unwrap();
    let client = Client::builder(&server.url())
        .command_timeout(Duration::from_millis(200))
        .connect()
        .await
        .unwrap();
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    space
        .extend((0..100).map(|n| (n.to_string(), n)))
        .await
        .unwrap();
    let mut items = space.items().page_size(10);
    items.next().await.unwrap().unwrap();
    server.kill().unwrap();
    let rest: Vec<_> = items.collect().await;
    let errors = rest.iter().filter(|item| item.is_err()).count();
    assert!(errors == 1 && rest.last().unwrap().is_err(), "{rest:?}");
    assert!(space.len().await.is_err() && space.clear().await.is_err());
}

#[tokio::test]
async fn extend_if_none_exist_refuses_too_many_entries() {
    let space = numbers(&[]).await;
    let entries = |n: usize| (0..n).map(|n| (n.to_string(), n as i64));
    let error = space
        .extend_if_none_exist(entries(65_537))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    // Without end, it would take all memory if it were not refused.
    let error = space
        .extend_if_none_exist((0_i64..).map(|n| (n.to_string(), n)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let texts: RedisKeySpace<String> = RedisKeySpace::new(&client().await, space.prefix());
    let error = texts
        .extend_if_none_exist((0..5).map(|n| (n.to_string(), "x".repeat(16 << 20))))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(space.is_empty().await.unwrap());
    assert!(space.extend_if_none_exist(entries(65_536)).await.unwrap());
    assert_eq!(space.clear().await.unwrap(), 65_536);
}

/// A space of numbers in which `bad` holds none.
async fn create_undecodable() -> RedisKeySpace<i64> {
    let client = client().await;
    let texts: RedisKeySpace<String> = RedisKeySpace::new(&client, fresh("keyspace") + ":");
    texts
        .extend([("a", "1"), ("bad", "two"), ("c", "3")])
        .await
        .expect("a reply");
    RedisKeySpace::new(&client, texts.prefix())
}

#[tokio::test]
async fn undecodable_value_is_an_error_with_its_bytes() {
    let space = create_undecodable().await;
    let two = Bytes::from("two");
    let kept = SetOptions::new().if_absent().return_old();
    for error in [
        space.get("bad").await.unwrap_err(),
        space.get_many(["a", "bad"]).await.unwrap_err(),
        space.get_or_insert("bad", 2).await.unwrap_err(),
        space.set_with("bad", 2, kept).await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.bytes()),
            (ErrorKind::Decode, Some(&two)),
            "{error}"
        );
        assert!(error.removed().is_empty());
    }
    let values: Vec<_> = space.values().collect().await;
    assert_eq!(
        values.iter().filter(|value| value.is_ok()).count(),
        2,
        "the others are seen"
    );
    let items: Vec<_> = space.items().collect().await;
    assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 2);
    let error = items.into_iter().find_map(Result::err).expect("one fails");
    assert_eq!(error.bytes(), Some(&two));
    assert_eq!(sort_keys(&space, None).await, ["a", "bad", "c"]);
}

#[tokio::test]
async fn undecodable_removed_value_is_in_the_error() {
    let space = create_undecodable().await;
    let two = Bytes::from("two");
    let old = SetOptions::new().return_old();
    let error = space.set_with("bad", 2, old).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&two))
    );
    assert_eq!(error.removed(), std::slice::from_ref(&two));
    assert_eq!(space.get("bad").await.unwrap(), Some(2), "it is set");

    let space = create_undecodable().await;
    let error = space.pop("bad").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&two))
    );
    assert_eq!(error.removed(), [two]);
    assert!(!space.contains("bad").await.unwrap());
}

#[tokio::test]
async fn unencodable_value_is_not_sent() {
    let space: RedisKeySpace<f64> = RedisKeySpace::new(&client().await, fresh("keyspace"));
    let entries = [("a", 1.0), ("b", f64::NAN)];
    let old = SetOptions::new().return_old();
    for error in [
        space.set("a", f64::NAN).await.unwrap_err(),
        space.set_with("a", f64::NAN, old).await.unwrap_err(),
        space.get_or_insert("a", f64::NAN).await.unwrap_err(),
        space.extend(entries).await.unwrap_err(),
        space.extend_if_none_exist(entries).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert!(space.is_empty().await.unwrap());
}

#[tokio::test]
async fn failed_later_chunk_reports_done_elements() {
    let space: RedisKeySpace<f64> = RedisKeySpace::new(&client().await, fresh("keyspace") + ":");
    let entries = (0..3_000).map(|n| (n.to_string(), if n == 2_500 { f64::NAN } else { 1.0 }));
    let error = space.extend(entries).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.done()),
        (ErrorKind::Encode, 2_048),
        "{error}"
    );
    assert_eq!(space.len().await.unwrap(), 2_048);
}

#[tokio::test]
async fn a_key_of_another_type_is_in_the_space_but_has_no_value() {
    let space = numbers(&[("a", 1)]).await;
    let list: RedisList<String> =
        RedisList::new(&client().await, space.key("list").unwrap().name());
    list.push_back("x").await.unwrap();
    let old = SetOptions::new().return_old();
    for error in [
        space.get("list").await.unwrap_err(),
        space.pop("list").await.unwrap_err(),
        space.get_or_insert("list", 1).await.unwrap_err(),
        space.set_with("list", 1, old).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    let taken = space.extend_if_none_exist([("b", 1), ("list", 1)]).await;
    assert!(!taken.unwrap());
    assert_eq!(list.to_vec().await.unwrap(), ["x"]);

    assert_eq!(
        space.get_many(["list", "a"]).await.unwrap(),
        [None, Some(1)]
    );
    assert_eq!(all(&space).await, map(&[("a", 1)]), "it has no value");
    assert_eq!(space.values().try_collect::<Vec<_>>().await.unwrap(), [1]);
    assert_eq!(sort_keys(&space, None).await, ["a", "list"]);
    assert!(space.contains("list").await.unwrap());
    assert_eq!(space.len().await.unwrap(), 2);

    space.set("list", 2).await.unwrap();
    assert_eq!(space.get("list").await.unwrap(), Some(2), "replaced");
    RedisList::<String>::new(&client().await, space.key("other").unwrap().name())
        .push_back("x")
        .await
        .unwrap();
    assert_eq!(space.clear().await.unwrap(), 3);
}
