//! Masters that come back without their data do not vote at once.

use std::time::{Duration, Instant};

use purse::redlock::{
    Error, LeaseInstant, MasterState, QuarantinePolicy, Redlock, RedlockBuilder, Release,
};
use purse_testkit::{Masters, Reply, Server, ServerBuilder};

use super::relay::Relay;
use super::{PATIENCE, ask, copies, eventually};

/// Longer than anything here takes: what waits for it never comes.
const LONG: Duration = Duration::from_secs(120);

fn locks(masters: &Masters, ttl: Duration) -> RedlockBuilder {
    Redlock::builder(masters.urls())
        .ttl(ttl)
        .master_timeout(Duration::from_millis(500).min(ttl / 4))
}

async fn build(builder: RedlockBuilder) -> Redlock {
    builder.build().await.expect("masters that run")
}

fn state(redlock: &Redlock, master: usize) -> MasterState {
    redlock.masters().swap_remove(master).state
}

fn is_up(redlock: &Redlock, master: usize) -> bool {
    matches!(state(redlock, master), MasterState::Up)
}

fn is_quarantined(redlock: &Redlock, master: usize) -> bool {
    matches!(state(redlock, master), MasterState::Quarantined { .. })
}

fn info(server: &Server, name: &str) -> String {
    let info = server.command(&["INFO"]).expect("an answer");
    let mut lines = info.text().expect("a text").lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.expect("such a line").to_owned()
}

fn uptime(server: &Server) -> u64 {
    let uptime = info(server, "uptime_in_seconds");
    uptime.parse().expect("a number")
}

