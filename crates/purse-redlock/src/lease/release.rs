//! The result of a release.

/// How a lock ended that was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a lock that had already expired did not protect what was done under it"]
pub enum Release {
    /// It was ours until now: a quorum had our token, and deleted it.
    Released,
    /// It had ended before: its time was over, or a quorum no longer had our token. What was done
    /// under it may have overlapped with another holder.
    AlreadyExpired,
}
