//! Contenders that divide the masters among them.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::master::Action;
use crate::testing::{Behaviour, Rig, WELL, ms};
use crate::{Redlock, Release};

/// All contend for the lock at the same time, as often as it takes for each to have had it.
async fn all_have_it(contenders: Vec<Redlock>) -> std::time::Duration {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for redlock in contenders {
        tasks.spawn(async move {
            let guard = redlock.mutex("key").lock().await.unwrap();
            assert_eq!(guard.release().await.unwrap(), Release::Released);
        });
    }
    tasks.join_all().await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn contenders_in_lockstep_converge() {
    for masters in [3, 5] {
        for count in 2..=16 {
            let rig = Rig::new(masters);
            // Each is nearest to another master, so that the first attempts are split for sure.
            let contenders = (0..count).map(|nearest| {
                rig.contender(|master| ms(2 * ((master + count - nearest) % masters) as u64))
            });
            let took = all_have_it(contenders.collect()).await;
            let first: HashSet<_> = rig.masters.iter().map(|m| m.tokens().remove(0)).collect();
            assert!(first.len() > 1, "it was split");
            // Ten milliseconds are a round trip to the master farthest off.
            let most = ms(200 + 100 * count as u64);
            assert!(took < most, "{took:?} for {count} over {masters}");
            rig.assert_clean("split").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn split_vote_ends_within_few_round_trips() {
    for _ in 0..50 {
        let rig = Rig::new(3);
        let contenders: Vec<_> = (0..3)
            .map(|nearest| rig.contender(|master| ms(3 * ((master + 3 - nearest) % 3) as u64)))
            .collect();
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for redlock in contenders {
            tasks.spawn(async move { redlock.mutex("key").lock().await.unwrap() });
        }
        let guard = tasks.join_next().await.unwrap().unwrap();
        // A round trip takes 7 ms.
        assert!(start.elapsed() <= ms(80), "{:?}", start.elapsed());
        drop((guard, tasks));
    }
}

#[tokio::test(start_paused = true)]
async fn down_master_does_not_decide_or_block() {
    for down in 0..3 {
        for behaviour in [Behaviour::Down, Behaviour::Stuck] {
            let rig = Rig::new(3);
            rig.masters[down].behave(behaviour);
            let near = |nearest: usize| {
                rig.contender(|master| ms(2 * ((master + 3 - nearest) % 3) as u64))
            };
            let took = all_have_it((0..4).map(near).collect()).await;
            assert!(took < ms(3_000), "{took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refused_first_vote_asks_no_other_master() {
    let rig = Rig::new(5);
    rig.masters
        .iter()
        .for_each(|m| m.hold("another", ms(600_000)));
    let redlock = rig.with_retry_delay(ms(3_600_000));
    let mutex = redlock.mutex("key");
    let waiter = tokio::spawn(async move { mutex.lock().await.map(drop) });
    tokio::time::sleep(ms(100)).await;
    let before: Vec<_> = rig.masters.iter().map(|m| m.requests().len()).collect();
    // All of it is released, and another takes it at once.
    for master in &rig.masters {
        master.free("key");
        master.hold("one more", ms(600_000));
    }
    tokio::time::sleep(ms(100)).await;
    let more: Vec<_> = rig
        .masters
        .iter()
        .zip(before)
        .map(|(master, before)| master.requests()[before..].to_vec())
        .collect();
    assert_eq!(more.concat(), [Action::Acquire]);
    waiter.abort();
}

#[tokio::test(start_paused = true)]
async fn granted_first_vote_takes_two_round_trips() {
    let rig = Arc::new(Rig::new(5));
    rig.masters
        .iter()
        .for_each(|m| m.hold("another", ms(600_000)));
    let redlock = rig.with_retry_delay(ms(3_600_000));
    let waiter = tokio::spawn(async move {
        let _guard = redlock.mutex("key").lock().await.unwrap();
        Instant::now()
    });
    tokio::time::sleep(ms(100)).await;
    rig.behave(&[Behaviour::After(ms(10)); 5]);
    let freed = Instant::now();
    rig.masters.iter().for_each(|master| master.free("key"));
    let took = waiter.await.unwrap() - freed;
    assert!(took >= ms(20) && took <= ms(24), "{took:?}");
    rig.behave(&[WELL; 5]);
}
