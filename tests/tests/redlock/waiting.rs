//! How a wait for a lock ends, and what it costs the masters.

use std::path::Path;
use std::time::{Duration, Instant};

use purse::redlock::{Master, Redlock, RedlockMutex, Release};
use purse_testkit::{Masters, Reply, Server};
use purse_tests::calls;
use purse_tests::python::{interpreter, script};
use tokio::task::JoinHandle;

use super::{MASTERS, PATIENCE, ask, eventually, fresh};

const LONG: Duration = Duration::from_secs(120);

/// Connects a client that hardly ever polls, so that each prompt attempt was caused by a message.
async fn connect_patient<M: Into<Master>>(masters: impl IntoIterator<Item = M>) -> Redlock {
    Redlock::builder(masters)
        .ttl(LONG)
        .master_timeout(Duration::from_millis(500))
        .retry_delay(LONG)
        .build()
        .await
        .expect("masters that run")
}

/// Waits for the lock, gives it back, and says when it had it.
fn wait(mutex: RedlockMutex) -> JoinHandle<Instant> {
    tokio::spawn(async move {
        let guard = mutex.lock().await.expect("a lock");
        let had = Instant::now();
        assert_eq!(guard.release().await.expect("a release"), Release::Released);
        had
    })
}

/// Returns the ids of the connections on which the server reports changed keys.
fn trackers(server: &Server) -> Vec<String> {
    let list = server.command(&["CLIENT", "LIST"]).expect("a list");
    let fields = list.text().unwrap_or_default().lines().map(|line| {
        let field = |name: &str| {
            let mut fields = line.split(' ');
            fields.find_map(|field| Some(field.strip_prefix(name)?.to_owned()))
        };
        (field("id="), field("flags="))
    });
    let trackers = fields.filter(|(_, flags)| flags.as_ref().is_some_and(|f| f.contains('t')));
    trackers.filter_map(|(id, _)| id).collect()
}

fn kill_trackers(server: &Server) -> usize {
    let trackers = trackers(server);
    for id in &trackers {
        // The connection may have ended already.
        let _ = server.command(&["CLIENT", "KILL", "ID", id]);
    }
    trackers.len()
}

/// Waits until each master got a `PTTL`, which a waiter sends once it watches a key there.
async fn wait_watched<'a>(masters: impl IntoIterator<Item = &'a Server>, before: &[u64]) {
    let masters: Vec<_> = masters.into_iter().collect();
    eventually("it is watched", PATIENCE, || {
        let mut masters = masters.iter().zip(before);
        masters.all(|(server, before)| calls(server, "pttl") > *before)
    })
    .await;
}

