//! Why a lock could not be had, kept or given back.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a lock could not be had, kept or given back.
///
/// Messages name masters by their address; never a password, never a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The masters are well, and another holds the lock, or several contend for it.
    #[error("the lock is held by another{}", After(retry_after))]
    Held {
        /// When a quorum will be free if nobody extends or releases; unknown if the masters did
        /// not say, or if the holder's keys do not expire.
        retry_after: Option<Duration>,
    },

    /// The key holds something that is no lock, or its counter something that is none, on so many
    /// masters that no quorum can become free. What each master said names the key.
    #[error("the key holds something other than a lock{}", Masters(errors))]
    WrongType {
        /// What each of these masters said, by its address.
        errors: Vec<(String, purse_client::Error)>,
    },

    /// The time allowed to [`lock_timeout`](crate::RedlockMutex::lock_timeout) passed.
    #[error("the lock was not acquired in time")]
    Timeout {
        /// Why the last attempt failed, if one came to an end.
        source: Option<Box<Self>>,
    },

    /// Too few masters answered.
    #[error("{votes} of the {needed} masters needed agreed{}", Masters(errors))]
    NoQuorum {
        /// How many masters agreed.
        votes: usize,
        /// How many make a quorum.
        needed: usize,
        /// What each master that did not answer failed with, by its address.
        errors: Vec<(String, purse_client::Error)>,
    },

    /// A quorum granted the lock, or its extension, so late that too little of its time was left.
    /// A lock was released then; an extension counts for what it is.
    #[error("the masters took so long that only {left:?} of the lock's time was left")]
    ValidityExhausted {
        /// What was left.
        left: Duration,
    },

    /// The lock is no longer ours, and will not be again.
    #[error("the lock was lost: {reason}")]
    Lost {
        /// How it is known.
        reason: LostReason,
    },

    /// The extension would be one too many, or last too long, for what
    /// [`AutoExtend`](crate::AutoExtend) allows; the lock holds until the time it had.
    #[error("the lock was extended as often, or as long, as it may be")]
    ExtensionCap,

    /// It is not known whether the extension took place; the lock holds until the time it had.
    #[error(
        "the extension may have failed: {votes} of the {needed} masters needed agreed{}",
        Masters(errors)
    )]
    Ambiguous {
        /// How many masters agreed.
        votes: usize,
        /// How many make a quorum.
        needed: usize,
        /// What each master that did not answer failed with, by its address.
        errors: Vec<(String, purse_client::Error)>,
    },

    /// The configuration cannot work.
    #[error("{message}")]
    Config {
        /// What is wrong with it.
        message: String,
        /// What the client said of it.
        source: Option<purse_client::Error>,
    },

    /// The [`Redlock`](crate::Redlock) was shut down, or the runtime it was built on is gone.
    #[error("the redlock is shut down")]
    Closed,
}

impl Error {
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::Config {
            message: message.into(),
            source: None,
        }
    }
}

/// How it is known that a lock was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum LostReason {
    /// Its time is over by our clock.
    #[error("its time is over")]
    Expired,
    /// So many masters do not have it any more that no majority can: somebody deleted it, or servers
    /// lost their data.
    #[error("a majority of the masters can no longer have it")]
    Gone,
    /// Its time is over, as it was extended as often, or as long, as
    /// [`AutoExtend`](crate::AutoExtend) allows.
    #[error("its time is over, and it was not to be extended any more")]
    Capped,
    /// Its guard gave it back: nothing went wrong, but the lock is no longer ours.
    #[error("it was given back")]
    Released,
    /// The runtime of the [`Redlock`](crate::Redlock) is gone: nobody can extend, release or watch
    /// it any more.
    #[error("the runtime that looked after it is gone")]
    Closed,
}

struct After<'a>(&'a Option<Duration>);

impl fmt::Display for After<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .filter(|time| !time.is_zero())
            .map_or(Ok(()), |time| write!(f, " for at most {time:?} more"))
    }
}

/// What the masters said. There is no one cause to give as `source`, so each is told in full here.
struct Masters<'a>(&'a [(String, purse_client::Error)]);

impl fmt::Display for Masters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (server, error)) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            if error.server().is_none() {
                write!(f, "{server}: ")?;
            }
            write!(f, "{error}")?;
            let mut cause = error.source();
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purse_client::ErrorKind;

    static_assertions::assert_impl_all!(Error: Send, Sync, StdError);

    #[test]
    fn no_quorum_tells_what_each_master_said() {
        let error = Error::NoQuorum {
            votes: 1,
            needed: 2,
            errors: ["a:1", "b:2"]
                .map(|server| {
                    let error = purse_client::Error::new(ErrorKind::NotSent, "not connected")
                        .with_source("refused");
                    (server.to_owned(), error)
                })
                .into(),
        };
        assert_eq!(
            error.to_string(),
            "1 of the 2 masters needed agreed: a:1: not connected: refused; b:2: not connected: refused"
        );
        assert!(error.source().is_none());
    }

    #[test]
    fn a_timeout_leaves_its_cause_to_source() {
        let error = Error::Timeout {
            source: Some(Box::new(Error::Held {
                retry_after: Some(Duration::from_millis(7)),
            })),
        };
        assert_eq!(error.to_string(), "the lock was not acquired in time");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("the lock is held by another for at most 7ms more")
        );
    }
}
