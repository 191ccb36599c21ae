use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use purse_client::ErrorKind;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::soak::any_behaviour;
use crate::master::Action;
use crate::quorum::fence::settle_fence;
use crate::testing::{Behaviour, Rig, WELL, ms};
use crate::{Error, FencedGuard, FencedMutex, FencedRedlock, RedlockGuard, Release};

static_assertions::assert_impl_all!(FencedGuard: Send, Sync, std::fmt::Debug);
static_assertions::assert_impl_all!(FencedMutex: Send, Sync, Clone, std::fmt::Debug);
static_assertions::assert_impl_all!(FencedRedlock: Send, Sync, Clone, std::fmt::Debug);
static_assertions::assert_type_ne_all!(FencedGuard, RedlockGuard);

/// Acquires, releases, and waits until that is done everywhere.
async fn fence(rig: &Rig) -> u64 {
    let guard = rig.redlock.fenced().mutex("key").lock().await.unwrap();
    let fence = guard.fence();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    rig.shutdown.wait_drained().await;
    fence
}

fn raises(rig: &Rig) -> usize {
    let asked = rig.masters.iter().flat_map(|master| master.requests());
    asked
        .filter(|action| matches!(action, Action::Raise(_)))
        .count()
}

#[test]
fn fence_is_greatest_count_and_settled_at_quorum() {
    assert_eq!(settle_fence(&[7, 7], 2), (7, true));
    assert_eq!(settle_fence(&[7, 8], 2), (8, false));
    assert_eq!(settle_fence(&[8, 7, 8], 2), (8, true));
    assert_eq!(settle_fence(&[9, 9, 1], 3), (9, false));
    assert_eq!(settle_fence(&[3], 1), (3, true));
}

#[tokio::test(start_paused = true)]
async fn agreeing_masters_need_one_round_trip() {
    let rig = Rig::new(3);
    let first = fence(&rig).await;
    let before = raises(&rig);
    for step in 1..=5 {
        let start = Instant::now();
        let guard = rig.redlock.fenced().mutex("key").lock().await.unwrap();
        assert!(start.elapsed() <= ms(2));
        assert_eq!(guard.fence(), first + step);
        drop(guard);
        rig.assert_clean("agreement").await;
    }
    assert_eq!(raises(&rig), before);
}

#[tokio::test(start_paused = true)]
async fn disagreeing_masters_are_raised_before_lock_returns() {
    let rig = Rig::new(3);
    fence(&rig).await;
    for (index, count) in [(0, 5_000_000), (1, 5_000_000), (2, 9_000_000)] {
        rig.masters[index].count("key", count);
    }
    // The one that is ahead is among the first to answer, then among those that do not.
    rig.masters[1].behave(Behaviour::After(ms(20)));
    let ahead = fence(&rig).await;
    assert_eq!(ahead, 9_000_001);
    rig.behave(&[WELL, WELL, Behaviour::Down]);
    assert!(fence(&rig).await > ahead);
    rig.behave(&[WELL; 3]);
    let before = raises(&rig);
    rig.masters[2].count("key", 9_000_002);
    assert_eq!(fence(&rig).await, 9_000_003);
    assert_eq!(raises(&rig), before, "all of them agree");
}

#[tokio::test(start_paused = true)]
async fn failed_write_back_returns_no_lock() {
    let apart = |rig: &Rig| {
        rig.masters[0].count("key", 5_000_000);
        rig.masters[1].count("key", 6_000_000);
        rig.masters[2].count("key", 7_000_000);
    };
    for silence in [
        Behaviour::Down,
        Behaviour::Deaf(ms(1)),
        Behaviour::Stuck,
        Behaviour::Failing(ErrorKind::Server),
    ] {
        let rig = Rig::new(3);
        apart(&rig);
        rig.masters[0].behave_to_raises(silence);
        rig.masters[1].behave_to_raises(silence);
        let error = rig.redlock.fenced().mutex("key").try_lock().await;
        let error = error.unwrap_err();
        assert!(
            matches!(&error, Error::NoQuorum { needed: 2, errors, .. } if errors.len() == 2),
            "{silence:?}: {error}"
        );
        rig.behave(&[WELL; 3]);
        rig.assert_clean("no write-back").await;
        // One is enough that does not hear it.
        apart(&rig);
        rig.masters[2].behave_to_raises(silence);
        assert!(fence(&rig).await >= 6_000_001);
    }
}

#[tokio::test(start_paused = true)]
async fn lock_lost_before_write_back_is_not_returned() {
    let rig = Rig::new(3);
    for (master, count) in rig.masters.iter().zip([5_000_000, 6_000_000, 7_000_000]) {
        master.count("key", count);
        master.behave_to_raises(Behaviour::After(ms(20)));
    }
    let mutex = rig.redlock.fenced().mutex("key");
    let attempt = tokio::spawn(async move { mutex.try_lock().await });
    sleep(ms(10)).await;
    rig.masters[0].lose("key");
    rig.masters[1].lose("key");
    let error = attempt.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Held { .. }), "{error}");
    rig.assert_clean("taken away").await;
}