fn pttl_calls<'a>(masters: impl IntoIterator<Item = &'a Server>) -> Vec<u64> {
    masters
        .into_iter()
        .map(|server| calls(server, "pttl"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn release_elsewhere_wakes_waiter_at_once() {
    let masters = Masters::start(5).unwrap();
    let (here, elsewhere) = (
        connect_patient(masters.urls()).await,
        connect_patient(masters.urls()).await,
    );
    for _ in 0..5 {
        let guard = elsewhere.mutex("key").lock().await.unwrap();
        let before = pttl_calls(&masters);
        let waiter = wait(here.mutex("key"));
        wait_watched(&masters, &before).await;
        let released = Instant::now();
        assert_eq!(guard.release().await.unwrap(), Release::Released);
        let took = waiter.await.unwrap().saturating_duration_since(released);
        assert!(took < PATIENCE, "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_locks_as_one_are_watched_all() {
    let masters = Masters::start(3).unwrap();
    let (here, elsewhere) = (
        connect_patient(masters.urls()).await,
        connect_patient(masters.urls()).await,
    );
    let first = elsewhere.mutex("a").lock().await.unwrap();
    let second = elsewhere.mutex("b").lock().await.unwrap();
    let multi = here.multi(["b", "a"]).unwrap();
    let waiter = tokio::spawn(async move { multi.lock().await.map(drop) });
    let both = |server: &Server| calls(server, "pttl") > 1;
    eventually("both are watched", PATIENCE, || masters.iter().all(both)).await;
    assert_eq!(second.release().await.unwrap(), Release::Released);
    assert_eq!(first.release().await.unwrap(), Release::Released);
    let released = Instant::now();
    waiter.await.unwrap().unwrap();
    assert!(released.elapsed() < PATIENCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_lock_is_acquired_soon() {
    let redlock = connect_patient(MASTERS.urls()).await;
    let mutex = redlock.mutex(fresh("expires"));
    for server in &*MASTERS {
        ask(server, "SET", mutex.key(), "dead");
        ask(server, "PEXPIRE", mutex.key(), "1500");
    }
    let start = Instant::now();
    let took = wait(mutex).await.unwrap() - start;
    let (least, most) = (Duration::from_millis(1_300), PATIENCE);
    assert!(took >= least && took < most, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiter_without_tracking_polls() {
    let masters = Masters::start(3).unwrap();
    let refuse = |server: &Server| {
        let rules = |no: &'static str| {
            [
                "ACL", "SETUSER", "locker", "on", ">pw", "~*", "&*", "+@all", no,
            ]
        };
        let reply = server.command(&rules("-client")).unwrap();
        assert_eq!(reply.text(), Some("OK"), "{reply:?}");
        server.url().replace("redis://", "redis://locker:pw@")
    };
    let urls: Vec<_> = masters.iter().map(refuse).collect();
    let polling = Redlock::builder(urls)
        .ttl(LONG)
        .master_timeout(Duration::from_millis(500))
        .build()
        .await
        .unwrap();
    let elsewhere = connect_patient(masters.urls()).await;
    let guard = elsewhere.mutex("key").lock().await.unwrap();
    let waiter = wait(polling.mutex("key"));
    // The waiter polls, although no connection gets invalidations.
    eventually("it polls", PATIENCE, || calls(&masters[0], "set") > 8).await;
    assert!(masters.iter().all(|server| trackers(server).is_empty()));
    let released = Instant::now();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    let took = waiter.await.unwrap().saturating_duration_since(released);
    assert!(took < PATIENCE, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiter_outlives_its_tracking_connections() {
    let masters = Masters::start(3).unwrap();
    let (here, elsewhere) = (
        connect_patient(masters.urls()).await,
        connect_patient(masters.urls()).await,
    );
    let guard = elsewhere.mutex("key").lock().await.unwrap();
    let waiter = wait(here.mutex("key"));
    for _ in 0..3 {
        // A master that is in the minority is looked at again only with the next attempt.
        let tracking = || masters.iter().filter(|server| !trackers(server).is_empty());
        eventually("a quorum tells", PATIENCE, || tracking().count() > 1).await;
        let before: u64 = pttl_calls(&masters).iter().sum();
        let kills: usize = masters.iter().map(kill_trackers).sum();
        assert!(kills > 1, "{kills}");
        eventually("it looks again", PATIENCE, || {
            pttl_calls(&masters).iter().sum::<u64>() > before
        })
        .await;
    }
    assert!(!waiter.is_finished());
    let released = Instant::now();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    let took = waiter.await.unwrap().saturating_duration_since(released);
    assert!(took < PATIENCE, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_come_and_go_make_no_busy_loop() {
    let masters = Masters::start(3).unwrap();
    let here = Redlock::builder(masters.urls())
        .ttl(LONG)
        .master_timeout(Duration::from_millis(500))
        .build()
        .await
        .unwrap();
    let guard = connect_patient(masters.urls())
        .await
        .mutex("key")
        .lock()
        .await
        .unwrap();
    let waiter = wait(here.mutex("key"));
    let start = Instant::now();
    let mut kills = 0;
    while start.elapsed() < Duration::from_secs(5) {
        kills += masters.iter().map(kill_trackers).sum::<usize>();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let seconds = start.elapsed().as_secs() + 1;
    assert!(kills > 20, "{kills}");
    for server in &masters {
        let commands = ["set", "evalsha", "eval", "pttl"].map(|name| calls(server, name));
        // A burst of sixteen, then five wake-ups a second; SET, release and PTTL twice for each.
        let most = 4 * (16 + 5 * seconds + 10);
        assert!(
            commands.iter().sum::<u64>() <= most,
            "{commands:?} of {most}"
        );
    }
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    waiter.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn waiter_survives_death_of_one_master() {
    let masters = Masters::start(3).unwrap();
    let (here, elsewhere) = (
        connect_patient(masters.urls()).await,
        connect_patient(masters.urls()).await,
    );
    let guard = elsewhere.mutex("key").lock().await.unwrap();
    // Two are enough to have it, and the waiter could be faster at the third.
    eventually("all three granted it", PATIENCE, || {
        let has = |server: &Server| server.command(&["EXISTS", "key"]).unwrap().int();
        masters.iter().all(|server| has(server) == Some(1))
    })
    .await;
    let waiter = wait(here.mutex("key"));
    wait_watched(&masters, &[0, 0, 0]).await;
    masters[1].kill().unwrap();
    masters[2].pause().unwrap();
    masters[2].resume().unwrap();
    let released = Instant::now();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    let took = waiter.await.unwrap().saturating_duration_since(released);
    assert!(took < PATIENCE, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiters_of_one_process_ask_the_masters_once_each() {
    const WAITERS: u64 = 64;
    let masters = Masters::start(3).unwrap();
    let redlock = connect_patient(masters.urls()).await;
    let guard = redlock.mutex("key").lock().await.unwrap();
    let waiters: Vec<_> = (0..WAITERS).map(|_| wait(redlock.mutex("key"))).collect();
    eventually("they are in line", PATIENCE, || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
            > 64
    })
    .await;
    drop(guard);
    for waiter in waiters {
        waiter.await.unwrap();
    }
    for server in &masters {
        // A quorum is enough to have it; what the other master was asked may still be on its way.
        eventually("all asked it", PATIENCE, || calls(server, "set") >= WAITERS).await;
        let sets = calls(server, "set");
        // Some more if the machine was so slow that the first in line looked after the lock.
        assert!(sets <= WAITERS + 16, "{sets}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contenders_of_many_processes_all_acquire() {
    let masters = Masters::start(3).unwrap();
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let redlock = connect_patient(masters.urls()).await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                let guard = redlock.mutex("key").lock().await.unwrap();
                assert_eq!(guard.release().await.unwrap(), Release::Released);
            }
        }));
    }
    let start = Instant::now();
    for task in tasks {
        task.await.unwrap();
    }
    // Each poll would take more than a minute.
    assert!(
        start.elapsed() < Duration::from_secs(40),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn release_by_python_wakes_waiter() {
    let Some(python) = interpreter(Path::new(env!("CARGO_TARGET_TMPDIR"))) else {
        return;
    };
    let masters = Masters::start(3).unwrap();
    let urls = masters.urls();
    let redlock = connect_patient(&urls).await;
    let theirs = tokio::task::spawn_blocking(move || script(&python, "hold.py", &urls));
    eventually("Python has it", PATIENCE * 3, || {
        ask(&masters[0], "EXISTS", "acquired", "") == Reply::Int(1)
    })
    .await;
    let waiter = wait(redlock.mutex("held"));
    wait_watched(&masters, &[0, 0, 0]).await;
    assert!(!waiter.is_finished());
    let told = Instant::now();
    ask(&masters[0], "SET", "release", "1");
    let took = waiter.await.unwrap().saturating_duration_since(told);
    assert!(took < PATIENCE, "{took:?}");
    theirs.await.unwrap();
}
