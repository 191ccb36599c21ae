use crate::master::Action;
use crate::testing::{Behaviour, Rig, WELL, assert_lost, drop_after, ms};
use crate::{Error, LostReason, RedlockGuard, Release};
use purse_client::ErrorKind;
use tokio::time::{Instant, sleep, timeout};

#[tokio::test(start_paused = true)]
async fn extension_gives_whole_ttl() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    let before = guard.valid_until();
    sleep(ms(600)).await;
    guard.extend().await.unwrap();
    let gained = guard.valid_until().saturating_duration_since(before);
    assert!(gained >= ms(600) && gained < ms(610), "{gained:?}");
    sleep(ms(600)).await;
    guard.check().unwrap();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
}

#[tokio::test(start_paused = true)]
async fn extension_needs_quorum_of_all_masters() {
    let rig = Rig::new(5);
    rig.behave(&[WELL, WELL, WELL, Behaviour::Down, Behaviour::Down]);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    let before = guard.valid_until();
    sleep(ms(100)).await;
    rig.masters[2].behave(Behaviour::Down);
    let error = guard.extend().await.unwrap_err();
    assert!(
        matches!(&error, Error::Ambiguous { needed: 3, errors, .. } if errors.len() == 3),
        "{error}"
    );
    assert_eq!(guard.valid_until(), before);
    guard.check().unwrap();

    rig.masters[2].behave(WELL);
    guard.extend().await.unwrap();
    assert!(guard.valid_until() > before);
}

#[tokio::test(start_paused = true)]
async fn failed_extension_does_not_release() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[WELL, Behaviour::Deaf(ms(1)), Behaviour::Deaf(ms(1))]);
    assert!(matches!(guard.extend().await, Err(Error::Ambiguous { .. })));
    sleep(ms(200)).await;
    assert!(rig.masters.iter().all(|master| master.holder().is_some()));
    assert!(!rig.masters[0].requests().contains(&Action::Release));
}

#[tokio::test(start_paused = true)]
async fn majority_without_token_is_permanent_loss() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.masters[0].flush();
    rig.masters[1].flush();
    rig.masters[1].hold("another", ms(60_000));
    for _ in 0..2 {
        let error = guard.extend().await.unwrap_err();
        assert_lost(&error, LostReason::Gone);
        assert!(guard.check().is_err() && guard.remaining().is_zero());
    }
    let asked = rig.masters[2].requests().len();
    assert_eq!(asked, 2, "the second extension asks nobody");
    assert_eq!(
        rig.masters[0].holder(),
        None,
        "an extension brings no lock back"
    );
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    rig.shutdown.wait_drained().await;
    assert_eq!(rig.masters[1].holder().as_deref(), Some(&b"another"[..]));
}

#[tokio::test(start_paused = true)]
async fn local_expiry_is_loss_despite_master_votes() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.clock.put_forward(ms(990));
    assert!(rig.masters.iter().all(|master| master.holder().is_some()));
    for _ in 0..2 {
        let error = guard.extend().await.unwrap_err();
        assert_lost(&error, LostReason::Expired);
    }
    assert!(!guard.is_valid());
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    rig.assert_clean("expired").await;
}

#[tokio::test(start_paused = true)]
async fn extension_confirmed_after_expiry_is_loss() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[Behaviour::After(ms(30)); 3]);
    let clock = rig.clock.clone();
    let late = tokio::spawn(async move {
        sleep(ms(10)).await;
        clock.put_forward(ms(990));
    });
    let error = guard.extend().await.unwrap_err();
    assert_lost(&error, LostReason::Expired);
    late.await.unwrap();
    assert!(!guard.is_valid());
}

#[tokio::test(start_paused = true)]
async fn dropped_extension_continues_and_never_shortens() {
    for polls in 0..3 {
        let rig = Rig::new(3);
        let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
        let before = guard.valid_until();
        sleep(ms(500)).await;
        drop_after(guard.extend(), polls).await;
        sleep(ms(100)).await;
        assert_eq!(guard.valid_until() > before, polls > 0, "{polls}");
        guard.extend().await.unwrap();
        assert_eq!(guard.release().await.unwrap(), Release::Released);
        rig.assert_clean("extend").await;
    }
}

#[tokio::test(start_paused = true)]
async fn slow_extension_reports_exhausted_and_counts() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    let before = guard.valid_until();
    rig.behave(&[Behaviour::After(ms(30)); 3]);
    let clock = rig.clock.clone();
    let late = tokio::spawn(async move {
        sleep(ms(10)).await;
        clock.put_forward(ms(950));
    });
    let error = guard.extend().await.unwrap_err();
    assert!(
        matches!(error, Error::ValidityExhausted { left, .. } if left < ms(10) && !left.is_zero()),
        "{error}"
    );
    late.await.unwrap();
    guard.check().unwrap();
    assert!(guard.valid_until() > before);
}

#[tokio::test(start_paused = true)]
async fn unknown_extension_after_expiry_is_loss() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[Behaviour::Stuck; 3]);
    let clock = rig.clock.clone();
    let late = tokio::spawn(async move {
        sleep(ms(10)).await;
        clock.put_forward(ms(990));
    });
    let error = guard.extend().await.unwrap_err();
    let reason = LostReason::Expired;
    assert!(
        matches!(error, Error::Lost { reason: told, .. } if told == reason),
        "{error}"
    );
    late.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lock_is_lost_exactly_at_expiry() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.clock.put_forward(guard.remaining() - ms(1));
    guard.check().unwrap();
    rig.clock.put_forward(ms(1));
    assert!(guard.check().is_err() && guard.remaining().is_zero());
}

#[tokio::test(start_paused = true)]
async fn foreign_key_is_loss() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[Behaviour::Failing(ErrorKind::WrongType); 3]);
    let reason = LostReason::Gone;
    let error = guard.extend().await.unwrap_err();
    assert!(
        matches!(error, Error::Lost { reason: told, .. } if told == reason),
        "{error}"
    );
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    rig.shutdown.wait_drained().await;
    let releases = rig.masters[0].request_times(Action::Release).len();
    assert_eq!(releases, 1, "what is not ours need not be released again");
}

#[tokio::test(start_paused = true)]
async fn dropped_extensions_delay_nothing() {
    let release = async |guard: RedlockGuard| {
        let released = guard.release().await.unwrap();
        assert_eq!(released, Release::Released);
    };
    for is_dropped in [true, false] {
        let rig = Rig::new(3);
        let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
        sleep(ms(10)).await;
        rig.behave(&[Behaviour::After(ms(45)); 3]);
        for _ in 0..100 {
            assert!(timeout(ms(1), guard.extend()).await.is_err());
        }
        let start = Instant::now();
        if is_dropped {
            drop(guard);
        } else {
            release(guard).await;
        }
        rig.assert_clean("extensions").await;
        // The extension in flight, and the release.
        assert!(start.elapsed() <= ms(95), "{:?}", start.elapsed());
        let extensions = rig.masters[0].request_times(Action::Extend).len();
        assert!(extensions <= 5, "{extensions}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_master_gets_only_newest_extension() {
    let rig = Rig::new(3);
    rig.masters[2].behave(Behaviour::After(ms(45)));
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    for _ in 0..200 {
        guard.extend().await.unwrap();
    }
    assert!(rig.masters[0].requests().len() > 200);
    let start = Instant::now();
    drop(guard);
    rig.assert_clean("slow master").await;
    assert!(start.elapsed() <= ms(95), "{:?}", start.elapsed());
}
