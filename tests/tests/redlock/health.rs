//! How the masters are, which of them are one, and what becomes of their connections.

use std::time::{Duration, Instant};

use purse::redlock::{Error, LeaseInstant, MasterState, MasterStatus, Redlock, Release};
use purse_testkit::{Masters, Server};

use super::relay::Relay;
use super::{PATIENCE, copies, eventually};

const TTL: Duration = Duration::from_secs(60);

async fn locks(urls: &[String]) -> Redlock {
    Redlock::builder(urls)
        .ttl(TTL)
        .master_timeout(Duration::from_millis(300))
        .build()
        .await
        .expect("masters that run")
}

fn status(redlock: &Redlock, master: usize) -> MasterStatus {
    redlock.masters().swap_remove(master)
}

/// The connections of this server, but for the one that asks.
fn connections(server: &Server) -> usize {
    let list = server.command(&["CLIENT", "LIST"]).expect("a list");
    list.text().expect("a text").lines().count() - 1
}

#[tokio::test]
async fn status_reports_masters_and_causes() {
    let settings = Server::builder().password("secret-word");
    let masters = Masters::start_with(3, &settings).unwrap();
    let redlock = locks(&masters.urls()).await;
    let before = redlock.masters();
    assert!(before.iter().all(|master| master.round_trip.is_none()));
    drop(redlock.mutex("key").lock().await.unwrap());
    eventually("all have answered", PATIENCE, || {
        let mut masters = redlock.masters().into_iter();
        masters.all(|master| master.round_trip.is_some())
    })
    .await;
    for (server, master) in masters.iter().zip(redlock.masters()) {
        assert_eq!(master.address, format!("127.0.0.1:{}", server.port()));
        assert!(matches!(master.state, MasterState::Up), "{master:?}");
        assert!(master.round_trip < Some(PATIENCE), "{master:?}");
        let info = server.command(&["INFO", "server"]).unwrap();
        let run_id = format!("run_id:{}", master.run_id.unwrap());
        assert!(info.text().unwrap().contains(&run_id));
    }

    let alive = LeaseInstant::now();
    masters[1].kill().unwrap();
    eventually("it is down", PATIENCE, || {
        status(&redlock, 1).state.to_string().contains("refused")
    })
    .await;
    let MasterStatus { state, run_id, .. } = status(&redlock, 1);
    let MasterState::Down { since, .. } = state else {
        panic!("{state:?}");
    };
    assert!(since >= alive && since <= LeaseInstant::now());
    assert_eq!(run_id, None);
    assert!(matches!(status(&redlock, 0).state, MasterState::Up));
    let text = format!("{:?} {redlock:?}", redlock.masters());
    assert!(!text.contains("secret-word"), "{text}");
}

#[tokio::test]
async fn a_master_that_hung_is_up_again_soon_after() {
    let masters = Masters::start(3).unwrap();
    let redlock = locks(&masters.urls()).await;
    masters[0].pause().unwrap();
    // Long enough for its connection to be given up.
    let start = Instant::now();
    while !matches!(status(&redlock, 0).state, MasterState::Down { .. }) {
        assert!(start.elapsed() < PATIENCE, "never given up");
        drop(redlock.mutex("key").try_lock().await);
    }
    masters[0].resume().unwrap();
    eventually("it is up", Duration::from_secs(3), || {
        matches!(status(&redlock, 0).state, MasterState::Up)
    })
    .await;
    redlock.shutdown().await;
    assert_eq!(copies(&masters, "key"), 0);
}

#[tokio::test]
async fn later_duplicate_does_not_vote() {
    let masters = Masters::start(3).unwrap();
    let relay = Relay::to(None).await;
    let urls = [masters[0].url(), masters[1].url(), relay.url.clone()];
    let redlock = locks(&urls).await;
    relay.lead_to(masters[0].port());
    eventually("found out", PATIENCE, || {
        matches!(status(&redlock, 2).state, MasterState::Duplicate { .. })
    })
    .await;
    let twin = status(&redlock, 2).state.to_string();
    assert!(twin.contains(&masters[0].port().to_string()), "{twin}");

    // The two that are one would be a quorum.
    masters[1].kill().unwrap();
    let error = redlock.mutex("key").try_lock().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::NoQuorum { .. }), "{text}");
    assert!(text.contains("the same database"), "{text}");

    // Not for ever: there is a server of its own again.
    relay.lead_to(masters[2].port());
    let kill = ["CLIENT", "KILL", "TYPE", "normal"];
    masters[0].command(&kill).unwrap();
    eventually("no twin", PATIENCE, || {
        !matches!(status(&redlock, 2).state, MasterState::Duplicate { .. })
    })
    .await;
}

