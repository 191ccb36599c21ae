//! Work that runs under a lock and stops when the lock is lost.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use purse_lease::{LeaseInstant, Lost, LostReason, Validity};

use crate::error::{Error, LockName, LockOperation, Result};
use crate::keys::DisplayKeys;
use crate::lease::release_outcome::Release;
use crate::lock::fence_marker::{Fenced, Fencing, Unfenced};
use crate::lock::guard::RedlockGuard;
use crate::lock::mutex::RedlockMutex;

/// A view of the lock for the work in a [`scope`](RedlockMutex::scope).
///
/// The view cannot release or extend the lock, and does not keep the lock alive. A view that
/// outlives the scope reports that the lock is lost.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Redlock, RedlockLease, Result};
///
/// async fn send_invoices(lease: RedlockLease) -> Result<u32> {
///     let mut sent = 0;
///     for _invoice in 1..=3 {
///         lease.check()?;
///         sent += 1;
///     }
///     Ok(sent)
/// }
/// let redlock = Redlock::builder(urls).build().await?;
/// let done = redlock.mutex("invoices").scope(send_invoices).await?;
/// assert_eq!(done.ensure_held()??, 3);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedlockLease<F: Fencing = Unfenced> {
    validity: Arc<Validity>,
    keys: Arc<[Bytes]>,
    fencing: F,
}

impl<F: Fencing> RedlockLease<F> {
    /// Returns the key of the lock on the masters; for several locks held as one, the first key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.keys.first().map_or(&[], AsRef::as_ref)
    }

    /// Returns how long the lock holds from now on, as [`RedlockGuard::remaining`] does.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.validity.remaining()
    }

    /// Returns the moment until which the lock holds, as [`RedlockGuard::valid_until`] does. Each
    /// extension moves it forward.
    #[must_use]
    pub fn valid_until(&self) -> LeaseInstant {
        self.validity.valid_until()
    }

    /// Fails once the lock is lost.
    ///
    /// Call this method immediately before anything that must not happen without the lock, in
    /// particular before an operation that continues when its future is dropped, such as a request.
    ///
    /// # Errors
    /// Returns [`Lost`](Error::Lost) at every call after the lock is lost.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let mutex = redlock.mutex("invoices");
    /// let done = mutex.scope(async |lease| {
    ///     // A request continues on the server when its future is dropped, so check first.
    ///     lease.check()?;
    ///     Ok::<_, purse::redlock::Error>("sent")
    /// });
    /// assert_eq!(done.await?.ensure_held()??, "sent");
    /// # Ok(()) }
    /// ```
    pub fn check(&self) -> Result<()> {
        let held = self.validity.check();
        held.map_err(|reason| Error::lost(&self.keys, reason))
    }

    /// Returns a future that resolves once the lock is lost, as [`RedlockGuard::lost`] does. Use it
    /// in tasks that the work spawns, because they are not cancelled with the scope.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{LostReason, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let mutex = redlock.mutex("invoices");
    /// let done = mutex.scope(async |lease| {
    ///     let lost = lease.lost();
    ///     tokio::spawn(async move {
    ///         // A task of the work, which is not dropped with it.
    ///         lost.await
    ///     })
    /// });
    /// let task = done.await?.into_output();
    /// assert_eq!(task.await?, LostReason::Released);
    /// # Ok(()) }
    /// ```
    pub fn lost(&self) -> Lost {
        Lost::new(self.validity.clone())
    }

    /// Returns how often the lock was extended so far, as [`RedlockGuard::extensions`] does.
    #[must_use]
    pub fn extensions(&self) -> u32 {
        self.validity.extensions()
    }
}

impl RedlockLease<Fenced> {
    /// Returns the lock's fence, as [`RedlockGuard::fence`] does.
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.fencing.0
    }
}

impl<F: Fencing> fmt::Debug for RedlockLease<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockLease")
            .field("keys", &DisplayKeys(&self.keys))
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

/// The result of the work in a [`scope`](RedlockMutex::scope), and how its lock ended.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{Redlock, ScopeOutcome};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let done: ScopeOutcome<u32> = redlock.mutex("invoices").scope(async |_lease| 3).await?;
/// match done.ensure_held() {
///     Ok(sent) => assert_eq!(sent, 3),
///     Err(error) => eprintln!("the invoices were sent, maybe by two processes: {error}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "the lock may have ended before the work did: see `ensure_held`"]
pub struct ScopeOutcome<T> {
    lock: LockName,
    output: T,
    release: Result<Release>,
}

impl<T> ScopeOutcome<T> {
    /// Returns how the lock ended. The work has ended in any case. Unless this is
    /// [`Release::Released`], another client may have held the lock before the work ended.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Redlock, Release};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let done = redlock.mutex("invoices").scope(async |_lease| "sent").await?;
    /// assert!(matches!(done.release(), Ok(Release::Released)));
    /// # Ok(()) }
    /// ```
    pub const fn release(&self) -> &Result<Release> {
        &self.release
    }

