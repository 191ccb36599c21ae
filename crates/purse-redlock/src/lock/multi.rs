//! Several locks as one.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use purse_lease::AutoExtend;

use crate::error::Result;
use crate::keys::DisplayKeys;
use crate::lock::fence_marker::{Fencing, Unfenced};
use crate::lock::guard::RedlockGuard;
use crate::lock::mutex::RedlockMutex;
use crate::lock::scope::{RedlockLease, ScopeOutcome};

/// Several locks by name, acquired all or none; created by
/// [`Redlock::multi`](crate::Redlock::multi).
///
/// Use it for work that touches several things. Locking one name after the other deadlocks with a
/// client that takes the names in another order. Here a master grants all names in one step or
/// none. Therefore the order does not matter, and no client holds one name while it waits for the
/// next. The locks exclude, and are excluded by, single locks of the same names, other multi-locks
/// that share a name, and Python's locks.
///
/// The guard is one lock with one end: it is extended on each master for all names or none, and all
/// names are released together. [`Release::Released`](crate::Release::Released) means that all
/// names were held until then.
///
/// All keys are on each master, which is an independent server, so their slots do not matter. Nodes
/// of a cluster cannot be masters, because their scripts are bound to one slot.
///
/// Under contention, this lock is acquired later than a single lock: all its names must be free at
/// the same moment, and no name is reserved for it while it waits.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Error, Redlock, RedlockMulti};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let transfer: RedlockMulti = redlock.multi(["account:1", "account:2"])?;
/// let guard = transfer.lock().await?;
/// let account = redlock.mutex("account:2").try_lock().await;
/// assert!(matches!(account, Err(Error::Held { .. })));
/// let _ = guard.release().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedlockMulti<F: Fencing = Unfenced>(RedlockMutex<F>);

impl<F: Fencing> RedlockMulti<F> {
    pub(crate) const fn new(lock: RedlockMutex<F>) -> Self {
        Self(lock)
    }

    /// Returns the keys of the locks on the masters, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.keys().iter().map(AsRef::as_ref)
    }

    /// Extends these locks automatically while their guard is alive, for all names or none: see
    /// [`RedlockMutex::auto_extend`](RedlockMutex::auto_extend).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{AutoExtend, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let accounts = redlock.multi(["account:1", "account:2"])?.auto_extend(AutoExtend::new());
    /// let guard = accounts.lock().await?;
    /// # Ok(()) }
    /// ```
    #[must_use = "this returns the changed locks and consumes the original"]
    pub fn auto_extend(self, auto: impl Into<Option<AutoExtend>>) -> Self {
        Self(self.0.auto_extend(auto))
    }

    /// Runs `work` under all locks: see [`RedlockMutex::scope`](RedlockMutex::scope).
    ///
    /// Redis: the commands of [`lock`](Self::lock), then those of [`extend`](RedlockGuard::extend)
    /// every third of the ttl, then those of [`release`](RedlockGuard::release).
    ///
    /// # Errors
    /// Returns the errors of [`RedlockMutex::scope`](RedlockMutex::scope).
    ///
    /// # Cancel safety
    /// The same as that of [`RedlockMutex::scope`](RedlockMutex::scope).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let accounts = redlock.multi(["account:1", "account:2"])?;
    /// let done = accounts.scope(async |lease| lease.check()).await?;
    /// done.ensure_held()??;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "using")]
    pub async fn scope<W: Future>(
        &self,
        work: impl FnOnce(RedlockLease<F>) -> W,
    ) -> Result<ScopeOutcome<W::Output>> {
        self.0.scope(work).await
    }

    /// Acquires all locks if all are free. Never waits for a holder.
    ///
    /// Redis: a script with `GET` and `SET key token PX ttl` for each key, on all masters at once.
    /// With a single name, and after a failure, the commands are those of
    /// [`RedlockMutex::try_lock`](RedlockMutex::try_lock). Complexity: O(n) in the number of names.
    /// Round trips: 1, or 2 if a lock is held. Each master atomically grants all names or none, and
    /// only a client with a quorum has the locks.
    ///
    /// # Errors
    /// Returns the errors of [`RedlockMutex::try_lock`](RedlockMutex::try_lock).
    /// [`Held`](crate::Error::Held) contains the time until all names will be free.
    /// [`WrongType`](crate::Error::WrongType) names the key.
    ///
    /// # Cancel safety
    /// The same as that of [`RedlockMutex::try_lock`](RedlockMutex::try_lock).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Error, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let _one = redlock.mutex("account:2").lock().await?;
    /// let both = redlock.multi(["account:1", "account:2"])?.try_lock().await;
    /// assert!(matches!(both, Err(Error::Held { .. })));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "acquire")]
    pub async fn try_lock(&self) -> Result<RedlockGuard<F>> {
        self.0.try_lock().await
    }

    /// Acquires all locks. Waits for their holders without limit.
    ///
    /// Redis: the commands of [`try_lock`](Self::try_lock), for each attempt.
    ///
    /// # Errors
    /// Returns the errors of [`RedlockMutex::lock`](RedlockMutex::lock).
    ///
    /// # Cancel safety
    /// The same as that of [`RedlockMutex::lock`](RedlockMutex::lock).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// // The order of the names does not matter, so this cannot deadlock.
    /// let first = redlock.multi(["account:1", "account:2"])?.lock().await?;
    /// let _ = first.release().await?;
    /// let second = redlock.multi(["account:2", "account:1"])?.lock().await?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "acquire")]
    pub async fn lock(&self) -> Result<RedlockGuard<F>> {
        self.0.lock().await
    }

    /// Acquires all locks. Waits for at most `limit`.
    ///
    /// Redis: the commands of [`try_lock`](Self::try_lock), for each attempt.
    ///
    /// # Errors
    /// Returns the errors of [`RedlockMutex::lock_timeout`](RedlockMutex::lock_timeout).
    ///
    /// # Cancel safety
    /// The same as that of [`RedlockMutex::lock_timeout`](RedlockMutex::lock_timeout).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use std::time::Duration;
    ///
    /// use purse::redlock::{Error, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let _one = redlock.mutex("account:2").lock().await?;
    /// let both = redlock.multi(["account:1", "account:2"])?;
    /// let late = both.lock_timeout(Duration::from_millis(50)).await;
    /// assert!(matches!(late, Err(Error::Timeout { .. })));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "acquire")]
    pub async fn lock_timeout(&self, limit: Duration) -> Result<RedlockGuard<F>> {
        self.0.lock_timeout(limit).await
    }
}

impl<F: Fencing> fmt::Debug for RedlockMulti<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockMulti")
            .field("keys", &DisplayKeys(self.0.keys()))
            .finish_non_exhaustive()
    }
}
