//! Waits that follow the masters' reports, and their cost if the reports are false.

use std::time::Duration;

use purse_client::ErrorKind;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::master::Action;
use crate::testing::{Behaviour, Mock, POLL, Rig, Tracking, WELL, ms};
use crate::{Error, Redlock};

/// Longer than any test waits by polling.
const PATIENT: Duration = Duration::from_secs(3_600);

/// A rig whose masters' locks are held by another for `ttl`, and which polls hardly ever.
fn rig_with_holder(masters: usize, ttl: Duration) -> (Rig, Redlock) {
    let rig = Rig::new(masters);
    rig.masters.iter().for_each(|m| m.hold("another", ttl));
    let redlock = rig.with_retry_delay(PATIENT);
    (rig, redlock)
}

/// Waits for the lock, and says when it was there.
fn wait(redlock: &Redlock) -> JoinHandle<Instant> {
    let mutex = redlock.mutex("key");
    tokio::spawn(async move {
        let _guard = mutex.lock().await.unwrap();
        Instant::now()
    })
}

fn free(masters: &[std::sync::Arc<Mock>]) {
    masters.iter().for_each(|master| master.free("key"));
}

#[tokio::test(start_paused = true)]
async fn remote_release_wakes_waiter_without_poll() {
    for masters in [1, 3, 5] {
        let (rig, redlock) = rig_with_holder(masters, PATIENT);
        let waiter = wait(&redlock);
        sleep(ms(60_000)).await;
        let asked = rig.masters[0].requests().len();
        assert!(asked <= 4, "{asked} questions while nothing happened");
        let freed = Instant::now();
        free(&rig.masters);
        let took = waiter.await.unwrap() - freed;
        assert!(took <= ms(6), "{took:?} with {masters}");
    }
}

#[tokio::test(start_paused = true)]
async fn release_on_minority_wakes_no_waiter() {
    let (rig, redlock) = rig_with_holder(5, PATIENT);
    let waiter = wait(&redlock);
    sleep(ms(1_000)).await;
    let asked = rig.masters[4].requests().len();
    free(&rig.masters[..2]);
    sleep(ms(1_000)).await;
    assert_eq!(rig.masters[4].requests().len(), asked);
    let freed = Instant::now();
    free(&rig.masters[2..3]);
    assert!(waiter.await.unwrap() - freed <= ms(6));
}

