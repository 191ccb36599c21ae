//! What every stream promises: it sees all that stays, and stops when it is dropped.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use purse::{
    Client, ErrorKind, RedisHash, RedisKeySpace, RedisList, RedisMultimap, RedisSet,
    RedisSortedSet, Result,
};
use purse_testkit::{Sentinels, Server};
use purse_tests::{calls, client, fresh, kill_in_step, until};

/// Elements that stay from start to end.
const STAY: u32 = 1_000;
/// Elements that come and go all the while: with them the table grows to thirty times its size, and
/// without them it shrinks again.
const COME: std::ops::Range<u32> = 10_000..40_000;

/// Adds many elements, or removes them.
type Change = Arc<dyn Fn(bool) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Reads the stream while another task changes the table below it, and accounts for each element.
async fn check_stream_is_complete(stream: impl Stream<Item = Result<u32>>, change: Change) {
    let (stop, changes) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let task = tokio::spawn(keep_changing(change, stop.clone(), Arc::clone(&changes)));
    let mut stream = pin!(stream);
    let mut seen: HashMap<u32, u32> = HashMap::new();
    let mut waited = 0;
    while let Some(element) = stream.try_next().await.expect("an element") {
        assert!(element < STAY || COME.contains(&element), "{element}");
        *seen.entry(element).or_default() += 1;
        let stayed = seen.keys().filter(|n| **n < STAY);
        if element < STAY && stayed.count() > waited * 200 {
            // In the middle of the scan the table is another one.
            let before = changes.load(Ordering::SeqCst);
            until("the table changes", async || {
                changes.load(Ordering::SeqCst) > before
            })
            .await;
            waited += 1;
        }
    }
    stop.store(true, Ordering::SeqCst);
    task.await.expect("the changes").expect("the changes");
    assert!(waited >= 5, "the table changed {waited} times");
    let missing: Vec<_> = (0..STAY).filter(|n| !seen.contains_key(n)).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
}

