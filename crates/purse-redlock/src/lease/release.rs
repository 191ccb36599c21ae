//! The outcome of a release.

/// The outcome of releasing a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a lock that had already expired did not protect what was done under it"]
pub enum Release {
    /// The lock was held until now: a quorum had this holder's token, and deleted it.
    Released,
    /// The lock had ended before: its time was over, or a quorum no longer had this holder's token.
    /// The work under the lock may have overlapped with another holder.
    AlreadyExpired,
}
