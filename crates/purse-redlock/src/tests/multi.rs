use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::master::Action;
use crate::testing::{Behaviour, Rig, WELL, assert_lost, ms};
use crate::{AutoExtend, Error, LostReason, RedlockMulti, Release};

static_assertions::assert_impl_all!(RedlockMulti: Send, Sync, Clone, std::fmt::Debug);

fn is_held<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Held { .. }))
}

#[tokio::test(start_paused = true)]
async fn multi_excludes_locks_that_share_a_name() {
    let rig = Rig::new(3);
    let of = |names: [&str; 2]| rig.redlock.multi(names).unwrap();
    let guard = of(["b", "a"]).try_lock().await.unwrap();
    assert_eq!(guard.keys().collect::<Vec<_>>(), [b"a", b"b"]);
    for name in ["a", "b"] {
        assert!(is_held(&rig.redlock.mutex(name).try_lock().await), "{name}");
    }
    assert!(is_held(&of(["b", "c"]).try_lock().await));
    let other = of(["c", "d"]).try_lock().await.unwrap();
    assert_eq!(other.release().await.unwrap(), Release::Released);
    assert_eq!(guard.release().await.unwrap(), Release::Released);

    let single = rig.redlock.mutex("b").try_lock().await.unwrap();
    assert!(is_held(&of(["a", "b"]).try_lock().await));
    let free = rig.redlock.mutex("a").try_lock().await.unwrap();
    drop((single, free));
    rig.assert_clean("several").await;
}

#[tokio::test(start_paused = true)]
async fn multi_retry_after_is_that_of_last_name() {
    let rig = Rig::new(3);
    for master in &rig.masters {
        master.hold_key("a", "one", ms(300));
        master.hold_key("b", "another", ms(700));
    }
    let multi = rig.redlock.multi(["a", "b", "c"]).unwrap();
    let error = multi.try_lock().await.unwrap_err();
    assert!(
        matches!(error, Error::Held { retry_after: Some(after), .. } if after > ms(650) && after <= ms(700)),
        "{error}"
    );
    let guard = multi.lock_timeout(ms(2_000)).await.unwrap();
    guard.check().unwrap();
}

#[tokio::test(start_paused = true)]
async fn master_grants_all_names_or_none() {
    let rig = Rig::new(3);
    rig.masters[2].hold_key("b", "another", ms(60_000));
    let multi = rig.redlock.multi(["a", "b", "c"]).unwrap();
    let guard = multi.try_lock().await.unwrap();
    sleep(ms(10)).await;
    assert_eq!(rig.masters[0].keys(), ["a", "b", "c"]);
    assert_eq!(rig.masters[2].keys(), ["b"]);
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    rig.shutdown.wait_drained().await;
    assert!(rig.masters[0].keys().is_empty());
    assert_eq!(rig.masters[2].keys(), ["b"], "another's stays");
}

#[tokio::test(start_paused = true)]
async fn multi_loses_all_with_one_name() {
    for (lost_on, is_lost) in [(1, false), (2, true)] {
        let rig = Rig::new(3);
        let multi = rig.redlock.multi(["a", "b"]).unwrap();
        let mut guard = multi.lock().await.unwrap();
        sleep(ms(500)).await;
        for master in &rig.masters[..lost_on] {
            master.lose("b");
        }
        let extended = guard.extend().await;
        if is_lost {
            let error = extended.unwrap_err();
            assert_lost(&error, LostReason::Gone);
            assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
        } else {
            extended.unwrap();
            // What is left of it on a master that does not count is not prolonged either.
            sleep(ms(600)).await;
            assert!(rig.masters[0].keys().is_empty());
            assert_eq!(guard.release().await.unwrap(), Release::Released);
        }
        rig.assert_clean("lost").await;
    }
}

#[tokio::test(start_paused = true)]
async fn multi_in_other_order_does_not_deadlock() {
    const NAMES: [[&str; 3]; 6] = [
        ["a", "b", "c"],
        ["c", "b", "a"],
        ["b", "c", "d"],
        ["d", "a", "c"],
        ["a", "d", "e"],
        ["e", "c", "b"],
    ];
    let rig = Rig::new(3);
    let taken: Arc<[AtomicBool; 5]> = Arc::default();
    let mut tasks = JoinSet::new();
    for names in NAMES {
        let multi = rig.contender(|_| ms(1)).multi(names).unwrap();
        let taken = taken.clone();
        tasks.spawn(async move {
            let of = |name: &str| &taken[usize::from(name.as_bytes()[0] - b'a')];
            for _ in 0..5 {
                let guard = multi.lock().await.unwrap();
                for name in names {
                    assert!(!of(name).swap(true, Ordering::SeqCst), "{name} is taken");
                }
                sleep(ms(5)).await;
                for name in names {
                    of(name).store(false, Ordering::SeqCst);
                }
                assert_eq!(guard.release().await.unwrap(), Release::Released);
            }
        });
    }
    tasks.join_all().await;
    rig.assert_clean("turns").await;
}

#[tokio::test(start_paused = true)]
async fn multi_of_one_name_is_a_plain_lock() {
    let rig = Rig::new(1);
    let guard = rig.redlock.multi(["key"]).unwrap().lock().await.unwrap();
    assert!(is_held(&rig.redlock.mutex("key").try_lock().await));
    assert_eq!(guard.key(), b"key");
    drop(guard);
    rig.assert_clean("one name").await;
}

#[tokio::test(start_paused = true)]
async fn multi_with_lost_reply_leaves_no_key() {
    let rig = Rig::new(3);
    rig.behave(&[WELL, Behaviour::Deaf(ms(1)), Behaviour::Deaf(ms(1))]);
    let multi = rig.redlock.multi(["a", "b"]).unwrap();
    let error = multi.try_lock().await.unwrap_err();
    assert!(matches!(error, Error::NoQuorum { .. }), "{error}");
    rig.behave(&[WELL; 3]);
    rig.assert_clean("lost replies").await;
    assert!(rig.masters[1].requests().contains(&Action::Release));
}

#[tokio::test(start_paused = true)]
async fn multi_supports_auto_extend_and_scope() {
    let rig = Rig::new(3);
    let multi = rig.redlock.multi(["a", "b"]).unwrap();
    let guard = multi
        .clone()
        .auto_extend(AutoExtend::new())
        .lock()
        .await
        .unwrap();
    sleep(ms(10_000)).await;
    guard.check().unwrap();
    assert!(is_held(&rig.redlock.mutex("b").try_lock().await));
    assert_eq!(guard.release().await.unwrap(), Release::Released);

    let scoped = multi.scope(async |lease| {
        sleep(ms(10_000)).await;
        lease.check()?;
        Ok::<_, Error>(lease.key().to_vec())
    });
    assert_eq!(scoped.await.unwrap().ensure_held().unwrap().unwrap(), b"a");
    rig.assert_clean("several in a scope").await;
}
