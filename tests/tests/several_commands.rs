//! Calls that take several commands: what their errors say about the parts before.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use purse::{
    Batch, Client, Condition, ErrorKind, GeoPoint, RedisBitSet, RedisBloomFilter, RedisGeo,
    RedisHash, RedisHyperLogLog, RedisKeySpace, RedisLifoQueue, RedisList, RedisMultimap,
    RedisPriorityQueue, RedisQueue, RedisSet, RedisSortedSet, Result,
};
use purse_testkit::{Proxy, Server};
use purse_tests::cluster_of_one;

#[path = "several_commands/in_batches.rs"]
mod in_batches;

/// The numbers that a call is given, in three chunks.
type Numbers = Box<dyn Iterator<Item = u32> + Send>;
/// The result of a call, as text.
type Text = Result<String>;

/// Takes the result of a call in a batch.
type Take = Box<dyn FnOnce() -> Text>;

/// A call of one method.
#[derive(Clone, Copy)]
struct Call {
    /// Runs it on its own.
    alone: fn(Client, Numbers) -> BoxFuture<'static, Text>,
    /// Adds it to a batch, and returns what takes its result.
    add: fn(&Client, Numbers, &mut Batch) -> Take,
}

/// The command that counts the elements.
type Count = &'static [&'static str];

const ALL: u32 = 3_000;
const CHUNK: u64 = 1_024;
const KEY: &str = "key";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn list(client: &Client) -> RedisList<u32> {
    RedisList::new(client, KEY)
}

fn hash(client: &Client) -> RedisHash<u32, u32> {
    RedisHash::new(client, KEY)
}

fn float_hash(client: &Client) -> RedisHash<u32, f64> {
    RedisHash::new(client, KEY)
}

fn set(client: &Client) -> RedisSet<u32> {
    RedisSet::new(client, KEY)
}

fn sorted(client: &Client) -> RedisSortedSet<u32> {
    RedisSortedSet::new(client, KEY)
}

fn multimap(client: &Client) -> RedisMultimap<u32, u32> {
    RedisMultimap::new(client, KEY)
}

fn bits(client: &Client) -> RedisBitSet {
    RedisBitSet::new(client, KEY, ALL)
}

fn geo(client: &Client) -> RedisGeo<u32> {
    RedisGeo::new(client, KEY)
}

fn space(client: &Client) -> RedisKeySpace<u32> {
    RedisKeySpace::new(client, "space:")
}

fn sketch(client: &Client) -> RedisHyperLogLog<u32> {
    RedisHyperLogLog::new(client, KEY)
}

fn filter(client: &Client) -> RedisBloomFilter<u32> {
    RedisBloomFilter::new(client, KEY, u64::from(ALL), 0.01).expect("sizes that fit")
}

/// Makes a list of calls, each with its name and the command that counts the elements.
macro_rules! calls {
    ($($name:literal, $count:expr, |$client:ident, $numbers:ident| $call:expr;)+) => {
        vec![$((
            $name,
            Call {
                alone: |client, $numbers| async move {
                    let $client = &client;
                    $call.await.map(|result| format!("{result:?}"))
                }.boxed(),
                add: |$client, $numbers, batch| {
                    let pending = batch.add($call);
                    Box::new(move || pending.take().map(|result| format!("{result:?}")))
                },
            },
            $count as Count,
        )),+]
    };
}

const ORIGIN: GeoPoint = GeoPoint {
    longitude: 0.0,
    latitude: 0.0,
};
const LIST: Count = &["LLEN", KEY];
const HASH: Count = &["HLEN", KEY];
const SET: Count = &["SCARD", KEY];
const SORTED: Count = &["ZCARD", KEY];
const MULTIMAP: Count = &["ZLEXCOUNT", KEY, "-", "+"];
const GEO: Count = &["ZCOUNT", KEY, "-inf", "inf"];
const BITS: Count = &["BITCOUNT", KEY];
const SPACE: Count = &["DBSIZE"];
const NONE: Count = &["STRLEN", KEY];