#[tokio::test(start_paused = true)]
async fn write_back_reduces_validity() {
    let rig = Rig::with_ttl(3, ms(60));
    for (master, count) in rig.masters.iter().zip([5_000_000, 6_000_000, 7_000_000]) {
        master.count("key", count);
        master.behave_to(Action::AcquireFenced, Behaviour::After(ms(20)));
        master.behave_to_raises(Behaviour::After(ms(30)));
    }
    let error = rig.redlock.fenced().mutex("key").try_lock().await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::ValidityExhausted { .. }), "{error}");
    rig.assert_clean("late").await;
}

#[tokio::test(start_paused = true)]
async fn master_without_data_counts_ahead() {
    let rig = Rig::new(3);
    let mut last = fence(&rig).await;
    for round in 0..30 {
        sleep(ms(3)).await;
        rig.masters[round % 3].flush();
        // Those two decide.
        rig.behave(&[WELL; 3]);
        rig.masters[(round + 1) % 3].behave(Behaviour::Down);
        let next = fence(&rig).await;
        assert!(next > last, "{next} after {last}");
        last = next;
    }
}

#[tokio::test(start_paused = true)]
async fn multi_fence_exceeds_fence_of_each_name() {
    let rig = Rig::new(3);
    let fenced = rig.redlock.fenced();
    for master in &rig.masters {
        master.count("a", 5_000_000);
        master.count("b", 8_000_000);
    }
    let guard = fenced.multi(["a", "b"]).unwrap().lock().await.unwrap();
    assert_eq!(guard.fence(), 8_000_001);
    drop(guard);
    rig.assert_clean("several").await;
    for (name, fence) in [("a", 8_000_002), ("b", 8_000_002)] {
        let guard = fenced.mutex(name).lock().await.unwrap();
        assert_eq!(guard.fence(), fence, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn fenced_and_unfenced_locks_exclude_each_other() {
    let rig = Rig::new(3);
    let (plain, fenced) = (rig.redlock.mutex("key"), rig.redlock.fenced().mutex("key"));
    let guard = fenced.lock().await.unwrap();
    assert!(matches!(plain.try_lock().await, Err(Error::Held { .. })));
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    let guard = plain.lock().await.unwrap();
    assert!(matches!(fenced.try_lock().await, Err(Error::Held { .. })));
    drop(guard);
    rig.assert_clean("both").await;
}

/// A lock that was had: when it was asked for, when it was there, and its fence.
type Had = (Instant, Instant, u64);

async fn contend(rig: Arc<Rig>, seed: u64, had: Arc<Mutex<BTreeMap<&'static str, Vec<Had>>>>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let fenced = rig.redlock.fenced();
    let end = Instant::now() + ms(40_000);
    while Instant::now() < end {
        let names: &[_] = match random.u8(0..3) {
            0 => &["a"],
            1 => &["b"],
            _ => &["b", "a"],
        };
        let (start, limit) = (Instant::now(), ms(random.u64(0..2_000)));
        let multi = fenced.multi(names).unwrap();
        let Ok(guard) = multi.lock_timeout(limit).await else {
            continue;
        };
        for name in names {
            let lock = (start, Instant::now(), guard.fence());
            had.lock().unwrap().entry(name).or_default().push(lock);
        }
        sleep(ms(random.u64(0..1_300))).await;
        if random.bool() {
            let _ = guard.release().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn fences_grow_under_faults_and_data_loss() {
    for masters in [1, 3, 5] {
        let rig = Arc::new(Rig::new(masters));
        let had = Arc::default();
        let mut tasks = JoinSet::new();
        for seed in 0..8 {
            tasks.spawn(contend(rig.clone(), seed, Arc::clone(&had)));
        }
        let mut random = fastrand::Rng::with_seed(7);
        while !tasks.is_empty() {
            sleep(ms(random.u64(1..300))).await;
            let master = &rig.masters[random.usize(0..masters)];
            master.behave(any_behaviour(&mut random));
            if random.u8(0..20) == 0 {
                master.flush();
            }
            while tasks.try_join_next().is_some_and(|ended| ended.is_ok()) {}
        }
        rig.masters.iter().for_each(|master| master.behave(WELL));
        rig.assert_clean("fences").await;
        for (name, had) in had.lock().unwrap().iter() {
            assert!(had.len() > 20, "{} of {name}", had.len());
            for (_, there, fence) in had {
                let later = had.iter().filter(|(start, ..)| start >= there);
                for (_, _, next) in later {
                    assert!(next > fence, "{next} after {fence}, {masters} masters");
                }
            }
        }
    }
}