#[tokio::test(start_paused = true)]
async fn release_before_watch_is_noticed() {
    for after in 0..12 {
        let (rig, redlock) = rig_with_holder(3, PATIENT);
        rig.behave(&[Behaviour::After(ms(2)); 3]);
        let waiter = wait(&redlock);
        sleep(ms(after)).await;
        free(&rig.masters);
        let freed = Instant::now();
        let took = waiter.await.unwrap().saturating_duration_since(freed);
        assert!(took <= ms(30), "{took:?} after {after} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn dead_holder_is_waited_for_until_expiry() {
    for tracking in [Tracking::Well, Tracking::Mute] {
        let (rig, redlock) = rig_with_holder(3, ms(7_000));
        rig.masters.iter().for_each(|master| master.track(tracking));
        let start = Instant::now();
        let took = wait(&redlock).await.unwrap() - start;
        assert!(took >= ms(7_000) && took <= ms(7_020), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn unreported_release_is_found_by_slow_poll() {
    // A FLUSHALL is not reported.
    let rig = Rig::new(3);
    rig.masters.iter().for_each(|m| m.hold("another", PATIENT));
    let waiter = wait(&rig.redlock);
    sleep(ms(5_300)).await;
    let flushed = Instant::now();
    rig.masters.iter().for_each(|master| master.flush());
    let took = waiter.await.unwrap() - flushed;
    assert!(took <= POLL + ms(10), "{took:?}");
    let asked = rig.masters[0].request_times(Action::Acquire).len();
    assert!((6..=9).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn minority_without_tracking_is_not_needed() {
    for (refused, behaviour) in [
        (true, WELL),
        (false, Behaviour::Down),
        (false, Behaviour::Stuck),
        (false, Behaviour::Failing(ErrorKind::Auth)),
    ] {
        let (rig, redlock) = rig_with_holder(3, PATIENT);
        rig.masters[1].behave(behaviour);
        if refused {
            rig.masters[1].track(Tracking::Refused);
        }
        let waiter = wait(&redlock);
        sleep(ms(5_000)).await;
        let freed = Instant::now();
        free(&rig.masters);
        let took = waiter.await.unwrap() - freed;
        assert!(took <= ms(60), "{took:?} with {behaviour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiter_without_tracking_polls_at_retry_delay() {
    let rig = Rig::new(3);
    for master in &rig.masters {
        master.hold("another", PATIENT);
        master.track(Tracking::Refused);
    }
    let waiter = wait(&rig.redlock);
    sleep(ms(20_000)).await;
    let attempts = rig.masters[0].request_times(Action::Acquire).len();
    // Every 100 ms on average.
    assert!((120..=320).contains(&attempts), "{attempts}");
    let freed = Instant::now();
    free(&rig.masters);
    let took = waiter.await.unwrap() - freed;
    assert!(took <= ms(210), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn waiter_under_constant_changes_does_not_spin() {
    type Nonsense = fn(&Mock);
    let nonsense: [(&str, Tracking, Nonsense); 4] = [
        ("nervous", Tracking::Nervous, |_| {}),
        ("flapping", Tracking::Well, |master| master.lose_watchers()),
        ("stolen", Tracking::Well, |master| {
            master.free("key");
            master.hold("one more", PATIENT);
        }),
        ("flushed", Tracking::Well, |master| {
            master.flush();
            master.hold("one more", PATIENT);
        }),
    ];
    for (name, tracking, nonsense) in nonsense {
        let rig = Rig::new(3);
        for master in &rig.masters {
            master.hold("another", PATIENT);
            master.track(tracking);
        }
        let waiter = wait(&rig.redlock);
        let seconds = 20;
        for _ in 0..seconds * 1_000 {
            sleep(ms(1)).await;
            rig.masters.iter().for_each(|master| nonsense(master));
        }
        let master = &rig.masters[0];
        let commands = master.requests().len() + master.query_times().len();
        // A burst, and then a wake-up each 200 ms: three commands each.
        let most = 3 * (16 + seconds * 5 + 5);
        assert!(commands <= most, "{commands} commands when {name}");
        waiter.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn one_nervous_master_wakes_no_waiter() {
    let (rig, redlock) = rig_with_holder(3, PATIENT);
    rig.masters[2].track(Tracking::Nervous);
    let waiter = wait(&redlock);
    sleep(ms(60_000)).await;
    assert!(rig.masters[0].requests().len() <= 4);
    waiter.abort();
}

#[tokio::test(start_paused = true)]
async fn holder_extension_keeps_watch() {
    let (rig, redlock) = rig_with_holder(3, ms(1_000));
    let waiter = wait(&redlock);
    for _ in 0..50 {
        sleep(ms(300)).await;
        rig.masters
            .iter()
            .for_each(|m| m.hold("another", ms(1_000)));
    }
    let asked = rig.masters[0].request_times(Action::Acquire).len();
    assert!(asked <= 60, "{asked}");
    let freed = Instant::now();
    free(&rig.masters);
    let took = waiter.await.unwrap() - freed;
    assert!(took <= ms(30), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn dropped_wait_leaves_nothing() {
    let (rig, redlock) = rig_with_holder(3, PATIENT);
    rig.masters[1].track(Tracking::Silent);
    let mutex = redlock.mutex("key");
    let mut tasks = Vec::new();
    for _ in 0..3 {
        for limit in [0, 1, 2, 3, 4, 5, 8, 400] {
            let outcome = tokio::time::timeout(ms(limit), mutex.lock()).await;
            assert!(outcome.is_err());
        }
        let error = mutex.lock_timeout(ms(400)).await.unwrap_err();
        assert!(matches!(
            error,
            Error::Timeout {
                source: Some(_),
                ..
            }
        ));
        sleep(ms(200)).await;
        assert_eq!(redlock.local_queues(), 0);
        let metrics = tokio::runtime::Handle::current().metrics();
        tasks.push(metrics.num_alive_tasks());
    }
    // Some are kept for the next attempts.
    assert_eq!(tasks, [tasks[0]; 3]);
    drop(rig);
}
