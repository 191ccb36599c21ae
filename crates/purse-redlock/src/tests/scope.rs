//! Work under a lock.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use crate::master::Action;
use crate::testing::{Behaviour, Rig, WELL, assert_lost, drop_after, ms};
use crate::{AutoExtend, Error, LostReason, Release};
use tokio::time::{Instant, sleep, timeout};

/// Notes when it is dropped.
struct Trace(Arc<Mutex<Option<Instant>>>);

impl Drop for Trace {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = Some(Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn work_of_many_ttls_returns_output_and_release() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let scoped = mutex
        .scope(async |lease| {
            for _ in 0..100 {
                sleep(ms(100)).await;
                lease.check().unwrap();
                assert!(mutex.try_lock().await.is_err());
            }
            assert_eq!(lease.key(), b"key");
            assert!((28..=31).contains(&lease.extensions()));
            (7, lease)
        })
        .await
        .unwrap();
    assert!(matches!(scoped.release(), Ok(Release::Released)));
    let (number, lease) = scoped.ensure_held().unwrap();
    assert_eq!(number, 7);
    // What escapes is of no use.
    assert_lost(&lease.check().unwrap_err(), LostReason::Released);
    assert_eq!(lease.lost().await, LostReason::Released);
    rig.assert_clean("scope").await;
    let asked = rig.masters[0].request_times(Action::Extend).len();
    sleep(ms(2_000)).await;
    assert_eq!(rig.masters[0].request_times(Action::Extend).len(), asked);
}

#[tokio::test(start_paused = true)]
async fn scope_without_lock_does_not_start_work() {
    let rig = Rig::new(3);
    rig.behave(&[WELL, Behaviour::Down, Behaviour::Down]);
    let mutex = rig.redlock.mutex("key");
    let outcome = mutex.scope(async |_| panic!("no lock, no work")).await;
    assert!(matches!(outcome, Err(Error::NoQuorum { .. })));
}

#[tokio::test(start_paused = true)]
async fn expired_lock_drops_work_before_masters_expire() {
    for faults in [[Behaviour::Down; 3], [Behaviour::Stuck; 3]] {
        let rig = Rig::new(3);
        let mutex = rig.redlock.mutex("key");
        let dropped = Arc::new(Mutex::new(None));
        let trace = Trace(dropped.clone());
        let scope = mutex.scope(async move |_| {
            let _trace = trace;
            std::future::pending::<()>().await;
        });
        let outages = async {
            sleep(ms(1_500)).await;
            rig.behave(&faults);
        };
        let (outcome, ()) = tokio::join!(scope, outages);
        assert_lost(&outcome.unwrap_err(), LostReason::Expired);
        let dropped = dropped.lock().unwrap().expect("the work is gone");
        // The masters' keys end at that moment at the earliest.
        assert!(dropped < rig.free_since().unwrap(), "{dropped:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_lock_ends_polling_of_work() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let last = Arc::new(Mutex::new(Instant::now()));
    let scope = mutex.scope(async |_| {
        loop {
            *last.lock().unwrap() = Instant::now();
            sleep(ms(1)).await;
        }
    });
    let robbery = async {
        sleep(ms(100)).await;
        for master in &rig.masters {
            master.hold("another", ms(60_000));
        }
    };
    let (outcome, ()) = tokio::join!(scope, robbery);
    let outcome: crate::Result<crate::ScopeOutcome<()>> = outcome;
    assert_lost(&outcome.unwrap_err(), LostReason::Gone);
    let ended = Instant::now();
    assert!(
        *last.lock().unwrap() >= ended - ms(2),
        "it went on until then"
    );
    rig.shutdown.wait_drained().await;
    assert_eq!(rig.masters[0].holder().as_deref(), Some(&b"another"[..]));
}

#[tokio::test(start_paused = true)]
async fn suspend_ends_work() {
    let rig = Rig::new(3);
    let clock = rig.clock.clone();
    let mut went_on = false;
    let mutex = rig.redlock.mutex("key");
    let outcome = mutex.scope(async |_| {
        sleep(ms(20)).await;
        went_on = true;
    });
    let suspend = async {
        sleep(ms(10)).await;
        clock.put_forward(ms(3_600_000));
    };
    let (outcome, ()) = tokio::join!(outcome, suspend);
    assert!(matches!(outcome, Err(Error::Lost { .. })), "{outcome:?}");
    assert!(!went_on);
}

#[tokio::test(start_paused = true)]
async fn scope_with_unknown_release_returns_output() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let gone = mutex
        .scope(async |_| rig.masters[..2].iter().for_each(|master| master.flush()))
        .await
        .unwrap();
    assert!(matches!(gone.release(), Ok(Release::AlreadyExpired)));
    assert!(matches!(gone.ensure_held(), Err(Error::Lost { .. })));

    let silent = mutex
        .scope(async |_| {
            rig.behave(&[WELL, Behaviour::Down, Behaviour::Stuck]);
            5
        })
        .await
        .unwrap();
    assert!(matches!(silent.release(), Err(Error::NoQuorum { .. })));
    let (output, release) = silent.into_parts();
    assert!(output == 5 && release.is_err());
    rig.behave(&[WELL; 3]);
    rig.assert_clean("doubt").await;
}

#[tokio::test(start_paused = true)]
async fn extension_cap_ends_work_at_expiry() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let mutex = mutex.auto_extend(AutoExtend::new().max_extensions(1));
    let start = Instant::now();
    let outcome = mutex.scope(async |_| std::future::pending::<()>().await);
    assert_lost(&outcome.await.unwrap_err(), LostReason::Capped);
    let held = start.elapsed();
    assert!(held >= ms(333 + 988) && held < ms(333 + 1_000), "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn panic_in_work_releases_lock() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let work = tokio::spawn(async move {
        mutex
            .scope(async |_| {
                sleep(ms(500)).await;
                panic!("as the work sees fit");
            })
            .await
            .map(|scoped: crate::ScopeOutcome<()>| scoped.into_output())
    });
    assert!(AssertUnwindSafe(work).await.unwrap_err().is_panic());
    let start = Instant::now();
    rig.assert_clean("panic").await;
    assert!(start.elapsed() < ms(20));
    let asked = rig.masters[0].request_times(Action::Extend).len();
    sleep(ms(2_000)).await;
    assert_eq!(rig.masters[0].request_times(Action::Extend).len(), asked);
}