async fn keep_changing(
    change: Change,
    stop: Arc<AtomicBool>,
    changes: Arc<AtomicUsize>,
) -> Result<()> {
    let mut add = true;
    while !stop.load(Ordering::SeqCst) {
        change(add).await?;
        changes.fetch_add(1, Ordering::SeqCst);
        add = !add;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hash_stream_is_complete_during_rehashing() {
    let hash: RedisHash<u32, u32> = RedisHash::new(&client().await, fresh("streams"));
    hash.extend((0..STAY).map(|n| (n, n))).await.unwrap();
    let entries = hash.iter().page_size(20).map_ok(|(key, value)| {
        assert_eq!(key, value);
        key
    });
    let change = move |add| {
        let hash = hash.clone();
        async move {
            match add {
                true => hash.extend(COME.map(|n| (n, n))).await.map(drop),
                false => hash.remove_many(COME).await.map(drop),
            }
        }
        .boxed()
    };
    check_stream_is_complete(entries, Arc::new(change)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_stream_is_complete_during_rehashing() {
    let set: RedisSet<u32> = RedisSet::new(&client().await, fresh("streams"));
    set.extend(0..STAY).await.unwrap();
    let elements = set.stream().page_size(20);
    let change = move |add| {
        let set = set.clone();
        async move {
            match add {
                true => set.extend(COME).await.map(drop),
                false => set.remove_many(COME).await.map(drop),
            }
        }
        .boxed()
    };
    check_stream_is_complete(elements, Arc::new(change)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sorted_set_stream_is_complete_during_rehashing() {
    let set: RedisSortedSet<u32> = RedisSortedSet::new(&client().await, fresh("streams"));
    let scored = |n: u32| (n, f64::from(n));
    set.extend((0..STAY).map(scored)).await.unwrap();
    let elements = set.stream().page_size(20).map_ok(move |(element, score)| {
        assert_eq!((element, score), scored(element));
        element
    });
    let change = move |add| {
        let set = set.clone();
        async move {
            match add {
                true => set.extend(COME.map(scored)).await.map(drop),
                false => set.remove_many(COME).await.map(drop),
            }
        }
        .boxed()
    };
    check_stream_is_complete(elements, Arc::new(change)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn multimap_streams_return_each_entry_once_during_changes() {
    for keys in [false, true] {
        let map: RedisMultimap<u32, u32> = RedisMultimap::new(&client().await, fresh("streams"));
        map.extend((0..STAY).map(|n| (n, n))).await.unwrap();
        let elements = match keys {
            true => map.keys(),
            false => map.iter().map_ok(|(_, value)| value).boxed(),
        };
        let mut seen = HashSet::new();
        let elements = elements.inspect_ok(move |n| assert!(seen.insert(*n), "{n} comes twice"));
        let change = move |add| {
            let map = map.clone();
            // They are among those that stay.
            let entries = COME.map(|n| (n % STAY, n));
            async move {
                match add {
                    true => map.extend(entries).await.map(drop),
                    false => map.remove_many(entries).await.map(drop),
                }
            }
            .boxed()
        };
        check_stream_is_complete(elements, Arc::new(change)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_space_stream_is_complete_during_rehashing() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    let entry = |n: u32| (n.to_string(), n);
    space.extend((0..STAY).map(entry)).await.unwrap();
    let items = space.items().page_size(20).map_ok(|(key, value)| {
        assert_eq!(key, value.to_string());
        value
    });
    let change = move |add| {
        let space = space.clone();
        async move {
            let names = COME.map(|n| n.to_string());
            match add {
                true => space.extend(COME.map(entry)).await,
                false => space.delete_many(names).await.map(drop),
            }
        }
        .boxed()
    };
    check_stream_is_complete(items, Arc::new(change)).await;
}

/// A list has no cursor: its stream goes by index, and says so.
#[tokio::test]
async fn list_stream_follows_indexes_during_changes() {
    let list: RedisList<u32> = RedisList::new(&client().await, fresh("streams"));
    let refill = async || {
        list.clear().await.unwrap();
        list.extend(0..3_000).await.unwrap();
    };
    let streamed = async |change: &dyn Fn() -> BoxFuture<'static, Result<()>>| -> Vec<u32> {
        let mut stream = list.stream().page_size(100);
        let mut all = Vec::new();
        while let Some(element) = stream.try_next().await.unwrap() {
            all.push(element);
            if all.len() == 1_000 {
                // The next two pages are on their way: they are read before this.
                list.len().await.unwrap();
                change().await.unwrap();
            }
        }
        all
    };

    refill().await;
    let back = list.clone();
    let change = move || {
        let list = back.clone();
        async move { list.extend(3_000..9_000).await.map(drop) }.boxed()
    };
    let all = streamed(&change).await;
    assert_eq!(all, (0..9_000).collect::<Vec<_>>(), "none twice, in order");

    refill().await;
    let front = list.clone();
    let change = move || {
        let list = front.clone();
        async move { list.extend_front([7, 8]).await.map(drop) }.boxed()
    };
    let all = streamed(&change).await;
    let expected = (0..1_200).chain(1_198..3_000).collect::<Vec<_>>();
    assert_eq!(
        all, expected,
        "what shifted by two comes twice, none is missed"
    );

    refill().await;
    let front = list.clone();
    let change = move || {
        let list = front.clone();
        async move { list.pop_front_n(2).await.map(drop) }.boxed()
    };
    let all = streamed(&change).await;
    let expected = (0..1_200).chain(1_202..3_000).collect::<Vec<_>>();
    assert_eq!(
        all, expected,
        "what shifted by two is missed, none comes twice"
    );
}

/// Drops the stream after an element, and with a page on its way, and counts what still runs.
async fn check_drop_stops_stream<S>(server: &Server, client: &Client, commands: &[&str], start: S)
where
    S: AsyncFn(bool),
{
    let count = || -> u64 { commands.iter().map(|command| calls(server, command)).sum() };
    for in_flight in [false, true] {
        let before = count();
        start(in_flight).await;
        // What was sent before these is counted when they are answered, on whichever connection.
        let list: RedisList<u32> = RedisList::new(client, "pages");
        for _ in 0..100 {
            list.len().await.expect("a reply");
        }
        let sent = count() - before;
        let most = commands.len() as u64;
        assert!(
            sent <= most,
            "{sent} of {commands:?}: one page, in flight: {in_flight}"
        );
        assert!(sent > 0 || in_flight, "no page of {commands:?}");
    }
}

/// Takes one element, or asks for one and does not wait for it.
async fn begin(stream: impl Stream<Item = Result<u32>>, in_flight: bool) {
    let mut stream = pin!(stream);
    match in_flight {
        true => assert!(
            stream.next().now_or_never().is_none(),
            "no answer is so fast"
        ),
        false => assert!(stream.try_next().await.expect("an element").is_some()),
    }
}

#[tokio::test]
async fn a_dropped_stream_sends_nothing_more() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let list: RedisList<u32> = RedisList::new(&client, "list");
    let hash: RedisHash<u32, u32> = RedisHash::new(&client, "hash");
    let set: RedisSet<u32> = RedisSet::new(&client, "set");
    let sorted: RedisSortedSet<u32> = RedisSortedSet::new(&client, "sorted");
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    list.extend(0..STAY).await.unwrap();
    hash.extend((0..STAY).map(|n| (n, n))).await.unwrap();
    set.extend(0..STAY).await.unwrap();
    sorted.extend((0..STAY).map(|n| (n, 0.0))).await.unwrap();
    let entries = (0..STAY).map(|n| (n.to_string(), n));
    space.extend(entries).await.unwrap();
    let map: RedisMultimap<u32, u32> = RedisMultimap::new(&client, "map");
    map.extend((0..STAY).map(|n| (n, n))).await.unwrap();
    let number = |key: String| key.parse().expect("a number");

    let stops = async |commands: &[&str], start: &dyn Fn(bool) -> BoxFuture<'static, ()>| {
        check_drop_stops_stream(&server, &client, commands, async |in_flight| {
            start(in_flight).await;
        })
        .await;
    };
    stops(&["lrange"], &|in_flight| {
        begin(list.stream().page_size(10), in_flight).boxed()
    })
    .await;
    stops(&["hscan"], &|in_flight| {
        let entries = hash.iter().page_size(10);
        begin(entries.map_ok(|(key, _)| key), in_flight).boxed()
    })
    .await;
    stops(&["hscan"], &|in_flight| {
        begin(hash.keys().page_size(10), in_flight).boxed()
    })
    .await;
    stops(&["hscan"], &|in_flight| {
        begin(hash.values().page_size(10), in_flight).boxed()
    })
    .await;
    stops(&["sscan"], &|in_flight| {
        begin(set.stream().page_size(10), in_flight).boxed()
    })
    .await;
    stops(&["zscan"], &|in_flight| {
        let elements = sorted.stream().page_size(10);
        begin(elements.map_ok(|(element, _)| element), in_flight).boxed()
    })
    .await;
    stops(&["zrangebylex"], &|in_flight| {
        begin(map.iter().map_ok(|(key, _)| key), in_flight).boxed()
    })
    .await;
    stops(&["scan", "mget"], &|in_flight| {
        let items = space.items().page_size(10);
        begin(items.map_ok(|(_, value)| value), in_flight).boxed()
    })
    .await;
    stops(&["scan", "mget"], &|in_flight| {
        begin(space.values().page_size(10), in_flight).boxed()
    })
    .await;
    stops(&["scan"], &|in_flight| {
        begin(space.keys().page_size(10).map_ok(number), in_flight).boxed()
    })
    .await;
}

/// A cursor means nothing to another process: what it leaves out is not told by the server.
async fn check_invalidated(what: &str, stream: impl Stream<Item = Result<u32>>, all: u32) {
    let rest: Vec<_> = stream.collect().await;
    let error = rest.into_iter().find_map(Result::err);
    let error = error.unwrap_or_else(|| panic!("{what}: {all} elements, and some left out"));
    assert_eq!(
        error.kind(),
        ErrorKind::ScanInvalidated,
        "{what}: {error:?}"
    );
    assert!(error.is_retryable(), "{what}");
    let says = error.to_string();
    assert!(says.contains(what), "{says}");
}

#[tokio::test]
async fn stream_over_a_restarted_server_is_invalidated() {
    let server = Server::builder().append_only().start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let hash: RedisHash<u32, u32> = RedisHash::new(&client, "hash");
    let set: RedisSet<u32> = RedisSet::new(&client, "set");
    let sorted: RedisSortedSet<u32> = RedisSortedSet::new(&client, "sorted");
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    let list: RedisList<u32> = RedisList::new(&client, "list");
    list.extend(0..STAY).await.unwrap();
    hash.extend((0..STAY).map(|n| (n, n))).await.unwrap();
    set.extend(0..STAY).await.unwrap();
    sorted.extend((0..STAY).map(|n| (n, 0.0))).await.unwrap();
    let entries = (0..STAY).map(|n| (n.to_string(), n));
    space.extend(entries).await.unwrap();

    let mut elements = list.stream().page_size(20);
    let mut entries = hash.iter().page_size(20).map_ok(|(key, _)| key);
    let mut members = set.stream().page_size(20);
    let mut scored = sorted.stream().page_size(20).map_ok(|(element, _)| element);
    let mut values = space.values().page_size(20);
    for n in 0..STAY / 2 {
        assert_eq!(elements.try_next().await.unwrap(), Some(n));
        entries.try_next().await.unwrap().unwrap();
        members.try_next().await.unwrap().unwrap();
        scored.try_next().await.unwrap().unwrap();
        values.try_next().await.unwrap().unwrap();
    }
    server.kill().unwrap();
    server.restart().unwrap();
    check_invalidated("HSCAN", entries, STAY).await;
    check_invalidated("SSCAN", members, STAY).await;
    check_invalidated("ZSCAN", scored, STAY).await;
    check_invalidated("SCAN", values, STAY).await;
    let rest: Vec<u32> = elements.try_collect().await.unwrap();
    assert_eq!(rest, (STAY / 2..STAY).collect::<Vec<_>>(), "an index stays");

    let again: HashMap<u32, u32> = hash.iter().page_size(20).try_collect().await.unwrap();
    assert_eq!(again.len(), STAY as usize, "begun again it is whole");
}

#[tokio::test]
async fn stream_over_a_replaced_primary_is_invalidated() {
    let sentinels = Sentinels::start(1).unwrap();
    let client = Client::connect(&sentinels.url()).await.unwrap();
    let hash: RedisHash<u32, u32> = RedisHash::new(&client, "hash");
    hash.extend((0..STAY).map(|n| (n, n))).await.unwrap();
    let mut entries = hash.iter().page_size(20).map_ok(|(key, _)| key);
    for _ in 0..STAY / 2 {
        entries.try_next().await.unwrap().unwrap();
    }
    let primary = sentinels.primary().unwrap();
    let replica = sentinels
        .servers()
        .iter()
        .find(|server| server.port() != primary.port());
    kill_in_step(primary, replica.unwrap()).await;
    sentinels.fail_over().unwrap();
    until("the hash is there", async || hash.len().await.is_ok()).await;
    check_invalidated("HSCAN", entries, STAY).await;
    let again: HashMap<u32, u32> = hash.iter().page_size(20).try_collect().await.unwrap();
    assert_eq!(again.len(), STAY as usize, "begun again it is whole");
}
