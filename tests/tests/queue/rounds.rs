//! Rounds of pushes and pops of every kind, of which many are dropped; and what became of each
//! element.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use purse::{
    Client, Error, RedisLifoQueue, RedisPriorityQueue, RedisQueue, RedisSortedSet, Result,
};
use purse_testkit::Server;

/// The number of ways to pop.
pub(crate) const WAYS: u32 = 12;
/// The longest time until all elements have returned once no fault is left.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest wait of a pop that is not dropped: its element may be on its way back.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The queues that are pushed to and popped from.
#[derive(Clone, Debug)]
pub(crate) struct Queues {
    fifo: RedisQueue<u32>,
    lifo: RedisLifoQueue<u32>,
    ranked: RedisPriorityQueue<u32>,
    set: RedisSortedSet<u32>,
}

impl Queues {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            fifo: RedisQueue::new(client, "fifo"),
            lifo: RedisLifoQueue::new(client, "lifo"),
            ranked: RedisPriorityQueue::new(client, "ranked"),
            set: RedisSortedSet::new(client, "set"),
        }
    }

    /// Pushes to where the way pops from.
    async fn push(&self, way: u32, element: u32) -> Result<()> {
        match way / 3 {
            0 => self.fifo.push(element).await.map(drop),
            1 => self.lifo.push(element).await.map(drop),
            2 => self.ranked.push(element, f64::from(element % 3)).await,
            _ => self
                .set
                .insert(element, f64::from(element % 3))
                .await
                .map(drop),
        }
    }

    /// Pops in one of the ways.
    fn pop(&self, way: u32) -> BoxFuture<'static, Result<Option<u32>>> {
        let wait = Duration::from_millis(5);
        let Self {
            fifo,
            lifo,
            ranked,
            set,
        } = self.clone();
        match way {
            0 => async move { fifo.try_pop().await }.boxed(),
            1 => async move { fifo.pop().await.map(Some) }.boxed(),
            2 => async move { fifo.into_stream().boxed().next().await.transpose() }.boxed(),
            3 => async move { lifo.try_pop().await }.boxed(),
            4 => async move { lifo.pop_timeout(wait).await }.boxed(),
            5 => async move { lifo.into_stream().boxed().next().await.transpose() }.boxed(),
            6 => async move { Ok(ranked.try_pop().await?.map(first)) }.boxed(),
            7 => async move { ranked.pop().await.map(first).map(Some) }.boxed(),
            8 => async move { Ok(ranked.pop_timeout(wait).await?.map(first)) }.boxed(),
            9 => async move { Ok(set.pop_min_wait(Some(wait)).await?.map(first)) }.boxed(),
            10 => async move { Ok(set.pop_max_wait(None).await?.map(first)) }.boxed(),
            _ => async move { Ok(set.pop_min_wait(None).await?.map(first)) }.boxed(),
        }
    }
}

fn first((element, _): (u32, f64)) -> u32 {
    element
}

/// A record of the elements.
#[derive(Debug, Default)]
pub(crate) struct Book {
    next: AtomicU32,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    pushed: BTreeSet<u32>,
    /// Their pushes were ambiguous.
    maybe_pushed: BTreeSet<u32>,
    popped: Vec<u32>,
}

impl Book {
    /// Pushes one element in each round, and pops in different ways. Most pops are dropped after a
    /// number of polls, so that drops happen at every point of a pop.
    pub(crate) async fn fill(self: Arc<Self>, pushes: Queues, pops: Queues, rounds: u32) {
        for round in 0..rounds {
            let way = round % WAYS;
            let (popped, ()) = tokio::join!(
                pop_or_drop(pops.pop(way), round / WAYS % 30),
                self.push(&pushes, way),
            );
            match popped {
                Some(Ok(popped)) => self.pages().popped.extend(popped),
                Some(Err(error)) => expect_honest(&error),
                None => {}
            }
        }
    }

    async fn push(&self, queues: &Queues, way: u32) {
        let element = self.next.fetch_add(1, Ordering::Relaxed);
        loop {
            let result = queues.push(way, element).await;
            let mut pages = self.pages();
            let page = match result {
                Ok(()) => &mut pages.pushed,
                Err(error) if error.is_ambiguous() => &mut pages.maybe_pushed,
                Err(error) => {
                    expect_honest(&error);
                    continue;
                }
            };
            page.insert(element);
            return;
        }
    }

    /// Looks until what was pushed is what was popped and what is left, and no receipt holds
    /// anything. Only what was pushed ambiguously may be missing.
    pub(crate) async fn balance(&self, server: &Server) {
        assert!(!self.pages().popped.is_empty(), "not all cases were met");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let outcome = self.check(server);
            if outcome.is_ok() {
                return;
            }
            assert!(Instant::now() < deadline, "{outcome:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn check(&self, server: &Server) -> Result<(), String> {
        let held = pending(server).into_iter();
        let held: Vec<_> = held.collect();
        if !held.is_empty() {
            return Err(format!("under way: {held:?}"));
        }
        let pages = self.pages();
        let mut seen = BTreeSet::new();
        for element in pages.popped.iter().copied().chain(left(server)) {
            if !seen.insert(element) {
                return Err(format!("twice: {element}"));
            }
        }
        let missing: Vec<_> = pages.pushed.difference(&seen).collect();
        let strange = |n: &&u32| !pages.pushed.contains(n) && !pages.maybe_pushed.contains(n);
        let strange: Vec<_> = seen.iter().filter(strange).collect();
        match missing.is_empty() && strange.is_empty() {
            true => Ok(()),
            false => Err(format!("missing: {missing:?}, from nowhere: {strange:?}")),
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error of a pop says that nothing was taken, and that it may be tried again.
fn expect_honest(error: &Error) {
    assert!(error.is_retryable() && !error.is_ambiguous(), "{error:?}");
}

fn left(server: &Server) -> Vec<u32> {
    let all = |command: &str, key: &str| texts(server, &[command, key, "0", "-1"]);
    let lists = ["fifo", "lifo"].map(|key| all("LRANGE", key));
    let members = all("ZRANGE", "ranked").into_iter();
    let ranked = members.map(|member| member[36..].to_owned());
    let elements = lists
        .into_iter()
        .flatten()
        .chain(ranked)
        .chain(all("ZRANGE", "set"));
    elements
        .map(|element| element.parse().expect("a number"))
        .collect()
}

/// Returns the elements that consumers hold.
pub(crate) fn pending(server: &Server) -> Vec<String> {
    let names = texts(server, &["KEYS", "*:purse:pending:*"]);
    let held = names.iter();
    held.flat_map(|name| texts(server, &["LRANGE", name, "0", "-1"]))
        .collect()
}

fn texts(server: &Server, command: &[&str]) -> Vec<String> {
    let reply = server.command(command).expect("a reply");
    let items = reply.items().iter();
    items
        .map(|item| item.text().expect("text").to_owned())
        .collect()
}

/// Polls `future` so often, letting the others run in between, then drops it; from a number on that
/// is high enough, only after a long time.
async fn pop_or_drop<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    if polls >= 25 {
        return tokio::time::timeout(LONGEST_WAIT, future).await.ok();
    }
    tokio::pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = futures::poll!(&mut future) {
            return Some(output);
        }
        // Not a synchronization: it spreads the drops over the pop's whole course.
        tokio::time::sleep(Duration::from_micros(150)).await;
    }
    None
}
