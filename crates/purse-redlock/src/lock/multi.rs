//! Several locks as one.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::config::auto_extend::AutoExtend;
use crate::error::Result;
use crate::keys::Shown;
use crate::lock::fence_marker::{Fencing, Unfenced};
use crate::lock::guard::RedlockGuard;
use crate::lock::mutex::RedlockMutex;
use crate::lock::scope::{RedlockLease, Scoped};

/// Several locks by name, acquired all or none; made by [`Redlock::multi`](crate::Redlock::multi).
///
/// For work that touches several things: locking one after the other is a deadlock with whoever
/// takes them in another order. Here no master ever has a part of it: it grants all names in one
/// step, or none, so that the order does not matter and nobody holds one while waiting for the next.
/// It excludes, and is excluded by, single locks of the same names, others of this kind that share
/// one, and Python's.
///
/// The guard is one lock with one end: extended on each master for all names or none, and released
/// together. [`Release::Released`](crate::Release::Released) means that all were ours until then.
///
/// All keys are on each master, which is a server of its own, so that their slots do not matter;
/// nodes of a cluster, whose scripts are bound to one slot, are no masters.
///
/// Under contention it comes later than a single lock: all its names must be free at the same
/// moment, and nothing is kept for it while it waits.
#[derive(Clone)]
pub struct RedlockMulti<F: Fencing = Unfenced>(RedlockMutex<F>);

impl<F: Fencing> RedlockMulti<F> {
    pub(crate) const fn new(lock: RedlockMutex<F>) -> Self {
        Self(lock)
    }

    /// The keys of the locks on the masters, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.keys().iter().map(AsRef::as_ref)
    }

    /// Has these locks extended by themselves for as long as their guard is alive: as
    /// [`RedlockMutex::auto_extend`](RedlockMutex::auto_extend), for all names or none.
    #[must_use = "the locks it was called on are gone"]
    pub fn auto_extend(self, auto: impl Into<Option<AutoExtend>>) -> Self {
        Self(self.0.auto_extend(auto))
    }

    /// Works under all locks: as [`RedlockMutex::scope`](RedlockMutex::scope).
    ///
    /// Redis command, round trips and atomicity: as [`lock`](Self::lock), then
    /// [`extend`](RedlockGuard::extend) every third of the ttl, then
    /// [`release`](RedlockGuard::release).
    ///
    /// # Errors
    /// As [`RedlockMutex::scope`](RedlockMutex::scope).
    ///
    /// # Cancel safety
    /// As [`RedlockMutex::scope`](RedlockMutex::scope).
    #[doc(alias = "using")]
    pub async fn scope<W: Future>(
        &self,
        work: impl FnOnce(RedlockLease<F>) -> W,
    ) -> Result<Scoped<W::Output>> {
        self.0.scope(work).await
    }

    /// Acquires all locks if all are free; never waits for a holder.
    ///
    /// Redis command: a script with `GET` and `SET key token PX ttl` for each key, on all masters at
    /// once; of a single name, and where it fails, as
    /// [`RedlockMutex::try_lock`](RedlockMutex::try_lock). Complexity: O(n) in the number of names.
    /// Round trips: one; a second one if a lock is held. Atomic on each master, which grants all
    /// names or none, and in that only who has a quorum has the locks.
    ///
    /// # Errors
    /// As [`RedlockMutex::try_lock`](RedlockMutex::try_lock). [`Held`](crate::Error::Held) tells when
    /// all names will be free; [`WrongType`](crate::Error::WrongType) names the key.
    ///
    /// # Cancel safety
    /// As [`RedlockMutex::try_lock`](RedlockMutex::try_lock).
    #[doc(alias = "acquire")]
    pub async fn try_lock(&self) -> Result<RedlockGuard<F>> {
        self.0.try_lock().await
    }

    /// Acquires all locks, and waits for their holders as long as it takes.
    ///
    /// Redis command, round trips and atomicity: as [`try_lock`](Self::try_lock), for each attempt.
    ///
    /// # Errors
    /// As [`RedlockMutex::lock`](RedlockMutex::lock).
    ///
    /// # Cancel safety
    /// As [`RedlockMutex::lock`](RedlockMutex::lock).
    #[doc(alias = "acquire")]
    pub async fn lock(&self) -> Result<RedlockGuard<F>> {
        self.0.lock().await
    }

    /// Acquires all locks, and waits for `limit` at most.
    ///
    /// Redis command, round trips and atomicity: as [`try_lock`](Self::try_lock), for each attempt.
    ///
    /// # Errors
    /// As [`RedlockMutex::lock_timeout`](RedlockMutex::lock_timeout).
    ///
    /// # Cancel safety
    /// As [`RedlockMutex::lock_timeout`](RedlockMutex::lock_timeout).
    #[doc(alias = "acquire")]
    pub async fn lock_timeout(&self, limit: Duration) -> Result<RedlockGuard<F>> {
        self.0.lock_timeout(limit).await
    }
}

impl<F: Fencing> fmt::Debug for RedlockMulti<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockMulti")
            .field("keys", &Shown(self.0.keys()))
            .finish_non_exhaustive()
    }
}
