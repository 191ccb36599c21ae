use std::time::Duration;

use crate::testing::{Behaviour, Rig, WELL, ms};
use crate::{Error, Release};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_guard_that_is_dropped_gives_the_lock_back_at_once() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    drop(mutex.lock().await.unwrap());
    let start = Instant::now();
    rig.assert_clean("drop").await;
    assert!(start.elapsed() < ms(10));
    assert!(mutex.try_lock().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_guard_may_be_dropped_on_a_thread_without_runtime() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    std::thread::spawn(move || drop(guard)).join().unwrap();
    rig.assert_clean("thread").await;
}

#[test]
fn a_guard_may_outlive_its_runtime() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let first = runtime();
    let rig = first.block_on(async { Rig::new(3) });
    let mutex = rig.redlock.mutex("key");
    let [mut held, dropped] = ["a", "b"].map(|_| {
        rig.masters.iter().for_each(|master| master.flush());
        first.block_on(mutex.lock()).unwrap()
    });
    drop(first);
    drop(dropped);
    let second = runtime();
    second.block_on(async {
        assert!(matches!(held.extend().await, Err(Error::Closed)));
        assert!(matches!(mutex.try_lock().await, Err(Error::Closed)));
        assert!(matches!(held.release().await, Err(Error::Closed)));
        rig.redlock.shutdown().await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_what_was_given_up_and_not_for_guards() {
    let rig = Rig::new(3);
    rig.behave(&[Behaviour::After(ms(20)); 3]);
    let (kept, given_up) = (rig.redlock.mutex("key"), rig.redlock.mutex("key"));
    drop(given_up.lock().await.unwrap());
    rig.reaper.drained().await;
    let guard = kept.lock().await.unwrap();
    rig.redlock.shutdown().await;
    guard.check().unwrap();
    assert!(rig.masters.iter().all(|master| master.holder().is_some()));
    let release = tokio::spawn(guard.release());
    sleep(ms(1)).await;
    rig.redlock.shutdown().await;
    assert!(rig.masters.iter().all(|master| master.holder().is_none()));
    assert_eq!(release.await.unwrap().unwrap(), Release::Released);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_all_waiting_and_all_attempts() {
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
        assert!(matches!(waiter.await.unwrap(), Err(Error::Closed)));
    }
    assert!(matches!(mutex.try_lock().await, Err(Error::Closed)));
    assert!(matches!(
        mutex.lock_timeout(ms(1)).await,
        Err(Error::Closed)
    ));
    rig.masters[0].behave(WELL);
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    rig.assert_clean("shutdown").await;
}