/// All methods that add elements.
fn additions() -> Vec<(&'static str, Call, Count)> {
    calls! {
        "list extend", LIST, |c, n| list(c).extend(n);
        "list extend_front", LIST, |c, n| list(c).extend_front(n);
        "list extend_capped", LIST, |c, n| list(c).extend_capped(n, u64::MAX);
        "hash extend", HASH, |c, n| hash(c).extend(n.map(|n| (n, n)));
        "hash increment_many", HASH, |c, n| hash(c).increment_many(n.map(|n| (n, 1)));
        "hash increment_float_many", HASH,
            |c, n| float_hash(c).increment_float_many(n.map(|n| (n, 1.0)));
        "set extend", SET, |c, n| set(c).extend(n);
        "sorted extend", SORTED, |c, n| sorted(c).extend(n.map(|n| (n, 1.0)));
        "sorted extend_if", SORTED,
            |c, n| sorted(c).extend_if(n.map(|n| (n, 1.0)), Condition::Always);
        "sorted increment_many", SORTED, |c, n| sorted(c).increment_many(n.map(|n| (n, 1.0)));
        "queue push_many", LIST, |c, n| RedisQueue::<u32>::new(c, KEY).push_many(n);
        "lifo queue push_many", LIST, |c, n| RedisLifoQueue::<u32>::new(c, KEY).push_many(n);
        "priority queue push_many", SORTED,
            |c, n| RedisPriorityQueue::<u32>::new(c, KEY).push_many(n.map(|n| (n, 1.0)));
        "multimap extend", MULTIMAP, |c, n| multimap(c).extend(n.map(|n| (n % 7, n)));
        "bit set extend", BITS, |c, n| bits(c).extend(n);
        "geo extend", GEO, |c, n| geo(c).extend(n.map(|n| (n, ORIGIN)));
        "key space extend", SPACE, |c, n| space(c).extend(n.map(|n| (n.to_string(), n)));
        "key space extend with default ttl", SPACE,
            |c, n| space(c).with_ttl(DAY).extend(n.map(|n| (n.to_string(), n)));
        "key space extend_with_ttl", SPACE,
            |c, n| space(c).extend_with_ttl(n.map(|n| (n.to_string(), n)), DAY);
    }
}

/// All methods that remove elements, of what the addition with the same count adds.
fn removals() -> Vec<(&'static str, Call, Count)> {
    calls! {
        "hash remove_many", HASH, |c, n| hash(c).remove_many(n);
        "set remove_many", SET, |c, n| set(c).remove_many(n);
        "sorted remove_many", SORTED, |c, n| sorted(c).remove_many(n);
        "multimap remove_many", MULTIMAP, |c, n| multimap(c).remove_many(n.map(|n| (n % 7, n)));
        "bit set remove_many", BITS, |c, n| bits(c).remove_many(n);
        "geo remove_many", GEO, |c, n| geo(c).remove_many(n);
        "key space delete_many", SPACE, |c, n| space(c).delete_many(n.map(|n| n.to_string()));
    }
}

/// All methods that read elements that they are given.
fn reads() -> Vec<(&'static str, Call, Count)> {
    calls! {
        "hash get_many", HASH, |c, n| hash(c).get_many(n);
        "set contains_many", SET, |c, n| set(c).contains_many(n);
        "set is_subset_of", SET, |c, n| set(c).is_subset_of(n);
        "set is_superset_of", SET, |c, n| set(c).is_superset_of(n);
        "set is_disjoint_from", SET, |c, n| set(c).is_disjoint_from(n);
        "set equals", SET, |c, n| set(c).equals(n);
        "sorted scores", SORTED, |c, n| sorted(c).scores(n);
        "bit set contains_many", BITS, |c, n| bits(c).contains_many(n);
        "geo points", GEO, |c, n| geo(c).points(n);
        "key space get_many", SPACE, |c, n| space(c).get_many(n.map(|n| n.to_string()));
    }
}

/// The calls whose elements cannot be counted or removed.
fn sketches() -> Vec<(&'static str, Call, Count)> {
    calls! {
        "sketch extend", NONE, |c, n| sketch(c).extend(n);
        "filter add_many", NONE, |c, n| filter(c).add_many(n);
        "filter contains_many", NONE, |c, n| filter(c).contains_many(n);
    }
}

/// Runs a command on the server.
fn ask(server: &Server, command: &[&str]) -> Option<i64> {
    server.command(command).expect("a reply").int()
}

fn count(server: &Server, count: Count) -> u64 {
    let count = ask(server, count).expect("a number");
    count.try_into().expect("a count")
}

/// The numbers; `trap` is called in the third chunk, which is made before the second is sent: the
/// runtime of these tests has one thread.
fn numbers(trap: impl Fn() + Send + 'static) -> Numbers {
    Box::new((0..ALL).inspect(move |&n| {
        if n == 2_500 {
            trap();
        }
    }))
}

/// A way to fail: to prepare the server, to let the next command fail, and to end that.
struct Fault {
    begin: fn(&Server),
    end: fn(&Server),
    is_ambiguous: bool,
}

const FAULTS: [Fault; 2] = [
    // The server refuses the command, so it surely did not run.
    Fault {
        begin: |server| {
            ask(server, &["ACL", "SETUSER", "app", "-@all"]);
        },
        end: |server| {
            ask(server, &["ACL", "SETUSER", "app", "+@all"]);
        },
        is_ambiguous: false,
    },
    // The server does not answer.
    Fault {
        begin: |server| server.pause().expect("a pause"),
        end: |server| server.resume().expect("a server"),
        is_ambiguous: true,
    },
];

async fn start() -> (Arc<Server>, Client) {
    let server = Arc::new(Server::start().expect("a server"));
    server.user("app", "secret", "~* +@all").expect("a client");
    let client = Client::builder(&server.url_of("app", "secret"))
        .command_timeout(Duration::from_millis(500))
        .connect()
        .await
        .expect("a client");
    (server, client)
}

