//! `RedisLruMap` on a real server.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{
    Client, Decoded, ErrorKind, ReadFrom, RedisHash, RedisList, RedisLruMap, Ttl, sibling_key,
};
use purse_testkit::{Cluster, Release, Server};
use purse_tests::{calls, client, cluster_of_one, fresh, until};

type Map = RedisLruMap<String, i64>;

/// A map that notes each use.
fn exact(client: &Client, key: &str, capacity: u64) -> Map {
    let map = Map::new(client, key, capacity).expect("a capacity");
    map.note_uses(1)
}

async fn exact_map(capacity: u64) -> Map {
    exact(&client().await, &fresh("lru"), capacity)
}

/// The keys, in alphabetical order.
async fn keys(map: &Map) -> String {
    let keys: BTreeSet<String> = map.keys().try_collect().await.expect("keys");
    keys.into_iter().collect()
}

async fn fill(map: &Map, letters: &str) {
    for letter in letters.chars() {
        map.insert(letter.to_string(), 0).await.expect("a reply");
    }
}

#[tokio::test]
async fn an_absent_map_is_an_empty_one() {
    let map = exact_map(3).await;
    assert!(map.is_empty().await.unwrap() && !map.exists().await.unwrap());
    assert_eq!(map.len().await.unwrap(), 0);
    assert_eq!(map.get("a").await.unwrap(), None);
    assert_eq!(map.peek("a").await.unwrap(), None);
    assert!(!map.contains_key("a").await.unwrap());
    assert_eq!(map.remove("a").await.unwrap(), None);
    assert!(!map.delete("a").await.unwrap());
    assert_eq!(map.shrink().await.unwrap(), 0);
    assert!(map.to_map().await.unwrap().is_empty());
    assert!(map.iter().next().await.is_none());
    assert_eq!(map.ttl().await.unwrap(), Ttl::Missing);
    assert!(!map.expire(Duration::from_secs(60)).await.unwrap());
    assert!(!map.persist().await.unwrap());
    assert!(!map.clear().await.unwrap());
    assert!(!map.exists().await.unwrap());
}

#[tokio::test]
async fn entry_that_was_not_used_for_the_longest_time_is_evicted() {
    let map = exact_map(3).await;
    fill(&map, "abc").await;
    assert_eq!(map.get("a").await.unwrap(), Some(0));
    fill(&map, "d").await;
    assert_eq!(keys(&map).await, "acd", "b was not used");
    assert_eq!(map.insert("c", 1).await.unwrap(), Some(0));
    assert_eq!(map.get_or_insert("a", 9).await.unwrap(), 0);
    assert_eq!(map.peek("d").await.unwrap(), Some(0));
    assert!(map.contains_key("d").await.unwrap());
    assert_eq!(map.get_or_insert("e", 5).await.unwrap(), 5);
    assert_eq!(keys(&map).await, "ace", "peek and contains_key use nothing");
    assert_eq!(map.remove("a").await.unwrap(), Some(0));
    fill(&map, "f").await;
    assert_eq!(keys(&map).await, "cef", "a removal makes room");
    assert!(map.delete("e").await.unwrap());
    assert_eq!(map.len().await.unwrap(), 2);
    let one = exact_map(1).await;
    fill(&one, "aba").await;
    assert_eq!(keys(&one).await, "a");
}

#[tokio::test]
async fn one_of_eight_gets_notes_the_use() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let map = Map::new(&client, "lru", 10).unwrap();
    fill(&map, "ab").await;
    let before = calls(&server, "zrevrange");
    for _ in 0..1_600 {
        assert_eq!(map.get("a").await.unwrap(), Some(0));
    }
    let noted = calls(&server, "zrevrange") - before;
    // 200 are expected; the bounds are eleven standard deviations away.
    assert!((50..350).contains(&noted), "{noted}");
    assert_eq!(calls(&server, "zadd"), 3, "the last one stays the last one");
    let never = map.clone().note_uses(u32::MAX);
    let before = calls(&server, "zrevrange");
    for _ in 0..100 {
        assert_eq!(never.get("a").await.unwrap(), Some(0));
    }
    assert!(calls(&server, "zrevrange") - before < 2);
    assert_eq!(map.note_uses(0).get("b").await.unwrap(), Some(0));
    assert_eq!(calls(&server, "zadd"), 4, "0 is taken for 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn map_is_bounded_at_every_moment() {
    let client = client().await;
    let key = fresh("lru");
    let inserts: Vec<_> = (0..8)
        .map(|task: i64| {
            let map = Map::new(&client, &key, 20).expect("a capacity");
            tokio::spawn(async move {
                for n in 0..200 {
                    map.insert(format!("{task}:{n}"), n).await.expect("a reply");
                    let used = format!("{task}:{}", n / 2);
                    map.get(used).await.expect("a reply");
                }
            })
        })
        .collect();
    let map = Map::new(&client, &key, 20).unwrap();
    let mut most = 0;
    while inserts.iter().any(|insert| !insert.is_finished()) {
        let length = map.len().await.unwrap();
        assert!(length <= 20, "{length}");
        most = most.max(length);
    }
    for insert in inserts {
        insert.await.unwrap();
    }
    assert_eq!(most, 20);
    assert_eq!(map.len().await.unwrap(), 20);
}

