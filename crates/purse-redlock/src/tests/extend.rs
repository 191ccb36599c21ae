use crate::testing::{Behaviour, Rig, WELL, drop_after, ms};
use crate::transport::Action;
use crate::{Error, LostReason, Release};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn an_extension_gives_the_whole_ttl_from_now() {
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
async fn an_extension_needs_a_quorum_of_all_masters_not_of_those_acquired() {
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
async fn a_failed_extension_does_not_release() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[WELL, Behaviour::Deaf(ms(1)), Behaviour::Deaf(ms(1))]);
    assert!(matches!(guard.extend().await, Err(Error::Ambiguous { .. })));
    sleep(ms(200)).await;
    assert!(rig.masters.iter().all(|master| master.holder().is_some()));
    assert!(!rig.masters[0].asked().contains(&Action::Release));
}

#[tokio::test(start_paused = true)]
async fn a_majority_without_our_token_means_lost_for_good() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.masters[0].flush();
    rig.masters[1].flush();
    rig.masters[1].hold("another", ms(60_000));
    for _ in 0..2 {
        let error = guard.extend().await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::Lost {
                    reason: LostReason::Gone
                }
            ),
            "{error}"
        );
        assert!(guard.check().is_err() && guard.remaining().is_zero());
    }
    let asked = rig.masters[2].asked().len();
    assert_eq!(asked, 2, "the second extension asks nobody");
    assert_eq!(
        rig.masters[0].holder(),
        None,
        "an extension brings no lock back"
    );
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    rig.reaper.drained().await;
    assert_eq!(rig.masters[1].holder().as_deref(), Some(&b"another"[..]));
}

#[tokio::test(start_paused = true)]
async fn what_expired_by_our_clock_is_lost_whatever_the_masters_say() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.clock.put_forward(ms(990));
    assert!(rig.masters.iter().all(|master| master.holder().is_some()));
    for _ in 0..2 {
        let error = guard.extend().await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::Lost {
                    reason: LostReason::Expired
                }
            ),
            "{error}"
        );
    }
    assert!(!guard.is_valid());
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    rig.assert_clean("expired").await;
}

#[tokio::test(start_paused = true)]
async fn an_extension_that_is_confirmed_after_the_end_comes_too_late() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[Behaviour::After(ms(30)); 3]);
    let clock = rig.clock.clone();
    let late = tokio::spawn(async move {
        sleep(ms(10)).await;
        clock.put_forward(ms(990));
    });
    let error = guard.extend().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Lost {
                reason: LostReason::Expired
            }
        ),
        "{error}"
    );
    late.await.unwrap();
    assert!(!guard.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_extension_goes_on_and_never_lowers_the_end() {
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
