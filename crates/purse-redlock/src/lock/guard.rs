//! The proof of a lock held.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::Result;
use crate::keys::Shown;
use crate::lease::Lease;
use crate::lease::release::Release;
use crate::lock::fence_marker::{Fenced, Fencing, Unfenced};
use crate::lock::lost::Lost;
use crate::runtime::clock::LockInstant;

/// A lock that is held, until [`valid_until`](Self::valid_until) at most.
///
/// [`release`](Self::release) it: that tells whether the lock held to the end. Dropping it, on any
/// thread, in or outside a runtime, gives the lock back as well, without waiting and without a
/// word; if that fails, the lock ends with its ttl.
///
/// It has no `Deref`, because a lock in a database cannot hold data; it cannot be cloned, and
/// locking again what one holds fails or waits, as for everybody else.
#[must_use = "the lock is released when its guard is dropped"]
pub struct RedlockGuard<F: Fencing = Unfenced> {
    lease: Lease,
    keys: Arc<[Bytes]>,
    fencing: F,
}

impl<F: Fencing> RedlockGuard<F> {
    pub(crate) fn new(lease: Lease, keys: Arc<[Bytes]>) -> Self {
        let fencing = F::with(lease.fence());
        Self {
            lease,
            keys,
            fencing,
        }
    }

    /// The key of the lock on the masters; of several locks held as one, the first of
    /// [`keys`](Self::keys).
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.keys.first().map_or(&[], AsRef::as_ref)
    }

    /// The keys of all locks held as one, in order; of a single lock, its key.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.keys.iter().map(AsRef::as_ref)
    }

    /// How long the lock holds from now on; zero once it is lost.
    #[doc(alias = "locked")]
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.lease.validity().remaining()
    }

    /// Until when the lock surely holds, if nobody else deletes its keys and no master loses them:
    /// the moment before the first command of the lock, or of its last extension, plus the ttl,
    /// minus the drift allowed to clocks, which is 1 % and 2 ms.
    #[must_use]
    pub fn valid_until(&self) -> LockInstant {
        self.lease.validity().valid_until()
    }

    /// Whether the lock holds, as far as is known without asking the masters.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.check().is_ok()
    }

    /// Fails once the lock is lost. Asks no master; [`extend`](Self::extend) does.
    ///
    /// # Errors
    /// [`Lost`](crate::Error::Lost) once the time is over or an extension found the lock gone; from
    /// then on always.
    pub fn check(&self) -> Result<()> {
        self.lease.validity().check()
    }

    /// Resolves once the lock is lost, to the reason: at [`valid_until`](Self::valid_until) at the
    /// latest, before if an extension finds the lock gone.
    ///
    /// The result borrows nothing: it can be awaited, cloned, or spawned, while the guard is used.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(3)?;
    /// # let urls = servers.urls();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # async fn work() {}
    /// # let redlock = purse_redlock::Redlock::builder(urls).build().await?;
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

    /// How often the lock was extended so far, by itself or by hand.
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

    /// Gives the lock its whole ttl again, from now on.
    ///
    /// Redis command: a script with `GET`, `PTTL` and `PEXPIRE` on all masters at once, which never
    /// shortens the lock and never brings back one that is gone. Round trips: one. Atomic on each
    /// master, of several locks as one for all keys or none; it takes effect if a quorum of all
    /// masters had our token, in each key.
    ///
    /// A failed extension does not release: until [`valid_until`](Self::valid_until) the lock goes
    /// on holding, unless it is lost.
    ///
    /// # Errors
    /// [`Lost`](crate::Error::Lost), for good, if the time was over before a quorum agreed or if a
    /// quorum no longer has our token. [`Ambiguous`](crate::Error::Ambiguous) if too few masters
    /// answered to know: the lock then counts as not extended.
    /// [`ValidityExhausted`](crate::Error::ValidityExhausted) if the extension took so long that
    /// hardly anything of it is left. [`ExtensionCap`](crate::Error::ExtensionCap) beyond the limits
    /// of [`AutoExtend`](crate::AutoExtend), which count extensions by hand as well.
    /// [`Closed`](crate::Error::Closed) if the runtime is gone.
    ///
    /// # Cancel safety
    /// Dropped before it is polled, nothing happens. Dropped later, the extension goes on in the
    /// background, unless the guard is dropped or used for something else, and counts from the
    /// moment [`valid_until`](Self::valid_until) shows it.
    #[doc(alias = "PEXPIRE")]
    pub async fn extend(&mut self) -> Result<()> {
        self.lease.extend().await
    }

    /// Gives the lock back, and tells whether it held until now.
    ///
    /// Redis command: a script with `GET` and `DEL` on all masters at once, after whatever is still
    /// under way there; of several locks as one, it deletes each key that is ours, and counts if
    /// all were. Of many locks that are given back at the same moment, one script for several.
    /// Round trips: one. Atomic on each master; it returns as soon as the masters' answers decide.
    /// The other masters are served in the background, and those that do not answer are asked again
    /// until they do or the lock's time is over.
    ///
    /// # Errors
    /// [`NoQuorum`](crate::Error::NoQuorum) if too few masters answered to know. The lock is given
    /// up all the same. [`Closed`](crate::Error::Closed) if the runtime is gone: the lock ends with
    /// its ttl.
    ///
    /// # Cancel safety
    /// Dropped at any point, the lock is released in the background.
    #[doc(alias = "DEL")]
    #[doc(alias = "unlock")]
    pub async fn release(self) -> Result<Release> {
        self.lease.release().await
    }
}

impl RedlockGuard<Fenced> {
    /// The lock's number, greater than that of everybody who had the lock before; of several locks
    /// as one, who had any of them. [`FencedRedlock`](crate::FencedRedlock) says under which
    /// conditions.
    ///
    /// What the lock protects has to keep the greatest it has seen, and refuse smaller ones.
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.fencing.0
    }
}

impl<F: Fencing> fmt::Debug for RedlockGuard<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockGuard")
            .field("keys", &Shown(&self.keys))
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
