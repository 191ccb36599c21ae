use std::future::Future;
use std::time::Duration;

use purse_client::ErrorKind;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, timeout};

use crate::testing::{Behaviour, Rig, Tracking, WELL, drop_after, ms};
use crate::{Election, Error, Leader, Leadership, LostReason, Release};

static_assertions::assert_impl_all!(Election: Send, Sync, Clone, std::fmt::Debug);
static_assertions::assert_impl_all!(Leadership: Send, Sync, std::fmt::Debug);
static_assertions::assert_impl_all!(Leader: Send, Sync, Clone, Eq, std::hash::Hash, std::fmt::Debug);

/// As `observe` says, with some to spare.
const SOON: Duration = ms(2_500);

/// Fails unless such a leader, or none, is shown in time.
async fn wait_leader(
    observer: &mut Receiver<Option<Leader>>,
    name: Option<&str>,
    within: Duration,
) {
    let is_so = |leader: &Option<Leader>| leader.as_ref().map(Leader::name).as_deref() == name;
    let shown = timeout(within, observer.wait_for(is_so)).await;
    assert!(shown.is_ok_and(|shown| shown.is_ok()), "not {name:?}");
}

fn now(observer: &Receiver<Option<Leader>>) -> Option<String> {
    observer
        .borrow()
        .as_ref()
        .map(|leader| leader.name().into_owned())
}