#[tokio::test]
async fn lower_capacity_is_reached_64_entries_at_a_time() {
    let client = client().await;
    let key = fresh("lru");
    let map: RedisLruMap<u32, u32> = RedisLruMap::new(&client, &key, 1_000).unwrap();
    assert_eq!(map.capacity(), 1_000);
    for n in 0..300 {
        map.insert(n, n).await.unwrap();
    }
    let smaller: RedisLruMap<u32, u32> = RedisLruMap::new(&client, &key, 100).unwrap();
    for (inserted, left) in [(300, 237), (300, 173), (301, 110), (302, 100), (303, 100)] {
        smaller.insert(inserted, 0).await.unwrap();
        assert_eq!(smaller.len().await.unwrap(), left);
        assert!(smaller.contains_key(inserted).await.unwrap());
    }
    let tiny: RedisLruMap<u32, u32> = RedisLruMap::new(&client, &key, 10).unwrap();
    assert_eq!(tiny.shrink().await.unwrap(), 90);
    let mut keys: Vec<u32> = tiny.keys().try_collect().await.unwrap();
    keys.sort_unstable();
    assert_eq!(keys, (294..304).collect::<Vec<_>>());
    assert_eq!(tiny.shrink().await.unwrap(), 0);
    map.insert(0, 0).await.unwrap();
    assert_eq!(
        map.len().await.unwrap(),
        11,
        "a larger capacity evicts none"
    );
}

#[tokio::test]
async fn both_keys_expire_and_are_cleared_together() {
    let client = client().await;
    let key = fresh("lru");
    let map = exact(&client, &key, 3);
    let sibling = purse::RedisKey::new(&client, sibling_key(key.as_bytes(), "uses"));
    fill(&map, "ab").await;
    assert!(map.expire(Duration::from_secs(60)).await.unwrap());
    for ttl in [map.ttl().await.unwrap(), sibling.ttl().await.unwrap()] {
        let left = ttl.remaining().expect("a time to live");
        let about = Duration::from_secs(30)..=Duration::from_secs(60);
        assert!(about.contains(&left), "{left:?}");
    }
    fill(&map, "cd").await;
    assert!(map.ttl().await.unwrap().remaining().is_some());
    assert!(sibling.ttl().await.unwrap().remaining().is_some());
    assert!(map.persist().await.unwrap());
    assert_eq!(sibling.ttl().await.unwrap(), Ttl::Persistent);
    assert!(!map.persist().await.unwrap());
    for bad in [Duration::ZERO, Duration::from_micros(1), Duration::MAX] {
        let error = map.expire(bad).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    let longest = Duration::from_millis(i64::MAX as u64 / 2);
    assert!(map.expire(longest).await.unwrap());
    assert!(map.expire(Duration::from_millis(1)).await.unwrap());
    until("both expire", async || {
        !map.exists().await.unwrap() && !sibling.exists().await.unwrap()
    })
    .await;
    fill(&map, "ab").await;
    assert!(map.clear().await.unwrap());
    assert!(!map.exists().await.unwrap() && !sibling.exists().await.unwrap());
    fill(&map, "a").await;
    map.remove("a").await.unwrap();
    assert!(!sibling.exists().await.unwrap(), "no entry, no garbage");
}

/// A full server may evict one of the keys, and other programs know nothing of the sorted set.
#[tokio::test]
async fn map_stays_bounded_after_a_key_was_lost() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        let uses = sibling_key(b"lru", "uses");
        let sibling = purse::RedisKey::new(&client, &uses);
        let map = exact(&client, "lru", 1_000);
        for n in 0..1_000 {
            map.insert(n.to_string(), n).await.unwrap();
        }
        map.expire(Duration::from_secs(60)).await.unwrap();
        sibling.delete().await.unwrap();
        for n in 1_000..3_000 {
            map.insert(n.to_string(), n).await.unwrap();
            assert_eq!(map.len().await.unwrap(), 1_000);
            assert_eq!(
                map.get(n.to_string()).await.unwrap(),
                Some(n),
                "{release:?}"
            );
        }
        assert!(sibling.ttl().await.unwrap().remaining().is_some());
        let mut left: Vec<i64> = map.to_map().await.unwrap().into_values().collect();
        left.sort_unstable();
        let old = left.iter().filter(|n| **n < 1_000).count();
        assert!(old < 100, "{old} entries without a number are left");

        // The hash is lost: its numbers mean nothing.
        client
            .run(purse::Command::write("DEL").key("lru"))
            .await
            .unwrap();
        map.insert("a", 1).await.unwrap();
        let numbers = server.command(&["ZCARD", std::str::from_utf8(&uses).unwrap()]);
        assert_eq!(numbers.unwrap().int(), Some(1));
        assert_eq!(sibling.ttl().await.unwrap(), Ttl::Persistent);
        // Entries of another program.
        let hash: RedisHash<String, i64> = RedisHash::new(&client, "lru");
        hash.extend((0..50).map(|n| (n.to_string(), n)))
            .await
            .unwrap();
        let small = exact(&client, "lru", 10);
        small.insert("b", 2).await.unwrap();
        assert_eq!(small.len().await.unwrap(), 10);
        assert_eq!(small.get("b").await.unwrap(), Some(2));
    }
}

