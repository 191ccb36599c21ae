//! Waiting for the end of a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::testing::{Behaviour, Rig, ms, poll_once};
use crate::{AutoExtend, Error, LostReason, Release};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn lost_resolves_exactly_at_expiry() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    rig.behave(&[Behaviour::Stuck; 3]);
    let (left, start) = (guard.remaining(), Instant::now());
    let mut lost = guard.lost();
    assert_eq!((&mut lost).await, LostReason::Expired);
    let took = start.elapsed();
    assert!(
        took >= left && took <= left + ms(2),
        "{took:?} for {left:?}"
    );
    assert_eq!(lost.await, LostReason::Expired, "again, at once");
    assert_eq!(guard.lost().await, LostReason::Expired);
}

#[tokio::test(start_paused = true)]
async fn lost_follows_manual_extensions() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    let mut lost = guard.lost();
    let start = Instant::now();
    let mut rounds = 0;
    let reason = loop {
        tokio::select! {
            reason = &mut lost => break reason,
            () = sleep(ms(700)) => if rounds < 3 {
                guard.extend().await.unwrap();
                rounds += 1;
            }
        }
    };
    assert_eq!((reason, rounds), (LostReason::Expired, 3));
    assert!(
        start.elapsed() >= ms(3 * 700 + 980),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn failed_extension_resolves_lost() {
    let rig = Rig::new(3);
    let mut guard = rig.redlock.mutex("key").lock().await.unwrap();
    let lost = guard.lost();
    let waiting = [tokio::spawn(lost.clone()), tokio::spawn(lost)];
    sleep(ms(100)).await;
    rig.masters.iter().for_each(|master| master.flush());
    assert!(matches!(guard.extend().await, Err(Error::Lost { .. })));
    let start = Instant::now();
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), LostReason::Gone);
    }
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn clock_jump_resolves_lost_when_polled() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    let mut awake = Box::pin(guard.lost());
    poll_once(&mut awake).await;
    sleep(ms(100)).await;
    rig.clock.put_forward(ms(3_600_000));
    let start = Instant::now();
    assert_eq!(awake.await, LostReason::Expired);
    assert_eq!(start.elapsed(), ms(0));
    assert!(guard.check().is_err());
}

#[tokio::test(start_paused = true)]
async fn clock_jump_wakes_lost_soon() {
    let rig = Rig::with_ttl(3, ms(60_000));
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    let lost = tokio::spawn(guard.lost());
    sleep(ms(100)).await;
    rig.clock.put_forward(ms(3_600_000));
    let start = Instant::now();
    assert_eq!(lost.await.unwrap(), LostReason::Expired);
    assert!(start.elapsed() <= ms(251), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn suspend_loses_auto_extended_lock() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key").auto_extend(AutoExtend::new());
    let guard = mutex.lock().await.unwrap();
    let lost = tokio::spawn(guard.lost());
    sleep(ms(100)).await;
    rig.clock.put_forward(ms(3_600_000));
    assert_eq!(lost.await.unwrap(), LostReason::Expired);
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
}

#[tokio::test(start_paused = true)]
async fn lost_resolves_at_release_and_drop() {
    for is_dropped in [true, false] {
        let rig = Rig::new(3);
        let guard = rig.redlock.mutex("key").lock().await.unwrap();
        let mut lost = Box::pin(guard.lost());
        poll_once(&mut lost).await;
        sleep(ms(20)).await;
        let start = Instant::now();
        if is_dropped {
            drop(guard);
        } else {
            assert_eq!(guard.release().await.unwrap(), Release::Released);
        }
        assert_eq!(lost.await, LostReason::Released);
        assert!(start.elapsed() <= ms(2), "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn lost_sends_no_request_and_keeps_nothing_alive() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    sleep(ms(20)).await;
    let asked = rig.masters[0].requests().len();
    for polls in 0..5 {
        let lost = guard.lost();
        crate::testing::drop_after(lost, polls).await;
    }
    assert_eq!(rig.masters[0].requests().len(), asked);
}

#[test]
fn lost_works_on_any_executor_until_runtime_ends() {
    let ours = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let rig = ours.block_on(async { Rig::with_ttl(3, ms(60_000)) });
    let guard = ours
        .block_on(rig.redlock.mutex("key").lock())
        .expect("a lock");
    let lost = guard.lost();
    let is_waiting = Arc::new(AtomicBool::new(false));
    let told = std::thread::spawn({
        let is_waiting = is_waiting.clone();
        move || {
            let other = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            other.block_on(async move {
                let mut lost = Box::pin(lost);
                poll_once(&mut lost).await;
                is_waiting.store(true, Ordering::Release);
                lost.await
            })
        }
    });
    while !is_waiting.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    drop(ours);
    assert_eq!(told.join().unwrap(), LostReason::Closed);
    assert!(guard.check().is_err());
}
