//! Errors of acquiring, holding and releasing a lock.
//!
//! May import: nothing of this crate.

pub(crate) mod lock_name;
mod operation;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use purse_client::ErrorKind;
use purse_lease::LostReason;

pub use self::lock_name::LockName;
pub use self::operation::LockOperation;
use self::operation::MessageStart;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of an operation on a lock.
///
/// Messages name the lock, the operation, and masters by their address. They never contain a
/// password or a token.
///
/// The error converts into [`purse_client::Error`], so a function that uses locks and collections
/// can return [`purse_client::Error`] with `?`. The message stays the same, and
/// [`details`](purse_client::Error::details) returns this error.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::ErrorKind;
/// use purse::redlock::{Error, Redlock};
///
/// async fn report(redlock: &Redlock) -> purse::Result<()> {
///     let guard = redlock.mutex("report").try_lock().await?;
///     guard.release().await?;
///     Ok(())
/// }
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let _guard = redlock.mutex("report").try_lock().await?;
/// let error = report(&redlock).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Held);
/// assert!(error.to_string().starts_with("the lock \"report\" is held by another client"));
/// assert!(matches!(error.details(), Some(Error::Held { retry_after: Some(_), .. })));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The masters are reachable, and another client holds the lock, or several clients contend for
    /// it.
    #[error(
        "the lock {lock} is held by another client{}",
        DisplayRetryAfter(retry_after)
    )]
    #[non_exhaustive]
    Held {
        /// The lock.
        lock: LockName,
        /// The time until a quorum will be free if no holder extends or releases. `None` if the
        /// masters did not report it, or if the holder's keys do not expire.
        retry_after: Option<Duration>,
    },

    /// The key does not hold a lock, or its counter does not hold a fence, on so many masters that
    /// no quorum can become free. Each master's error names the key.
    #[error(
        "{}: the key holds something other than a lock{}",
        MessageStart(*operation, Some(lock)),
        DisplayErrors(errors)
    )]
    #[non_exhaustive]
    WrongType {
        /// The lock.
        lock: LockName,
        /// The operation that failed.
        operation: LockOperation,
        /// The error of each of these masters, by its address.
        errors: Vec<(String, purse_client::Error)>,
    },

    /// The time limit of [`lock_timeout`](crate::RedlockMutex::lock_timeout) passed.
    #[error("failed to acquire the lock {lock} in time")]
    #[non_exhaustive]
    Timeout {
        /// The lock.
        lock: LockName,
        /// The failure of the last attempt, if an attempt finished.
        source: Option<Box<Self>>,
    },

    /// Too few masters answered.
    #[error(
        "{}: {votes} of the {needed} required masters agreed{}",
        MessageStart(*operation, lock.as_ref()),
        DisplayErrors(errors)
    )]
    #[non_exhaustive]
    NoQuorum {
        /// The lock; `None` if the operation is [`Connect`](LockOperation::Connect).
        lock: Option<LockName>,
        /// The operation that failed.
        operation: LockOperation,
        /// The number of masters that agreed.
        votes: usize,
        /// The number of masters that make a quorum.
        needed: usize,
        /// The error of each master that did not answer, by its address.
        errors: Vec<(String, purse_client::Error)>,
    },

    /// A quorum granted the lock, or its extension, so late that too little of its time was left. A
    /// lock was then released; an extension stays in effect.
    #[error(
        "{}: the masters answered so late that only {left:?} of the lock's time was left",
        MessageStart(*operation, Some(lock))
    )]
    #[non_exhaustive]
    ValidityExhausted {
        /// The lock.
        lock: LockName,
        /// The operation that failed.
        operation: LockOperation,
        /// The time that was left.
        left: Duration,
    },

    /// The lock does not belong to this holder any more, permanently.
    #[error("the lock {lock} was lost: {reason}")]
    #[non_exhaustive]
    Lost {
        /// The lock.
        lock: LockName,
        /// The evidence for the loss.
        reason: LostReason,
    },

    /// The extension would exceed the limits of [`AutoExtend`](crate::AutoExtend). The lock still
    /// holds until the time that was set before.
    #[error("failed to extend the lock {lock}: it reached its limit of extensions or of time held")]
    #[non_exhaustive]
    ExtensionCap {
        /// The lock.
        lock: LockName,
    },

    /// It is unknown whether the extension took effect. The lock still holds until the time that
    /// was set before.
    #[error(
        "the extension of the lock {lock} may have failed: \
         {votes} of the {needed} required masters agreed{}",
        DisplayErrors(errors)
    )]
    #[non_exhaustive]
    Ambiguous {
        /// The lock.
        lock: LockName,
        /// The number of masters that agreed.
        votes: usize,
        /// The number of masters that make a quorum.
        needed: usize,
        /// The error of each master that did not answer, by its address.
        errors: Vec<(String, purse_client::Error)>,
    },

    /// The configuration, or the names of a lock, cannot work.
    #[error("{message}")]
    #[non_exhaustive]
    Config {
        /// The reason.
        message: String,
        /// The client's error, if there is one.
        source: Option<purse_client::Error>,
    },

    /// The [`Redlock`](crate::Redlock) was shut down, or the runtime on which it was built has
    /// ended.
    #[error("{}: the redlock is shut down", MessageStart(*operation, Some(lock)))]
    #[non_exhaustive]
    Closed {
        /// The lock.
        lock: LockName,
        /// The operation that failed.
        operation: LockOperation,
    },
}

