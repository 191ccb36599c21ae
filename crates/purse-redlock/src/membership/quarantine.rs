//! From when on the votes of a server count that came back: plain functions of what it says.

use std::time::Duration;

use crate::config::settings::drift;
use crate::membership::server_identity::Identity;
use crate::runtime::clock::LockInstant;

/// When a master that may have lost its data is kept from voting.
///
/// A master that restarts without its data has forgotten whom it gave a lock to, and would give it
/// to another. So what is met at the other end of a new connection is asked who it is before it is
/// asked for a lock. If it is not the one that was there before, it votes, on locks and on
/// extensions, only once it has been up longer than the
/// [longest ttl](crate::RedlockBuilder::longest_ttl): all locks that were given before its start
/// are over then. It votes at once if it writes each change to disk before it answers (`appendonly
/// yes` and `appendfsync always`, now as before). Releases are always sent. On the way there is no
/// cost: nobody is asked as long as a connection stands.
///
/// What nobody can see from outside: `FLUSHALL` and deletions; a master that became a replica and
/// a master again while nobody asked it for a lock; an append-only file that was lost with its
/// disk; and, if an address moves to a server that was started meanwhile, that the old one still
/// gives locks to others. A server's uptime is by its time of day: setting that forward makes it
/// appear older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Quarantine {
    /// Masters that come back are kept from voting, and so are those that were down at
    /// [`build`](crate::RedlockBuilder::build) and have only just started. This is the default.
    ///
    /// Of the masters that are met by `build` itself, young ones are kept from voting only where
    /// a quorum is older than the longest ttl, so that it is no loss. Otherwise all of them are
    /// trusted, or no new installation could lock anything at first. What remains: if a
    /// majority restarted, or a minority did and others are down, less than the longest ttl before
    /// a process is started, then this process may get a lock that another one still has.
    #[default]
    Restarts,

    /// As [`Restarts`](Self::Restarts), and whoever is young at `build` is kept from voting, too.
    ///
    /// This closes the gap that is described there. On masters that have just been started, there
    /// are no locks for the longest ttl.
    Strict,

    /// Every server is trusted at once. For masters that do not lose their data, but cannot say so:
    /// where INFO is refused, each new connection would count as a restart.
    Off,
}

/// What is known of who voted before.
#[derive(Debug, Clone, Default)]
pub(crate) enum PreviousServer {
    /// Nobody, as far as we know.
    #[default]
    Unknown,
    /// This one.
    Voter(Voter),
    /// It was a replica since, which takes over the data of another.
    Replica,
}

#[derive(Debug, Clone)]
pub(crate) struct Voter {
    pub(crate) run_id: Option<String>,
    pub(crate) is_durable: bool,
    /// From when on its votes count.
    pub(crate) vote_start: LockInstant,
    /// When it last answered.
    pub(crate) last_reply: LockInstant,
}

/// From when on the votes count of a server that said `now` who it is.
pub(crate) fn vote_start(
    previous: &PreviousServer,
    identity: &Identity,
    now: LockInstant,
    longest_ttl: Duration,
) -> LockInstant {
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
        // It was up already when the other one still answered: not a restart, but another server,
        // which never had the data.
        PreviousServer::Voter(voter)
            if now.saturating_duration_since(voter.last_reply) < identity.age =>
        {
            now + full
        }
        // A quarantine that its predecessor had not served is for what was lost before that.
        PreviousServer::Voter(voter) if identity.is_durable && voter.is_durable => {
            voter.vote_start.max(now)
        }
        PreviousServer::Voter(_) => young,
    }
}

/// Whether a server was up before any lock was given that may still hold, or has it on disk.
pub(crate) fn predates_any_lock(identity: &Identity, longest_ttl: Duration) -> bool {
    let now = LockInstant::now();
    vote_start(&PreviousServer::Unknown, identity, now, longest_ttl) <= now
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    const TTL: Duration = Duration::from_secs(10);
    const FULL: Duration = Duration::from_millis(10_102);
    const NONE: Duration = Duration::ZERO;

    fn who(run_id: &str, age: u64) -> Identity {
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

    /// The voter that last answered so many seconds before [`now`].
    fn voter(identity: &Identity, silent: u64) -> PreviousServer {
        let start = *START;
        PreviousServer::Voter(Voter {
            run_id: identity.run_id.clone(),
            is_durable: identity.is_durable,
            vote_start: start,
            last_reply: start + Duration::from_secs(1_000 - silent),
        })
    }

    fn left(previous: &PreviousServer, identity: &Identity) -> Duration {
        vote_start(previous, identity, now(), TTL).saturating_duration_since(now())
    }

    static START: LazyLock<LockInstant> = LazyLock::new(LockInstant::now);

    fn now() -> LockInstant {
        *START + Duration::from_secs(1_000)
    }

    #[test]
    fn who_came_back_without_data_waits_until_it_is_older_than_the_ttl() {
        let previous = voter(&who("a", 0), 60);
        for (age, expected) in [(0, FULL), (3, FULL - Duration::from_secs(3)), (11, NONE)] {
            assert_eq!(left(&previous, &who("b", age)), expected, "{age}");
            assert_eq!(left(&PreviousServer::Unknown, &who("b", age)), expected);
        }
    }

    #[test]
    fn who_was_never_away_votes_at_once_unless_it_was_waiting() {
        let mut previous = voter(&who("a", 0), 1);
        assert_eq!(left(&previous, &who("a", 0)), NONE);
        if let PreviousServer::Voter(voter) = &mut previous {
            voter.vote_start = now() + TTL;
        }
        assert_eq!(left(&previous, &who("a", 0)), TTL);
        let healed = durable(who("a", 0));
        assert_eq!(left(&previous, &healed), TTL);
    }

    #[test]
    fn who_has_its_data_on_disk_now_and_before_votes_at_once() {
        let (before, after) = (durable(who("a", 0)), durable(who("b", 0)));
        assert_eq!(left(&voter(&before, 5), &after), NONE);
        assert_eq!(left(&PreviousServer::Unknown, &after), NONE);
        assert_eq!(left(&voter(&who("a", 0), 5), &after), FULL);
        assert_eq!(left(&voter(&before, 5), &who("b", 0)), FULL);
        assert_eq!(left(&PreviousServer::Replica, &after), FULL);
    }

    #[test]
    fn another_server_waits_however_old_or_durable_it_is() {
        let (one, other) = (durable(who("a", 0)), durable(who("b", 500)));
        assert_eq!(left(&voter(&one, 499), &other), FULL);
        assert_eq!(left(&voter(&one, 500), &other), NONE);
    }

    #[test]
    fn who_does_not_say_who_it_is_waits_each_time() {
        let nobody = durable(Identity::default());
        for previous in [
            PreviousServer::Unknown,
            PreviousServer::Replica,
            voter(&nobody, 1),
        ] {
            assert_eq!(left(&previous, &nobody), FULL);
        }
    }

    #[test]
    fn the_unserved_quarantine_of_a_predecessor_goes_on() {
        let (before, after) = (durable(who("a", 0)), durable(who("b", 0)));
        let mut previous = voter(&before, 5);
        if let PreviousServer::Voter(voter) = &mut previous {
            voter.vote_start = now() + TTL / 2;
        }
        assert_eq!(left(&previous, &after), TTL / 2);
    }
}