#[tokio::test]
async fn unidentified_duplicates_are_found() {
    let user = "locker on >pw ~* +@all -info";
    let other = Server::start().unwrap();
    let server = Server::builder().config("user", user).start().unwrap();
    let url = |user: &str, host: &str| format!("redis://{user}{host}:{}", server.port());
    let silent = url("locker:pw@", "127.0.0.1");
    for twin in [url("locker:pw@", "localhost"), url("", "localhost")] {
        for urls in [
            [silent.clone(), twin.clone(), other.url()],
            [twin.clone(), other.url(), silent.clone()],
        ] {
            let error = Redlock::builder(&urls).ttl(TTL).build().await.unwrap_err();
            assert!(matches!(error, Error::Config { .. }), "{error}");
            assert!(error.to_string().contains("same database"), "{error}");
        }
    }
    let databases = [
        silent.clone(),
        format!("{}/1", url("locker:pw@", "localhost")),
    ];
    let redlock = locks(&databases).await;
    drop(redlock.mutex("key").lock().await.unwrap());
    redlock.shutdown().await;
    assert_eq!(copies([&server], "key"), 0);
    let left = server.command(&["KEYS", "*"]).unwrap();
    assert!(left.items().is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_connection_that_flaps_is_tried_within_bounds() {
    let masters = Masters::start(3).unwrap();
    // It accepts, and hangs up at once.
    let relay = Relay::to(None).await;
    let urls = [masters[0].url(), masters[1].url(), relay.url.clone()];
    let redlock = locks(&urls).await;
    let (before, start) = (relay.accepted_count(), Instant::now());
    // Another one works, and breaks again and again.
    while start.elapsed() < Duration::from_secs(3) {
        let kill = ["CLIENT", "KILL", "TYPE", "normal"];
        masters[0].command(&kill).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let most = 15 + usize::try_from(start.elapsed().as_millis() / 150).unwrap();
    let tries = relay.accepted_count() - before;
    // A server that hangs up before it answers is asked once more without HELLO.
    assert!(
        (3..=2 * most).contains(&tries),
        "{tries}, at most {most} times 2"
    );
    let info = masters[0].command(&["INFO", "commandstats"]).unwrap();
    let hellos = info.text().unwrap();
    let hellos = hellos
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_hello:calls="));
    let hellos: usize = hellos.unwrap().split(',').next().unwrap().parse().unwrap();
    assert!((3..=most).contains(&hellos), "{hellos}, at most {most}");
    drop(redlock);
}

#[tokio::test]
async fn connections_end_with_the_last_handle_or_the_shutdown() {
    let masters = Masters::start(3).unwrap();
    let all = |count: usize| masters.iter().all(|server| connections(server) == count);
    let redlock = locks(&masters.urls()).await;
    assert!(all(1));
    let guard = redlock.mutex("key").lock().await.unwrap();
    drop(redlock);
    eventually("all have it", PATIENCE, || copies(&masters, "key") == 3).await;
    assert!(all(1));
    drop(guard);
    eventually("closed with the last guard", PATIENCE, || all(0)).await;
    assert_eq!(copies(&masters, "key"), 0);

    let redlock = locks(&masters.urls()).await;
    let guard = redlock.mutex("key").lock().await.unwrap();
    redlock.shutdown().await;
    assert!(all(1));
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    eventually("closed after the last guard", PATIENCE, || all(0)).await;

    let redlock = locks(&masters.urls()).await;
    masters[0].kill().unwrap();
    redlock.shutdown().await;
    masters[0].restart().unwrap();
    eventually("closed by the shutdown", PATIENCE, || all(0)).await;
    let states = redlock.masters();
    assert!(
        states
            .iter()
            .all(|master| matches!(master.state, MasterState::Down { .. }))
    );
}
