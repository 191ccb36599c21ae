//! `Redlock` on real servers.

#[path = "redlock/cancel.rs"]
mod cancel;
#[path = "redlock/election.rs"]
mod election;
#[path = "redlock/faults.rs"]
mod faults;
#[path = "redlock/fence.rs"]
mod fence;
#[path = "redlock/health.rs"]
mod health;
#[path = "redlock/lease.rs"]
mod lease;
#[path = "redlock/many.rs"]
mod many;
#[path = "redlock/multi.rs"]
mod multi;
#[path = "redlock/python.rs"]
mod python;
#[path = "redlock/quarantine.rs"]
mod quarantine;
#[path = "redlock/refusals.rs"]
mod refusals;
#[path = "redlock/relay.rs"]
mod relay;
#[path = "redlock/setup.rs"]
mod setup;
#[path = "redlock/stopped.rs"]
mod stopped;
#[path = "redlock/waiting.rs"]
mod waiting;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use purse::redlock::{Error, LeaseInstant, LostReason, Master, Redlock, Release};
use purse_testkit::{Masters, Reply, Server};
use purse_tests::fresh;

static MASTERS: LazyLock<Masters> = LazyLock::new(|| Masters::start(5).expect("five servers"));

const PATIENCE: Duration = Duration::from_secs(10);

/// A lock over `masters` that a busy machine does not make fail.
async fn redlock<M: Into<Master>>(masters: impl IntoIterator<Item = M>) -> Redlock {
    Redlock::builder(masters)
        .ttl(Duration::from_secs(20))
        .master_timeout(Duration::from_millis(500))
        .build()
        .await
        .expect("masters that run")
}

async fn five() -> Redlock {
    redlock(MASTERS.urls()).await
}

/// On how many of `masters` the key is.
fn copies<'a>(masters: impl IntoIterator<Item = &'a Server>, key: impl AsRef<[u8]>) -> usize {
    let exists = |server: &&Server| ask(server, "EXISTS", &key, "") == Reply::Int(1);
    masters.into_iter().filter(exists).count()
}

/// The reply to a command on a key, with one argument or none.
fn ask(server: &Server, command: &str, key: impl AsRef<[u8]>, argument: &str) -> Reply {
    let words = [command.as_bytes(), key.as_ref(), argument.as_bytes()];
    let count = if argument.is_empty() { 2 } else { 3 };
    server.command(&words[..count]).expect("an answer")
}

