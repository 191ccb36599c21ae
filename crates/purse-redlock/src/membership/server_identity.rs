//! The identity of a server, as it reports it.

use std::time::Duration;

use purse_client::{Command, Error, ErrorKind, Reply, Result, Session};

use crate::telemetry::events;

/// The timeout of each query about the server.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A server's report about itself, which decides what its votes are worth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Different for each start of a server; `None` if the server does not report it.
    pub(crate) run_id: Option<String>,
    /// The minimum time for which the server has been up; zero if it does not report that.
    pub(crate) age: Duration,
    /// True if it is a replica, which grants no lock.
    pub(crate) is_replica: bool,
    /// True if it is still loading its data, and grants no lock yet.
    pub(crate) is_loading: bool,
    /// True if it writes each change to disk before it answers.
    pub(crate) is_durable: bool,
    /// True if it may evict keys before they expire.
    pub(crate) evicts: bool,
}

/// Asks a server for its identity. The result is empty if the server does not report it to this
/// user.
pub(crate) async fn read_identity(session: &Session) -> Result<Identity> {
    let info = Command::read("INFO").timeout(TIMEOUT);
    let info = match session.run(info).await {
        Ok(reply) => reply.into_bytes()?,
        Err(error) if is_access_denied(&error) => {
            events::warn_unidentified(session.server(), &error);
            return Ok(Identity::default());
        }
        Err(error) => return Err(error),
    };
    let info = Info(&String::from_utf8_lossy(&info));
    let mut identity = info.identity();
    // INFO does not report when the file is written.
    identity.is_durable = info.is("aof_enabled", "1") && read_always_syncs(session).await?;
    Ok(identity)
}

async fn read_always_syncs(session: &Session) -> Result<bool> {
    let question = Command::read("CONFIG").arg("GET").arg("appendfsync");
    let answer = match session.run(question.timeout(TIMEOUT)).await {
        Ok(answer) => answer,
        // Without an answer, the server counts as not durable.
        Err(error) if is_access_denied(&error) || error.kind() == ErrorKind::Unsupported => {
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    let values = answer.into_pairs()?.into_iter().map(|(_, value)| value);
    let values: Result<Vec<_>> = values.map(Reply::into_bytes).collect();
    Ok(values?.iter().any(|value| **value == *b"always"))
}

/// Returns whether the server denies this user the answer, as opposed to asking for a password.
fn is_access_denied(error: &Error) -> bool {
    error.kind() == ErrorKind::Auth && !error.to_string().contains("NOAUTH")
}

struct Info<'a>(&'a str);

impl Info<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.lines();
        lines
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.field(name) == Some(value)
    }

    fn identity(&self) -> Identity {
        let uptime = self.field("uptime_in_seconds");
        let seconds = uptime.and_then(|uptime| uptime.parse::<u64>().ok());
        // The uptime is the difference of two times without their fractions, so it is up to 1 s too
        // long.
        let age = seconds.unwrap_or_default().saturating_sub(1);
        let is_limited = self.field("maxmemory").is_some_and(|limit| limit != "0");
        let policy = self.field("maxmemory_policy");
        Identity {
            run_id: self.field("run_id").map(str::to_owned),
            age: Duration::from_secs(age),
            is_replica: self.is("role", "slave"),
            is_loading: self.field("loading").is_some_and(|loading| loading != "0"),
            is_durable: false,
            evicts: is_limited && policy.is_some_and(|policy| policy != "noeviction"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(lines: &str) -> Identity {
        Info(&lines.replace(' ', "\r\n")).identity()
    }

    #[test]
    fn info_reply_yields_identity() {
        let text = "# run_id:abc123 uptime_in_seconds:9 loading:0 role:master redis_version:7.2.4";
        let known = Identity {
            run_id: Some("abc123".into()),
            age: Duration::from_secs(8),
            ..Identity::default()
        };
        assert_eq!(identity(text), known);
        assert!(identity("role:slave").is_replica);
        assert!(identity("loading:1").is_loading);
        for nothing in ["", "\u{fffd}", "uptime_in_seconds:0", "uptime_in_seconds:x"] {
            assert_eq!(identity(nothing), Identity::default(), "{nothing}");
        }
    }

    #[test]
    fn memory_limit_and_policy_make_server_evict() {
        let evicts = |limit: &str, policy: &str| {
            identity(&format!("maxmemory:{limit} maxmemory_policy:{policy}")).evicts
        };
        assert!(!evicts("0", "allkeys-lru"));
        assert!(!evicts("1000", "noeviction"));
        assert!(evicts("1000", "volatile-ttl"));
    }
}
