//! What the live tests share: one server a process, a fresh key for each test.

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