#[tokio::test]
async fn map_works_in_a_cluster_and_in_batches() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    for key in ["no hash tag", "{tag}key", "odd{", "{}"] {
        let map = exact(&client, key, 2);
        for atomic in [false, true] {
            let mut batch = client.batch();
            if atomic {
                batch = batch.atomic();
            }
            let none = batch.add(map.insert("a", 1));
            let old = batch.add(map.insert("a", 2));
            let got = batch.add(map.get("a"));
            let kept = batch.add(map.get_or_insert("b", 3));
            let _ = batch.add(map.insert("c", 4));
            let expires = batch.add(map.expire(Duration::from_secs(60)));
            let length = batch.add(map.len());
            let cleared = batch.add(map.clear());
            batch.send().await.unwrap();
            assert_eq!((none.take().unwrap(), old.take().unwrap()), (None, Some(1)));
            assert_eq!((got.take().unwrap(), kept.take().unwrap()), (Some(2), 3));
            assert!(expires.take().unwrap());
            assert_eq!(length.take().unwrap(), 2);
            assert!(cleared.take().unwrap());
        }
        fill(&map, "abc").await;
        assert_eq!(map.remove("c").await.unwrap(), Some(0));
        assert_eq!(map.shrink().await.unwrap(), 0);
    }
}

/// A replica notes no use, and returns the value.
#[tokio::test]
async fn get_from_a_replica_returns_the_value() {
    let cluster = Cluster::start(1, 1).unwrap();
    let replica = &cluster.nodes()[1];
    let builder = Client::builder(&cluster.url()).read_from(ReadFrom::PreferReplica);
    let client = builder.connect().await.unwrap();
    let map = exact(&client, "lru", 2);
    fill(&map, "ab").await;
    until("the replica has both", async || {
        map.len().await.unwrap() == 2
    })
    .await;
    let scripts = || calls(replica, "eval") + calls(replica, "evalsha");
    until("a replica runs the script", async || {
        // One of them is not the one that was used last, so its use would be noted.
        for key in ["a", "b"] {
            assert_eq!(map.get(key).await.unwrap(), Some(0));
        }
        scripts() > 3
    })
    .await;
    fill(&map, "c").await;
    until("the replica has the new entry", async || {
        map.peek("c").await.unwrap().is_some()
    })
    .await;
    assert_eq!(map.len().await.unwrap(), 2);
}

#[tokio::test]
async fn full_server_refuses_inserts_and_answers_gets() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let map = exact(&client, "lru", 2);
    fill(&map, "ab").await;
    server
        .command(&["CONFIG", "SET", "maxmemory", "1"])
        .unwrap();
    for key in ["a", "c"] {
        let error = map.insert(key, 1).await.unwrap_err();
        assert_eq!(error.code(), Some("OOM"), "{error}");
        assert_eq!(keys(&map).await, "ab");
    }
    let error = map.get_or_insert("c", 1).await.unwrap_err();
    assert_eq!(error.code(), Some("OOM"), "{error}");
    assert_eq!(map.get("a").await.unwrap(), Some(0));
    assert_eq!(map.get_or_insert("a", 1).await.unwrap(), 0);
    let small = exact(&client, "lru", 1);
    assert_eq!(small.shrink().await.unwrap(), 1);
    assert_eq!(map.remove("b").await.unwrap(), Some(0));
    assert!(!map.exists().await.unwrap());
}

