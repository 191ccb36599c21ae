//! Locks that come with a number that grows.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::keys;
use crate::lock::fence_marker::Fenced;
use crate::lock::guard::RedlockGuard;
use crate::lock::multi::RedlockMulti;
use crate::lock::mutex::RedlockMutex;
use crate::state::LockState;

/// The guard of a lock that has a [`fence`](RedlockGuard::fence).
pub type FencedGuard = RedlockGuard<Fenced>;

/// Several locks as one, with a fence.
pub type FencedMulti = RedlockMulti<Fenced>;

/// A lock by name, with a fence.
pub type FencedMutex = RedlockMutex<Fenced>;

/// Locks whose guards have a number, the fence, that grows with each holder; made by
/// [`Redlock::fenced`].
///
/// No lock with an end can keep a process that was paused from acting on it too late. A fence lets
/// the resource refuse: hand [`fence`](RedlockGuard::fence) over with each write, have the resource
/// keep the greatest it has seen, in the same step as the write, and refuse anything smaller.
/// Without that check the fence does nothing.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(3)?;
/// # let urls = servers.urls();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse_redlock::{FencedGuard, Redlock};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let mutex = redlock.fenced().mutex("invoices");
///
/// let first: FencedGuard = mutex.lock().await?;
/// let earlier = first.fence();
/// let _ = first.release().await?;
///
/// let second = mutex.lock().await?;
/// assert!(second.fence() > earlier);
/// # Ok(())
/// # })
/// # }
/// ```
///
/// A guard without a fence is of another type, and has no such method:
///
/// ```compile_fail,E0599
/// # async fn unfenced(redlock: purse_redlock::Redlock) -> purse_redlock::Result<()> {
/// let guard = redlock.mutex("invoices").lock().await?;
/// guard.fence();
/// # Ok(())
/// # }
/// ```
///
/// # How it counts
/// Each master keeps a counter by the key of the lock, with `:fence` after it, and counts it up in
/// the same step in which it grants. The fence is the greatest count of the masters that granted;
/// where not a quorum of them stands at it already, it is written back to a quorum before the lock
/// is given out, which takes a second round trip and comes off the time the lock holds. Masters that
/// counted together go on agreeing, so that as a rule there is one round trip.
///
/// Fences have gaps: attempts that fail count, too. They stay below 2^53.
///
/// # What it takes
/// Fences grow whatever happens to the processes and the network, and where the lock itself lets
/// two holders in, because masters lost it: then the later one has the greater fence.
///
/// A counter that is missing starts at its server's time, in microseconds: a master that lost its
/// data is ahead of what was counted before, and never behind. Counters that are not used for a day
/// are dropped, and start anew in the same way. Fences grow, therefore, as long as the masters'
/// clocks agree better than the time between two losses of the same counter, and to within a day:
/// any clock that is kept by NTP. A clock that is wrong by more can hand out smaller fences once the
/// counters that remember it are gone.
///
/// What does not help is a master that comes back with older data: a snapshot, or a file that is
/// written every second. Its counters are behind, and not missing. Have the masters of fenced locks
/// keep nothing, or `appendfsync always`.
///
/// # Together with others
/// The keys are those of locks without a fence, so that all exclude each other, Python's too; those
/// do not count. Users whom an ACL allows some keys only need those of the counters, and `TIME`:
/// `~jobs:* +set +get +del +pttl +pexpire +time +eval +evalsha`.
#[doc(alias = "fencing")]
#[derive(Clone)]
pub struct FencedRedlock(Arc<LockState>);

impl FencedRedlock {
    pub(crate) const fn new(state: Arc<LockState>) -> Self {
        Self(state)
    }

    /// The lock with this name: as [`Redlock::mutex`], with a fence.
    #[must_use]
    pub fn mutex(&self, key: impl AsRef<[u8]>) -> FencedMutex {
        RedlockMutex::new(self.0.clone(), keys::single(key))
    }

    /// Several locks as one: as [`Redlock::multi`], with one fence for all, greater than every
    /// earlier fence of each of them.
    ///
    /// # Errors
    /// As [`Redlock::multi`]; and [`Config`](crate::Error::Config) if the fence of one lock would be
    /// counted in the key of another.
    pub fn multi<K: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = K>) -> Result<FencedMulti> {
        let keys = keys::several(names)?;
        keys::check_counters(&keys)?;
        Ok(RedlockMulti::new(RedlockMutex::new(self.0.clone(), keys)))
    }
}

impl fmt::Debug for FencedRedlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(f, "FencedRedlock")
    }
}