#[tokio::test(start_paused = true)]
async fn dropped_scope_leaves_no_key() {
    for polls in 0..60 {
        let rig = Rig::new(3);
        rig.behave(&[WELL, WELL, Behaviour::After(ms(30))]);
        let work = async |lease: crate::RedlockLease| {
            for _ in 0..40 {
                sleep(ms(20)).await;
                lease.check().unwrap();
            }
        };
        let mutex = rig.redlock.mutex("key");
        if polls % 2 == 0 {
            drop_after(mutex.scope(work), polls / 2).await;
        } else {
            drop(timeout(ms(polls as u64 * 15), mutex.scope(work)).await);
        }
        let start = Instant::now();
        rig.assert_clean(&format!("{polls}")).await;
        assert!(start.elapsed() <= ms(105), "{polls}: {:?}", start.elapsed());
        assert!(mutex.try_lock().await.is_ok(), "{polls}");
    }
}

#[tokio::test(start_paused = true)]
async fn work_is_dropped_before_release() {
    let rig = Rig::new(1);
    let mutex = rig.redlock.mutex("key");
    let dropped = Arc::new(Mutex::new(None));
    let trace = Trace(dropped.clone());
    let seen = Arc::new(Mutex::new(None));
    struct Look(crate::RedlockLease, Arc<Mutex<Option<bool>>>);
    impl Drop for Look {
        fn drop(&mut self) {
            *self.1.lock().unwrap() = Some(self.0.check().is_ok());
        }
    }
    let scope = mutex.scope(async |lease| {
        let _kept = (trace, Look(lease, seen.clone()));
        std::future::pending::<()>().await;
    });
    assert!(timeout(ms(500), scope).await.is_err());
    assert_eq!(
        *seen.lock().unwrap(),
        Some(true),
        "the lock held to the end"
    );
    assert!(dropped.lock().unwrap().is_some());
    rig.assert_clean("order").await;
}

#[tokio::test(start_paused = true)]
async fn scope_can_be_spawned_and_lease_shared() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    static_assertions::assert_impl_all!(crate::Lost: Send, Sync, Unpin, Clone);
    static_assertions::assert_impl_all!(crate::RedlockLease: Send, Sync, Unpin, Clone);
    static_assertions::assert_impl_all!(crate::ScopeOutcome<u8>: Send, Sync, Unpin);
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let work = tokio::spawn(assert_send(async move {
        mutex.scope(|lease| async move { lease.remaining() }).await
    }));
    assert!(work.await.unwrap().unwrap().into_output() > ms(900));
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_scopes_newest_first() {
    let rig = Rig::new(3);
    let order = Arc::new(Mutex::new(Vec::new()));
    struct Note(u8, Arc<Mutex<Vec<u8>>>, Vec<Arc<crate::testing::Mock>>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0);
            // The newer scopes have released their locks by now.
            let keys = self.2[0].keys();
            assert_eq!(keys.len(), usize::from(self.0), "{keys:?}");
        }
    }
    let mut tasks = Vec::new();
    for number in 1..=4 {
        let mutex = rig.redlock.mutex(format!("key{number}"));
        let note = Note(number, order.clone(), rig.masters.clone());
        tasks.push(tokio::spawn(async move {
            let work = async move |_| {
                let _note = note;
                std::future::pending::<()>().await;
            };
            mutex.scope(work).await
        }));
        sleep(ms(20)).await;
    }
    let start = Instant::now();
    rig.redlock.shutdown().await;
    assert!(start.elapsed() < ms(50), "{:?}", start.elapsed());
    assert!(rig.masters.iter().all(|master| master.keys().is_empty()));
    assert_eq!(*order.lock().unwrap(), [4, 3, 2, 1]);
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Err(Error::Closed { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_inside_scope_ends_it() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("outer");
    let outcome = mutex
        .scope(async |_| {
            let inner = rig.redlock.mutex("inner");
            inner.scope(async |_| rig.redlock.shutdown().await).await
        })
        .await;
    assert!(
        matches!(outcome, Err(Error::Closed { .. }))
            || outcome.is_ok_and(|inner| inner.into_output().is_err())
    );
    rig.assert_clean("within").await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_wait_for_unpolled_scope_is_bounded() {
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key");
    let mut scope = Box::pin(mutex.scope(async |_| std::future::pending::<()>().await));
    crate::testing::poll_once(&mut scope).await;
    sleep(ms(20)).await;
    crate::testing::poll_once(&mut scope).await;
    let start = Instant::now();
    rig.redlock.shutdown().await;
    assert!(start.elapsed() <= ms(1_001), "{:?}", start.elapsed());
    assert!(matches!(scope.await, Err(Error::Closed { .. })));
    rig.assert_clean("unpolled").await;
}
