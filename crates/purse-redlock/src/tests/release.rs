use crate::master::Action;
use crate::testing::{Behaviour, Rig, WELL, ms};
use crate::{Error, Release};
use purse_client::ErrorKind;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn release_returns_at_majority_and_reaches_all() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    sleep(ms(10)).await;
    rig.masters[2].behave(Behaviour::After(ms(40)));
    let start = Instant::now();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    assert!(start.elapsed() < ms(10));
    assert!(rig.masters[2].holder().is_some());
    rig.assert_clean("release").await;
}

#[tokio::test(start_paused = true)]
async fn release_waits_for_set_in_flight() {
    let rig = Rig::new(3);
    rig.masters[2].behave_to(Action::Acquire, Behaviour::Stray(ms(40)));
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    assert_eq!(rig.masters[2].requests(), [Action::Acquire]);
    rig.assert_clean("late SET").await;
    assert!(rig.masters[2].requests().ends_with(&[Action::Release]));
}

#[tokio::test(start_paused = true)]
async fn late_set_is_released() {
    // It travels on a connection that was given up, and the first releases find nothing; or what
    // stands before the master denies what it passed on.
    for late in [130, 400, 900].map(ms) {
        for behaviour in [Behaviour::Stray(late), Behaviour::Denying(late)] {
            let rig = Rig::new(3);
            rig.masters[2].behave_to(Action::Acquire, behaviour);
            let start = Instant::now();
            let guard = rig.redlock.mutex("key").lock().await.unwrap();
            assert_eq!(guard.release().await.unwrap(), Release::Released);
            rig.assert_clean("stray SET").await;
            let freed = rig.free_since().unwrap().duration_since(start);
            assert!(freed > late && freed < ms(1_100), "{freed:?}");
            let asked = rig.masters[2].request_times(Action::Release).len();
            assert!(
                (3..8).contains(&asked),
                "{asked} times, with growing pauses"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refused_or_unsent_set_is_not_released_again() {
    for behaviour in [WELL, Behaviour::Down] {
        let rig = Rig::new(3);
        rig.masters[2].behave_to(Action::Acquire, behaviour);
        rig.masters[2].hold("another", ms(60_000));
        let guard = rig.redlock.mutex("key").lock().await.unwrap();
        assert_eq!(guard.release().await.unwrap(), Release::Released);
        rig.shutdown.wait_drained().await;
        assert_eq!(rig.masters[2].request_times(Action::Release).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn extended_lock_is_released_for_longer() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    sleep(ms(800)).await;
    guard.extend().await.unwrap();
    rig.behave(&[Behaviour::Down; 3]);
    drop(guard);
    // By now the lock would be over, had it not been extended.
    sleep(ms(500)).await;
    rig.behave(&[WELL; 3]);
    rig.assert_clean("extended").await;
}

#[tokio::test(start_paused = true)]
async fn release_confirmed_late_is_released() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[Behaviour::After(ms(30)); 3]);
    let release = tokio::spawn(guard.release());
    sleep(ms(10)).await;
    rig.clock.put_forward(ms(990));
    assert_eq!(release.await.unwrap().unwrap(), Release::Released);
}

#[tokio::test(start_paused = true)]
async fn release_after_local_expiry_is_already_expired() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    sleep(ms(989)).await;
    assert!(rig.masters.iter().all(|master| master.holder().is_some()));
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    rig.assert_clean("expired").await;
}

#[tokio::test(start_paused = true)]
async fn release_without_possible_quorum_is_already_expired() {
    for (lost, expected) in [(1, Release::Released), (2, Release::AlreadyExpired)] {
        let rig = Rig::new(3);
        let guard = rig.redlock.mutex("key").lock().await.unwrap();
        sleep(ms(10)).await;
        rig.masters[..lost].iter().for_each(|master| master.flush());
        assert_eq!(guard.release().await.unwrap(), expected, "{lost}");
    }
}

#[tokio::test(start_paused = true)]
async fn release_without_answers_is_unknown_and_retried() {
    for silence in [
        Behaviour::Down,
        Behaviour::Stuck,
        Behaviour::Failing(ErrorKind::Server),
    ] {
        let rig = Rig::new(3);
        let guard = rig.redlock.mutex("key").lock().await.unwrap();
        sleep(ms(10)).await;
        rig.behave(&[WELL, silence, silence]);
        let error = guard.release().await.unwrap_err();
        assert!(
            matches!(&error, Error::NoQuorum { needed: 2, errors, .. } if errors.len() == 2),
            "{error}"
        );
        sleep(ms(150)).await;
        assert!(rig.masters[1].holder().is_some());
        rig.behave(&[WELL; 3]);
        let start = Instant::now();
        rig.assert_clean("silence").await;
        assert!(start.elapsed() < ms(500), "well before the ttl");
    }
}

#[tokio::test(start_paused = true)]
async fn release_retry_ends_after_ttl() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[Behaviour::Stuck; 3]);
    let start = Instant::now();
    drop(guard);
    rig.redlock.shutdown().await;
    assert!(start.elapsed() <= ms(1_200), "{:?}", start.elapsed());
    let asked = rig.masters[0].requests().len();
    assert!(
        (4..12).contains(&asked),
        "{asked} times, with growing pauses"
    );
}

#[tokio::test(start_paused = true)]
async fn release_with_lost_reply_is_retried() {
    let rig = Rig::new(1);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.masters[0].behave(Behaviour::Deaf(ms(1)));
    assert!(matches!(guard.release().await, Err(Error::NoQuorum { .. })));
    rig.masters[0].behave(WELL);
    rig.shutdown.wait_drained().await;
    assert_eq!(
        rig.masters[0].requests(),
        [Action::Acquire, Action::Release, Action::Release]
    );
}