/// Looks until it is so; fails after `limit`.
async fn eventually(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[track_caller]
fn assert_lost(error: &Error, expected: LostReason) {
    let is_so = matches!(error, Error::Lost { reason, .. } if *reason == expected);
    assert!(is_so, "not {expected:?}: {error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_contenders_exclude_each_other() {
    let key = fresh("counter");
    let counter = Arc::new(AtomicU64::new(0));
    let holds = Arc::new(Mutex::new(Vec::new()));
    // Two of them share a service; the others each have their own, like processes.
    let shared = five().await;
    let mut tasks = Vec::new();
    for contender in 0..10 {
        let (counter, holds, key) = (counter.clone(), holds.clone(), key.clone());
        let redlock = if contender < 2 {
            shared.clone()
        } else {
            five().await
        };
        tasks.push(tokio::spawn(async move {
            let mutex = redlock.mutex(key);
            for _ in 0..10 {
                let guard = mutex.lock().await.unwrap();
                let from = LeaseInstant::now();
                let seen = counter.load(Ordering::Relaxed);
                tokio::task::yield_now().await;
                counter.store(seen + 1, Ordering::Relaxed);
                let until = guard.valid_until().min(LeaseInstant::now());
                holds.lock().unwrap().push((from, until));
                assert_eq!(guard.release().await.unwrap(), Release::Released);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(counter.load(Ordering::Relaxed), 100);
    let mut holds = std::mem::take(&mut *holds.lock().unwrap());
    holds.sort_unstable();
    assert!(
        holds.windows(2).all(|pair| pair[0].1 <= pair[1].0),
        "{holds:?}"
    );
    eventually("no key left", PATIENCE, || copies(&*MASTERS, &key) == 0).await;
}

#[tokio::test]
async fn a_held_lock_is_the_raw_key_with_a_uuid_and_an_end() {
    let redlock = five().await;
    let mutex = redlock.mutex(fresh("held"));
    let guard = mutex.try_lock().await.unwrap();
    eventually("all have it", PATIENCE, || {
        copies(&*MASTERS, mutex.key()) == 5
    })
    .await;
    let values: Vec<_> = MASTERS
        .iter()
        .map(|server| ask(server, "GET", mutex.key(), ""))
        .collect();
    let value = values[0].text().unwrap();
    assert_eq!(uuid::Uuid::parse_str(value).unwrap().to_string(), value);
    assert!(values.iter().all(|other| other == &values[0]));
    let pttl = ask(&MASTERS[0], "PTTL", mutex.key(), "").int().unwrap();
    assert!((10_000..=20_000).contains(&pttl), "{pttl}");

    let error = mutex.try_lock().await.unwrap_err();
    let Error::Held {
        retry_after: Some(after),
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert!(after <= Duration::from_secs(20) && after > Duration::from_secs(10));
    let error = mutex
        .lock_timeout(Duration::from_millis(30))
        .await
        .unwrap_err();
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
    guard.check().unwrap();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    eventually("all are free", PATIENCE, || {
        copies(&*MASTERS, mutex.key()) == 0
    })
    .await;
}

#[tokio::test]
async fn foreign_lock_is_never_overwritten_or_released() {
    let redlock = five().await;
    let mutex = redlock.mutex(fresh("foreign"));
    let theirs = |server: &Server| ask(server, "GET", mutex.key(), "").text() == Some("theirs");
    for server in &MASTERS.iter().collect::<Vec<_>>()[..3] {
        ask(server, "SET", mutex.key(), "theirs");
    }
    let error = mutex.try_lock().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Held {
                retry_after: None,
                ..
            }
        ),
        "{error}"
    );
    eventually("ours are gone", PATIENCE, || {
        copies(&*MASTERS, mutex.key()) == 3
    })
    .await;

    // The same for an extension and a release by who lost the lock to another.
    for server in &*MASTERS {
        ask(server, "DEL", mutex.key(), "");
    }
    let mut guard = mutex.try_lock().await.unwrap();
    for server in &*MASTERS {
        ask(server, "SET", mutex.key(), "theirs");
    }
    let error = guard.extend().await.unwrap_err();
    assert_lost(&error, LostReason::Gone);
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    redlock.shutdown().await;
    assert!(MASTERS.iter().all(theirs));
    for server in &*MASTERS {
        assert_eq!(ask(server, "PTTL", mutex.key(), ""), Reply::Int(-1));
    }
}

#[tokio::test]
async fn expired_lock_reports_its_loss() {
    let redlock = Redlock::builder(MASTERS.urls())
        .ttl(Duration::from_millis(400))
        .master_timeout(Duration::from_millis(300))
        .build()
        .await
        .unwrap();
    let mutex = redlock.mutex(fresh("expiry"));
    let mut guard = mutex.lock().await.unwrap();
    let unattended = mutex.clone();
    let next = tokio::spawn(async move { unattended.lock().await });
    eventually("over", PATIENCE, || !guard.is_valid()).await;
    assert!(guard.remaining().is_zero() && guard.valid_until() <= LeaseInstant::now());
    let error = guard.extend().await.unwrap_err();
    assert_lost(&error, LostReason::Expired);
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    // The waiter has the lock, although the first holder did not release it in time.
    let next = next.await.unwrap().unwrap();
    assert_eq!(next.key(), mutex.key());
}

#[tokio::test]
async fn an_extension_prolongs_and_never_shortens_and_never_restores() {
    let redlock = five().await;
    let mutex = redlock.mutex(fresh("extend"));
    let mut guard = mutex.lock().await.unwrap();
    let all = |low: i64, high: i64| {
        let key = mutex.key();
        move || {
            MASTERS.iter().all(|server| {
                let pttl = ask(server, "PTTL", key, "").int().unwrap();
                (low..=high).contains(&pttl)
            })
        }
    };
    let expire = |time: &str| {
        for server in &*MASTERS {
            ask(server, "PEXPIRE", mutex.key(), time);
        }
    };
    eventually("all have it", PATIENCE, || {
        copies(&*MASTERS, mutex.key()) == 5
    })
    .await;
    let before = guard.valid_until();
    expire("5000");
    guard.extend().await.unwrap();
    assert!(guard.valid_until() > before);
    eventually("prolonged", PATIENCE, all(15_000, 20_000)).await;

    for server in &*MASTERS {
        ask(server, "PERSIST", mutex.key(), "");
    }
    guard.extend().await.unwrap();
    eventually("an end again", PATIENCE, all(15_000, 20_000)).await;

    expire("90000");
    guard.extend().await.unwrap();
    assert!(all(60_000, 90_000)());

    for server in &MASTERS.iter().collect::<Vec<_>>()[..3] {
        ask(server, "DEL", mutex.key(), "");
    }
    assert!(matches!(guard.extend().await, Err(Error::Lost { .. })));
    assert_eq!(copies(&*MASTERS, mutex.key()), 2);
    assert_eq!(guard.release().await.unwrap(), Release::AlreadyExpired);
    eventually("free", PATIENCE, || copies(&*MASTERS, mutex.key()) == 0).await;
}

#[tokio::test]
async fn a_dropped_guard_gives_the_lock_back_on_any_thread() {
    let redlock = five().await;
    let mutex = redlock.mutex(fresh("drop"));
    drop(mutex.lock().await.unwrap());
    eventually("free", PATIENCE, || copies(&*MASTERS, mutex.key()) == 0).await;
    let guard = mutex.try_lock().await.unwrap();
    std::thread::spawn(move || drop(guard)).join().unwrap();
    eventually("free again", PATIENCE, || {
        copies(&*MASTERS, mutex.key()) == 0
    })
    .await;
    assert!(mutex.try_lock().await.is_ok());
}

#[tokio::test]
async fn masters_may_forget_the_scripts() {
    let masters = Masters::start(3).unwrap();
    let redlock = redlock(masters.urls()).await;
    let mut guard = redlock.mutex("key").lock().await.unwrap();
    let forget = || {
        for server in &masters {
            server.command(&["SCRIPT", "FLUSH"]).unwrap();
        }
    };
    guard.extend().await.unwrap();
    forget();
    guard.extend().await.unwrap();
    forget();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    eventually("free", PATIENCE, || copies(&masters, "key") == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_leaves_no_key_behind() {
    let masters = Masters::start(3).unwrap();
    let redlock = redlock(masters.urls()).await;
    let mut tasks = Vec::new();
    for n in 0..40 {
        let mutex = redlock.mutex(format!("key{}", n % 10));
        tasks.push(tokio::spawn(async move {
            // Some have just got it, some wait when the shutdown comes; none holds it for long.
            let outcome = mutex.lock().await;
            outcome.map(drop).err()
        }));
    }
    tokio::task::yield_now().await;
    redlock.shutdown().await;
    for server in &masters {
        assert_eq!(server.command(&["DBSIZE"]).unwrap(), Reply::Int(0));
    }
    for task in tasks {
        let outcome = task.await.unwrap();
        assert!(
            matches!(outcome, None | Some(Error::Closed { .. })),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_key_may_be_any_bytes() {
    let key: Vec<u8> = (0..=255).chain(*uuid::Uuid::new_v4().as_bytes()).collect();
    let redlock = five().await;
    let mutex = redlock.mutex(&key);
    let guard = mutex.lock().await.unwrap();
    assert_eq!(guard.key(), key);
    eventually("all have it", PATIENCE, || copies(&*MASTERS, &key) == 5).await;
    assert!(format!("{mutex:?}").contains(r#"\x00\x01"#), "{mutex:?}");
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    eventually("free", PATIENCE, || copies(&*MASTERS, &key) == 0).await;
}

#[tokio::test]
async fn key_of_another_type_fails_at_once() {
    let redlock = five().await;
    let mutex = redlock.mutex(fresh("list"));
    for server in &MASTERS.iter().collect::<Vec<_>>()[..3] {
        ask(server, "RPUSH", mutex.key(), "a");
    }
    for outcome in [mutex.try_lock().await, mutex.lock().await] {
        let error = outcome.unwrap_err();
        assert!(
            matches!(&error, Error::WrongType { errors, .. } if errors.len() == 3),
            "{error}"
        );
        let address = format!("127.0.0.1:{}", MASTERS[2].port());
        assert!(error.to_string().contains(&address), "{error}");
    }
}
