use std::collections::HashSet;
use std::error::Error as _;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::master::Action;
use crate::testing::{Behaviour, Rig, SETTINGS, WELL, ms, poll_once};
use crate::{Error, Release};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const DOWN: Behaviour = Behaviour::Down;

#[tokio::test(start_paused = true)]
async fn lock_waits_for_holder_beyond_many_ttls() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let mut guard = mutex.lock().await.unwrap();
    let waiter = tokio::spawn({
        let mutex = mutex.clone();
        async move { mutex.lock().await.map(|_| Instant::now()) }
    });
    for _ in 0..10 {
        sleep(ms(500)).await;
        guard.extend().await.unwrap();
    }
    assert!(!waiter.is_finished());
    let released = Instant::now();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    let waited = waiter.await.unwrap().unwrap().duration_since(released);
    assert!(waited <= SETTINGS.retry_delay + ms(10), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn lock_is_acquired_soon_after_dead_holder_expires() {
    let rig = Rig::new(3);
    for master in &rig.masters {
        master.hold("another", ms(3_000));
    }
    let start = Instant::now();
    let _guard = rig.redlock.mutex("key").lock().await.unwrap();
    assert!(start.elapsed() >= ms(3_000));
    assert!(start.elapsed() <= ms(3_000) + SETTINGS.retry_delay);
}

#[tokio::test(start_paused = true)]
async fn lock_tolerates_outage_shorter_than_ttl() {
    let rig = Rig::new(3);
    rig.behave(&[WELL, DOWN, DOWN]);
    let start = Instant::now();
    let error = rig.redlock.mutex("key").lock().await.unwrap_err();
    assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
    let took = start.elapsed();
    assert!(took >= SETTINGS.ttl && took <= SETTINGS.ttl * 2, "{took:?}");
    rig.assert_clean("outage").await;

    let mutex = rig.redlock.mutex("key");
    let waiter = tokio::spawn(async move { mutex.lock().await.map(drop) });
    sleep(ms(800)).await;
    rig.behave(&[WELL, DOWN, WELL]);
    waiter.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn outage_is_reported_to_all_queued_waiters() {
    let rig = Rig::new(3);
    rig.behave(&[WELL, DOWN, DOWN]);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let mutex = rig.redlock.mutex("key");
        tasks.spawn(async move { mutex.lock().await.map(drop) });
    }
    for outcome in tasks.join_all().await {
        assert!(matches!(outcome, Err(Error::NoQuorum { .. })));
    }
    let took = start.elapsed();
    assert!(took >= SETTINGS.ttl && took <= SETTINGS.ttl * 2, "{took:?}");
    assert_eq!(rig.redlock.local_queues(), 0);
}

#[tokio::test(start_paused = true)]
async fn lock_tolerates_majority_quarantine_within_30_s() {
    let quarantined = Behaviour::Quarantined;
    let rig = Rig::new(3);
    rig.behave(&[DOWN, quarantined, quarantined]);
    let mutex = rig.redlock.mutex("key");
    let waiter = tokio::spawn(async move { mutex.lock().await.map(drop) });
    sleep(SETTINGS.ttl * 5).await;
    rig.behave(&[DOWN, WELL, WELL]);
    waiter.await.unwrap().unwrap();

    // One that starts over and over, or would end too late, is not.
    rig.behave(&[DOWN, quarantined, quarantined]);
    let start = Instant::now();
    let error = rig.redlock.mutex("key").lock().await.unwrap_err();
    assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
    let took = start.elapsed();
    assert!(took > ms(15_000) && took < ms(30_000), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn outage_after_long_gap_is_a_new_outage() {
    let rig = Rig::new(3);
    rig.behave(&[WELL, DOWN, DOWN]);
    let mutex = rig.redlock.mutex("key");
    let mut first = Box::pin(mutex.lock());
    assert!(timeout(ms(500), &mut first).await.is_err());
    let mut second = Box::pin(mutex.lock());
    poll_once(&mut second).await;
    sleep(SETTINGS.ttl * 3).await;
    drop(first);
    let start = Instant::now();
    assert!(matches!(second.await, Err(Error::NoQuorum { .. })));
    assert!(start.elapsed() >= SETTINGS.ttl, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn lock_timeout_is_always_bounded() {
    let stuck = Behaviour::Stuck;
    for (behaviours, held) in [
        ([WELL; 3], true),
        ([WELL, DOWN, DOWN], false),
        ([stuck; 3], false),
    ] {
        for limit in [0, 1, 30, 49, 700].map(ms) {
            let rig = Rig::new(3);
            rig.behave(&behaviours);
            for master in rig.masters.iter().filter(|_| held) {
                master.hold("another", ms(60_000));
            }
            let start = Instant::now();
            let error = rig
                .redlock
                .mutex("key")
                .lock_timeout(limit)
                .await
                .unwrap_err();
            let took = start.elapsed();
            assert!(
                took >= limit && took <= limit + SETTINGS.master_timeout + ms(1),
                "{took:?}"
            );
            let Error::Timeout { source, .. } = &error else {
                panic!("{error}");
            };
            match source.as_deref() {
                Some(Error::Held { .. }) => assert!(held),
                Some(Error::NoQuorum { .. }) => assert!(!held),
                None => assert_eq!(behaviours, [stuck; 3]),
                Some(other) => panic!("{other}"),
            }
            assert_eq!(error.source().is_some(), source.is_some());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lock_timeout_zero_tries_once() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let guard = mutex.lock_timeout(Duration::ZERO).await.unwrap();
    assert!(mutex.lock_timeout(Duration::ZERO).await.is_err());
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    assert!(mutex.lock_timeout(Duration::MAX).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn long_ttl_does_not_extend_outage_tolerance() {
    let rig = Rig::with_ttl(3, Duration::from_secs(3_600));
    rig.behave(&[WELL, DOWN, DOWN]);
    let start = Instant::now();
    let error = rig.redlock.mutex("key").lock().await.unwrap_err();
    assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
    let took = start.elapsed();
    assert!(took >= ms(30_000) && took < ms(31_000), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn outages_separated_by_holder_do_not_add_up() {
    let rig = Rig::new(3);
    rig.behave(&[WELL, DOWN, DOWN]);
    let mutex = rig.redlock.mutex("key");
    let waiter = tokio::spawn(async move { mutex.lock().await.map(drop) });
    sleep(ms(700)).await;
    rig.behave(&[WELL; 3]);
    for master in &rig.masters {
        master.hold("another", ms(500));
    }
    sleep(ms(400)).await;
    rig.behave(&[WELL, DOWN, DOWN]);
    sleep(ms(700)).await;
    rig.behave(&[WELL; 3]);
    waiter.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn most_waiters_acquire_when_dead_holder_expires() {
    let mut in_time = 0;
    for _ in 0..20 {
        let rig = Rig::new(3);
        for master in &rig.masters {
            master.hold("another", ms(3_000));
        }
        let start = Instant::now();
        let _guard = rig.redlock.mutex("key").lock().await.unwrap();
        // Not up to the whole retry_delay later. (An attempt that the end itself falls into does
        // not know of it.)
        in_time += usize::from(start.elapsed() <= ms(3_020));
    }
    assert!(in_time > 14, "{in_time} of 20");
}

#[tokio::test(start_paused = true)]
async fn waiters_do_not_wake_each_other() {
    let rig = Rig::new(3);
    for master in &rig.masters {
        master.hold("another", ms(600_000));
    }
    let polls = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let (mutex, polls) = (rig.redlock.mutex("key"), polls.clone());
        tasks.spawn(async move {
            let mut wait = pin!(mutex.lock_timeout(ms(3_000)));
            let counted = poll_fn(|cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                wait.as_mut().poll(cx)
            });
            counted.await.map(drop)
        });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_err));
    let attempts = rig.masters[0].request_times(Action::Acquire).len();
    assert!((3..=6).contains(&attempts), "{attempts} attempts");
    // Once to come, once to go, and what the first in line had to do.
    let polls = polls.load(Ordering::Relaxed);
    assert!(polls < 300, "{polls} polls");
}

#[tokio::test(start_paused = true)]
async fn contenders_with_split_vote_all_acquire() {
    // Each of three is nearest to another master.
    let rig = Rig::new(3);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for nearest in 0..3 {
        let redlock = rig.contender(|master| ms(3 * ((master + 3 - nearest) % 3) as u64));
        tasks.spawn(async move {
            let guard = redlock.mutex("key").lock().await.unwrap();
            sleep(ms(5)).await;
            guard.release().await.unwrap()
        });
    }
    while let Some(released) = tasks.join_next().await {
        assert_eq!(released.unwrap(), Release::Released);
    }
    let first: HashSet<_> = rig.masters.iter().map(|m| m.tokens().remove(0)).collect();
    assert_eq!(first.len(), 3, "each got one master at first");
    assert!(start.elapsed() < ms(800), "{:?}", start.elapsed());
}
