//! Errors of acquiring, holding and releasing a lock.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use purse_client::ErrorKind;
use purse_lease::{LostReason, RuntimeEnded};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of an operation on a lock.
///
/// Messages name masters by their address. They never contain a password or a token.
///
/// It converts into [`purse_client::Error`], so a function that uses locks and collections can return
/// that one with `?`. The details stay in its source.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use std::error::Error as _;
///
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
/// let details = error.source().and_then(|source| source.downcast_ref());
/// assert!(matches!(details, Some(Error::Held { retry_after: Some(_) })));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The masters are reachable, and another client holds the lock, or several clients contend for
    /// it.
    #[error("the lock is held by another client{}", DisplayRetryAfter(retry_after))]
    Held {
        /// The time until a quorum will be free if no holder extends or releases. `None` if the
        /// masters did not report it, or if the holder's keys do not expire.
        retry_after: Option<Duration>,
    },

    /// The key does not hold a lock, or its counter does not hold a fence, on so many masters that
    /// no quorum can become free. Each master's error names the key.
    #[error("the key holds something other than a lock{}", DisplayErrors(errors))]
    WrongType {
        /// The error of each of these masters, by its address.
        errors: Vec<(String, purse_client::Error)>,
    },

    /// The time limit of [`lock_timeout`](crate::RedlockMutex::lock_timeout) passed.
    #[error("the lock was not acquired in time")]
    Timeout {
        /// The failure of the last attempt, if an attempt finished.
        source: Option<Box<Self>>,
    },

    /// Too few masters answered.
    #[error(
        "{votes} of the {needed} required masters agreed{}",
        DisplayErrors(errors)
    )]
    NoQuorum {
        /// The number of masters that agreed.
        votes: usize,
        /// The number of masters that make a quorum.
        needed: usize,
        /// The error of each master that did not answer, by its address.
        errors: Vec<(String, purse_client::Error)>,
    },

    /// A quorum granted the lock, or its extension, so late that too little of its time was left. A
    /// lock was then released; an extension stays in effect.
    #[error("the masters answered so late that only {left:?} of the lock's time was left")]
    ValidityExhausted {
        /// The time that was left.
        left: Duration,
    },

    /// The lock does not belong to this holder any more, permanently.
    #[error("the lock was lost: {reason}")]
    Lost {
        /// The evidence for the loss.
        reason: LostReason,
    },

    /// The extension would exceed the limits of [`AutoExtend`](crate::AutoExtend). The lock holds
    /// until the time it had.
    #[error("the lock reached its limit of extensions or of time held")]
    ExtensionCap,

    /// It is unknown whether the extension took effect. The lock holds until the time it had.
    #[error(
        "the extension may have failed: {votes} of the {needed} required masters agreed{}",
        DisplayErrors(errors)
    )]
    Ambiguous {
        /// The number of masters that agreed.
        votes: usize,
        /// The number of masters that make a quorum.
        needed: usize,
        /// The error of each master that did not answer, by its address.
        errors: Vec<(String, purse_client::Error)>,
    },

    /// The configuration cannot work.
    #[error("{message}")]
    Config {
        /// The reason.
        message: String,
        /// The client's error, if there is one.
        source: Option<purse_client::Error>,
    },

    /// The [`Redlock`](crate::Redlock) was shut down, or the runtime on which it was built has
    /// ended.
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

impl From<Error> for purse_client::Error {
    /// Wraps the error of a lock. `NoQuorum`, `Timeout` and `ValidityExhausted` become
    /// [`Timeout`](ErrorKind::Timeout), as the lock is released then.
    fn from(error: Error) -> Self {
        let (kind, message) = match &error {
            Error::Held { .. } => (ErrorKind::Held, "the lock was not acquired"),
            Error::WrongType { .. } => (ErrorKind::WrongType, "the lock was not acquired"),
            Error::Timeout { .. } | Error::NoQuorum { .. } | Error::ValidityExhausted { .. } => {
                (ErrorKind::Timeout, "the lock was not acquired or extended")
            }
            Error::Lost { .. } => (ErrorKind::Lost, "the lock does not hold any more"),
            Error::ExtensionCap => (ErrorKind::Limit, "the lock was not extended"),
            Error::Ambiguous { .. } => (ErrorKind::Ambiguous, "the lock may not be extended"),
            Error::Config { .. } => (ErrorKind::Config, "the locks cannot be used"),
            Error::Closed => (ErrorKind::Closed, "the locks cannot be used"),
        };
        Self::new(kind, message).with_source(error)
    }
}

impl From<RuntimeEnded> for Error {
    fn from(_: RuntimeEnded) -> Self {
        Self::Closed
    }
}

impl From<LostReason> for Error {
    fn from(reason: LostReason) -> Self {
        Self::Lost { reason }
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

    #[test]
    fn no_quorum_message_names_each_master() {
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
            "1 of the 2 required masters agreed: a:1: not connected: refused; b:2: not connected: refused"
        );
        assert!(error.source().is_none());
    }

    #[test]
    fn lock_error_becomes_a_client_error_with_its_details_as_source() {
        let lost = Error::Lost {
            reason: LostReason::Gone,
        };
        for (error, kind) in [
            (Error::Held { retry_after: None }, ErrorKind::Held),
            (Error::Timeout { source: None }, ErrorKind::Timeout),
            (lost, ErrorKind::Lost),
            (Error::ExtensionCap, ErrorKind::Limit),
            (Error::config("no masters"), ErrorKind::Config),
            (Error::Closed, ErrorKind::Closed),
        ] {
            let text = error.to_string();
            let error = purse_client::Error::from(error);
            assert_eq!(error.kind(), kind, "{text}");
            let details = error.source().and_then(|it| it.downcast_ref::<Error>());
            assert_eq!(details.map(ToString::to_string), Some(text));
        }
    }

    #[test]
    fn timeout_message_leaves_cause_to_source() {
        let error = Error::Timeout {
            source: Some(Box::new(Error::Held {
                retry_after: Some(Duration::from_millis(7)),
            })),
        };
        assert_eq!(error.to_string(), "the lock was not acquired in time");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("the lock is held by another client for at most 7ms more")
        );
    }
}