/// Fails once the lock is lost, because no client may hold it longer.
async fn campaign(election: &Election, name: &str) -> Leadership {
    election.campaign(name).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn resignation_hands_over_immediately() {
    let rig = Rig::new(3);
    let election = rig.redlock.election("key");
    let mut observer = election.observe();
    assert_eq!(now(&observer), None);
    let first = campaign(&election, "a").await;
    wait_leader(&mut observer, Some("a"), ms(50)).await;
    assert_eq!(observer.borrow().as_ref(), Some(first.leader()));

    let next = tokio::spawn({
        let election = rig.contender(|_| ms(1)).election("key");
        async move { campaign(&election, "b").await }
    });
    sleep(ms(10_000)).await;
    first.check().unwrap();
    assert!(!next.is_finished());
    assert_eq!(now(&observer).as_deref(), Some("a"));

    let (fence, start) = (first.fence(), Instant::now());
    assert_eq!(first.resign().await.unwrap(), Release::Released);
    let second = next.await.unwrap();
    assert!(start.elapsed() < ms(100), "{:?}", start.elapsed());
    assert!(second.fence() > fence);
    wait_leader(&mut observer, Some("b"), ms(50)).await;
    drop(second);
    wait_leader(&mut observer, None, ms(50)).await;
    rig.assert_clean("resigned").await;
}

#[tokio::test(start_paused = true)]
async fn observers_see_leaders_in_order_of_fence() {
    let rig = Rig::new(5);
    let mut observer = rig
        .contender(|n| ms(1 + 3 * n as u64))
        .election("key")
        .observe();
    let watching = tokio::spawn(async move {
        let mut seen: Vec<Leader> = Vec::new();
        while observer.changed().await.is_ok() {
            let shown = observer.borrow_and_update().clone();
            match (shown, seen.last()) {
                (Some(leader), Some(last)) if leader == *last => {}
                (Some(leader), last) => {
                    assert!(last.is_none_or(|last| last.fence() < leader.fence()));
                    let is_last = leader.name() == "19";
                    seen.push(leader);
                    if is_last {
                        break;
                    }
                }
                (None, _) => {}
            }
        }
        seen
    });
    let mut led = Vec::new();
    for term in 0..20 {
        let election = rig
            .contender(|n| ms(1 + (n as u64 * term) % 5))
            .election("key");
        let leadership = campaign(&election, &term.to_string()).await;
        led.push(leadership.leader().clone());
        // Long enough for those to see it that look.
        sleep(ms(100)).await;
        let _ = leadership.resign().await.unwrap();
    }
    let seen = timeout(SOON, watching).await.unwrap().unwrap();
    assert_eq!(seen, led);
}

#[tokio::test(start_paused = true)]
async fn minority_is_neither_needed_nor_shown() {
    let rig = Rig::new(5);
    rig.masters[3].behave(Behaviour::Down);
    rig.masters[4].behave(Behaviour::Stuck);
    let election = rig.redlock.election("key");
    let mut observer = election.observe();
    let leadership = campaign(&election, "a").await;
    wait_leader(&mut observer, Some("a"), ms(100)).await;
    // What is left of an earlier leader on those that were away.
    rig.masters[3].behave(WELL);
    rig.masters[3].write_record("key:leader", "1 old", ms(60_000));
    rig.masters[4].write_record("key:leader", "1 old", ms(60_000));
    rig.masters[4].behave(WELL);
    drop(leadership);
    wait_leader(&mut observer, None, ms(100)).await;
    sleep(SOON * 3).await;
    assert_eq!(now(&observer), None);
    assert!(!observer.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn missed_announcement_is_repeated_by_extension() {
    let rig = Rig::new(3);
    let election = rig.redlock.election("key");
    rig.masters[0].behave(Behaviour::Down);
    let leadership = campaign(&election, "a").await;
    rig.masters[0].behave(WELL);
    // The one that was down has no lock of ours, so no record either.
    rig.masters[1].lose_record("key:leader");
    let mut observer = election.observe();
    wait_leader(&mut observer, Some("a"), ms(1_500)).await;
    assert!(rig.masters[0].keys().is_empty());
    leadership.check().unwrap();
}

#[tokio::test(start_paused = true)]
async fn outage_ends_leadership_and_clears_observers() {
    for fault in [Behaviour::Down, Behaviour::Stuck, Behaviour::Deaf(ms(1))] {
        let rig = Rig::new(3);
        let election = rig.redlock.election("key");
        let mut observer = election.observe();
        let leadership = campaign(&election, "a").await;
        wait_leader(&mut observer, Some("a"), ms(50)).await;
        sleep(ms(2_000)).await;
        rig.behave(&[fault; 3]);
        let start = Instant::now();
        let reason = leadership.lost().await;
        assert_eq!(reason, LostReason::Expired);
        assert!(start.elapsed() <= ms(1_000), "{:?}", start.elapsed());
        assert!(leadership.check().is_err() && leadership.remaining().is_zero());
        wait_leader(&mut observer, None, SOON).await;
        rig.behave(&[WELL; 3]);
        assert_eq!(leadership.resign().await.unwrap(), Release::AlreadyExpired);
        let next = campaign(&election, "b").await;
        wait_leader(&mut observer, Some("b"), ms(5_000) + SOON).await;
        drop(next);
    }
}

#[tokio::test(start_paused = true)]
async fn dead_leader_is_succeeded_after_ttl() {
    let rig = Rig::new(3);
    let observing = rig.contender(|_| ms(1)).election("key");
    let mut observer = observing.observe();
    let leadership = campaign(&rig.redlock.election("key"), "a").await;
    wait_leader(&mut observer, Some("a"), ms(50)).await;
    let fence = leadership.fence();
    // Its process is stopped: it neither extends nor releases.
    rig.masters
        .iter()
        .for_each(|master| master.behave(Behaviour::Stuck));
    sleep(ms(1_000)).await;
    rig.behave(&[WELL; 3]);
    let next = timeout(SOON, observing.campaign("b"))
        .await
        .unwrap()
        .unwrap();
    assert!(next.fence() > fence);
    // A query in flight ends first.
    wait_leader(&mut observer, Some("b"), ms(5_000) + SOON).await;
    // What it does in the end does not touch the next one.
    let _ = leadership.resign().await;
    sleep(ms(500)).await;
    next.check().unwrap();
    assert_eq!(now(&observer).as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn data_loss_ends_leadership() {
    let rig = Rig::new(3);
    let election = rig.redlock.election("key");
    let mut observer = election.observe();
    let leadership = campaign(&election, "a").await;
    wait_leader(&mut observer, Some("a"), ms(50)).await;
    rig.masters.iter().for_each(|master| master.flush());
    let start = Instant::now();
    assert_eq!(leadership.lost().await, LostReason::Gone);
    assert!(start.elapsed() <= ms(400), "at the next extension");
    wait_leader(&mut observer, None, SOON).await;
    rig.assert_clean("flushed").await;
    let next = campaign(&election, "b").await;
    assert!(next.fence() > leadership.fence());
    wait_leader(&mut observer, Some("b"), SOON).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_campaign_leaves_nothing() {
    let faults = [
        [WELL; 3],
        [WELL, Behaviour::After(ms(7)), Behaviour::After(ms(20))],
        [WELL, WELL, Behaviour::Deaf(ms(1))],
        [WELL, Behaviour::Deaf(ms(2)), Behaviour::Deaf(ms(30))],
        [Behaviour::Stray(ms(40)), WELL, Behaviour::Stray(ms(90))],
        [
            Behaviour::Failing(ErrorKind::Server),
            WELL,
            Behaviour::Stuck,
        ],
    ];
    let mut elected = 0;
    for (number, fault) in faults.iter().enumerate() {
        for moment in 0..80 {
            let rig = Rig::new(3);
            let election = rig.redlock.election("key");
            rig.behave(fault);
            let outcome = cut(election.campaign("a"), moment).await;
            elected += usize::from(matches!(outcome, Some(Ok(_))));
            drop(outcome);
            rig.behave(&[WELL; 3]);
            rig.assert_clean(&format!("fault {number}, moment {moment}"))
                .await;
        }
    }
    assert!(elected > 100, "{elected}: the moments reach to the end");
}

#[tokio::test(start_paused = true)]
async fn dropped_resignation_takes_effect() {
    for moment in 0..40 {
        let rig = Rig::new(3);
        let leadership = campaign(&rig.redlock.election("key"), "a").await;
        let _ = cut(leadership.resign(), moment).await;
        rig.assert_clean(&format!("moment {moment}")).await;
    }
}

/// Drops the future after this many polls, or beyond 20 after this many milliseconds.
async fn cut<F: Future>(future: F, moment: usize) -> Option<F::Output> {
    match moment {
        0..20 => drop_after(future, moment).await,
        _ => timeout(ms(moment as u64 - 20), future).await.ok(),
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_campaigns_but_not_leader() {
    let rig = Rig::new(3);
    let election = rig.redlock.election("key");
    let mut observer = election.observe();
    let leadership = campaign(&election, "a").await;
    wait_leader(&mut observer, Some("a"), ms(50)).await;
    let (outcome, ()) = tokio::join!(election.campaign("b"), async {
        sleep(ms(100)).await;
        rig.redlock.shutdown().await;
    });
    assert!(matches!(outcome, Err(Error::Closed { .. })));
    wait_leader(&mut observer, None, ms(50)).await;
    assert!(timeout(SOON, observer.changed()).await.unwrap().is_err());
    assert_eq!(now(&election.observe()), None);
    sleep(ms(5_000)).await;
    leadership.check().unwrap();
    assert_eq!(leadership.resign().await.unwrap(), Release::Released);
    rig.assert_clean("shutdown").await;
}

#[tokio::test(start_paused = true)]
async fn observer_is_one_task_until_receivers_drop() {
    let rig = Rig::new(5);
    let election = rig.redlock.election("key");
    sleep(ms(10)).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let observer = election.observe();
    let other = observer.clone();
    sleep(SOON).await;
    assert_eq!(tasks(), before + 1);
    drop(observer);
    sleep(SOON).await;
    assert_eq!(tasks(), before + 1);
    drop(other);
    sleep(ms(10)).await;
    assert_eq!(tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn observer_under_constant_changes_does_not_spin() {
    for tracking in [
        Tracking::Nervous,
        Tracking::Refused,
        Tracking::Silent,
        Tracking::Mute,
    ] {
        let rig = Rig::new(3);
        rig.masters.iter().for_each(|master| master.track(tracking));
        let _observer = rig.redlock.election("key").observe();
        sleep(ms(10_000)).await;
        let looks = rig.masters[0].query_times().len();
        assert!((2..=16 + 52).contains(&looks), "{tracking:?}: {looks}");
    }
}

#[tokio::test(start_paused = true)]
async fn observer_without_tracking_polls() {
    let rig = Rig::new(3);
    rig.masters
        .iter()
        .for_each(|master| master.track(Tracking::Mute));
    let election = rig.redlock.election("key");
    let mut observer = election.observe();
    sleep(ms(100)).await;
    let leadership = campaign(&election, "a").await;
    wait_leader(&mut observer, Some("a"), SOON).await;
    drop(leadership);
    wait_leader(&mut observer, None, SOON).await;
}

#[tokio::test(start_paused = true)]
async fn campaign_with_foreign_record_returns_wrong_type() {
    let rig = Rig::new(3);
    let election = rig.redlock.election("key");
    let foreign = Behaviour::Failing(ErrorKind::WrongType);
    for master in &rig.masters[..2] {
        master.behave_to(crate::master::Action::Extend, foreign);
    }
    let error = election.campaign("a").await.unwrap_err();
    assert!(
        matches!(&error, Error::WrongType { errors, .. } if errors.len() == 2),
        "{error}"
    );
    rig.assert_clean("wrong type").await;
    rig.masters[0].behave(WELL);
    campaign(&election, "a").await.check().unwrap();
}

#[tokio::test(start_paused = true)]
async fn unannounced_leader_leads_and_announces_later() {
    let rig = Rig::new(3);
    let election = rig.redlock.election("key");
    let mut observer = election.observe();
    for master in &rig.masters {
        master.behave_to(
            crate::master::Action::Extend,
            Behaviour::Failing(ErrorKind::Server),
        );
    }
    let leadership = campaign(&election, "a").await;
    assert_eq!(now(&observer), None);
    rig.behave(&[WELL; 3]);
    wait_leader(&mut observer, Some("a"), ms(1_000)).await;
    leadership.check().unwrap();
}
