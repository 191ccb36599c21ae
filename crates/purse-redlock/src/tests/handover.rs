use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

use crate::master::Action;
use crate::testing::{Behaviour, Rig, ms, poll_once};
use crate::{Error, Release};
use purse_client::ErrorKind;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn dropped_guard_releases_immediately() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    drop(mutex.lock().await.unwrap());
    let start = Instant::now();
    rig.assert_clean("drop").await;
    assert!(start.elapsed() < ms(10));
    assert!(mutex.try_lock().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn guard_can_be_dropped_without_runtime() {
    let rig = Rig::new(3);
    let guard = rig.redlock.mutex("key").lock().await.unwrap();
    std::thread::spawn(move || drop(guard)).join().unwrap();
    rig.assert_clean("thread").await;
}

#[test]
fn guard_can_outlive_its_runtime() {
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
        assert!(matches!(held.extend().await, Err(Error::Closed { .. })));
        assert!(matches!(mutex.try_lock().await, Err(Error::Closed { .. })));
        assert!(matches!(held.release().await, Err(Error::Closed { .. })));
        rig.redlock.shutdown().await;
    });
}

#[tokio::test(start_paused = true)]
async fn lock_received_too_late_returns_error() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    for (late, left) in [(5_000, ms(0)), (960, ms(8))] {
        let mut attempt = Box::pin(mutex.try_lock());
        poll_once(&mut attempt).await;
        sleep(ms(20)).await;
        // Meanwhile the machine sleeps, or the executor is blocked.
        rig.clock.put_forward(ms(late));
        let error = attempt.await.unwrap_err();
        assert!(
            matches!(error, Error::ValidityExhausted { left: at_hand, .. } if at_hand == left),
            "{error}"
        );
        rig.assert_clean("received too late").await;
    }
}

/// A runtime for a lock that is used elsewhere.
fn home() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap()
}

#[test]
fn lock_works_on_any_executor() {
    let runtime = home();
    let rig = runtime.block_on(async { Rig::new(3) });
    for master in &rig.masters {
        master.behave_to(Action::Acquire, Behaviour::Failing(ErrorKind::Server));
    }
    let mutex = rig.redlock.mutex("key");
    let error = block_on(mutex.lock_timeout(ms(40))).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Timeout {
                source: Some(_),
                ..
            }
        ),
        "{error}"
    );
    let error = block_on(mutex.lock()).unwrap_err();
    assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
}

#[test]
fn lock_used_on_other_runtime_runs_on_its_own() {
    let runtime = home();
    let rig = runtime.block_on(async {
        Rig::with_settings(3, |settings| {
            (settings.ttl, settings.master_timeout) = (ms(60_000), ms(10_000));
        })
    });
    let mutex = rig.redlock.mutex("key");
    let course = async || {
        let mut guard = mutex.lock().await?;
        guard.extend().await?;
        guard.release().await
    };
    assert_eq!(block_on(course()).unwrap(), Release::Released);
    // It has no timers of its own.
    let timeless = tokio::runtime::Builder::new_current_thread().build();
    assert_eq!(
        timeless.unwrap().block_on(course()).unwrap(),
        Release::Released
    );
    block_on(rig.assert_clean("elsewhere"));
}

/// Runs a future with no runtime around it.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}
