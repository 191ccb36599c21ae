//! Memory does not grow with the number of elements: measured by this program's allocator.
//!
//! With `PURSE_SOAK` the larger number is a million.

use std::sync::{LazyLock, PoisonError};
use std::time::Duration;

use futures::{Stream, TryStreamExt};
use peak_alloc::PeakAlloc;
use purse::{
    Client, Pattern, RedisBitSet, RedisHash, RedisKeySpace, RedisList, RedisMultimap, RedisQueue,
    RedisSet, RedisSortedSet, Result,
};
use purse_testkit::Server;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// One test at a time: all have the same allocator.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

static MANY: LazyLock<u32> = LazyLock::new(|| match std::env::var_os("PURSE_SOAK") {
    Some(_) => 1_000_000,
    None => 100_000,
});

/// The largest difference of buffers, pages and chunks between two runs.
const SLACK: usize = 1 << 20;

/// Runs a test while no other test runs, on a server and a runtime of its own.
fn run_isolated(test: impl AsyncFnOnce(Server, Client)) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let server = Server::start().expect("a server");
        let client = Client::connect(&server.url()).await.expect("it runs");
        test(server, client).await;
    });
}

/// Returns the result of `work`, and the peak of memory during it, minus the memory before.
async fn peak<R>(work: impl Future<Output = R>) -> (R, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = work.await;
    (result, ALLOCATOR.peak_usage().saturating_sub(before))
}

/// An element of a hundred bytes.
fn element(n: u32) -> String {
    format!("{n:0100}")
}

/// Lets the server itself run `command`, which has the numbers from `first` on as `n`.
fn fill(server: &Server, first: u32, end: u32, command: &str) {
    let script = format!(
        "for i = ARGV[1], ARGV[2] - 1 do local n = string.rep('0', 92) .. string.format('%08d', i); {command} end"
    );
    for first in (first..end).step_by(50_000) {
        let (first, end) = (first.to_string(), end.min(first + 50_000).to_string());
        let words = ["EVAL", &script, "0", &first, &end];
        let reply = server.command_timeout(&words, Duration::from_secs(60));
        let reply = reply.expect("a reply");
        assert_eq!(reply.error(), None);
    }
}

/// Reads a stream of a tenth of the elements, and of all.
async fn check_flat_memory<R, S>(server: &Server, command: &str, stream: impl Fn() -> S)
where
    S: Stream<Item = Result<R>>,
{
    let few = *MANY / 10;
    fill(server, 0, few, command);
    let count = async || {
        let counted = stream().try_fold(0, async |count, _| Ok(count + 1));
        counted.await.expect("elements")
    };
    // The first one makes buffers that stay.
    count().await;
    let (counted, of_few) = peak(count()).await;
    assert!(counted >= few, "{counted} of {few}: {command}");
    fill(server, few, *MANY, command);
    let (counted, of_many) = peak(count()).await;
    assert!(counted >= *MANY, "{counted} of {}: {command}", *MANY);
    println!(
        "{command}: {of_few} bytes for {few}, {of_many} for {}",
        *MANY
    );
    assert!(
        of_many < of_few + SLACK,
        "{of_few}, then {of_many} bytes: {command}"
    );
}

#[test]
fn streams_take_constant_memory() {
    run_isolated(async |server, client| {
        let list: RedisList<String> = RedisList::new(&client, "list");
        let push = "redis.call('RPUSH', 'list', n)";
        check_flat_memory(&server, push, || list.stream()).await;
        let list: RedisList<String> = RedisList::new(&client, "reversed");
        let push = "redis.call('RPUSH', 'reversed', n)";
        check_flat_memory(&server, push, || list.stream().rev()).await;
        let hash: RedisHash<u32, String> = RedisHash::new(&client, "hash");
        let set = "redis.call('HSET', 'hash', i, n)";
        check_flat_memory(&server, set, || hash.iter()).await;
        let set: RedisSet<String> = RedisSet::new(&client, "set");
        let add = "redis.call('SADD', 'set', n)";
        check_flat_memory(&server, add, || set.stream()).await;
        let sorted: RedisSortedSet<String> = RedisSortedSet::new(&client, "sorted");
        let add = "redis.call('ZADD', 'sorted', i, n)";
        check_flat_memory(&server, add, || sorted.stream()).await;
        let map: RedisMultimap<String, String> = RedisMultimap::new(&client, "map");
        let add = "redis.call('ZADD', 'map', 0, '100:' .. n .. ':' .. i)";
        check_flat_memory(&server, add, || map.iter()).await;
        check_flat_memory(&server, "", || map.keys()).await;
        let bits = RedisBitSet::new(&client, "bits", u32::MAX);
        let set = "redis.call('SETBIT', 'bits', i, 1)";
        check_flat_memory(&server, set, || bits.stream()).await;
        let space: RedisKeySpace<String> = RedisKeySpace::new(&client, "space:");
        let set = "redis.call('SET', 'space:' .. i, n)";
        check_flat_memory(&server, set, || space.items()).await;
        check_flat_memory(&server, "", || space.keys().matching(Pattern::glob("*"))).await;
    });
}