#[tokio::test]
async fn error_of_a_later_write_tells_what_is_done() {
    let (server, client) = start().await;
    let look = Client::connect(&server.url()).await.unwrap();
    for fault in &FAULTS {
        let (begin, end) = (fault.begin, fault.end);
        let additions = additions().into_iter();
        let all = additions.map(|call| (call, false));
        for ((name, call, counts), removes) in
            all.chain(removals().into_iter().map(|call| (call, true)))
        {
            server.command(&["FLUSHALL"]).unwrap();
            if removes {
                let add = self::additions().into_iter().find(|(.., of)| *of == counts);
                let (_, add, _) = add.unwrap();
                (add.alone)(look.clone(), numbers(|| ())).await.unwrap();
            }
            let before = count(&server, counts);
            let trapped = server.clone();
            let error = (call.alone)(client.clone(), numbers(move || begin(&trapped))).await;
            end(&server);
            let error = error.expect_err(name);
            assert_eq!(error.done() as u64, CHUNK, "{name}: {error:?}");
            assert_eq!(
                error.is_ambiguous(),
                fault.is_ambiguous,
                "{name}: {error:?}"
            );
            assert!(!error.is_retryable(), "{name}: a part is done");
            let changed = count(&server, counts).abs_diff(before);
            let may_be = if fault.is_ambiguous { CHUNK } else { 0 };
            assert!(
                (CHUNK..=CHUNK + may_be).contains(&changed),
                "{name}: {changed} changed, {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn error_of_a_later_read_says_that_nothing_changed() {
    let (server, client) = start().await;
    for fault in &FAULTS {
        let (begin, end) = (fault.begin, fault.end);
        for (name, call, _) in reads() {
            let trapped = server.clone();
            let error = (call.alone)(client.clone(), numbers(move || begin(&trapped))).await;
            end(&server);
            let error = error.expect_err(name);
            assert_eq!(error.done(), 0, "{name}: {error:?}");
            assert!(!error.is_ambiguous(), "{name}: {error:?}");
            assert_eq!(
                error.is_retryable(),
                fault.is_ambiguous,
                "{name}: {error:?}"
            );
        }
    }
}

/// An error of a later page had the count of that page alone.
#[tokio::test(flavor = "multi_thread")]
async fn failed_clear_tells_how_many_keys_are_gone() {
    const KEYS: u64 = 50_000;
    let (server, _) = start().await;
    let look = Client::connect(&server.url()).await.unwrap();
    let proxy = Proxy::to(&server).unwrap();
    let url = format!("redis://app:secret@127.0.0.1:{}", proxy.port());
    for right in ["unlink", "scan"] {
        server.command(&["FLUSHALL"]).unwrap();
        let entries = (0..KEYS).map(|n| (n.to_string(), n as u32));
        space(&look).extend(entries).await.unwrap();
        let client = Client::connect(&url).await.unwrap();
        // A page takes so long that the right is gone before the last one.
        proxy.delay(Duration::from_millis(10));
        let clear = tokio::spawn(async move { space(&client).clear().await });
        while server.command(&["DBSIZE"]).unwrap().int() == Some(KEYS as i64) {
            tokio::task::yield_now().await;
        }
        let rules = ["ACL", "SETUSER", "app", &format!("-{right}")];
        server.command(&rules).unwrap();
        let error = clear.await.unwrap().unwrap_err();
        proxy.delay(Duration::ZERO);
        server.command(&["ACL", "SETUSER", "app", "+@all"]).unwrap();
        let left = space(&look).len().await.unwrap();
        assert_eq!(error.done() as u64, KEYS - left, "{error:?}");
        assert!(error.done() > 0 && !error.is_ambiguous(), "{error:?}");
        assert!(!error.is_retryable(), "{error:?}");
    }
}

/// Of a chunk of a cluster, which is one command per slot, a part may be done.
#[tokio::test]
async fn chunk_that_is_done_in_part_is_ambiguous() {
    let cluster = cluster_of_one();
    let server = &cluster.nodes()[0];
    server.user("app", "secret", "~* +@all").unwrap();
    let url = format!("redis-cluster://app:secret@127.0.0.1:{}", server.port());
    let client = Client::connect(&url).await.unwrap();
    // The user may write no other key than these.
    server
        .command(&["ACL", "SETUSER", "app", "resetkeys", "~space:a"])
        .unwrap();
    let entries = [("a", 1), ("b", 2)];
    let error = space(&client).extend(entries).await.unwrap_err();
    assert_eq!((error.kind(), error.done()), (ErrorKind::Ambiguous, 0));
    let error = space(&client).extend_with_ttl(entries, DAY).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.done()), (ErrorKind::Ambiguous, 0));
    let error = space(&client)
        .delete_many(["b", "a"])
        .map_err(|error| (error.kind(), error.done()))
        .await;
    assert_eq!(error, Err((ErrorKind::Ambiguous, 0)));
    let gone = server.command(&["EXISTS", "space:a"]).unwrap().int();
    assert_eq!(gone, Some(0));
}