impl Error {
    /// Returns the name of the lock. Returns `None` if the error concerns no particular lock,
    /// because the masters or the configuration cannot be used.
    #[must_use]
    pub const fn lock(&self) -> Option<&LockName> {
        match self {
            Self::Held { lock, .. }
            | Self::WrongType { lock, .. }
            | Self::Timeout { lock, .. }
            | Self::ValidityExhausted { lock, .. }
            | Self::Lost { lock, .. }
            | Self::ExtensionCap { lock }
            | Self::Ambiguous { lock, .. }
            | Self::Closed { lock, .. } => Some(lock),
            Self::NoQuorum { lock, .. } => lock.as_ref(),
            Self::Config { .. } => None,
        }
    }

    /// Returns the error as that of `operation`, which the failed operation was a part of.
    pub(crate) fn during(mut self, operation: LockOperation) -> Self {
        if let Self::WrongType { operation: of, .. }
        | Self::NoQuorum { operation: of, .. }
        | Self::ValidityExhausted { operation: of, .. }
        | Self::Closed { operation: of, .. } = &mut self
        {
            *of = operation;
        }
        self
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::Config {
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn held(keys: &Arc<[Bytes]>, retry_after: Option<Duration>) -> Self {
        Self::Held {
            lock: LockName::of(keys),
            retry_after,
        }
    }

    pub(crate) fn lost(keys: &Arc<[Bytes]>, reason: LostReason) -> Self {
        Self::Lost {
            lock: LockName::of(keys),
            reason,
        }
    }

    pub(crate) fn timeout(keys: &Arc<[Bytes]>, source: Option<Box<Self>>) -> Self {
        Self::Timeout {
            lock: LockName::of(keys),
            source,
        }
    }

    pub(crate) fn closed(keys: &Arc<[Bytes]>, operation: LockOperation) -> Self {
        Self::Closed {
            lock: LockName::of(keys),
            operation,
        }
    }
}

impl From<Error> for purse_client::Error {
    /// Wraps the error of a lock, whose message it takes. `NoQuorum`, `Timeout` and
    /// `ValidityExhausted` become [`Timeout`](ErrorKind::Timeout), as the lock is released then.
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Held { .. } => ErrorKind::Held,
            Error::WrongType { .. } => ErrorKind::WrongType,
            Error::Timeout { .. } | Error::NoQuorum { .. } | Error::ValidityExhausted { .. } => {
                ErrorKind::Timeout
            }
            Error::Lost { .. } => ErrorKind::Lost,
            Error::ExtensionCap { .. } => ErrorKind::Limit,
            Error::Ambiguous { .. } => ErrorKind::Ambiguous,
            Error::Config { .. } => ErrorKind::Config,
            Error::Closed { .. } => ErrorKind::Closed,
        };
        Self::from_details(kind, error)
    }
}

struct DisplayRetryAfter<'a>(&'a Option<Duration>);

impl fmt::Display for DisplayRetryAfter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .filter(|time| !time.is_zero())
            .map_or(Ok(()), |time| write!(f, " for at most {time:?} more"))
    }
}

/// The errors of the masters, for messages. They have no single cause that could be the `source`,
/// so each is printed in full.
struct DisplayErrors<'a>(&'a [(String, purse_client::Error)]);