/// A lock of two of three masters, one of which restarts with nothing; gives until when its holder
/// has it, and when another got it.
async fn steal(ttl: Duration, quarantine: QuarantinePolicy) -> (LeaseInstant, LeaseInstant) {
    let masters = Masters::start(3).expect("three servers");
    let holder = build(locks(&masters, ttl)).await.mutex("key");
    let other = build(locks(&masters, ttl).quarantine(quarantine)).await;
    ask(&masters[2], "SET", "key", "theirs");
    let guard = holder.try_lock().await.expect("the lock");
    eventually("two have it", PATIENCE, || {
        copies([&masters[0], &masters[1]], "key") == 2
    })
    .await;
    ask(&masters[2], "DEL", "key", "");
    masters[0].kill().expect("a dead server");
    masters[0].restart().expect("a server");
    let start = Instant::now();
    loop {
        match other.mutex("key").try_lock().await {
            Ok(_guard) => return (guard.valid_until(), LeaseInstant::now()),
            Err(Error::Held { .. } | Error::NoQuorum { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert!(start.elapsed() < PATIENCE + ttl, "never acquired");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn quarantined_master_grants_no_second_lock() {
    let (until, acquired) = steal(Duration::from_secs(3), QuarantinePolicy::Restarts).await;
    assert!(acquired >= until, "{acquired:?} before {until:?}");
}

#[tokio::test]
async fn master_without_quarantine_grants_a_second_lock() {
    let (until, acquired) = steal(LONG, QuarantinePolicy::Off).await;
    assert!(acquired < until, "{acquired:?} after {until:?}");
}

#[tokio::test]
async fn quarantine_lasts_until_uptime_exceeds_longest_ttl() {
    let masters = Masters::start(3).unwrap();
    let (ttl, longest) = (Duration::from_secs(1), Duration::from_secs(3));
    let redlock = build(locks(&masters, ttl).longest_ttl(longest)).await;
    masters[0].restart().unwrap();
    let others = [&masters[1], &masters[2]];
    others[0].kill().unwrap();
    let start = Instant::now();
    while redlock.mutex("key").try_lock().await.is_err() {
        assert!(start.elapsed() < PATIENCE + longest);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(uptime(&masters[0]) >= longest.as_secs());
    assert!(is_up(&redlock, 0));
}

#[tokio::test]
async fn a_master_with_its_data_on_disk_votes_at_once() {
    let masters = Masters::start_with(3, &Server::builder().append_only()).unwrap();
    let redlock = build(locks(&masters, LONG)).await;
    let first = redlock.masters().swap_remove(0).run_id;
    masters[0].kill().unwrap();
    masters[0].restart().unwrap();
    eventually("another run", PATIENCE, || {
        let run_id = redlock.masters().swap_remove(0).run_id;
        run_id.is_some() && run_id != first && is_up(&redlock, 0)
    })
    .await;
    masters[1].kill().unwrap();
    let guard = redlock.mutex("key").lock_timeout(PATIENCE).await;
    assert!(guard.is_ok(), "{guard:?}");
}

#[tokio::test]
async fn a_file_that_is_not_written_always_is_not_enough() {
    let settings = Server::builder().config("appendonly", "yes");
    let masters = Masters::start_with(3, &settings).unwrap();
    let redlock = build(locks(&masters, LONG)).await;
    let mut guard = redlock.mutex("key").lock().await.unwrap();
    eventually("all have it", PATIENCE, || copies(&masters, "key") == 3).await;
    masters[0].restart().unwrap();
    eventually("quarantined", PATIENCE, || is_quarantined(&redlock, 0)).await;
    assert_eq!(copies(&masters, "key"), 3);

    // Its vote does not count, but what it has lasts longer, and is released.
    ask(&masters[0], "PEXPIRE", "key", "50000");
    guard.extend().await.unwrap();
    eventually("prolonged there, too", PATIENCE, || {
        ask(&masters[0], "PTTL", "key", "").int() > Some(60_000)
    })
    .await;
    masters[1].kill().unwrap();
    let error = guard.extend().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Ambiguous { .. }), "{text}");
    assert!(text.contains("quarantined"), "{text}");
    drop(guard);
    eventually("released", PATIENCE, || {
        copies([&masters[0], &masters[2]], "key") == 0
    })
    .await;
    assert!(is_quarantined(&redlock, 0));
}

#[tokio::test]
async fn broken_connection_is_not_a_restart() {
    let masters = Masters::start(3).unwrap();
    let redlock = build(locks(&masters, LONG)).await;
    for _ in 0..3 {
        let seen: Vec<_> = redlock.masters().into_iter().map(|m| m.run_id).collect();
        for server in &masters {
            server
                .command(&["CLIENT", "KILL", "TYPE", "normal"])
                .unwrap();
        }
        let guard = redlock.mutex("key").lock_timeout(PATIENCE).await.unwrap();
        eventually("all are up", PATIENCE, || {
            (0..3).all(|n| is_up(&redlock, n))
        })
        .await;
        let now: Vec<_> = redlock.masters().into_iter().map(|m| m.run_id).collect();
        assert_eq!(seen, now);
        assert_eq!(guard.release().await.unwrap(), Release::Released);
    }
}

#[tokio::test]
async fn only_a_quarantined_majority_prevents_locks() {
    let masters = Masters::start(3).unwrap();
    let redlock = build(locks(&masters, LONG)).await;
    let mutex = redlock.mutex("key");
    masters[0].restart().unwrap();
    eventually("quarantined", PATIENCE, || is_quarantined(&redlock, 0)).await;
    let guard = mutex.try_lock().await.unwrap();
    assert_eq!(copies([&masters[0]], "key"), 0);
    assert_eq!(guard.release().await.unwrap(), Release::Released);

    masters[2].restart().unwrap();
    eventually("quarantined", PATIENCE, || is_quarantined(&redlock, 2)).await;
    let error = mutex.try_lock().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::NoQuorum { needed: 2, .. }), "{text}");
    assert_eq!(text.matches("quarantined").count(), 2, "{text}");
    for server in [&masters[0], &masters[2]] {
        assert!(text.contains(&server.port().to_string()), "{text}");
    }
}

#[tokio::test]
async fn other_server_at_same_address_waits_at_any_age() {
    let masters = Masters::start_with(2, &Server::builder().append_only()).unwrap();
    let (old, new) = (&masters[0], &masters[1]);
    let relay = Relay::to(Some(old.port())).await;
    let ttl = Duration::from_secs(1);
    let redlock = Redlock::builder([&relay.url]).ttl(ttl).longest_ttl(LONG);
    let redlock = build(redlock).await;
    eventually("both are older", PATIENCE, || uptime(new) >= 4).await;
    drop(redlock.mutex("key").lock().await.unwrap());
    relay.lead_to(new.port());
    old.command(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
    eventually("quarantined", PATIENCE, || is_quarantined(&redlock, 0)).await;
    let run_id = redlock.masters().swap_remove(0).run_id;
    assert_eq!(run_id, Some(info(new, "run_id")));
}

#[tokio::test]
async fn unidentified_server_waits_after_each_connection() {
    let user = "locker on >pw ~* +@all -info";
    let server = Server::builder().config("user", user).start().unwrap();
    let url = format!("redis://locker:pw@127.0.0.1:{}", server.port());
    let build = async |quarantine| {
        let builder = Redlock::builder([&url]).ttl(LONG).quarantine(quarantine);
        build(builder).await
    };
    let (wary, trusting) = (
        build(QuarantinePolicy::Restarts).await,
        build(QuarantinePolicy::Off).await,
    );
    assert!(is_up(&wary, 0) && is_up(&trusting, 0));
    assert_eq!(wary.masters()[0].run_id, None);
    server
        .command(&["CLIENT", "KILL", "TYPE", "normal"])
        .unwrap();
    eventually("quarantined", PATIENCE, || is_quarantined(&wary, 0)).await;
    let guard = trusting.mutex("key").lock_timeout(PATIENCE).await;
    assert!(guard.is_ok(), "{guard:?}");
    assert!(is_quarantined(&build(QuarantinePolicy::Strict).await, 0));
}

#[tokio::test]
async fn young_masters_are_trusted_at_first_unless_a_quorum_is_older() {
    let masters = Masters::start(3).unwrap();
    let ttl = Duration::from_secs(3);
    let strict = build(locks(&masters, ttl).quarantine(QuarantinePolicy::Strict)).await;
    let fresh = build(locks(&masters, ttl)).await;
    let states = |redlock: &Redlock| [0, 1, 2].map(|n| is_quarantined(redlock, n));
    assert_eq!(states(&fresh), [false; 3]);
    assert_eq!(states(&strict), [true; 3]);

    eventually("two are old", PATIENCE, || {
        [&masters[1], &masters[2]]
            .iter()
            .all(|server| uptime(server) >= 5)
    })
    .await;
    masters[0].restart().unwrap();
    assert_eq!(
        states(&build(locks(&masters, ttl)).await),
        [true, false, false]
    );
    let off = locks(&masters, ttl).quarantine(QuarantinePolicy::Off);
    assert_eq!(states(&build(off).await), [false; 3]);
    eventually("strict ones vote in the end", PATIENCE, || {
        is_up(&strict, 1) && is_up(&strict, 2)
    })
    .await;
}

#[tokio::test]
async fn a_master_that_was_a_replica_waits_even_with_its_data_on_disk() {
    let settings: ServerBuilder = Server::builder().append_only();
    let masters = Masters::start_with(3, &settings).unwrap();
    let redlock = build(locks(&masters, LONG)).await;
    masters[0]
        .command(&["REPLICAOF", "127.0.0.1", "1"])
        .unwrap();
    // It takes a refusal to notice.
    drop(redlock.mutex("key").lock().await.unwrap());
    eventually("down", PATIENCE, || {
        state(&redlock, 0).to_string().contains("READONLY")
    })
    .await;
    let promoted = masters[0].command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    assert_eq!(promoted.text(), Some("OK"));
    eventually("quarantined", PATIENCE, || is_quarantined(&redlock, 0)).await;
}

#[tokio::test]
async fn a_longest_ttl_is_at_least_the_ttl() {
    let masters = Masters::start(1).unwrap();
    let builder = locks(&masters, LONG).longest_ttl(LONG / 2);
    let error = builder.build().await.unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error}");
    assert!(error.to_string().contains("longest_ttl"), "{error}");
    assert_eq!(masters[0].command(&["DBSIZE"]).unwrap(), Reply::Int(0));
}
