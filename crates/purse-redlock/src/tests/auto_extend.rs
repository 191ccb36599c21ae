//! Locks that are extended by themselves.

use crate::master::Action;
use crate::testing::{Behaviour, Rig, SETTINGS, WELL, ms};
use crate::{AutoExtend, Error, LostReason, RedlockGuard, Release};
use purse_client::ErrorKind;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

/// The time that a lock of the rig holds, by the holder's count.
const LENGTH: u64 = 988;

async fn lock_with_auto_extend(rig: &Rig, auto: AutoExtend) -> RedlockGuard {
    let mutex = rig.redlock.mutex("key").auto_extend(auto);
    mutex.try_lock().await.unwrap()
}

fn extensions(rig: &Rig) -> usize {
    let asked =
        |master: &std::sync::Arc<crate::testing::Mock>| master.request_times(Action::Extend).len();
    rig.masters.iter().map(asked).sum()
}

fn is_lost(result: crate::Result<()>, expected: LostReason) -> bool {
    matches!(result, Err(Error::Lost { reason, .. }) if reason == expected)
}

#[tokio::test(start_paused = true)]
async fn auto_extended_lock_lasts_as_long_as_guard() {
    let rig = Rig::new(3);
    let guard = lock_with_auto_extend(&rig, AutoExtend::new()).await;
    for _ in 0..200 {
        sleep(ms(100)).await;
        guard.check().unwrap();
        assert!(guard.remaining() >= ms(LENGTH - 340), "{guard:?}");
    }
    let asked = rig.masters[0].request_times(Action::Extend).len();
    assert!((55..=60).contains(&asked), "{asked} in twenty ttls");
    assert_eq!(guard.extensions() as usize, asked);
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    rig.assert_clean("kept").await;
}

