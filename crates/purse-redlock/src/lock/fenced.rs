//! Locks with a fence: a number that grows with each holder.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::keys;
use crate::lock::fence_marker::Fenced;
use crate::lock::guard::RedlockGuard;
use crate::lock::multi::RedlockMulti;
use crate::lock::mutex::RedlockMutex;
use crate::state::LockState;

/// A guard of a lock that has a [`fence`](RedlockGuard::fence).
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{FencedGuard, Redlock};
///
/// /// Writes to a store that rejects smaller fences than it has seen.
/// fn write(guard: &FencedGuard) -> String {
///     format!("UPDATE invoices SET fence = {0} WHERE fence <= {0}", guard.fence())
/// }
/// let redlock = Redlock::builder(urls).build().await?;
/// let guard = redlock.fenced().mutex("invoices").lock().await?;
/// assert!(write(&guard).contains(&guard.fence().to_string()));
/// # Ok(()) }
/// ```
pub type FencedGuard = RedlockGuard<Fenced>;

/// Several locks as one, with a fence.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{FencedMulti, Redlock};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let accounts: FencedMulti = redlock.fenced().multi(["account:1", "account:2"])?;
/// let guard = accounts.lock().await?;
/// println!("write both with the fence {}", guard.fence());
/// # Ok(()) }
/// ```
pub type FencedMulti = RedlockMulti<Fenced>;

/// A lock by name, with a fence.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{FencedMutex, Redlock};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let invoices: FencedMutex = redlock.fenced().mutex("invoices");
/// let first = invoices.lock().await?.fence();
/// assert!(invoices.lock().await?.fence() > first);
/// # Ok(()) }
/// ```
pub type FencedMutex = RedlockMutex<Fenced>;

/// A service of locks whose guards carry a fence: a number that grows with each holder. Returned by
/// [`Redlock::fenced`](crate::Redlock::fenced).
///
/// No lock that expires can prevent a process that was paused from acting too late. A fence lets
/// the resource reject such a process: send [`fence`](RedlockGuard::fence) with each write, have
/// the resource store the greatest fence that it has seen, in the same step as the write, and have
/// it reject any smaller one. If the resource does not check, the fence has no effect.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(3)?;
/// # let urls = servers.urls();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::redlock::{FencedGuard, Redlock};
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
/// The guard of a lock without a fence has another type, which has no method `fence`:
///
/// ```compile_fail,E0599
/// # async fn unfenced(redlock: purse::redlock::Redlock) -> purse::redlock::Result<()> {
/// let guard = redlock.mutex("invoices").lock().await?;
/// guard.fence();
/// # Ok(())
/// # }
/// ```
///
/// # How the fence is computed
/// Each master stores a counter under the key of the lock followed by `:fence`, and increments it
/// in the same step in which it grants the lock. The fence is the greatest count of the masters
/// that granted. If fewer than a quorum of them are at that count, the fence is written back to a
/// quorum before the lock is returned. That takes a second round trip, which is deducted from the
/// time the lock holds. Masters that counted together stay in agreement, so one round trip is
/// usually enough.
///
/// Fences have gaps, because failed attempts also increment the counters. Fences stay below 2^53.
///
/// # Requirements
/// Fences grow regardless of what happens to the processes and the network. They also grow if the
/// lock itself admits two holders because masters lost it: the later holder has the greater fence.
///
/// A missing counter starts at its server's time, in microseconds. Therefore a master that lost its
/// data is ahead of what was counted before, and never behind. Counters that are not used for a day
/// are deleted, and later start again in the same way. Fences therefore grow under two conditions:
/// the masters' clocks differ by less than the time between two losses of the same counter, and by
/// less than a day. Every clock that is synchronized by NTP satisfies them. A clock that is wrong
/// by more can produce smaller fences once the counters that remember it are gone.
///
/// A master that comes back with older data breaks the guarantee, for example from a snapshot, or
/// from a file that is written every second. Its counters are behind, not missing. Configure the
/// masters of fenced locks to store nothing, or to use `appendfsync always`.
///
/// # Interoperability
/// The keys are the same as those of locks without a fence, so all of them exclude each other,
/// including Python's locks. Locks without a fence do not count. If an ACL restricts a user's keys,
/// the user also needs the keys of the counters, and `TIME`:
/// `~jobs:* +set +get +del +pttl +pexpire +time +eval +evalsha`.
#[doc(alias = "fencing")]
#[derive(Clone)]
pub struct FencedRedlock(Arc<LockState>);

impl FencedRedlock {
    pub(crate) const fn new(state: Arc<LockState>) -> Self {
        Self(state)
    }

    /// Returns the lock with this name, as [`Redlock::mutex`](crate::Redlock::mutex) does, with a fence.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let mutex = redlock.fenced().mutex("invoices");
    /// let (first, second) = (mutex.lock().await?.fence(), mutex.lock().await?.fence());
    /// assert!(second > first);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn mutex(&self, key: impl AsRef<[u8]>) -> FencedMutex {
        RedlockMutex::new(self.0.clone(), keys::single(key))
    }

    /// Returns several locks as one, as [`Redlock::multi`](crate::Redlock::multi) does, with one
    /// fence for all names. The fence is greater than every earlier fence of each name.
    ///
    /// # Errors
    /// Returns the errors of [`Redlock::multi`](crate::Redlock::multi), and
    /// [`Config`](crate::Error::Config) if the fence of one lock would be counted in the key of
    /// another.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let both = redlock.fenced().multi(["account:1", "account:2"])?.lock().await?.fence();
    /// // Its fence counts for each of the names.
    /// let one = redlock.fenced().mutex("account:2").lock().await?.fence();
    /// assert!(one > both);
    /// # Ok(()) }
    /// ```
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