/// Adds a tenth of the elements, and then all, with a memory that is that of a chunk.
async fn check_chunks(what: &str, extend: impl AsyncFn(u32)) {
    let few = *MANY / 10;
    extend(few).await;
    let ((), of_few) = peak(extend(few)).await;
    let ((), of_many) = peak(extend(*MANY)).await;
    println!("{what}: {of_few} bytes for {few}, {of_many} for {}", *MANY);
    assert!(
        of_many < of_few + SLACK,
        "{of_few}, then {of_many} bytes: {what}"
    );
}

#[test]
fn an_argument_of_many_elements_takes_the_memory_of_a_chunk() {
    run_isolated(async |_server, client| {
        let last = async |count: u32| element(count - 1);
        let list: RedisList<String> = RedisList::new(&client, "list");
        check_chunks("a list", async |count| {
            list.clear().await.expect("a reply");
            let length = list.extend((0..count).map(element)).await.expect("a reply");
            assert_eq!(length, u64::from(count));
            assert_eq!(list.back().await.expect("a reply"), Some(last(count).await));
        })
        .await;
        list.clear().await.expect("a reply");
        let hash: RedisHash<u32, String> = RedisHash::new(&client, "hash");
        check_chunks("a hash", async |count| {
            let entries = (0..count).map(|n| (n, element(n)));
            hash.extend(entries).await.expect("a reply");
            let value = hash.get(count - 1).await.expect("a reply");
            assert_eq!(value, Some(last(count).await));
            assert_eq!(hash.len().await.expect("a reply"), u64::from(count));
        })
        .await;
        hash.clear().await.expect("a reply");
        let set: RedisSet<String> = RedisSet::new(&client, "set");
        check_chunks("a set", async |count| {
            set.extend((0..count).map(element)).await.expect("a reply");
            assert!(set.contains(last(count).await).await.expect("a reply"));
            assert_eq!(set.len().await.expect("a reply"), u64::from(count));
        })
        .await;
        set.clear().await.expect("a reply");
        let sorted: RedisSortedSet<String> = RedisSortedSet::new(&client, "sorted");
        check_chunks("a sorted set", async |count| {
            let scored = (0..count).map(|n| (element(n), f64::from(n)));
            sorted.extend(scored).await.expect("a reply");
            let score = sorted.score(last(count).await).await.expect("a reply");
            assert_eq!(score, Some(f64::from(count - 1)));
            assert_eq!(sorted.len().await.expect("a reply"), u64::from(count));
        })
        .await;
        sorted.clear().await.expect("a reply");
        let map: RedisMultimap<u32, String> = RedisMultimap::new(&client, "map");
        check_chunks("a multimap", async |count| {
            let entries = (0..count).map(|n| (n % 7, element(n)));
            map.extend(entries).await.expect("a reply");
            assert_eq!(map.len().await.expect("a reply"), u64::from(count));
        })
        .await;
        map.clear().await.expect("a reply");
        let space: RedisKeySpace<String> = RedisKeySpace::new(&client, "space:");
        check_chunks("a key space", async |count| {
            let entries = (0..count).map(|n| (n.to_string(), element(n)));
            space.extend(entries).await.expect("a reply");
            let value = space.get((count - 1).to_string()).await.expect("a reply");
            assert_eq!(value, Some(last(count).await));
        })
        .await;
    });
}