    /// Returns the output of the work if the lock certainly held until the work ended.
    ///
    /// # Errors
    /// Returns [`Lost`](Error::Lost) if the lock had ended before, and
    /// [`NoQuorum`](Error::NoQuorum) if too few masters answered the release to know.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let done = redlock.mutex("invoices").scope(async |_lease| "sent").await?;
    /// assert_eq!(done.ensure_held()?, "sent");
    /// # Ok(()) }
    /// ```
    pub fn ensure_held(self) -> Result<T> {
        match self.release {
            Ok(Release::Released) => Ok(self.output),
            Ok(Release::AlreadyExpired) => Err(Error::Lost {
                lock: self.lock,
                reason: LostReason::Gone,
            }),
            Err(error) => Err(error),
        }
    }

    /// Returns the output of the work, regardless of how the lock ended.
    pub fn into_output(self) -> T {
        self.output
    }

    /// Returns the output of the work and how the lock ended.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Redlock, Release};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let done = redlock.mutex("invoices").scope(async |_lease| 3).await?;
    /// let (sent, release) = done.into_parts();
    /// if !matches!(release, Ok(Release::Released)) {
    ///     eprintln!("{sent} invoices were sent, maybe by two processes");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn into_parts(self) -> (T, Result<Release>) {
        (self.output, self.release)
    }
}

impl<F: Fencing> RedlockMutex<F> {
    /// Acquires the lock, runs `work` under it, and releases it. Waits as [`lock`](Self::lock)
    /// does.
    ///
    /// While the work runs, the lock is extended automatically, without limit unless
    /// [`auto_extend`](Self::auto_extend) sets one. If the lock is lost nevertheless, the work is
    /// dropped at its current `await` and never polled again. Work that blocks its thread, and
    /// tasks that the work spawned, continue; they should call [`check`](RedlockLease::check).
    ///
    /// The work runs in the caller's task: it may borrow, it need not be `Send`, and its panics
    /// reach the caller. The lock is released however the work ends.
    ///
    /// To bound the waiting, hold a guard of [`try_lock`](Self::try_lock) or
    /// [`lock_timeout`](Self::lock_timeout) and `select!` between its [`lost`](RedlockGuard::lost)
    /// and the work. To bound the work, put a timeout inside the scope. A timeout around the scope
    /// bounds both.
    ///
    /// Redis: the commands of [`lock`](Self::lock), then those of [`extend`](RedlockGuard::extend)
    /// every third of the ttl, then those of [`release`](RedlockGuard::release).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(3)?;
    /// # let urls = servers.urls();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let mut sum = 0;
    /// let done = redlock
    ///     .mutex("invoices")
    ///     .scope(async |lease| {
    ///         sum += 1;
    ///         lease.check()?;
    ///         Ok::<_, purse::redlock::Error>("sent")
    ///     })
    ///     .await?;
    /// assert_eq!(done.ensure_held()??, "sent");
    /// assert_eq!(sum, 1);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`lock`](Self::lock); the work was then not started. Returns
    /// [`Lost`](Error::Lost) if the lock was lost before the work ended; the work was then dropped.
    /// Returns [`Closed`](Error::Closed) if a [`shutdown`](crate::Redlock::shutdown) came first;
    /// the work was then dropped, or not started. If the work ended and the lock had ended by the
    /// release, or its state is unknown, the method returns `Ok`: see [`ScopeOutcome`].
    ///
    /// # Cancel safety
    /// If the future is dropped, first the work is dropped, then the lock is released in the
    /// background.
    #[doc(alias = "using")]
    pub async fn scope<W: Future>(
        &self,
        work: impl FnOnce(RedlockLease<F>) -> W,
    ) -> Result<ScopeOutcome<W::Output>> {
        let auto = self.auto_extend_setting().unwrap_or_default();
        let entry = self.state().scopes.enter();
        let guard = self.clone().auto_extend(auto).lock().await?;
        let shutdown = async {
            self.state().shutdown.closed().await;
            entry.wait_topmost().await;
        };
        let outcome = run_while_held(&guard, work, shutdown).await;
        if let Err(error @ Error::Lost { .. }) = outcome {
            return Err(error);
        }
        let lock = LockName::of(guard.lease().keys());
        // After a shutdown, the older scopes wait until this lock is released.
        let release = guard.release().await;
        Ok(ScopeOutcome {
            lock,
            output: outcome?,
            release,
        })
    }
}

/// Runs `work` as long as the lock holds. The work is dropped before this function returns, and
/// therefore before the release.
async fn run_while_held<F: Fencing, W: Future>(
    guard: &RedlockGuard<F>,
    work: impl FnOnce(RedlockLease<F>) -> W,
    shutdown: impl Future<Output = ()>,
) -> Result<W::Output> {
    let lease = RedlockLease {
        validity: guard.lease().validity().clone(),
        keys: guard.lease().keys().clone(),
        fencing: guard.fencing(),
    };
    let work = pin!(work(lease));
    tokio::select! {
        biased;
        reason = guard.lost() => Err(Error::lost(guard.lease().keys(), reason)),
        () = shutdown => Err(Error::closed(guard.lease().keys(), LockOperation::Hold)),
        output = work => Ok(output),
    }
}
