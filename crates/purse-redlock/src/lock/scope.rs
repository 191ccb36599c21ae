//! Work that is done under a lock, and not a moment longer.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, LostReason, Result};
use crate::keys::Shown;
use crate::lease::release::Release;
use crate::lock::fence_marker::{Fenced, Fencing, Unfenced};
use crate::lock::guard::RedlockGuard;
use crate::lock::lost::Lost;
use crate::lock::mutex::RedlockMutex;
use crate::runtime::clock::LockInstant;
use crate::state::validity::LeaseValidity;

/// What the work in a [`scope`](RedlockMutex::scope) sees of its lock.
///
/// It cannot release or extend the lock, and keeps nothing alive: what is left of it after the
/// scope says that the lock is lost.
#[derive(Clone)]
pub struct RedlockLease<F: Fencing = Unfenced> {
    validity: Arc<LeaseValidity>,
    fencing: F,
}

impl<F: Fencing> RedlockLease<F> {
    /// The key of the lock on the masters; of several locks held as one, the first.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.validity.keys().first().map_or(&[], AsRef::as_ref)
    }

    /// As [`RedlockGuard::remaining`].
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.validity.remaining()
    }

    /// As [`RedlockGuard::valid_until`]; it moves on with each extension.
    #[must_use]
    pub fn valid_until(&self) -> LockInstant {
        self.validity.valid_until()
    }

    /// Fails once the lock is lost: check it right before what must not happen without the lock,
    /// and above all before what goes on when its future is dropped, such as a request.
    ///
    /// # Errors
    /// [`Lost`](Error::Lost), from then on always.
    pub fn check(&self) -> Result<()> {
        self.validity.check()
    }

    /// As [`RedlockGuard::lost`]: for tasks that the work spawns, which nobody cancels.
    pub fn lost(&self) -> Lost {
        Lost::new(self.validity.clone())
    }

    /// As [`RedlockGuard::extensions`].
    #[must_use]
    pub fn extensions(&self) -> u32 {
        self.validity.extensions()
    }
}

impl RedlockLease<Fenced> {
    /// As [`RedlockGuard::fence`].
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.fencing.0
    }
}

impl<F: Fencing> fmt::Debug for RedlockLease<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockLease")
            .field("keys", &Shown(self.validity.keys()))
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

/// What became of the work in a [`scope`](RedlockMutex::scope), and of its lock.
#[derive(Debug)]
#[must_use = "the lock may have ended before the work did: see `ensure_held`"]
pub struct Scoped<T> {
    output: T,
    release: Result<Release>,
}

impl<T> Scoped<T> {
    /// How the lock ended. The work is done either way; unless this is [`Release::Released`], another
    /// may have held the lock before it was.
    pub const fn release(&self) -> &Result<Release> {
        &self.release
    }

    /// What the work returned, if the lock surely held until then.
    ///
    /// # Errors
    /// [`Lost`](Error::Lost) if the lock had ended before, [`NoQuorum`](Error::NoQuorum) if too few
    /// masters answered the release to know.
    pub fn ensure_held(self) -> Result<T> {
        match self.release {
            Ok(Release::Released) => Ok(self.output),
            Ok(Release::AlreadyExpired) => Err(Error::Lost {
                reason: LostReason::Gone,
            }),
            Err(error) => Err(error),
        }
    }

    /// What the work returned, whatever became of the lock.
    pub fn into_output(self) -> T {
        self.output
    }

    /// Both.
    pub fn into_parts(self) -> (T, Result<Release>) {
        (self.output, self.release)
    }
}

impl<F: Fencing> RedlockMutex<F> {
    /// Acquires the lock, waiting for its holder as [`lock`](Self::lock) does, works under it, and
    /// releases it.
    ///
    /// While the work runs, the lock is extended by itself, without limit unless
    /// [`auto_extend`](Self::auto_extend) sets one. If it is lost all the same, the work is dropped
    /// where it is, and never polled again. A future is dropped only where it awaits: work that blocks
    /// its thread, and tasks that it spawned, go on; they should [`check`](RedlockLease::check).
    ///
    /// The work runs in the caller's task: it may borrow, it need not be `Send`, and its panics are
    /// the caller's. The lock is released whichever way it ends.
    ///
    /// For a bound on the waiting, hold a guard of [`try_lock`](Self::try_lock) or
    /// [`lock_timeout`](Self::lock_timeout) and `select!` between its [`lost`](RedlockGuard::lost) and
    /// the work; for one on the work, put a timeout inside; one around the scope bounds both.
    ///
    /// Redis command, round trips and atomicity: as [`lock`](Self::lock), then
    /// [`extend`](RedlockGuard::extend) every third of the ttl, then
    /// [`release`](RedlockGuard::release).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(3)?;
    /// # let urls = servers.urls();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let redlock = purse_redlock::Redlock::builder(urls).build().await?;
    /// let mut sum = 0;
    /// let done = redlock
    ///     .mutex("invoices")
    ///     .scope(async |lease| {
    ///         sum += 1;
    ///         lease.check()?;
    ///         Ok::<_, purse_redlock::Error>("sent")
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
    /// As [`lock`](Self::lock): then the work was not begun. [`Lost`](Error::Lost) if the lock was
    /// lost before the work ended: it was dropped midway. [`Closed`](Error::Closed) if a
    /// [`shutdown`](crate::Redlock::shutdown) came first: it was dropped midway, or not begun. A lock that ended after that, or of which
    /// this is not known, is no error here, since there is a result: [`Scoped`] tells of both.
    ///
    /// # Cancel safety
    /// Dropped at any point, first the work is dropped, then the lock is released in the background.
    #[doc(alias = "using")]
    pub async fn scope<W: Future>(
        &self,
        work: impl FnOnce(RedlockLease<F>) -> W,
    ) -> Result<Scoped<W::Output>> {
        let auto = self.auto_extend_setting().unwrap_or_default();
        let entry = self.state().scopes.enter();
        let guard = self.clone().auto_extend(auto).lock().await?;
        let shutdown = async {
            self.state().shutdown.closed().await;
            entry.wait_topmost().await;
        };
        let outcome = under(&guard, work, shutdown).await;
        if let Err(error @ Error::Lost { .. }) = outcome {
            return Err(error);
        }
        // After a shutdown, those below wait until this lock is given back.
        let release = guard.release().await;
        Ok(Scoped {
            output: outcome?,
            release,
        })
    }
}

/// Works as long as the lock holds. The work is gone before this returns, so before the release.
async fn under<F: Fencing, W: Future>(
    guard: &RedlockGuard<F>,
    work: impl FnOnce(RedlockLease<F>) -> W,
    shutdown: impl Future<Output = ()>,
) -> Result<W::Output> {
    let lease = RedlockLease {
        validity: guard.lease().validity().clone(),
        fencing: guard.fencing(),
    };
    let work = pin!(work(lease));
    tokio::select! {
        biased;
        reason = guard.lost() => Err(Error::Lost { reason }),
        () = shutdown => Err(Error::Closed),
        output = work => Ok(output),
    }
}