impl fmt::Display for DisplayErrors<'_> {
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

    static_assertions::assert_impl_all!(Error: Send, Sync, StdError);

    fn jobs() -> LockName {
        LockName::of(&[Bytes::from_static(b"jobs")].into())
    }

    /// The error of each of two masters.
    fn master_errors() -> Vec<(String, purse_client::Error)> {
        ["a:1", "b:2"]
            .map(|server| {
                let error = purse_client::Error::new(ErrorKind::NotSent, "not connected")
                    .with_source("refused");
                (server.to_owned(), error)
            })
            .into()
    }

    /// One error of each variant about the lock "jobs", its message, and its kind.
    fn examples() -> Vec<(Error, &'static str, ErrorKind)> {
        use LockOperation::{Acquire, Campaign, Extend, Release};

        let lock = jobs();
        let no_quorum = |operation| Error::NoQuorum {
            lock: Some(jobs()),
            operation,
            votes: 1,
            needed: 2,
            errors: master_errors(),
        };
        vec![
            (
                Error::Held {
                    lock: lock.clone(),
                    retry_after: Some(Duration::from_millis(7)),
                },
                "the lock \"jobs\" is held by another client for at most 7ms more",
                ErrorKind::Held,
            ),
            (
                Error::WrongType {
                    lock: lock.clone(),
                    operation: Campaign,
                    errors: Vec::new(),
                },
                "failed to campaign in the election \"jobs\": the key holds something other than a lock",
                ErrorKind::WrongType,
            ),
            (
                Error::Timeout {
                    lock: lock.clone(),
                    source: None,
                },
                "failed to acquire the lock \"jobs\" in time",
                ErrorKind::Timeout,
            ),
            (
                no_quorum(Acquire),
                "failed to acquire the lock \"jobs\": 1 of the 2 required masters agreed: \
                 a:1: not connected: refused; b:2: not connected: refused",
                ErrorKind::Timeout,
            ),
            (
                no_quorum(Release),
                "failed to release the lock \"jobs\": 1 of the 2 required masters agreed: \
                 a:1: not connected: refused; b:2: not connected: refused",
                ErrorKind::Timeout,
            ),
            (
                Error::ValidityExhausted {
                    lock: lock.clone(),
                    operation: Extend,
                    left: Duration::from_millis(3),
                },
                "failed to extend the lock \"jobs\": \
                 the masters answered so late that only 3ms of the lock's time was left",
                ErrorKind::Timeout,
            ),
            (
                Error::Lost {
                    lock: lock.clone(),
                    reason: LostReason::Gone,
                },
                "the lock \"jobs\" was lost: the servers do not hold it any more",
                ErrorKind::Lost,
            ),
            (
                Error::ExtensionCap { lock: lock.clone() },
                "failed to extend the lock \"jobs\": it reached its limit of extensions or of time held",
                ErrorKind::Limit,
            ),
            (
                Error::Ambiguous {
                    lock: lock.clone(),
                    votes: 1,
                    needed: 2,
                    errors: Vec::new(),
                },
                "the extension of the lock \"jobs\" may have failed: 1 of the 2 required masters agreed",
                ErrorKind::Ambiguous,
            ),
            (
                Error::Closed {
                    lock,
                    operation: Release,
                },
                "failed to release the lock \"jobs\": the redlock is shut down",
                ErrorKind::Closed,
            ),
        ]
    }

    #[test]
    fn each_message_names_the_lock_and_the_operation() {
        for (error, message, _) in examples() {
            assert_eq!(error.to_string(), message);
            assert_eq!(error.lock().map(LockName::key), Some(&b"jobs"[..]));
        }
    }

    #[test]
    fn connection_error_names_masters_without_a_lock() {
        let error = Error::NoQuorum {
            lock: None,
            operation: LockOperation::Connect,
            votes: 1,
            needed: 2,
            errors: Vec::new(),
        };
        let message = "failed to connect to the masters: 1 of the 2 required masters agreed";
        assert_eq!(error.to_string(), message);
        assert!(error.lock().is_none() && Error::config("").lock().is_none());
    }

    #[test]
    fn lock_error_becomes_a_client_error_that_says_the_same() {
        let config = (Error::config("no masters"), "no masters", ErrorKind::Config);
        for (error, message, kind) in examples().into_iter().chain([config]) {
            let error = purse_client::Error::from(error);
            assert_eq!(error.kind(), kind, "{message}");
            assert_eq!(error.to_string(), message);
            assert!(error.source().is_none(), "{message}");
            let details: Option<&Error> = error.details();
            assert_eq!(details.map(ToString::to_string).as_deref(), Some(message));
        }
    }

    #[test]
    fn timeout_message_leaves_cause_to_source() {
        let error = Error::Timeout {
            lock: jobs(),
            source: Some(Box::new(Error::Held {
                lock: jobs(),
                retry_after: None,
            })),
        };
        let cause = "the lock \"jobs\" is held by another client";
        assert_eq!(
            error.to_string(),
            "failed to acquire the lock \"jobs\" in time"
        );
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some(cause)
        );
        let error = purse_client::Error::from(error);
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some(cause)
        );
    }
}
