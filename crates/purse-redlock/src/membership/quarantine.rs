//! Decides from which moment the votes of a server count that came back: pure functions of what the
//! server reports.

use std::time::Duration;

use purse_lease::{LeaseInstant, drift};

use crate::membership::server_identity::Identity;

/// The rule that decides when a master that may have lost its data is kept from voting.
///
/// A master that restarts without its data has forgotten to whom it granted a lock, and would grant
/// the lock again. Therefore the server behind a new connection is identified before it is asked
/// for a lock. If the server is not the one that was there before, it votes on locks and extensions
/// only once it has been up longer than the [longest ttl](crate::RedlockBuilder::longest_ttl),
/// because all locks that were granted before its start are over then.
///
/// The server votes immediately if both the previous server and this one write each change to disk
/// before they answer (`appendonly yes`, `appendfsync always`). If the previous server is unknown,
/// only this one counts. Three servers serve their full quarantine nevertheless: one that does not
/// report its identity, one that was a replica, and one that was already up while the previous
/// server still answered. A quarantine that the previous server had not finished is finished by
/// this one. The page `docs/architecture/quarantine.md` of the repository describes all cases.
///
/// Releases are always sent. A lock has no extra cost: servers are not identified again while a
/// connection is up.
///
/// The following cannot be detected from outside:
///
/// - `FLUSHALL` and deletions;
/// - a master that became a replica and then a master again while it was not asked for a lock;
/// - an append-only file that was lost with its disk;
/// - an address that now leads to a newly started server while the old server still runs and grants
///   locks to other clients.
///
/// A server computes its uptime from its time of day, so setting the clock forward makes the server
/// appear older.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use std::time::Duration;
///
/// use purse::redlock::{QuarantinePolicy, Redlock};
///
/// // Other programs take locks for up to five minutes on these masters.
/// let redlock = Redlock::builder(urls)
///     .ttl(Duration::from_secs(10))
///     .longest_ttl(Duration::from_secs(300))
///     .quarantine(QuarantinePolicy::Restarts)
///     .build()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum QuarantinePolicy {
    /// Masters that come back are kept from voting. So are masters that were down at
    /// [`build`](crate::RedlockBuilder::build) and have only just started. This is the default.
    ///
    /// Of the masters that `build` itself connects to, recently started ones are kept from voting
    /// only if a quorum is older than the longest ttl, so their votes are not needed. Otherwise all
    /// of them are trusted, because a new installation could not lock anything at first. One gap
    /// remains. If a majority restarted, or a minority restarted and others are down, less than the
    /// longest ttl before a process is started, that process may acquire a lock that another
    /// process still holds.
    #[default]
    Restarts,

    /// The rules of [`Restarts`](Self::Restarts). In addition, masters that have recently started
    /// when `build` connects to them are kept from voting.
    ///
    /// This closes the gap described at `Restarts`. On masters that have just been started, no lock
    /// can be acquired for the longest ttl.
    Strict,

    /// Every server votes immediately. Use this policy for masters that do not lose their data but
    /// cannot report that they keep it: if `INFO` is refused, each new connection would otherwise
    /// count as a restart.
    Off,
}

/// The server that voted before, as far as is known.
#[derive(Debug, Clone, Default)]
pub(crate) enum PreviousServer {
    /// No server, as far as is known.
    #[default]
    Unknown,
    /// This server.
    Voter(Voter),
    /// The master has been a replica since, and a replica takes over the data of another server.
    Replica,
}

/// A server that was allowed to vote.
#[derive(Debug, Clone)]
pub(crate) struct Voter {
    pub(crate) run_id: Option<String>,
    pub(crate) is_durable: bool,
    /// The moment from which its votes count.
    pub(crate) vote_start: LeaseInstant,
    /// The moment of its last reply.
    pub(crate) last_reply: LeaseInstant,
}

/// Returns the moment from which the votes count of a server that was identified at `now`.
pub(crate) fn vote_start(
    previous: &PreviousServer,
    identity: &Identity,
    now: LeaseInstant,
    longest_ttl: Duration,
) -> LeaseInstant {
    let full = longest_ttl.saturating_add(drift(longest_ttl));
    let young = now + full.saturating_sub(identity.age);
    if identity.run_id.is_none() {
        return now + full;
    }
    match previous {
        PreviousServer::Replica => now + full,
        PreviousServer::Unknown if identity.is_durable => now,
        PreviousServer::Unknown => young,
        PreviousServer::Voter(voter) if voter.run_id == identity.run_id => voter.vote_start,
        // The server was up already while its predecessor still answered. It is not a restart but
        // another server, which never had the data.
        PreviousServer::Voter(voter)
            if now.saturating_duration_since(voter.last_reply) < identity.age =>
        {
            now + full
        }
        // A quarantine that the predecessor had not finished covers an earlier loss.
        PreviousServer::Voter(voter) if identity.is_durable && voter.is_durable => {
            voter.vote_start.max(now)
        }
        PreviousServer::Voter(_) => young,
    }
}

