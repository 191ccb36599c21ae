//! Every async method, dropped at every poll and at every moment, under several faults.

use std::future::Future;
use std::time::Duration;

use purse_client::ErrorKind;
use tokio::time::{Instant, timeout};

use crate::testing::{Behaviour, Rig, SETTINGS, WELL, drop_after, ms};
use crate::{Redlock, RedlockGuard};

/// When to drop a future.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Poll(usize),
    Time(Duration),
}

const MOMENTS: usize = 140;

/// Keys are gone within this: a reply that never comes, or the pause after an answer that is doubted.
const SOON: Duration = ms(2 * 50 + 5);

fn moment(n: usize) -> Moment {
    if n < 20 {
        Moment::Poll(n)
    } else {
        Moment::Time(ms(n as u64 - 20))
    }
}

async fn cut<F: Future>(future: F, moment: Moment) -> Option<F::Output> {
    match moment {
        Moment::Poll(polls) => drop_after(future, polls).await,
        Moment::Time(time) => timeout(time, future).await.ok(),
    }
}

const FAULTS: [[Behaviour; 3]; 10] = [
    [WELL; 3],
    [
        Behaviour::After(ms(3)),
        Behaviour::After(ms(7)),
        Behaviour::After(ms(20)),
    ],
    [WELL, WELL, Behaviour::Deaf(ms(1))],
    [WELL, Behaviour::Deaf(ms(2)), Behaviour::Deaf(ms(30))],
    [Behaviour::Deaf(ms(60)), Behaviour::Deaf(ms(70)), WELL],
    [WELL, WELL, Behaviour::Stuck],
    [Behaviour::Down, WELL, Behaviour::After(ms(9))],
    [WELL, Behaviour::Failing(ErrorKind::Server), Behaviour::Down],
    [Behaviour::Stray(ms(40)), WELL, Behaviour::Stray(ms(90))],
    [Behaviour::Denying(ms(30)), WELL, Behaviour::Denying(ms(2))],
];

/// Runs `scene` to each moment under each fault; then all masters are well, and nothing is left.
async fn every_moment<F: Future<Output = ()>>(scene: impl Fn(Redlock, Moment) -> F) {
    for (number, fault) in FAULTS.iter().enumerate() {
        for moment in (0..MOMENTS).map(moment) {
            let case = format!("fault {number}, {moment:?}");
            let rig = Rig::new(3);
            rig.behave(fault);
            scene(rig.redlock.clone(), moment).await;
            rig.behave(&[WELL; 3]);
            let start = Instant::now();
            rig.assert_clean(&case).await;
            let freed = rig.free_since().unwrap().saturating_duration_since(start);
            assert!(freed <= SOON, "{case}: {freed:?}");
            // If a reply was lost, releases are repeated as long as a SET may arrive.
            let most = SETTINGS.ttl + SETTINGS.master_timeout * 4;
            assert!(start.elapsed() <= most, "{case}: {:?}", start.elapsed());
            let again = rig.redlock.mutex("key").try_lock().await;
            assert!(again.is_ok(), "{case}: {again:?}");
        }
    }
}

async fn guard_of(redlock: &Redlock) -> Option<RedlockGuard> {
    redlock.mutex("key").try_lock().await.ok()
}

#[tokio::test(start_paused = true)]
async fn dropped_try_lock_leaves_no_key() {
    every_moment(async |redlock: Redlock, moment| {
        let mutex = redlock.mutex("key");
        drop(cut(mutex.try_lock(), moment).await);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropped_lock_leaves_no_key() {
    every_moment(async |redlock: Redlock, moment| {
        let mutex = redlock.mutex("key");
        drop(cut(mutex.lock(), moment).await);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropped_fenced_multi_lock_leaves_no_key() {
    every_moment(async |redlock: Redlock, moment| {
        let multi = redlock.fenced().multi(["key", "other"]).unwrap();
        drop(cut(multi.lock(), moment).await);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropped_lock_behind_holder_leaves_no_key() {
    every_moment(async |redlock: Redlock, moment| {
        let mutex = redlock.mutex("key");
        let holder = guard_of(&redlock).await;
        drop(cut(mutex.lock(), moment).await);
        drop(holder);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropped_lock_timeout_leaves_no_key() {
    every_moment(async |redlock: Redlock, moment| {
        let mutex = redlock.mutex("key");
        drop(cut(mutex.lock_timeout(ms(90)), moment).await);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropped_extend_leaves_no_key() {
    every_moment(async |redlock: Redlock, moment| {
        if let Some(mut guard) = guard_of(&redlock).await {
            drop(cut(guard.extend(), moment).await);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropped_release_leaves_no_key() {
    every_moment(async |redlock: Redlock, moment| {
        if let Some(guard) = guard_of(&redlock).await {
            drop(cut(guard.release(), moment).await);
        }
    })
    .await;
}
