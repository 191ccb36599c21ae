//! Writes that depend on the value.

use std::collections::BTreeMap;

use futures::future::join_all;
use purse::{ErrorKind, RedisKeySpace, RedisList, Ttl};
use purse_tests::{client, fresh};

use super::{MINUTE, numbers};

#[tokio::test]
async fn compare_and_set_changes_only_the_expected_value() {
    let space = numbers(&[("a", 1)]).await;
    assert!(!space.compare_and_set("a", 2, 3).await.unwrap());
    assert!(!space.compare_and_set("absent", 0, 3).await.unwrap());
    assert!(!space.contains("absent").await.unwrap());
    assert_eq!(space.get("a").await.unwrap(), Some(1));
    assert!(space.compare_and_set("a", 1, 2).await.unwrap());
    assert_eq!(space.get("a").await.unwrap(), Some(2));
    assert_eq!(space.ttl("a").await.unwrap(), Ttl::Persistent);

    assert!(space.expire("a", MINUTE).await.unwrap());
    assert!(space.compare_and_set("a", 2, 3).await.unwrap());
    assert!(space.ttl("a").await.unwrap().remaining().is_some(), "kept");
    let longer = space.clone().with_ttl(60 * MINUTE);
    assert!(!longer.compare_and_set("a", 9, 4).await.unwrap());
    let left = space.ttl("a").await.unwrap().remaining().unwrap();
    assert!(left <= MINUTE, "{left:?}");
    assert!(longer.compare_and_set("a", 3, 4).await.unwrap());
    let left = space.ttl("a").await.unwrap().remaining().unwrap();
    assert!(left > MINUTE, "{left:?}");
}

#[tokio::test]
async fn compare_and_delete_removes_only_the_expected_value() {
    let space = numbers(&[("a", 1)]).await;
    assert!(!space.compare_and_delete("a", 2).await.unwrap());
    assert!(!space.compare_and_delete("absent", 1).await.unwrap());
    assert_eq!(space.get("a").await.unwrap(), Some(1));
    assert!(space.compare_and_delete("a", 1).await.unwrap());
    assert!(!space.contains("a").await.unwrap());
    assert!(!space.compare_and_delete("a", 1).await.unwrap());
}

#[tokio::test]
async fn values_are_compared_as_bytes() {
    let client = client().await;
    let every: Vec<u8> = (0..=255).collect();
    let space: RedisKeySpace<Vec<u8>> = RedisKeySpace::new(&client, fresh("compare"));
    for value in [&every[..], b"", b"0", b"\r\n"] {
        space.set("k", value).await.unwrap();
        assert!(!space.compare_and_set("k", b"other", b"").await.unwrap());
        assert!(space.compare_and_set("k", value, value).await.unwrap());
        assert_eq!(space.get("k").await.unwrap().unwrap(), value);
        assert!(space.compare_and_delete("k", value).await.unwrap());
    }
    let maps: RedisKeySpace<BTreeMap<String, u32>> = RedisKeySpace::new(&client, space.prefix());
    let map = BTreeMap::from([("b".to_owned(), 1), ("a".to_owned(), 2)]);
    maps.set("k", &map).await.unwrap();
    assert!(maps.compare_and_delete("k", &map).await.unwrap());
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let space = numbers(&[]).await.with_ttl(MINUTE);
    let list: RedisList<String> = RedisList::new(&client, space.key("list").unwrap().name());
    list.push_back("x").await.unwrap();
    for error in [
        space.compare_and_set("list", 1, 2).await.unwrap_err(),
        space.compare_and_delete("list", 1).await.unwrap_err(),
        space.increment("list", 1).await.unwrap_err(),
        space.decrement("list", 1).await.unwrap_err(),
        space.get_and_touch("list").await.unwrap_err(),
        space.get_and_expire("list", MINUTE).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(list.to_vec().await.unwrap(), ["x"]);
    assert_eq!(list.ttl().await.unwrap(), Ttl::Persistent);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_compare_and_set_succeeds_once_each() {
    let space = numbers(&[("n", 0)]).await;
    let adders = (0..16).map(|_| {
        let space = space.clone();
        tokio::spawn(async move {
            let mut done = 0;
            while done < 10 {
                let old = space.get("n").await.unwrap().unwrap();
                if space.compare_and_set("n", old, old + 1).await.unwrap() {
                    done += 1;
                }
            }
        })
    });
    for adder in join_all(adders).await {
        adder.unwrap();
    }
    assert_eq!(space.get("n").await.unwrap(), Some(160));
}
