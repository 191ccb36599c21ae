//! The operations that an error names.

use std::fmt;

use crate::error::LockName;

/// The operation that failed.
///
/// `Display` writes a verb, such as "acquire".
///
/// # Examples
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Error, LockOperation, Redlock};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let mutex = redlock.mutex("invoices");
/// redlock.shutdown().await;
/// let error = mutex.try_lock().await.unwrap_err();
/// assert!(matches!(error, Error::Closed { operation: LockOperation::Acquire, .. }));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockOperation {
    /// The first connection to the masters, before there is a lock.
    Connect,
    /// Acquiring a lock.
    Acquire,
    /// Holding a lock while the work of a [`scope`](crate::RedlockMutex::scope) runs.
    Hold,
    /// Extending a lock, automatically or by hand.
    Extend,
    /// Releasing a lock, or resigning from a leadership.
    Release,
    /// Campaigning in an election.
    Campaign,
}

impl fmt::Display for LockOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Acquire => "acquire",
            Self::Hold => "hold",
            Self::Extend => "extend",
            Self::Release => "release",
            Self::Campaign => "campaign",
        })
    }
}

/// The start of a message: the operation that failed, and the lock.
pub(super) struct MessageStart<'a>(pub(super) LockOperation, pub(super) Option<&'a LockName>);

impl fmt::Display for MessageStart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(operation, lock) = self;
        write!(f, "failed to {operation}")?;
        let object = match operation {
            LockOperation::Connect => return f.write_str(" to the masters"),
            LockOperation::Campaign => "in the election",
            LockOperation::Acquire
            | LockOperation::Hold
            | LockOperation::Extend
            | LockOperation::Release => "the lock",
        };
        lock.map_or(Ok(()), |lock| write!(f, " {object} {lock}"))
    }
}
