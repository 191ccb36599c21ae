//! Values over the server's limit. It answers with an error and closes the connection, so that the
//! error may be lost on the way.

use futures::FutureExt;
use purse::{
    Client, ErrorKind, GeoPoint, RedisCell, RedisGeo, RedisHash, RedisHyperLogLog, RedisKeySpace,
    RedisList, RedisLruMap, RedisMultimap, RedisQueue, RedisSet, RedisSortedSet, RedisVersioned,
    Result,
};
use purse_testkit::Server;
use purse_tests::until;

/// More than a server takes whose `proto-max-bulk-len` is the smallest there is.
const TOO_MUCH: usize = (1 << 20) + 1;

async fn one_megabyte() -> (Server, Client) {
    let server = Server::builder().config("proto-max-bulk-len", "1mb");
    let server = server.start().expect("a server");
    let client = Client::connect(&server.url()).await.expect("it runs");
    (server, client)
}

/// Looks until the server's words arrive; until then it must be honest that they did not.
async fn wait_refused<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T>) {
    until(what, async || {
        let error = attempt()
            .boxed_local()
            .await
            .err()
            .expect("too large to be stored");
        match error.kind() {
            ErrorKind::Server => {
                let says = error.to_string();
                assert!(says.contains("proto-max-bulk-len"), "{what}: {says}");
                assert!(!error.is_ambiguous() && !error.is_retryable(), "{what}");
                assert_eq!(error.code(), Some("ERR"), "{what}");
                true
            }
            // Lost words, or the connection that was closed by the attempt before.
            ErrorKind::Ambiguous | ErrorKind::NotSent | ErrorKind::Timeout => false,
            _ => panic!("{what}: {error:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_over_the_limit_is_refused_and_the_client_works_on() {
    let (server, client) = one_megabyte().await;
    let big = "x".repeat(TOO_MUCH);
    let big = big.as_str();
    let list: RedisList<String> = RedisList::new(&client, "list");
    wait_refused("RPUSH", async || list.push_back(big).await).await;
    wait_refused("LIST INSERT", async || list.insert(0, big).await).await;
    wait_refused("LPOS", async || list.contains(big).await).await;
    let hash: RedisHash<String, String> = RedisHash::new(&client, "hash");
    wait_refused("HSET", async || hash.set("key", big).await).await;
    wait_refused("HASH INSERT", async || hash.insert("key", big).await).await;
    wait_refused("HGET", async || hash.get(big).await).await;
    let map: RedisMultimap<String, String> = RedisMultimap::new(&client, "multimap");
    wait_refused("ZADD of a multimap", async || map.insert("key", big).await).await;
    let lru: RedisLruMap<String, String> = RedisLruMap::new(&client, "lru", 9).unwrap();
    wait_refused("LRU MAP INSERT", async || lru.insert("key", big).await).await;
    let set: RedisSet<String> = RedisSet::new(&client, "set");
    wait_refused("SADD", async || set.add(big).await).await;
    let sorted: RedisSortedSet<String> = RedisSortedSet::new(&client, "sorted");
    wait_refused("ZADD", async || sorted.insert(big, 1.0).await).await;
    let sketch: RedisHyperLogLog<String> = RedisHyperLogLog::new(&client, "sketch");
    wait_refused("PFADD", async || sketch.add(big).await).await;
    let geo: RedisGeo<String> = RedisGeo::new(&client, "geo");
    let origin = GeoPoint {
        longitude: 0.0,
        latitude: 0.0,
    };
    wait_refused("GEOADD", async || geo.insert(big, origin).await).await;
    let queue: RedisQueue<String> = RedisQueue::new(&client, "queue");
    wait_refused("LPUSH", async || queue.push(big).await).await;
    let space: RedisKeySpace<String> = RedisKeySpace::new(&client, "space:");
    wait_refused("SET", async || space.set("key", big).await).await;
    let cell: RedisCell<String> = RedisCell::new(&client, "cell");
    wait_refused("SET", async || cell.store(big).await).await;
    wait_refused("CELL SWAP", async || cell.swap(big).await).await;
    let versioned: RedisVersioned<String> = RedisVersioned::new(&client, "versioned");
    wait_refused("VERSIONED STORE", async || {
        versioned.store_if(None, big).await
    })
    .await;
    wait_refused("MSETNX", async || {
        let entries = [("a", "1"), ("b", big)];
        space.extend_if_none_exist(entries).await
    })
    .await;
    wait_refused("an atomic batch", async || {
        let mut batch = client.batch().atomic();
        let pushes = [
            batch.add(list.push_back("a")),
            batch.add(list.push_back(big)),
        ];
        let sent = batch.send().await;
        assert!(pushes.into_iter().all(|push| push.take().is_err()));
        sent
    })
    .await;

    let keys = server.command(&["DBSIZE"]).unwrap().int();
    assert_eq!(keys, Some(0), "nothing was stored, whatever the error");
    let most = &big[1..];
    until("the connection is there again", async || {
        list.push_back(most).await.is_ok()
    })
    .await;
    assert_eq!(list.back().await.unwrap().as_deref(), Some(most));
}

#[tokio::test]
async fn bulk_with_a_value_over_the_limit_reports_done_elements() {
    let (_server, client) = one_megabyte().await;
    let items = || {
        (0..3_000).map(|n| match n {
            1_500 => "x".repeat(TOO_MUCH),
            _ => n.to_string(),
        })
    };
    let done = |error: &purse::Error| {
        assert!(matches!(error.done(), 0 | 1_024), "{error:?}");
        // With none done the connection that the attempt before closed was not there again.
        error.done() == 1_024 && error.kind() == ErrorKind::Server
    };
    let list: RedisList<String> = RedisList::new(&client, "list");
    until("a list says what went before", async || {
        until("empty", async || list.clear().await.is_ok()).await;
        let error = list.extend(items()).await.unwrap_err();
        assert_eq!(list.len().await.unwrap(), error.done() as u64);
        done(&error)
    })
    .await;
    let hash: RedisHash<String, String> = RedisHash::new(&client, "hash");
    until("a hash says what went before", async || {
        until("empty", async || hash.clear().await.is_ok()).await;
        let entries = items().enumerate().map(|(n, item)| (n.to_string(), item));
        let error = hash.extend(entries).await.unwrap_err();
        assert_eq!(hash.len().await.unwrap(), error.done() as u64);
        done(&error)
    })
    .await;
    let set: RedisSet<String> = RedisSet::new(&client, "set");
    until("a set says what went before", async || {
        until("empty", async || set.clear().await.is_ok()).await;
        let error = set.extend(items()).await.unwrap_err();
        assert_eq!(set.len().await.unwrap(), error.done() as u64);
        done(&error)
    })
    .await;
    let sorted: RedisSortedSet<String> = RedisSortedSet::new(&client, "sorted");
    until("a sorted set says what went before", async || {
        until("empty", async || sorted.clear().await.is_ok()).await;
        let error = sorted.extend(items().map(|item| (item, 1.0))).await;
        let error = error.unwrap_err();
        assert_eq!(sorted.len().await.unwrap(), error.done() as u64);
        done(&error)
    })
    .await;
    let space: RedisKeySpace<String> = RedisKeySpace::new(&client, "space:");
    until("a key space says what went before", async || {
        until("empty", async || space.clear().await.is_ok()).await;
        let entries = items().enumerate().map(|(n, item)| (n.to_string(), item));
        let error = space.extend(entries).await.unwrap_err();
        assert_eq!(space.len().await.unwrap(), error.done() as u64);
        done(&error)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn value_over_the_limit_gives_neighbours_true_errors() {
    let (_server, client) = one_megabyte().await;
    let list: RedisList<String> = RedisList::new(&client, "list");
    let pushes: Vec<_> = (0..200)
        .map(|n| {
            let list = list.clone();
            let value = match n {
                100 => "x".repeat(TOO_MUCH),
                _ => n.to_string(),
            };
            tokio::spawn(async move { (n, list.push_back(value).await) })
        })
        .collect();
    let (mut stored, mut perhaps) = (Vec::new(), Vec::new());
    for push in pushes {
        match push.await.unwrap() {
            (n, Ok(_)) => stored.push(n.to_string()),
            (n, Err(error)) if error.is_ambiguous() => perhaps.push(n.to_string()),
            (_, Err(error)) if error.kind() == ErrorKind::NotSent => {}
            (100, Err(error)) => assert_eq!(error.kind(), ErrorKind::Server, "{error:?}"),
            (n, Err(error)) => panic!("{n}: {error:?}"),
        }
    }
    let all = list.to_vec().await.unwrap();
    assert!(
        stored.iter().all(|value| all.contains(value)),
        "a push that was acknowledged is lost"
    );
    let is_known = |value: &String| stored.contains(value) || perhaps.contains(value);
    let strange: Vec<_> = all.iter().filter(|value| !is_known(value)).collect();
    assert!(
        strange.is_empty(),
        "stored although surely not done: {strange:?}"
    );
}
