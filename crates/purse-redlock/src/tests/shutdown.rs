use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use crate::master::Action;
use crate::testing::{Behaviour, Rig, WELL, ms, poll_once};
use crate::{Error, Release};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_releases_but_not_guards() {
    let rig = Rig::new(3);
    rig.behave(&[Behaviour::After(ms(20)); 3]);
    let (kept, given_up) = (rig.redlock.mutex("key"), rig.redlock.mutex("key"));
    drop(given_up.lock().await.unwrap());
    rig.shutdown.wait_drained().await;
    let guard = kept.lock().await.unwrap();
    rig.redlock.shutdown().await;
    guard.check().unwrap();
    assert!(rig.masters.iter().all(|master| master.holder().is_some()));
    assert!(rig.masters.iter().all(|master| !master.is_closed()));
    let release = tokio::spawn(guard.release());
    sleep(ms(1)).await;
    rig.redlock.shutdown().await;
    assert!(rig.masters.iter().all(|master| master.holder().is_none()));
    assert_eq!(release.await.unwrap().unwrap(), Release::Released);
    // The first shutdown closes them once the last guard is gone.
    sleep(ms(100)).await;
    assert!(rig.masters.iter().all(|master| master.is_closed()));
}

#[tokio::test(start_paused = true)]
async fn shutdown_when_idle_closes_connections_first() {
    let rig = Rig::new(3);
    drop(rig.redlock.mutex("key").lock().await.unwrap());
    rig.redlock.shutdown().await;
    assert!(rig.masters.iter().all(|master| master.is_closed()));
    rig.assert_clean("shutdown").await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_waits_and_attempts() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let guard = mutex.lock().await.unwrap();
    rig.masters[0].behave(Behaviour::After(ms(30)));
    let waiters = [
        tokio::spawn({
            let mutex = mutex.clone();
            async move { mutex.lock().await.map(drop) }
        }),
        tokio::spawn({
            let mutex = mutex.clone();
            async move { mutex.lock_timeout(Duration::MAX).await.map(drop) }
        }),
    ];
    sleep(ms(400)).await;
    rig.redlock.shutdown().await;
    for waiter in waiters {
        assert!(matches!(waiter.await.unwrap(), Err(Error::Closed { .. })));
    }
    assert!(matches!(mutex.try_lock().await, Err(Error::Closed { .. })));
    assert!(matches!(
        mutex.lock_timeout(ms(1)).await,
        Err(Error::Closed { .. })
    ));
    rig.masters[0].behave(WELL);
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    rig.assert_clean("shutdown").await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_releases_lock_not_yet_received() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let mut waiter = Box::pin(mutex.lock());
    poll_once(&mut waiter).await;
    // The waiter is busy with something else, and the lock is ready to be received.
    sleep(ms(20)).await;
    assert!(rig.masters.iter().all(|master| master.holder().is_some()));
    rig.redlock.shutdown().await;
    assert!(rig.masters.iter().all(|master| master.holder().is_none()));
    assert!(matches!(waiter.await, Err(Error::Closed { .. })));
}

#[tokio::test(start_paused = true)]
async fn lock_after_shutdown_takes_nothing() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let mut before = Box::pin(mutex.try_lock());
    poll_once(&mut before).await;
    rig.redlock.shutdown().await;
    let asked = rig.masters[0].requests().len();
    assert!(matches!(mutex.try_lock().await, Err(Error::Closed { .. })));
    assert!(matches!(mutex.lock().await, Err(Error::Closed { .. })));
    assert!(matches!(before.await, Err(Error::Closed { .. })));
    sleep(ms(100)).await;
    assert_eq!(rig.masters[0].requests().len(), asked);
}

#[tokio::test(start_paused = true)]
async fn shutdown_notifies_waiters_immediately() {
    for failure in [Behaviour::Stuck, Behaviour::Down, WELL] {
        let rig = Rig::new(3);
        rig.behave(&[failure; 3]);
        for master in &rig.masters {
            master.hold("another", ms(600_000));
        }
        let mutex = rig.redlock.mutex("key");
        let waiters = [
            Box::pin(mutex.lock()) as std::pin::Pin<Box<dyn Future<Output = _>>>,
            Box::pin(mutex.try_lock()),
            Box::pin(mutex.lock_timeout(ms(10))),
        ];
        let mut waiting = Vec::new();
        for mut waiter in waiters {
            // Where masters that are down say so at once, one that does not wait knows at once.
            if poll_fn(|task| Poll::Ready(waiter.as_mut().poll(task)))
                .await
                .is_pending()
            {
                waiting.push(waiter);
            }
        }
        assert!(waiting.len() >= 2, "{}", waiting.len());
        // By now all answers are ready, and none has been read.
        sleep(ms(if failure == Behaviour::Stuck { 20 } else { 500 })).await;
        let start = Instant::now();
        let shutdown = rig.redlock.shutdown();
        let (_, told) = tokio::join!(shutdown, async {
            for waiter in waiting {
                let outcome = waiter.await;
                assert!(matches!(outcome, Err(Error::Closed { .. })), "{outcome:?}");
            }
            start.elapsed()
        });
        assert!(told < ms(2), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_late_set() {
    let rig = Rig::new(3);
    for master in &rig.masters {
        master.behave_to(Action::Acquire, Behaviour::Stray(ms(700)));
    }
    assert!(rig.redlock.mutex("key").try_lock().await.is_err());
    rig.redlock.shutdown().await;
    assert!(rig.masters.iter().all(|master| master.holder().is_none()));
    // They came, and went.
    sleep(ms(1_000)).await;
    assert!(rig.masters.iter().all(|master| master.holder().is_none()));
    let freed = rig.free_since().unwrap();
    assert!(freed > Instant::now() - ms(1_500), "{freed:?}");
}

#[tokio::test(start_paused = true)]
async fn shutdown_wait_for_late_set_is_shorter_than_long_ttl() {
    let rig = Rig::with_ttl(3, ms(60_000));
    rig.masters[2].behave_to(Action::Acquire, Behaviour::Stray(ms(20_000)));
    let start = Instant::now();
    drop(rig.redlock.mutex("key").lock().await.unwrap());
    rig.redlock.shutdown().await;
    let took = start.elapsed();
    assert!(took > ms(3_000) && took < ms(4_500), "{took:?}");
    // If it comes all the same, it does not stay.
    sleep(ms(20_000)).await;
    assert!(rig.masters[2].request_times(Action::Release).len() < 30);
    assert!(rig.masters[2].holder().is_none());
    assert!(rig.free_since().unwrap() >= start + ms(20_000));
}
