//! What the live tests share: one server a process, a fresh key for each test.

pub mod deliveries;
pub mod model;
pub mod plant;
pub mod python;
pub mod tally;
mod way;

use std::time::{Duration, Instant};

use purse_testkit::{Cluster, Flavour, Release, Reply, Server};

pub use way::{Way, client, shared};

/// Returns a key that no other test uses. It contains `name`, so that it can be found on the server.
#[must_use]
pub fn fresh(name: &str) -> String {
    format!("test:{name}:{}", uuid::Uuid::new_v4().simple())
}

/// Returns whether the server that tests find has what Redis has from this version on. Every Valkey
/// has what Redis 7.2 has.
///
/// # Panics
/// If no server can be had.
#[must_use]
pub fn has_redis(major: u16, minor: u16) -> bool {
    let binary = match Release::Default.locate() {
        Ok(binary) => binary,
        Err(error) => panic!("{error}"),
    };
    let version = binary.version();
    match binary.flavour() {
        Flavour::Redis => (version.major, version.minor) >= (major, minor),
        _ => (7, 2) >= (major, minor),
    }
}

/// A new cluster of one server, which has all the slots.
///
/// # Panics
/// If it does not start.
#[must_use]
pub fn cluster_of_one() -> Cluster {
    match Cluster::start(1, 0) {
        Ok(cluster) => cluster,
        Err(error) => panic!("{error}"),
    }
}

/// Returns the number of clients that `server` blocks.
///
/// # Panics
/// If the server does not reply.
#[must_use]
pub fn blocked(server: &Server) -> u64 {
    let info = server.command(&["INFO", "clients"]).expect("INFO");
    let mut lines = info.text().expect("text").lines();
    let count = lines.find_map(|line| line.strip_prefix("blocked_clients:"));
    count
        .and_then(|count| count.trim().parse().ok())
        .expect("a number")
}

/// Returns the number of times that `server` ran `command` so far.
///
/// # Panics
/// If the server does not reply.
#[must_use]
pub fn calls(server: &Server, command: &str) -> u64 {
    let stats = match server.command(&["INFO", "commandstats"]) {
        Ok(stats) => stats,
        Err(error) => panic!("{error}"),
    };
    let prefix = format!("cmdstat_{command}:calls=");
    let lines = stats.text().unwrap_or_default().lines();
    let count = lines.filter_map(|line| {
        line.strip_prefix(&prefix)?
            .split(',')
            .next()?
            .parse::<u64>()
            .ok()
    });
    count.sum()
}

/// Looks until the condition holds.
///
/// # Panics
/// If it does not within ten seconds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Kills a primary once its replica has all that it has answered for; what it is told meanwhile, it
/// neither does nor answers. A server before Redis 6.2 cannot be told to wait with writes, so there
/// must be none then.
///
/// # Panics
/// If one of them does not answer.
pub async fn kill_in_step(primary: &Server, replica: &Server) {
    if has_redis(6, 2) {
        let paused = primary.command(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        assert_eq!(paused.ok().as_ref().and_then(Reply::text), Some("OK"));
    }
    until("the replica has all", async || {
        offset(replica) == offset(primary)
    })
    .await;
    if let Err(error) = primary.kill() {
        panic!("{error}");
    }
}

/// Returns the offset in the replication stream that a primary has written, or a replica has read.
fn offset(server: &Server) -> String {
    let info = match server.command(&["INFO", "replication"]) {
        Ok(info) => info,
        Err(error) => panic!("{error}"),
    };
    let info = info.text().unwrap_or_default();
    let name = match info.contains("role:master") {
        true => "master_repl_offset:",
        false => "slave_repl_offset:",
    };
    let line = info.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().to_owned()
}

/// The programs in README.md, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
