//! The guard of a held lock.

use std::fmt;
use std::time::Duration;

use purse_lease::{LeaseInstant, Lost};

use crate::error::{Error, Result};
use crate::keys::DisplayKeys;
use crate::lease::Lease;
use crate::lease::release_outcome::Release;
use crate::lock::fence_marker::{Fenced, Fencing, Unfenced};

/// A lock that is held, until [`valid_until`](Self::valid_until) at most.
///
/// [`release`](Self::release) reports whether the lock held to the end. Dropping the guard also
/// releases the lock, on any thread, inside or outside a runtime, but without waiting and without a
/// report. If a release by drop fails, the lock ends when its ttl has passed.
///
/// The guard has no `Deref`, because a lock in a database cannot contain data. It cannot be cloned.
/// The lock is not reentrant: acquiring it again while holding it fails or waits.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Redlock, RedlockGuard};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let guard: RedlockGuard = redlock.mutex("invoices").lock().await?;
/// for invoice in 1..=3 {
///     // Immediately before each step that must not happen without the lock.
///     guard.check()?;
///     println!("sent invoice {invoice}");
/// }
/// let _ = guard.release().await?;
/// # Ok(()) }
/// ```
#[must_use = "the lock is released when its guard is dropped"]
pub struct RedlockGuard<F: Fencing = Unfenced> {
    lease: Lease,
    fencing: F,
}

impl<F: Fencing> RedlockGuard<F> {
    pub(crate) fn new(lease: Lease) -> Self {
        let fencing = F::with(lease.fence());
        Self { lease, fencing }
    }

