//! Locks whose fences grow.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use purse::redlock::{Error, FencedMutex, Redlock, Release};
use purse_testkit::{Masters, Server};
use purse_tests::fresh;

use super::{MASTERS, PATIENCE, ask, copies, eventually, five, redlock};

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Long enough for a master that restarted to vote again.
const RECOVERY: Duration = Duration::from_secs(60);

async fn fence(mutex: &FencedMutex) -> u64 {
    let guard = mutex.lock_timeout(RECOVERY).await.expect("a quorum");
    let fence = guard.fence();
    assert_eq!(guard.release().await.expect("an answer"), Release::Released);
    fence
}

fn counter(key: &str) -> String {
    format!("{key}:fence")
}

/// Returns the value of a master's fence counter.
fn count(server: &Server, key: &str) -> u64 {
    let reply = ask(server, "GET", counter(key), "");
    reply.text().and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn fences_grow_over_all_holders_in_all_processes() {
    let [a, b] = [fresh("fence"), fresh("fence")];
    let fences = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for contender in 0..8 {
        let (fences, redlock) = (fences.clone(), five().await.fenced());
        let names = match contender % 2 {
            0 => vec![a.clone()],
            _ => vec![b.clone(), a.clone()],
        };
        tasks.push(tokio::spawn(async move {
            let multi = redlock.multi(names).unwrap();
            for _ in 0..8 {
                let guard = multi.lock().await.unwrap();
                fences.lock().unwrap().push(guard.fence());
                assert_eq!(guard.release().await.unwrap(), Release::Released);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let fences = std::mem::take(&mut *fences.lock().unwrap());
    assert_eq!(fences.len(), 64);
    assert!(
        fences.windows(2).all(|pair| pair[0] < pair[1]),
        "{fences:?}"
    );
}

#[tokio::test]
async fn a_counter_starts_at_the_time_and_is_kept_for_a_day() {
    let redlock = five().await;
    let key = fresh("counter");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let now = u64::try_from(now.as_micros()).unwrap();
    let mutex = redlock.fenced().mutex(&key);
    let guard = mutex.lock().await.unwrap();
    let hour = 3_600_000_000;
    assert!(guard.fence() > now - hour && guard.fence() < now + hour);
    let standing = || {
        MASTERS
            .iter()
            .filter(|server| count(server, &key) >= guard.fence())
    };
    assert!(standing().count() >= 3, "before the guard is there");
    let held = copies(&*MASTERS, &key);
    assert!(held >= 3, "{held}");
    for server in standing() {
        let left = ask(server, "PTTL", counter(&key), "").int().unwrap();
        assert!(left > DAY - 600_000 && left <= DAY, "{left}");
    }
    drop(guard);
}

#[tokio::test]
async fn disagreeing_masters_are_raised_by_next_acquirer() {
    let redlock = five().await;
    let key = fresh("apart");
    let greatest = (1_u64 << 53) - 1_000;
    for (server, count) in MASTERS.iter().zip([3, 70, 8, 500, greatest]) {
        ask(server, "SET", counter(&key), &count.to_string());
    }
    let mutex = redlock.fenced().mutex(&key);
    let guard = mutex.lock().await.unwrap();
    let raised = || {
        MASTERS
            .iter()
            .filter(|server| count(server, &key) >= guard.fence())
    };
    assert!(raised().count() >= 3);
    eventually("all agree", PATIENCE, || raised().count() == 5).await;
    drop(guard);
    // All have heard of the greatest one now, or will have counted up to it at the second time.
    let (second, third) = (fence(&mutex).await, fence(&mutex).await);
    assert!(third > second);
    assert!(MASTERS.iter().any(|server| count(server, &key) > greatest));
}

#[tokio::test]
async fn invalid_counter_is_named_and_kept() {
    let redlock = five().await;
    for (command, value) in [("SADD", "x"), ("SET", "text"), ("SET", "9007199254740991")] {
        let key = fresh("no-counter");
        for server in MASTERS.iter() {
            ask(server, command, counter(&key), value);
        }
        let multi = redlock.fenced().multi([&fresh("other"), &key]).unwrap();
        let error = multi.lock().await.unwrap_err();
        assert!(matches!(error, Error::WrongType { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("\"{}\"", counter(&key))), "{text}");
        assert_eq!(copies(&*MASTERS, &key), 0, "nothing is taken");
        assert!(redlock.mutex(&key).try_lock().await.is_ok());
        if command == "SET" {
            let left = ask(&MASTERS[0], "GET", counter(&key), "");
            assert_eq!(left.text(), Some(value));
        }
    }
    let error = redlock.fenced().multi(["a", "a:fence"]).unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error}");
}

#[tokio::test]
async fn a_user_of_some_keys_needs_their_counters_and_the_time() {
    for (rights, may) in [
        (
            "~jobs:* +set +get +del +pttl +pexpire +time +eval +evalsha",
            true,
        ),
        (
            "~jobs:* +set +get +del +pttl +pexpire +eval +evalsha",
            false,
        ),
        (
            "~jobs:a +set +get +del +pttl +pexpire +time +eval +evalsha",
            false,
        ),
    ] {
        let user = format!("locker on >pw {rights}");
        let server = Server::builder().config("user", user).start().unwrap();
        let redlock = redlock([format!("redis://locker:pw@127.0.0.1:{}", server.port())]).await;
        match redlock.fenced().mutex("jobs:a").try_lock().await {
            Ok(guard) => {
                assert!(may, "{rights}");
                assert_eq!(guard.release().await.unwrap(), Release::Released);
                let names = ["jobs:a", "jobs:b"];
                drop(redlock.multi(names).unwrap().try_lock().await.unwrap());
            }
            Err(error) => {
                assert!(!may && matches!(error, Error::NoQuorum { .. }), "{error}");
                let text = error.to_string();
                let words = ["permissions", "can't run", "ACL failure"];
                assert!(words.iter().any(|words| text.contains(words)), "{text}");
                redlock.shutdown().await;
                assert_eq!(copies([&server], "jobs:a"), 0);
            }
        }
    }
}

async fn three() -> (Masters, FencedMutex) {
    let masters = Masters::start(3).expect("three servers");
    let redlock = Redlock::builder(masters.urls())
        .ttl(Duration::from_secs(2))
        .master_timeout(Duration::from_millis(300))
        .build()
        .await
        .expect("masters that run");
    let mutex = redlock.fenced().mutex("key");
    (masters, mutex)
}

#[tokio::test]
async fn fences_grow_when_a_master_forgets_and_another_is_away() {
    let (masters, mutex) = three().await;
    let mut last = fence(&mutex).await;
    for round in 0..6 {
        let (forgetful, away) = (&masters[round % 3], &masters[(round + 1) % 3]);
        ask(forgetful, "FLUSHALL", "SYNC", "");
        away.pause().unwrap();
        let next = fence(&mutex).await;
        assert!(next > last, "{next} after {last} in round {round}");
        last = next;
        away.resume().unwrap();
    }
}

#[tokio::test]
async fn fences_grow_over_an_empty_restart_and_a_death() {
    let (masters, mutex) = three().await;
    let mut last = fence(&mutex).await;
    for round in 0..2 {
        let (forgetful, away) = (&masters[round], &masters[round + 1]);
        forgetful.kill().unwrap();
        forgetful.restart().unwrap();
        let next = fence(&mutex).await;
        assert!(next > last, "{next} after {last} in round {round}");
        away.kill().unwrap();
        last = fence(&mutex).await;
        assert!(last > next, "{last} after {next} in round {round}");
        away.restart().unwrap();
    }
}
