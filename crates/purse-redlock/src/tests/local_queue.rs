//! The line within one process.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::master::Action;
use crate::testing::{Behaviour, Rig, ms, poll_once};
use crate::{Error, Release};

#[tokio::test(start_paused = true)]
async fn waiters_in_process_acquire_in_order() {
    let rig = Rig::with_ttl(3, ms(60_000));
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for number in 0..64 {
        let (mutex, order) = (rig.redlock.mutex("key"), order.clone());
        tasks.spawn(async move {
            let guard = mutex.lock().await.unwrap();
            order.lock().unwrap().push(number);
            sleep(ms(3)).await;
            assert_eq!(guard.release().await.unwrap(), Release::Released);
        });
    }
    sleep(ms(500)).await;
    // The masters are not asked about a lock that is held in this process.
    assert_eq!(rig.masters[0].requests(), [Action::Acquire]);
    let start = Instant::now();
    drop(guard);
    tasks.join_all().await;
    assert_eq!(*order.lock().unwrap(), (0..64).collect::<Vec<_>>());
    // One attempt for each, a round trip after the release.
    let asked = rig.masters[0].request_times(Action::Acquire).len();
    assert_eq!(asked, 65);
    assert!(start.elapsed() < ms(64 * 8), "{:?}", start.elapsed());
    assert_eq!(rig.redlock.local_queues(), 0);
}

#[tokio::test(start_paused = true)]
async fn only_first_waiter_contends_with_other_processes() {
    let rig = Rig::new(3);
    for master in &rig.masters {
        master.hold("another", ms(600_000));
    }
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let mutex = rig.redlock.mutex("key");
        tasks.spawn(async move { mutex.lock().await.map(drop).unwrap() });
    }
    sleep(ms(10_000)).await;
    let asked = rig.masters[0].request_times(Action::Acquire).len();
    assert!((10..=16).contains(&asked), "{asked}");
    rig.masters.iter().for_each(|master| master.free("key"));
    tasks.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn dropped_waiter_does_not_block_queue() {
    // From each state: in line, behind a holder, in an attempt, in a pause.
    for after in [0, 1, 2, 3, 5, 20, 700] {
        let rig = Rig::with_ttl(3, ms(60_000));
        rig.behave(&[Behaviour::After(ms(2)); 3]);
        for master in &rig.masters {
            master.hold("another", ms(600_000));
        }
        let mutex = rig.redlock.mutex("key");
        let mut futures: Vec<_> = (0..5).map(|_| Box::pin(mutex.lock())).collect();
        for future in &mut futures {
            poll_once(future).await;
        }
        let _ = timeout(ms(after), &mut futures[0]).await;
        // One in the middle of the queue, and the first.
        drop(futures.remove(2));
        drop(futures.remove(0));
        rig.masters.iter().for_each(|master| master.free("key"));
        let start = Instant::now();
        for future in futures {
            let guard = future.await.unwrap();
            assert_eq!(guard.release().await.unwrap(), Release::Released);
        }
        assert!(start.elapsed() < ms(100), "{:?}", start.elapsed());
        assert_eq!(rig.redlock.local_queues(), 0, "after {after} ms");
        rig.assert_clean("the line").await;
    }
}

#[tokio::test(start_paused = true)]
async fn expired_local_holder_is_not_waited_for() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let guard = mutex.lock().await.unwrap();
    let start = Instant::now();
    let next = mutex.lock().await.unwrap();
    let took = start.elapsed();
    assert!(took >= ms(900) && took < ms(1_100), "{took:?}");
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    // The end of the first is not that of the second.
    let mut third = Box::pin(mutex.lock());
    assert!(timeout(ms(500), &mut third).await.is_err());
    drop(next);
    drop(third.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn deleted_lock_is_acquired_within_a_poll() {
    let rig = Rig::with_ttl(3, ms(60_000));
    let mutex = rig.redlock.mutex("key");
    let _guard = mutex.lock().await.unwrap();
    rig.masters.iter().for_each(|master| master.flush());
    let start = Instant::now();
    let _next = mutex.lock().await.unwrap();
    assert!(start.elapsed() <= ms(1_010), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn release_on_quorum_wakes_next_waiter() {
    for is_dropped in [false, true] {
        let rig = Rig::with_ttl(3, ms(60_000));
        let mutex = rig.redlock.mutex("key");
        let guard = mutex.lock().await.unwrap();
        rig.masters[1].behave(Behaviour::Stuck);
        let next = mutex.clone();
        let next = tokio::spawn(async move { next.lock().await.map(|_| Instant::now()) });
        sleep(ms(20)).await;
        let start = Instant::now();
        if is_dropped {
            drop(guard);
        } else {
            assert_eq!(guard.release().await.unwrap(), Release::Released);
        }
        let took = next.await.unwrap().unwrap() - start;
        assert!(took <= ms(6), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lock_timeout_includes_time_in_queue() {
    let rig = Rig::with_ttl(3, ms(60_000));
    let mutex = rig.redlock.mutex("key");
    let guard = mutex.lock().await.unwrap();
    let mut first = Box::pin(mutex.lock());
    poll_once(&mut first).await;
    for limit in [0, 5, 700].map(ms) {
        let start = Instant::now();
        let error = mutex.lock_timeout(limit).await.unwrap_err();
        assert!(
            matches!(error, Error::Timeout { source: None, .. }),
            "{error:?}"
        );
        assert!(start.elapsed() >= limit && start.elapsed() <= limit + ms(2));
    }
    drop(guard);
    drop(first.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn try_lock_bypasses_queue_without_starving_it() {
    let rig = Rig::with_ttl(3, ms(60_000));
    let mutex = rig.redlock.mutex("key");
    let guard = mutex.lock().await.unwrap();
    let mut waiters: Vec<Pin<Box<_>>> = (0..10).map(|_| Box::pin(mutex.lock())).collect();
    for waiter in &mut waiters {
        poll_once(waiter).await;
    }
    // It fails as the lock is held, not since others wait for it.
    let error = mutex.try_lock().await.unwrap_err();
    assert!(
        matches!(error, Error::Held { retry_after: Some(left), .. } if left > ms(50_000)),
        "{error}"
    );
    drop(guard);
    let greedy = tokio::spawn({
        let mutex = mutex.clone();
        async move {
            loop {
                match mutex.try_lock().await {
                    Ok(guard) => drop(guard.release().await),
                    // It was not even tried.
                    Err(Error::Held {
                        retry_after: None, ..
                    }) => sleep(ms(1)).await,
                    Err(_) => {}
                }
            }
        }
    });
    let served = async {
        for waiter in waiters {
            let _ = waiter.await.unwrap().release().await;
        }
    };
    timeout(Duration::from_secs(5), served).await.unwrap();
    greedy.abort();
}
