//! What the live tests share: one server a process, a fresh key for each test.

pub mod model;
pub mod python;

use std::time::{Duration, Instant};

use purse::Client;
use purse_testkit::Server;

/// A client of the process' shared server.
///
/// # Panics
/// Where no server can be had or reached.
pub async fn client() -> Client {
    match Client::connect(&Server::shared().url()).await {
        Ok(client) => client,
        Err(error) => panic!("{error}"),
    }
}

/// A key that no other test uses, with `name` in it for whoever looks at the server.
#[must_use]
pub fn fresh(name: &str) -> String {
    format!("test:{name}:{}", uuid::Uuid::new_v4().simple())
}

/// A new server that is a cluster by itself, with all the slots.
///
/// # Panics
/// Where it does not start, or finds itself incomplete for ten seconds.
#[must_use]
pub fn cluster_of_one() -> Server {
    let settings = Server::builder()
        .config("cluster-enabled", "yes")
        .config("cluster-announce-ip", "127.0.0.1");
    let server = match settings.start() {
        Ok(server) => server,
        Err(error) => panic!("{error}"),
    };
    let ask = |words: &[&str]| match server.command(words) {
        Ok(reply) => reply,
        Err(error) => panic!("{error}"),
    };
    let slots: Vec<_> = (0..16_384).map(|slot: u32| slot.to_string()).collect();
    let mut assign = vec!["CLUSTER", "ADDSLOTS"];
    assign.extend(slots.iter().map(String::as_str));
    ask(&assign);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !ask(&["CLUSTER", "INFO"])
        .text()
        .is_some_and(|info| info.contains("cluster_state:ok"))
    {
        assert!(Instant::now() < deadline, "the cluster is not complete");
        std::thread::sleep(Duration::from_millis(5));
    }
    server
}

/// How often `server` ran `command` so far.
///
/// # Panics
/// Where the server does not answer.
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

/// The programs in README.md, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
