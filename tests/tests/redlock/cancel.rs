//! Every async method, dropped after every number of polls, with real servers and connections.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use purse::redlock::{Redlock, RedlockMutex};
use purse_testkit::Masters;
use purse_tests::fresh;

use super::{MASTERS, copies, eventually};

const MASTER_TIMEOUT: Duration = Duration::from_millis(500);

/// Keys are gone within this, not within the ttl of a minute.
const SOON: Duration = Duration::from_secs(2);

/// Polls `future` each time it is woken, at most `polls` times, and drops it when it is woken again.
/// Returns true if it ended before that.
async fn ends_within<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut done = 0;
    let cut = poll_fn(|cx| {
        if done == polls {
            return Poll::Ready(false);
        }
        done += 1;
        future.as_mut().poll(cx).map(|_| true)
    });
    // What nothing wakes any more is dropped as well.
    tokio::time::timeout(MASTER_TIMEOUT, cut)
        .await
        .unwrap_or(false)
}

async fn every_poll<F: Future<Output = bool>>(
    name: &str,
    masters: &Masters,
    scene: impl Fn(RedlockMutex, usize) -> F,
) {
    let redlock = Redlock::builder(masters.urls())
        .ttl(Duration::from_secs(60))
        .master_timeout(MASTER_TIMEOUT)
        .build()
        .await
        .expect("masters that run");
    for polls in 0..20 {
        let mutex = redlock.mutex(fresh(name));
        let ended = scene(mutex.clone(), polls).await;
        eventually("free", SOON, || copies(masters, mutex.key()) == 0).await;
        let next = mutex.try_lock().await;
        assert!(next.is_ok(), "{name} dropped after {polls} polls: {next:?}");
        if ended {
            assert!(polls > 0);
            return;
        }
    }
    panic!("{name} does not end within 20 polls");
}

#[tokio::test]
async fn dropped_try_lock_leaves_no_key() {
    every_poll("try_lock", &MASTERS, async |mutex: RedlockMutex, polls| {
        ends_within(polls, mutex.try_lock()).await
    })
    .await;
}

#[tokio::test]
async fn dropped_lock_leaves_no_key() {
    every_poll("lock", &MASTERS, async |mutex: RedlockMutex, polls| {
        ends_within(polls, mutex.lock()).await
    })
    .await;
}

#[tokio::test]
async fn dropped_lock_timeout_leaves_no_key() {
    every_poll(
        "lock_timeout",
        &MASTERS,
        async |mutex: RedlockMutex, polls| ends_within(polls, mutex.lock_timeout(SOON)).await,
    )
    .await;
}

#[tokio::test]
async fn dropped_scope_leaves_no_key() {
    every_poll("scope", &MASTERS, async |mutex: RedlockMutex, polls| {
        let work = mutex.scope(async |lease| {
            for _ in 0..3 {
                tokio::task::yield_now().await;
                lease.check().unwrap();
            }
        });
        ends_within(polls, work).await
    })
    .await;
}

#[tokio::test]
async fn dropped_lock_behind_a_holder_leaves_no_key() {
    every_poll("behind", &MASTERS, async |mutex: RedlockMutex, polls| {
        let holder = mutex.lock().await.unwrap();
        let ended = ends_within(polls, async {
            let first = mutex.try_lock().await;
            assert!(first.is_err());
            drop(holder);
            mutex.lock().await.unwrap()
        });
        ended.await
    })
    .await;
}

#[tokio::test]
async fn dropped_extend_leaves_no_key() {
    every_poll("extend", &MASTERS, async |mutex: RedlockMutex, polls| {
        let mut guard = mutex.lock().await.unwrap();
        ends_within(polls, guard.extend()).await
    })
    .await;
}

#[tokio::test]
async fn dropped_release_leaves_no_key() {
    every_poll("release", &MASTERS, async |mutex: RedlockMutex, polls| {
        let guard = mutex.lock().await.unwrap();
        ends_within(polls, guard.release()).await
    })
    .await;
}