#[tokio::test(start_paused = true)]
async fn lock_without_auto_extend_is_not_extended() {
    let rig = Rig::new(3);
    for auto in [None, Some(AutoExtend::new().max_extensions(0))] {
        let mutex = rig.redlock.mutex("key").auto_extend(auto);
        let guard = mutex.lock().await.unwrap();
        sleep(ms(2_000)).await;
        assert!(guard.check().is_err());
        assert_eq!((extensions(&rig), guard.extensions()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn auto_extension_ends_at_release_and_drop() {
    let at = [ms(5), ms(334), ms(335), ms(336), ms(1_001), ms(2_500)];
    for (moment, is_dropped) in at.into_iter().flat_map(|at| [(at, true), (at, false)]) {
        let rig = Rig::new(3);
        // Slow enough that an extension is in flight at some of the moments.
        rig.behave(&[Behaviour::After(ms(2)); 3]);
        let guard = lock_with_auto_extend(&rig, AutoExtend::new()).await;
        sleep(moment).await;
        if is_dropped {
            drop(guard);
        } else {
            assert_eq!(guard.release().await.unwrap(), Release::Released);
        }
        rig.assert_clean("released").await;
        let before = extensions(&rig);
        assert_eq!(before, 3 * (moment.as_millis() as usize / 333).min(7));
        sleep(ms(5_000)).await;
        assert_eq!(extensions(&rig), before, "{moment:?}");
        rig.assert_clean("later").await;
    }
}

#[tokio::test(start_paused = true)]
async fn renewal_never_outlives_release() {
    for delay in (1..=49).step_by(6) {
        for moment in (300..420).step_by(3) {
            let rig = Rig::new(3);
            rig.behave(&[
                WELL,
                Behaviour::After(ms(delay)),
                Behaviour::Deaf(ms(delay)),
            ]);
            let guard = lock_with_auto_extend(&rig, AutoExtend::new()).await;
            sleep(ms(moment)).await;
            rig.masters[2].behave(WELL);
            assert_eq!(guard.release().await.unwrap(), Release::Released);
            rig.assert_clean("released").await;
            for master in &rig.masters {
                let last = |action| master.request_times(action).last().copied();
                assert!(last(Action::Extend) <= last(Action::Release));
            }
            sleep(ms(200)).await;
            rig.assert_clean("later").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn manual_extension_replaces_next_automatic_one() {
    let rig = Rig::new(3);
    let mut guard = lock_with_auto_extend(&rig, AutoExtend::new()).await;
    for round in 1..=5 {
        sleep(ms(300)).await;
        guard.extend().await.unwrap();
        assert_eq!(
            (extensions(&rig), guard.extensions()),
            (3 * round, round as u32)
        );
    }
    // While an automatic extension is in flight.
    sleep(ms(331)).await;
    rig.behave(&[Behaviour::After(ms(20)); 3]);
    sleep(ms(5)).await;
    assert_eq!(extensions(&rig), 18);
    guard.extend().await.unwrap();
    assert!(guard.remaining() > ms(LENGTH - 45));
    assert_eq!(guard.extensions(), 6);
    sleep(ms(280)).await;
    assert_eq!(extensions(&rig), 21);
    sleep(ms(100)).await;
    assert_eq!(guard.extensions(), 7);
}

#[tokio::test(start_paused = true)]
async fn auto_extension_survives_one_failed_master() {
    for fault in [
        Behaviour::Down,
        Behaviour::Stuck,
        Behaviour::Deaf(ms(3)),
        Behaviour::Failing(ErrorKind::Server),
    ] {
        let rig = Rig::new(3);
        let guard = lock_with_auto_extend(&rig, AutoExtend::new()).await;
        rig.masters[1].behave(fault);
        sleep(ms(10_000)).await;
        guard.check().unwrap();
        assert!((28..=31).contains(&guard.extensions()), "{guard:?}");
        rig.masters[1].behave(WELL);
        assert_eq!(guard.release().await.unwrap(), Release::Released);
    }
}

#[tokio::test(start_paused = true)]
async fn auto_extension_without_masters_retries_until_expiry() {
    for fault in [Behaviour::Down, Behaviour::Stuck, Behaviour::Deaf(ms(3))] {
        let rig = Rig::new(3);
        let guard = lock_with_auto_extend(&rig, AutoExtend::new()).await;
        sleep(ms(500)).await;
        let until = guard.valid_until();
        rig.behave(&[fault; 3]);
        let (left, start) = (guard.remaining(), Instant::now());
        assert_eq!(guard.lost().await, LostReason::Expired);
        let took = start.elapsed();
        assert!(
            took >= left && took <= left + ms(2),
            "{took:?} for {left:?}"
        );
        assert_eq!(guard.valid_until(), until);
        // One that succeeded, and at least some that did not.
        let tries = rig.masters[0].request_times(Action::Extend).len() - 1;
        assert!((4..20).contains(&tries), "{tries} with {fault:?}");
        rig.behave(&[WELL; 3]);
        sleep(ms(1_000)).await;
        assert_eq!(
            rig.masters[0].request_times(Action::Extend).len() - 1,
            tries
        );
        assert!(is_lost(guard.check(), LostReason::Expired), "lost is final");
    }
}

#[tokio::test(start_paused = true)]
async fn auto_extension_survives_short_outage() {
    let rig = Rig::new(3);
    let guard = lock_with_auto_extend(&rig, AutoExtend::new()).await;
    for fault in [Behaviour::Down, Behaviour::Stuck, Behaviour::Deaf(ms(3))] {
        rig.behave(&[WELL, fault, fault]);
        sleep(ms(400)).await;
        rig.behave(&[WELL; 3]);
        let before = guard.extensions();
        // For the end of one that gets no answer, and the longest pause before the next one.
        sleep(SETTINGS.master_timeout * 2 + SETTINGS.ttl / 12 + ms(5)).await;
        assert!(guard.extensions() > before, "soon after {fault:?}");
        assert!(guard.remaining() > ms(750));
        sleep(ms(150)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn majority_data_loss_is_noticed_within_a_third_of_ttl() {
    for moment in (0..330).step_by(30) {
        let rig = Rig::new(3);
        let guard = lock_with_auto_extend(&rig, AutoExtend::new()).await;
        sleep(ms(moment)).await;
        rig.masters[..2].iter().for_each(|master| master.flush());
        let start = Instant::now();
        assert_eq!(guard.lost().await, LostReason::Gone);
        assert!(start.elapsed() <= ms(334 + 50), "{:?}", start.elapsed());
        assert!(is_lost(guard.check(), LostReason::Gone));
        let asked = extensions(&rig);
        sleep(ms(2_000)).await;
        assert_eq!(extensions(&rig), asked, "lost is final");
    }
}

#[tokio::test(start_paused = true)]
async fn max_extensions_ends_automatic_and_manual_extensions() {
    for by_hand in [0, 1, 3] {
        let rig = Rig::new(3);
        let mut guard = lock_with_auto_extend(&rig, AutoExtend::new().max_extensions(3)).await;
        let start = Instant::now();
        for _ in 0..by_hand {
            sleep(ms(200)).await;
            guard.extend().await.unwrap();
        }
        let lost = tokio::spawn(guard.lost());
        sleep(ms(1_100 - by_hand * 200)).await;
        assert_eq!(guard.extensions(), 3);
        guard.check().unwrap();
        let left = guard.remaining();
        assert!(matches!(
            guard.extend().await,
            Err(Error::ExtensionCap { .. })
        ));
        assert_eq!(guard.remaining(), left);
        assert_eq!(lost.await.unwrap(), LostReason::Capped);
        let expected = ms(by_hand * 200 + (3 - by_hand) * 333 + LENGTH);
        let held = start.elapsed();
        assert!(held >= expected && held < expected + ms(15), "{held:?}");
        assert!(is_lost(guard.extend().await, LostReason::Capped));
        assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    }
}

#[tokio::test(start_paused = true)]
async fn max_hold_is_never_exceeded() {
    for most in [500, 1_000, 1_400, 2_000, 5_000] {
        let rig = Rig::new(3);
        let start = Instant::now();
        let mut guard = lock_with_auto_extend(&rig, AutoExtend::new().max_hold(ms(most))).await;
        assert_eq!(guard.lost().await, LostReason::Capped);
        let held = start.elapsed();
        assert!(held <= ms(most.max(LENGTH) + 1), "{held:?} of {most}");
        assert!(held > ms(most.saturating_sub(340)), "{held:?} of {most}");
        assert!(is_lost(guard.extend().await, LostReason::Capped));
    }
}

#[tokio::test(start_paused = true)]
async fn mutex_auto_extend_overrides_builder() {
    let rig = Rig::with_settings(3, |settings| {
        settings.auto_extend = Some(AutoExtend::new());
    });
    let guards = [
        rig.redlock.mutex("a").lock().await.unwrap(),
        rig.redlock
            .mutex("b")
            .auto_extend(None)
            .lock()
            .await
            .unwrap(),
    ];
    sleep(ms(2_000)).await;
    assert_eq!(guards.map(|guard| guard.is_valid()), [true, false]);
}

#[tokio::test(start_paused = true)]
async fn guard_keeps_auto_extended_lock_through_shutdown() {
    let rig = Rig::new(3);
    let guard = lock_with_auto_extend(&rig, AutoExtend::new()).await;
    rig.redlock.shutdown().await;
    sleep(ms(3_000)).await;
    guard.check().unwrap();
    drop(guard);
    rig.redlock.shutdown().await;
    assert!(rig.masters.iter().all(|master| master.holder().is_none()));
}

#[tokio::test(start_paused = true)]
async fn thousand_auto_extended_locks_share_one_alarm_task() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let mut counts = Vec::new();
    for auto in [None, Some(AutoExtend::new())] {
        let rig = Rig::with_settings(3, |settings| {
            settings.ttl = ms(60_000);
            settings.auto_extend = auto;
        });
        let before = tasks();
        let mut guards = Vec::new();
        for number in 0..1_000 {
            let mutex = rig.redlock.mutex(format!("key{number}"));
            guards.push(mutex.lock().await.unwrap());
        }
        sleep(ms(100)).await;
        counts.push(tasks() - before);
        drop(guards);
        rig.assert_clean("a thousand").await;
    }
    assert!(counts[1] <= counts[0] + 1, "{counts:?}");
}