/// The result is a `Vec`, so the memory grows with the result, and with nothing else.
#[test]
fn bulk_reads_take_the_memory_of_a_chunk_and_the_result() {
    run_isolated(async |server, client| {
        let many = *MANY;
        fill(
            &server,
            0,
            many,
            "if i % 2 == 0 then redis.call('HSET', 'hash', i, i) redis.call('SADD', 'set', i) \
             redis.call('ZADD', 'sorted', i, i) redis.call('SET', 'space:' .. i, i) end",
        );
        let is_right = |what: &str, answer: &[Option<u32>]| {
            assert_eq!(answer.len(), many as usize, "{what}");
            let right = |(n, value): (u32, &Option<u32>)| *value == (n % 2 == 0).then_some(n);
            assert!((0..many).zip(answer).all(right), "{what}");
        };
        let is_bounded = |what: &str, one: usize, bytes: usize| {
            println!("{what}: {bytes} bytes for {many}");
            // A vector that grows is there twice while it moves, with room for as many again.
            let most = 3 * one * many as usize + 4 * SLACK;
            assert!(bytes < most, "{what}: {bytes} bytes for {many}, not {most}");
        };
        let hash: RedisHash<u32, u32> = RedisHash::new(&client, "hash");
        let (answer, bytes) = peak(hash.get_many(0..many)).await;
        is_right("a hash", &answer.expect("a reply"));
        is_bounded("a hash", size_of::<Option<u32>>(), bytes);

        let set: RedisSet<u32> = RedisSet::new(&client, "set");
        let (answer, bytes) = peak(set.contains_many(0..many)).await;
        let numbered = answer.expect("a reply").into_iter().zip(0..many);
        let answer: Vec<_> = numbered.map(|(has, n)| has.then_some(n)).collect();
        is_right("a set", &answer);
        is_bounded("a set", size_of::<bool>(), bytes);

        let sorted: RedisSortedSet<u32> = RedisSortedSet::new(&client, "sorted");
        let (answer, bytes) = peak(sorted.scores(0..many)).await;
        let numbered = answer.expect("a reply").into_iter().zip(0..many);
        let scored = |(score, n)| (score == Some(f64::from(n))).then_some(n);
        is_right("a sorted set", &numbered.map(scored).collect::<Vec<_>>());
        is_bounded("a sorted set", size_of::<Option<f64>>(), bytes);

        let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
        let names = (0..many).map(|n| n.to_string());
        let (answer, bytes) = peak(space.get_many(names)).await;
        is_right("a key space", &answer.expect("a reply"));
        is_bounded("a key space", size_of::<Option<u32>>(), bytes);
    });
}

/// The bytes that each of `count` things takes, as `make` returns them.
async fn each<T>(count: usize, make: impl AsyncFnOnce(usize) -> Vec<T>) -> (Vec<T>, usize) {
    let before = ALLOCATOR.current_usage();
    let made = make(count).await;
    let taken = ALLOCATOR.current_usage().saturating_sub(before);
    (made, taken / count)
}

#[test]
fn idle_clients_take_little_memory() {
    run_isolated(async |server, _client| {
        let url = server.url();
        let (clients, per_client) = each(100, async |count| {
            let mut clients = Vec::new();
            for _ in 0..count {
                let client = Client::connect(&url).await.expect("it runs");
                client.ping().await.expect("PONG");
                clients.push(client);
            }
            clients
        })
        .await;
        println!("{per_client} bytes per client");
        assert!((1..200 << 10).contains(&per_client), "{per_client} bytes");
        drop(clients);
    });
}

#[test]
fn waiting_pops_take_little_memory() {
    run_isolated(async |_server, client| {
        let queue: RedisQueue<String> = RedisQueue::new(&client, "queue");
        let (waiting, per_pop) = each(1_000, async |count| {
            let mut waiting = Vec::new();
            for _ in 0..count {
                let mut pop = Box::pin(queue.pop());
                // Polled until it waits for news.
                for _ in 0..20 {
                    assert!(futures::poll!(&mut pop).is_pending());
                    tokio::task::yield_now().await;
                }
                waiting.push(pop);
            }
            waiting
        })
        .await;
        println!("{per_pop} bytes per waiting pop");
        assert!((1..16 << 10).contains(&per_pop), "{per_pop} bytes");
        drop(waiting);
    });
}
