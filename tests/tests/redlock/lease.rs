//! The lease of a lock on real servers: extended automatically, lost, and worked under.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use purse::redlock::{AutoExtend, Error, LeaseInstant, LostReason, Redlock, Release};
use purse_testkit::Masters;
use purse_tests::fresh;

use super::{MASTERS, PATIENCE, assert_lost, copies, eventually, five};

const TTL: Duration = Duration::from_secs(2);

async fn connect_with_short_ttl(masters: &Masters) -> Redlock {
    Redlock::builder(masters.urls())
        .ttl(TTL)
        .master_timeout(Duration::from_millis(300))
        .auto_extend(AutoExtend::new())
        .build()
        .await
        .expect("masters that run")
}

#[tokio::test]
async fn a_lock_outlives_its_ttl_and_ends_with_its_guard() {
    let redlock = connect_with_short_ttl(&MASTERS).await;
    let mutex = redlock.mutex(fresh("kept"));
    let guard = mutex.lock().await.unwrap();
    let start = Instant::now();
    eventually("twice the ttl", PATIENCE, || {
        guard.check().unwrap();
        start.elapsed() > TTL * 2
    })
    .await;
    assert!(guard.extensions() >= 3, "{}", guard.extensions());
    assert!(matches!(mutex.try_lock().await, Err(Error::Held { .. })));
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    redlock.shutdown().await;
    assert_eq!(copies(&*MASTERS, mutex.key()), 0);
}

#[tokio::test]
async fn one_of_three_may_die_under_a_lock_that_is_extended() {
    let masters = Masters::start(3).unwrap();
    let redlock = connect_with_short_ttl(&masters).await;
    let guard = redlock.mutex("key").lock().await.unwrap();
    masters[0].kill().unwrap();
    let before = guard.extensions();
    eventually("extended without it", PATIENCE, || {
        guard.check().unwrap();
        guard.extensions() >= before + 3
    })
    .await;
    assert_eq!(guard.release().await.unwrap(), Release::Released);
}

#[tokio::test]
async fn with_all_masters_dead_or_silent_a_lock_is_lost_at_its_end() {
    for is_dead in [true, false] {
        let masters = Masters::start(3).unwrap();
        let redlock = connect_with_short_ttl(&masters).await;
        let guard = redlock.mutex("key").lock().await.unwrap();
        for server in &masters {
            if is_dead {
                server.kill().unwrap();
            } else {
                server.pause().unwrap();
            }
        }
        assert_eq!(guard.lost().await, LostReason::Expired);
        let (now, end) = (LeaseInstant::now(), guard.valid_until());
        let late = now.saturating_duration_since(end);
        assert!(now >= end && late < TTL / 2, "{late:?} late");
        assert!(guard.check().is_err());
    }
}

#[tokio::test]
async fn majority_data_loss_is_noticed_before_expiry() {
    let masters = Masters::start(3).unwrap();
    let ttl = Duration::from_secs(6);
    let redlock = Redlock::builder(masters.urls())
        .ttl(ttl)
        .auto_extend(AutoExtend::new())
        .build()
        .await
        .unwrap();
    let guard = redlock.mutex("key").lock().await.unwrap();
    let flushed = Instant::now();
    for server in masters.iter().take(2) {
        server.command(&["FLUSHALL"]).unwrap();
    }
    assert_eq!(guard.lost().await, LostReason::Gone);
    assert!(flushed.elapsed() < ttl * 2 / 3, "{:?}", flushed.elapsed());
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_exclude_each_other_and_return_outputs() {
    let key = fresh("scopes");
    let counter = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (key, counter, redlock) = (key.clone(), counter.clone(), five().await);
        tasks.push(tokio::spawn(async move {
            let mutex = redlock.mutex(key);
            let mut last = 0;
            for _ in 0..5 {
                let work = async |_| {
                    let seen = counter.load(Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    counter.store(seen + 1, Ordering::Relaxed);
                    seen + 1
                };
                let made = mutex.scope(work).await.unwrap().ensure_held().unwrap();
                assert!(made > last);
                last = made;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(counter.load(Ordering::Relaxed), 20);
}

#[tokio::test]
async fn deleted_lock_stops_its_scope() {
    let redlock = connect_with_short_ttl(&MASTERS).await;
    let mutex = redlock.mutex(fresh("deleted"));
    let outcome = mutex
        .scope(async |lease| {
            eventually("all have it", PATIENCE, || {
                copies(&*MASTERS, lease.key()) == 5
            })
            .await;
            for server in &*MASTERS {
                super::ask(server, "DEL", lease.key(), "");
            }
            std::future::pending::<()>().await;
        })
        .await;
    assert_lost(&outcome.unwrap_err(), LostReason::Gone);
    assert_eq!(copies(&*MASTERS, mutex.key()), 0);
}