    /// Returns the key of the lock on the masters; for several locks held as one, the first of
    /// [`keys`](Self::keys).
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.lease.keys().first().map_or(&[], AsRef::as_ref)
    }

    /// Returns the keys of all locks held as one, in order; for a single lock, its key.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.lease.keys().iter().map(AsRef::as_ref)
    }

    /// Returns how long the lock holds from now on; zero once it is lost.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use std::time::Duration;
    ///
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let mut guard = redlock.mutex("invoices").lock().await?;
    /// if guard.remaining() < Duration::from_secs(3) {
    ///     guard.extend().await?;
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "locked")]
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.lease.validity().remaining()
    }

    /// Returns the moment until which the lock is certain to hold, if no other client deletes its
    /// keys and no master loses them.
    ///
    /// This moment is computed from the time just before the first command of the lock, or of its
    /// last extension: that time plus the ttl, minus 1 % of the ttl and 2 ms for clock drift.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{LeaseInstant, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let guard = redlock.mutex("invoices").lock().await?;
    /// let end: LeaseInstant = guard.valid_until();
    /// assert!(LeaseInstant::now() < end);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn valid_until(&self) -> LeaseInstant {
        self.lease.validity().valid_until()
    }

    /// Returns whether the lock holds, as far as is known without asking the masters.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.check().is_ok()
    }

    /// Fails once the lock is lost. Sends nothing; [`extend`](Self::extend) asks the masters.
    ///
    /// # Errors
    /// Returns [`Lost`](crate::Error::Lost) at every call after the time is over or an extension
    /// found that the lock is gone.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Redlock, RedlockGuard};
    ///
    /// async fn send(guard: &RedlockGuard, invoice: u32) -> purse::redlock::Result<()> {
    ///     guard.check()?;
    ///     println!("invoice {invoice}");
    ///     Ok(())
    /// }
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let guard = redlock.mutex("invoices").lock().await?;
    /// send(&guard, 4711).await?;
    /// # Ok(()) }
    /// ```
    pub fn check(&self) -> Result<()> {
        let held = self.lease.validity().check();
        held.map_err(|reason| Error::lost(self.lease.keys(), reason))
    }

    /// Returns a future that resolves once the lock is lost, with the reason.
    ///
    /// The future resolves at [`valid_until`](Self::valid_until) at the latest, and earlier if an
    /// extension finds that the lock is gone. It does not borrow the guard, so it can be awaited,
    /// cloned or spawned while the guard is used.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(3)?;
    /// # let urls = servers.urls();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # async fn work() {}
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let guard = redlock.mutex("invoices").lock().await?;
    /// tokio::select! {
    ///     reason = guard.lost() => eprintln!("stopped working: {reason}"),
    ///     () = work() => println!("done, with {:?} left", guard.remaining()),
    /// }
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn lost(&self) -> Lost {
        Lost::new(self.lease.validity().clone())
    }

    /// Returns how often the lock was extended so far, automatically or by hand.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let mut guard = redlock.mutex("invoices").lock().await?;
    /// guard.extend().await?;
    /// assert_eq!(guard.extensions(), 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn extensions(&self) -> u32 {
        self.lease.validity().extensions()
    }

    pub(crate) const fn lease(&self) -> &Lease {
        &self.lease
    }

    pub(crate) const fn fencing(&self) -> F {
        self.fencing
    }

    /// Extends the lock to its whole ttl, counted from now.
    ///
    /// A failed extension does not release: until [`valid_until`](Self::valid_until) the lock still
    /// holds, unless it is lost.
    ///
    /// Redis: a script with `GET`, `PTTL` and `PEXPIRE` on all masters at once. It never shortens
    /// the lock and never restores a lock that is gone. Round trips: 1. Atomic on each master, for
    /// several locks as one for all keys or none. The extension takes effect if a quorum of all
    /// masters had this guard's token in each key.
    ///
    /// # Errors
    /// Returns [`Lost`](crate::Error::Lost), permanently, if the time was over before a quorum
    /// agreed or if a quorum no longer has this guard's token. Returns
    /// [`Ambiguous`](crate::Error::Ambiguous) if too few masters answered to know; the lock then
    /// counts as not extended. Returns [`ValidityExhausted`](crate::Error::ValidityExhausted) if
    /// the extension took so long that less than the
    /// [`min_validity`](crate::RedlockBuilder::min_validity) of it is left. Returns
    /// [`ExtensionCap`](crate::Error::ExtensionCap) beyond the limits of
    /// [`AutoExtend`](crate::AutoExtend), which count extensions by hand as well. Returns
    /// [`Closed`](crate::Error::Closed) if the runtime has ended.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is polled, nothing happens. If it is dropped later, the
    /// extension continues in the background, unless the guard is dropped or used for something
    /// else, and counts from the moment that [`valid_until`](Self::valid_until) shows it.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Error, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let mut guard = redlock.mutex("invoices").lock().await?;
    /// match guard.extend().await {
    ///     Ok(()) => println!("the lock lasts its whole ttl again"),
    ///     Err(Error::Lost { reason, .. }) => panic!("stop: {reason}"),
    ///     Err(error) => eprintln!("the lock lasts {:?}: {error}", guard.remaining()),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "PTTL")]
    #[doc(alias = "PEXPIRE")]
    pub async fn extend(&mut self) -> Result<()> {
        self.lease.extend().await
    }

    /// Releases the lock, and reports whether it held until now.
    ///
    /// The method returns as soon as enough masters have answered to decide the outcome. The release
    /// of the remaining masters continues in the background. A master that does not answer is asked
    /// again until it answers or the lock's time to live is over.
    ///
    /// Redis: a script (`GET`, `DEL`), sent to all masters in parallel. On a master where a request
    /// of this lock is still in flight, the script is sent after that request. For several locks as
    /// one, the script deletes each key that holds this guard's token, and reports whether all keys
    /// held it. Round trips: 1. The script is atomic on each master.
    ///
    /// # Errors
    /// Returns [`NoQuorum`](crate::Error::NoQuorum) if too few masters answered to know; the lock
    /// is given up nevertheless. Returns [`Closed`](crate::Error::Closed) if the runtime has ended;
    /// the lock then ends when its ttl has passed.
    ///
    /// # Cancel safety
    /// If the future is dropped, the lock is released in the background.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Redlock, Release};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let guard = redlock.mutex("invoices").lock().await?;
    /// assert_eq!(guard.release().await?, Release::Released);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "DEL")]
    #[doc(alias = "unlock")]
    pub async fn release(self) -> Result<Release> {
        self.lease.release().await
    }
}

impl RedlockGuard<Fenced> {
    /// Returns the lock's fence, which is greater than the fence of every earlier holder; for
    /// several locks as one, of every earlier holder of any of them.
    /// [`FencedRedlock`](crate::FencedRedlock) states the conditions.
    ///
    /// The protected resource must store the greatest fence that it has seen, and reject smaller
    /// ones.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// /// A store that rejects stale holders.
    /// struct Store {
    ///     fence: u64,
    /// }
    ///
    /// impl Store {
    ///     fn write(&mut self, fence: u64) -> Result<(), String> {
    ///         if fence < self.fence {
    ///             return Err(format!("fence {fence} is older than {}", self.fence));
    ///         }
    ///         self.fence = fence;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let mut store = Store { fence: 0 };
    /// let stale = redlock.fenced().mutex("invoices").lock().await?.fence();
    /// let guard = redlock.fenced().mutex("invoices").lock().await?;
    /// store.write(guard.fence())?;
    /// assert!(store.write(stale).is_err());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.fencing.0
    }
}

impl<F: Fencing> fmt::Debug for RedlockGuard<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockGuard")
            .field("keys", &DisplayKeys(self.lease.keys()))
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