/// Returns whether a server was up before any lock was granted that may still hold, or has such
/// locks on disk.
pub(crate) fn predates_any_lock(identity: &Identity, longest_ttl: Duration) -> bool {
    let now = LeaseInstant::now();
    vote_start(&PreviousServer::Unknown, identity, now, longest_ttl) <= now
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    const TTL: Duration = Duration::from_secs(10);
    const FULL: Duration = Duration::from_millis(10_102);
    const NONE: Duration = Duration::ZERO;

    fn server(run_id: &str, age: u64) -> Identity {
        Identity {
            run_id: Some(run_id.into()),
            age: Duration::from_secs(age),
            ..Identity::default()
        }
    }

    fn durable(identity: Identity) -> Identity {
        let is_durable = true;
        Identity {
            is_durable,
            ..identity
        }
    }

    /// Returns the voter that last answered this many seconds before [`now`].
    fn voter(identity: &Identity, silent: u64) -> PreviousServer {
        let start = *START;
        PreviousServer::Voter(Voter {
            run_id: identity.run_id.clone(),
            is_durable: identity.is_durable,
            vote_start: start,
            last_reply: start + Duration::from_secs(1_000 - silent),
        })
    }

    fn remaining(previous: &PreviousServer, identity: &Identity) -> Duration {
        vote_start(previous, identity, now(), TTL).saturating_duration_since(now())
    }

    static START: LazyLock<LeaseInstant> = LazyLock::new(LeaseInstant::now);

    fn now() -> LeaseInstant {
        *START + Duration::from_secs(1_000)
    }

    #[test]
    fn server_without_data_waits_until_older_than_ttl() {
        let previous = voter(&server("a", 0), 60);
        for (age, expected) in [(0, FULL), (3, FULL - Duration::from_secs(3)), (11, NONE)] {
            assert_eq!(remaining(&previous, &server("b", age)), expected, "{age}");
            assert_eq!(
                remaining(&PreviousServer::Unknown, &server("b", age)),
                expected
            );
        }
    }

    #[test]
    fn same_server_keeps_its_vote_start() {
        let mut previous = voter(&server("a", 0), 1);
        assert_eq!(remaining(&previous, &server("a", 0)), NONE);
        if let PreviousServer::Voter(voter) = &mut previous {
            voter.vote_start = now() + TTL;
        }
        assert_eq!(remaining(&previous, &server("a", 0)), TTL);
        let healed = durable(server("a", 0));
        assert_eq!(remaining(&previous, &healed), TTL);
    }

    #[test]
    fn durable_server_votes_immediately() {
        let (before, after) = (durable(server("a", 0)), durable(server("b", 0)));
        assert_eq!(remaining(&voter(&before, 5), &after), NONE);
        assert_eq!(remaining(&PreviousServer::Unknown, &after), NONE);
        assert_eq!(remaining(&voter(&server("a", 0), 5), &after), FULL);
        assert_eq!(remaining(&voter(&before, 5), &server("b", 0)), FULL);
        assert_eq!(remaining(&PreviousServer::Replica, &after), FULL);
    }

    #[test]
    fn different_server_waits_at_any_age() {
        let (one, other) = (durable(server("a", 0)), durable(server("b", 500)));
        assert_eq!(remaining(&voter(&one, 499), &other), FULL);
        assert_eq!(remaining(&voter(&one, 500), &other), NONE);
    }

    #[test]
    fn unidentified_server_waits_each_time() {
        let nobody = durable(Identity::default());
        for previous in [
            PreviousServer::Unknown,
            PreviousServer::Replica,
            voter(&nobody, 1),
        ] {
            assert_eq!(remaining(&previous, &nobody), FULL);
        }
    }

    #[test]
    fn unfinished_quarantine_passes_to_successor() {
        let (before, after) = (durable(server("a", 0)), durable(server("b", 0)));
        let mut previous = voter(&before, 5);
        if let PreviousServer::Voter(voter) = &mut previous {
            voter.vote_start = now() + TTL / 2;
        }
        assert_eq!(remaining(&previous, &after), TTL / 2);
    }
}
