//! Ten thousand locks are waited for at once; alone in its program, as it counts memory and tasks.

use std::time::{Duration, Instant};

use futures::stream::{self, FuturesUnordered, StreamExt};
use peak_alloc::PeakAlloc;
use purse::redlock::{Redlock, RedlockGuard};
use purse_testkit::Masters;
use purse_tests::calls;
use tokio::runtime::Handle;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const LOCKS: usize = 10_000;

/// The most memory of one waiting lock, with five masters. Its future takes a third of it.
const MOST_BYTES: usize = 6 * 1_024;

/// Some have nothing to do, and are kept for the next attempts.
const MOST_TASKS: usize = 100;

const LIMIT: Duration = Duration::from_secs(240);

async fn redlock(masters: &Masters) -> Redlock {
    Redlock::builder(masters.urls())
        .ttl(Duration::from_secs(1_200))
        .master_timeout(Duration::from_secs(5))
        // What is had soon was told, and not polled for.
        .retry_delay(Duration::from_secs(1_200))
        .build()
        .await
        .expect("masters that run")
}

async fn hold_all(redlock: &Redlock) -> Vec<RedlockGuard> {
    let locks = stream::iter(0..LOCKS).map(|number| {
        let mutex = redlock.mutex(format!("lock{number}"));
        async move { mutex.lock().await.expect("a free lock") }
    });
    locks.buffer_unordered(32).collect().await
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Looks until it is so, and for so long that it stays so.
async fn wait_settled(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    let mut since = None;
    loop {
        assert!(start.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        match is_so() {
            false => since = None,
            true if since.get_or_insert_with(Instant::now).elapsed().as_millis() > 500 => return,
            true => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_waiters_without_tasks_all_acquire() {
    let masters = Masters::start(5).expect("five servers");
    let (here, elsewhere) = (redlock(&masters).await, redlock(&masters).await);
    let guards = hold_all(&elsewhere).await;
    let looks = || masters.iter().map(|server| calls(server, "pttl"));
    let before = looks().collect::<Vec<_>>();
    let (tasks_before, bytes_before) = (tasks(), ALLOCATOR.current_usage());

    let waiting = {
        let here = here.clone();
        tokio::spawn(async move {
            let waits = (0..LOCKS).map(|number| {
                let mutex = here.mutex(format!("lock{number}"));
                async move { mutex.lock().await }
            });
            let mut waits: FuturesUnordered<_> = waits.collect();
            let mut had = 0;
            while let Some(outcome) = waits.next().await {
                drop(outcome.expect("a lock that was given back"));
                had += 1;
            }
            had
        })
    };
    // Each master was asked about each lock, and no task is working any more.
    wait_settled("all wait", || {
        let mut looks = looks().zip(&before);
        let all_look = looks.all(|(looks, before)| looks >= before + LOCKS as u64);
        all_look && tasks() < tasks_before + MOST_TASKS
    })
    .await;
    let more_tasks = tasks() - tasks_before;
    let bytes = (ALLOCATOR.current_usage() - bytes_before) / LOCKS;
    eprintln!("{bytes} bytes a waiting lock, {more_tasks} tasks more for all of them");
    assert!(bytes < MOST_BYTES, "{bytes} bytes a waiting lock");

    let released = Instant::now();
    drop(guards);
    let had = tokio::time::timeout(LIMIT, waiting).await;
    assert_eq!(had.expect("in time").expect("no panic"), LOCKS);
    eprintln!("all had after {:?}", released.elapsed());
    here.shutdown().await;
    elsewhere.shutdown().await;
    for server in &masters {
        let size = server.command(&["DBSIZE"]).expect("a size");
        assert_eq!(size.int(), Some(0));
    }
}
