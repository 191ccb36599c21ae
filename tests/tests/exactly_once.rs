//! Sums and updates of several clients that lose replies at random: each happens exactly once.

#[path = "exactly_once/late.rs"]
mod late;

use std::collections::HashSet;
use std::future::Future;

use purse::{Client, RedisCounter, RedisIdGenerator, RedisVersioned};
use purse_testkit::{Proxy, Release, Server};

const CLIENTS: usize = 8;

/// The number of operations of each client.
fn rounds() -> usize {
    match std::env::var_os("PURSE_SOAK") {
        Some(_) => 1_000,
        None => 40,
    }
}

/// Clients whose operations lose replies. Each has a connection of its own to lose.
struct Losers(Vec<(Proxy, Client)>);

impl Losers {
    async fn new(server: &Server) -> Self {
        let mut losers = Vec::new();
        for _ in 0..CLIENTS {
            let proxy = Proxy::to(server).expect("a proxy");
            let client = Client::connect(&proxy.url()).await.expect("a client");
            losers.push((proxy, client));
        }
        Self(losers)
    }

    /// Runs `operation` of each client again and again. During each, the connection of its client is
    /// cut after up to `bytes` bytes of replies, so that a reply is lost in part or as a whole.
    async fn run<R, F>(self, bytes: u64, operation: impl Fn(Client) -> F) -> Vec<R>
    where
        R: Send + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        let tasks = self.0.into_iter().map(|(proxy, client)| {
            let operations: Vec<_> = (0..rounds()).map(|_| operation(client.clone())).collect();
            tokio::spawn(async move {
                let mut results = Vec::new();
                for operation in operations {
                    proxy.cut_after_reply_bytes(fastrand::u64(1..=bytes));
                    results.push(operation.await);
                }
                (results, proxy.accepted_count() - 1)
            })
        });
        let (mut all, mut losses) = (Vec::new(), 0);
        for task in tasks.collect::<Vec<_>>() {
            let (results, lost) = task.await.expect("no panic");
            all.extend(results);
            losses += lost;
        }
        println!("{} operations, {losses} connections lost", all.len());
        assert!(losses > all.len() / 5, "{losses} connections were lost");
        all
    }
}

/// The newest server and the oldest one that tests can have.
fn servers() -> [Server; 2] {
    [Release::Default, Release::Redis6_2_5].map(|release| {
        let server = Server::builder().release(release).start();
        server.expect("a server")
    })
}

fn all() -> usize {
    CLIENTS * rounds()
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_of_a_versioned_value_count_once() {
    for server in servers() {
        let losers = Losers::new(&server).await;
        let sums = losers.run(70, |client| async move {
            let votes: RedisVersioned<usize> = RedisVersioned::new(&client, "votes");
            let updated = votes.update(|old| old.map_or(1, |old| old + 1)).await;
            updated.expect("an update").0
        });
        // Each sum was the sum of one update.
        let sums: HashSet<_> = sums.await.into_iter().collect();
        assert_eq!(sums, (1..=all()).collect());
        let client = Client::connect(&server.url()).await.expect("a client");
        let votes: RedisVersioned<usize> = RedisVersioned::new(&client, "votes");
        let (sum, _) = votes.load().await.expect("a reply").expect("a value");
        assert_eq!(sum, all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_added_once() {
    for server in servers() {
        let losers = Losers::new(&server).await;
        let sums = losers.run(20, |client| async move {
            let counter: RedisCounter<u64> = RedisCounter::new(&client, "counter");
            let floats: RedisCounter<f64> = RedisCounter::new(&client, "floats");
            floats.add_float_once(0.5).await.expect("a sum");
            counter.add_once(1).await.expect("a sum")
        });
        let sums: HashSet<_> = sums.await.into_iter().collect();
        assert_eq!(sums, (1..=all() as u64).collect());
        let client = Client::connect(&server.url()).await.expect("a client");
        let floats: RedisCounter<f64> = RedisCounter::new(&client, "floats");
        assert_eq!(floats.get().await.expect("a sum"), all() as f64 / 2.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_taken_once_each() {
    for server in servers() {
        let client = Client::connect(&server.url()).await.expect("a client");
        let seats: RedisCounter<u64> = RedisCounter::new(&client, "seats");
        let free = all() as u64 / 2;
        seats.set(free).await.expect("a reply");
        let losers = Losers::new(&server).await;
        let taken = losers.run(10, |client| async move {
            let seats: RedisCounter<u64> = RedisCounter::new(&client, "seats");
            seats
                .bounded(..)
                .checked_add_once(-1)
                .await
                .expect("a reply")
        });
        let taken: Vec<_> = taken.await.into_iter().flatten().collect();
        assert_eq!(taken.len() as u64, free);
        let left: HashSet<_> = taken.into_iter().collect();
        assert_eq!(left, (0..free).collect());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_handed_out_once() {
    for server in servers() {
        let losers = Losers::new(&server).await;
        // A generator for each id, so that each id needs a block.
        let ids = losers.run(10, |client| async move {
            let ids = RedisIdGenerator::new(&client, "ids").block_size(3);
            let mut own = Vec::new();
            for _ in 0..4 {
                own.push(ids.next_id().await.expect("an id"));
            }
            assert!(own.is_sorted_by(|a, b| a < b));
            own
        });
        let ids = ids.await.concat();
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
