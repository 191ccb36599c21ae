//! Masters that die, hang and come back.

use std::time::{Duration, Instant};

use purse::redlock::{Error, Redlock, RedlockGuard, RedlockMutex, Release};
use purse_testkit::{Masters, Server};

use super::{PATIENCE, copies, eventually};

const MASTER_TIMEOUT: Duration = Duration::from_millis(150);

async fn three() -> (Masters, Redlock) {
    let masters = Masters::start(3).expect("three servers");
    let redlock = Redlock::builder(masters.urls())
        .ttl(Duration::from_secs(30))
        .master_timeout(MASTER_TIMEOUT)
        .build()
        .await
        .expect("masters that run");
    (masters, redlock)
}

/// Acquires once enough masters are connected again.
async fn recover(mutex: &RedlockMutex) -> RedlockGuard {
    mutex
        .lock_timeout(PATIENCE)
        .await
        .expect("a quorum that is back")
}

#[tokio::test]
async fn one_of_three_may_die() {
    let (masters, redlock) = three().await;
    let mutex = redlock.mutex("key");
    masters[1].kill().unwrap();
    for _ in 0..20 {
        let start = Instant::now();
        let mut guard = mutex.try_lock().await.unwrap();
        guard.extend().await.unwrap();
        assert_eq!(guard.release().await.unwrap(), Release::Released);
        assert!(
            start.elapsed() < MASTER_TIMEOUT * 3,
            "{:?}",
            start.elapsed()
        );
    }
    eventually("free", PATIENCE, || {
        copies([&masters[0], &masters[2]], "key") == 0
    })
    .await;
}

#[tokio::test]
async fn one_of_three_may_hang_and_gets_its_late_set_released() {
    let (masters, redlock) = three().await;
    let mutex = redlock.mutex("key");
    masters[2].pause().unwrap();
    let start = Instant::now();
    let guard = mutex.try_lock().await.unwrap();
    assert!(
        start.elapsed() < MASTER_TIMEOUT * 2,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    masters[2].resume().unwrap();
    redlock.shutdown().await;
    assert_eq!(copies(&masters, "key"), 0);
}

#[tokio::test]
async fn a_master_that_hung_for_long_gets_its_late_set_released() {
    let (masters, redlock) = three().await;
    masters[1].pause().unwrap();
    masters[2].pause().unwrap();
    // Enough silence for the client to give its connections up, with commands still in them.
    for _ in 0..8 {
        let error = redlock.mutex("key").try_lock().await.unwrap_err();
        assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
    }
    masters[1].resume().unwrap();
    masters[2].resume().unwrap();
    let start = Instant::now();
    redlock.shutdown().await;
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(copies(&masters, "key"), 0);
}

#[tokio::test]
async fn majority_down_fails_at_once_naming_masters() {
    let (masters, redlock) = three().await;
    let mutex = redlock.mutex("key");
    masters[0].kill().unwrap();
    masters[2].pause().unwrap();
    let start = Instant::now();
    let error = mutex.try_lock().await.unwrap_err();
    assert!(
        start.elapsed() < MASTER_TIMEOUT * 3,
        "{:?}",
        start.elapsed()
    );
    let text = error.to_string();
    let Error::NoQuorum {
        needed: 2, errors, ..
    } = error
    else {
        panic!("{text}");
    };
    let named: Vec<_> = errors.iter().map(|(server, _)| server.clone()).collect();
    let address = |server: &Server| format!("127.0.0.1:{}", server.port());
    assert_eq!(named, [address(&masters[0]), address(&masters[2])]);
    assert!(named.iter().all(|name| text.contains(name)), "{text}");

    let error = mutex
        .lock_timeout(Duration::from_millis(300))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Timeout { source: Some(source), .. } if matches!(**source, Error::NoQuorum { .. })),
        "{error:?}"
    );

    masters[2].resume().unwrap();
    masters[0].restart().unwrap();
    let guard = recover(&mutex).await;
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    redlock.shutdown().await;
    assert_eq!(copies(&masters, "key"), 0);
}

#[tokio::test]
async fn masters_that_are_down_are_not_waited_for() {
    const LONG: Duration = Duration::from_secs(5);
    let masters = Masters::start(3).unwrap();
    let redlock = Redlock::builder(masters.urls())
        .ttl(Duration::from_secs(30))
        .master_timeout(LONG)
        .build()
        .await
        .unwrap();
    let mutex = redlock.mutex("key");
    masters[0].kill().unwrap();
    masters[1].kill().unwrap();
    // The first attempts may still find the client in the belief that it is connected.
    let start = Instant::now();
    loop {
        let attempt = Instant::now();
        let text = mutex.try_lock().await.unwrap_err().to_string();
        if text.matches("not connected").count() == 2 {
            assert!(attempt.elapsed() < LONG / 2, "{:?}", attempt.elapsed());
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{text}");
    }
}

#[tokio::test]
async fn one_master_may_restart_under_a_lock_but_not_two() {
    let (masters, redlock) = three().await;
    let mutex = redlock.mutex("key");
    let guard = mutex.lock().await.unwrap();
    eventually("all have it", PATIENCE, || copies(&masters, "key") == 3).await;
    masters[0].restart().unwrap();
    assert_eq!(guard.release().await.unwrap(), Release::Released);

    let guard = recover(&mutex).await;
    eventually("none has it", PATIENCE, || {
        masters[0].restart().unwrap();
        masters[1].restart().unwrap();
        copies([&masters[0], &masters[1]], "key") == 0
    })
    .await;
    // Whether they are connected again or not by now: it is not called a release.
    match guard.release().await {
        Ok(Release::AlreadyExpired) | Err(Error::NoQuorum { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_master_that_was_down_at_first_votes_once_it_is_there() {
    // With its data on disk, or it would be in quarantine.
    let masters = Masters::start_with(3, &Server::builder().append_only()).unwrap();
    masters[2].kill().unwrap();
    let redlock = Redlock::builder(masters.urls())
        .ttl(Duration::from_secs(30))
        .master_timeout(MASTER_TIMEOUT)
        .build()
        .await
        .unwrap();
    masters[2].restart().unwrap();
    masters[0].kill().unwrap();
    let guard = recover(&redlock.mutex("key")).await;
    assert_eq!(guard.release().await.unwrap(), Release::Released);
}

#[tokio::test]
async fn unanswered_release_is_retried_until_answered() {
    let (masters, redlock) = three().await;
    let mutex = redlock.mutex("key");
    let guard = mutex.lock().await.unwrap();
    eventually("all have it", PATIENCE, || copies(&masters, "key") == 3).await;
    masters.iter().for_each(|server| server.pause().unwrap());
    let error = guard.release().await.unwrap_err();
    assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
    masters.iter().for_each(|server| server.resume().unwrap());
    redlock.shutdown().await;
    assert_eq!(copies(&masters, "key"), 0);
}