#[tokio::test]
async fn failed_shrink_reports_how_many_are_gone() {
    let server = Server::start().unwrap();
    server.user("app", "secret", "~* +@all").unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    for n in 0..200 {
        exact(&client, "lru", 1_000)
            .insert(n.to_string(), n)
            .await
            .unwrap();
    }
    let limited = Client::connect(&server.url_of("app", "secret"))
        .await
        .unwrap();
    server.command(&["ACL", "SETUSER", "app", "-hdel"]).unwrap();
    let error = exact(&limited, "lru", 10).shrink().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.done()),
        (ErrorKind::Auth, 0),
        "{error}"
    );
    let map = exact(&client, "lru", 10);
    assert_eq!(map.len().await.unwrap(), 200);
    assert_eq!(map.shrink().await.unwrap(), 190);
}

#[tokio::test]
async fn user_without_the_right_to_note_a_use_gets_values() {
    let server = Server::start().unwrap();
    server.user("reader", "secret", "~* +@all -zadd").unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    fill(&exact(&client, "lru", 2), "ab").await;
    let reader = Client::connect(&server.url_of("reader", "secret"))
        .await
        .unwrap();
    let map = exact(&reader, "lru", 2);
    assert_eq!(map.get("a").await.unwrap(), Some(0));
    let error = map.insert("c", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert_eq!(keys(&map).await, "ab", "nothing changed");
}

#[tokio::test]
async fn undecodable_value_is_an_error_with_its_bytes() {
    let client = client().await;
    let key = fresh("lru");
    let texts: RedisLruMap<String, String> = RedisLruMap::new(&client, &key, 9).unwrap();
    texts.insert("a", "two").await.unwrap();
    texts.insert("b", "1").await.unwrap();
    let map = exact(&client, &key, 9);
    let two = Bytes::from("two");
    for error in [
        map.get("a").await.unwrap_err(),
        map.peek("a").await.unwrap_err(),
        map.get_or_insert("a", 1).await.unwrap_err(),
        map.to_map().await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.bytes()),
            (ErrorKind::Decode, Some(&two))
        );
        assert_eq!(error.field().map(|field| &**field), Some(&b"a"[..]));
    }
    let all = map.lenient().to_map().await.unwrap();
    assert_eq!(
        all.into_values()
            .filter_map(Decoded::ok)
            .collect::<Vec<_>>(),
        [1]
    );
    let error = map.insert("a", 2).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.removed()),
        (ErrorKind::Decode, &[two.clone()][..])
    );
    assert_eq!(map.get("a").await.unwrap(), Some(2), "the new value is set");
    texts.insert("a", "two").await.unwrap();
    let error = map.remove("a").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.removed()),
        (ErrorKind::Decode, &[two][..])
    );
    assert!(!map.contains_key("a").await.unwrap());
}

#[tokio::test]
async fn bad_input_changes_nothing() {
    let client = client().await;
    let error = Map::new(&client, "lru", 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let floats: RedisLruMap<String, f64> = RedisLruMap::new(&client, fresh("lru"), 9).unwrap();
    for error in [
        floats.insert("a", f64::NAN).await.unwrap_err(),
        floats.get_or_insert("a", f64::NAN).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert!(!floats.exists().await.unwrap());
    let most = exact(&client, &fresh("lru"), u64::MAX);
    fill(&most, "abc").await;
    assert_eq!(most.len().await.unwrap(), 3);

    let list: RedisList<String> = RedisList::new(&client, fresh("lru"));
    list.push_back("x").await.unwrap();
    let map = exact(&client, std::str::from_utf8(list.key().name()).unwrap(), 1);
    for error in [
        map.len().await.unwrap_err(),
        map.get("a").await.unwrap_err(),
        map.insert("a", 1).await.unwrap_err(),
        map.get_or_insert("a", 1).await.unwrap_err(),
        map.remove("a").await.unwrap_err(),
        map.shrink().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(list.to_vec().await.unwrap(), ["x"]);

    // Another program has the name of the sorted set.
    let key = fresh("lru");
    let taken: RedisList<String> = RedisList::new(&client, sibling_key(key.as_bytes(), "uses"));
    taken.push_back("x").await.unwrap();
    let hash: RedisHash<String, i64> = RedisHash::new(&client, &key);
    hash.extend([("a", 1), ("b", 2)]).await.unwrap();
    let map = exact(&client, &key, 1);
    for error in [
        map.insert("c", 1).await.unwrap_err(),
        map.get_or_insert("c", 1).await.unwrap_err(),
        map.remove("a").await.unwrap_err(),
        map.shrink().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(map.get("a").await.unwrap(), Some(1));
    assert_eq!(
        (hash.len().await.unwrap(), taken.len().await.unwrap()),
        (2, 1)
    );
}
