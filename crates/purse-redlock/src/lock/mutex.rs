//! A lock by name.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use purse_lease::AutoExtend;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::acquire::{Waiter, traced_attempt};
use crate::config::settings::MAX_OUTAGE_TOLERANCE;
use crate::error::{Error, LockOperation, Result};
use crate::keys::DisplayKeys;
use crate::lease::Lease;
use crate::lease::owner::AcquireStrategy;
use crate::lock::fence_marker::{Fencing, Unfenced};
use crate::lock::guard::RedlockGuard;
use crate::state::LockState;
use crate::telemetry::span::LockSpan;

/// A lock by name, which at most one holder at a time acquires; created by
/// [`Redlock::mutex`](crate::Redlock::mutex).
///
/// The value contains no lock and no token, only the name. Clone and share it freely. It is not
/// called `Mutex`, because it differs from std's: it owns no data, every method can fail, and its
/// guards expire.
///
/// # Waiting
/// Callers in this process that wait for the same lock, through the same
/// [`Redlock`](crate::Redlock) or its clones, form a queue: first come, first served. A future that
/// is dropped leaves the queue. Only the first in the queue contends with other processes. While
/// the lock is held in this process, that caller asks the masters at most once a second, and a
/// release in this process wakes it immediately. Between processes there is no order: the fastest
/// acquires the lock.
///
/// The first in the queue watches the lock on all masters, with client-side caching
/// (`CLIENT TRACKING`). Each master reports when the lock is changed there by any client, Python's
/// redis-purse included. The waiter tries again once a quorum may be free, or when the holder's
/// time is over. It also tries again after 1 s, or after
/// [`retry_delay`](crate::RedlockBuilder::retry_delay) if that is longer, because a `FLUSHALL` is
/// not reported. If fewer masters than a quorum report changes, because they are down or refuse,
/// the waiter polls, with random pauses of up to `retry_delay`. Reports of the masters cause at
/// most 16 attempts in a row, and then one every 200 ms, or every `retry_delay` if that is shorter.
/// Therefore no fault of the masters can cause a busy loop.
///
/// If other processes contend, each waiter asks one master first, the same for all waiters, and
/// asks the others at once after that master has granted. This takes two round trips and avoids
/// split votes. If a vote is split nevertheless, the waiter gives it back and tries again in the
/// same way after a random pause of up to two round trips.
///
/// A waiting lock takes no task, and about 5 KiB of memory with five masters. Thousands of locks
/// may wait at once; at most 64 of them make an attempt at a time.
///
/// A queue does not advance while its first caller is not polled: poll the futures that you wait
/// with, or drop them.
///
/// The futures may be polled by any executor. The parts that need tokio run on the runtime on which
/// the [`Redlock`](crate::Redlock) was built.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use std::time::Duration;
///
/// use purse::redlock::{Error, Redlock, RedlockMutex};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let mutex: RedlockMutex = redlock.mutex("invoices");
/// match mutex.lock_timeout(Duration::from_secs(5)).await {
///     Ok(guard) => {
///         guard.check()?;
///         let _ = guard.release().await?;
///     }
///     Err(Error::Timeout { .. }) => println!("another process sends the invoices"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedlockMutex<F: Fencing = Unfenced> {
    state: Arc<LockState>,
    /// One key; in a [`RedlockMulti`](crate::RedlockMulti) several, sorted.
    keys: Arc<[Bytes]>,
    fencing: PhantomData<fn() -> F>,
    auto_extend: Option<AutoExtend>,
}

impl<F: Fencing> RedlockMutex<F> {
    pub(crate) fn new(state: Arc<LockState>, keys: Arc<[Bytes]>) -> Self {
        let auto_extend = state.settings.auto_extend;
        Self {
            state,
            keys,
            fencing: PhantomData,
            auto_extend,
        }
    }

    pub(crate) const fn keys(&self) -> &Arc<[Bytes]> {
        &self.keys
    }

    /// Extends this lock automatically while its guard is alive; `None` disables automatic
    /// extension. Overrides [`RedlockBuilder::auto_extend`](crate::RedlockBuilder::auto_extend).
    ///
    /// The setting applies to the returned value and its clones.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use std::time::Duration;
    ///
    /// use purse::redlock::{AutoExtend, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).ttl(Duration::from_secs(5)).build().await?;
    /// let an_hour = AutoExtend::new().max_hold(Duration::from_secs(3600));
    /// let guard = redlock.mutex("report").auto_extend(an_hour).lock().await?;
    /// // Work that takes longer than the ttl, until `guard.lost()`.
    /// # Ok(()) }
    /// ```
    #[must_use = "this returns the changed lock and consumes the original"]
    pub fn auto_extend(mut self, auto: impl Into<Option<AutoExtend>>) -> Self {
        self.auto_extend = auto.into();
        self
    }

    pub(crate) fn state(&self) -> &Arc<LockState> {
        &self.state
    }

    pub(crate) const fn auto_extend_setting(&self) -> Option<AutoExtend> {
        self.auto_extend
    }

    /// Returns the key of the lock on the masters.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.keys.first().map_or(&[], AsRef::as_ref)
    }

    /// Acquires the lock if it is free. Never waits for a holder.
    ///
    /// It does not join the queue of waiting callers, and asks the masters regardless of that
    /// queue. There is one exception: if the lock was released in this process a moment ago and the
    /// first in the queue is about to take it, this method fails. Otherwise a caller that tries in
    /// a loop would starve the others.
    ///
    /// Redis: `SET key token NX PX ttl` on all masters at once. If that fails, a script with `GET`
    /// and `DEL` or `PTTL`, which releases what was acquired and reads the holder's remaining time.
    /// Round trips: 1, or 2 if the lock is held. Only a client with a quorum has the lock, and a
    /// failed attempt leaves nothing behind. With a fence, a script replaces `SET` and increments
    /// the counter, and there is a second round trip if the masters' counts differ: see
    /// [`FencedRedlock`](crate::FencedRedlock).
    ///
    /// # Errors
    /// Returns [`Held`](Error::Held), [`NoQuorum`](Error::NoQuorum) if too few masters answered,
    /// [`ValidityExhausted`](Error::ValidityExhausted), [`WrongType`](Error::WrongType), or
    /// [`Closed`](Error::Closed).
    ///
    /// # Cancel safety
    /// If the future is dropped, everything that was or may have been taken is released in the
    /// background immediately.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{Error, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let mutex = redlock.mutex("invoices");
    /// let _guard = mutex.lock().await?;
    /// match mutex.try_lock().await {
    ///     Err(Error::Held { retry_after, .. }) => println!("free in {retry_after:?} at the latest"),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "GET")]
    #[doc(alias = "DEL")]
    #[doc(alias = "PTTL")]
    #[doc(alias = "SETNX")]
    #[doc(alias = "acquire")]
    pub async fn try_lock(&self) -> Result<RedlockGuard<F>> {
        let mut span = LockSpan::open(&self.keys);
        if self.state.waiting.queues.is_reserved(&self.keys) {
            // A caller that tries in a loop lets other tasks run.
            yield_now().await;
            return Err(Error::held(&self.keys, None));
        }
        let traced_attempt = traced_attempt(
            &self.state,
            &self.keys,
            F::IS_FENCED,
            AcquireStrategy::Immediate,
            &mut span,
        );
        match traced_attempt.await {
            Ok(lease) => Ok(self.guard(lease)),
            Err(error) => Err(error.error),
        }
    }

    /// Acquires the lock. Waits without limit while another client holds the lock, but only for a
    /// limited time while masters are unavailable.
    ///
    /// Once no quorum has answered for one ttl, or for 30 s if the ttl is longer, the method fails
    /// with [`NoQuorum`](Error::NoQuorum) or [`ValidityExhausted`](Error::ValidityExhausted). This
    /// time is long enough for a restart or a failover. If a majority restarted without data, the
    /// wait extends to the end of their [`QuarantinePolicy`](crate::QuarantinePolicy), if that ends
    /// within the same 30 s. Callers queued in this process share one outage timer: when it
    /// expires, each makes one last attempt and then fails.
    ///
    /// Redis: the commands of [`try_lock`](Self::try_lock), for each attempt, and `PTTL` on each
    /// master if the lock is not free. Round trips after another process has released the lock: 2;
    /// after a release in this process, usually 1. See [Waiting](Self#waiting).
    ///
    /// # Errors
    /// Returns [`NoQuorum`](Error::NoQuorum) or [`ValidityExhausted`](Error::ValidityExhausted) if
    /// the masters were down or too slow for this time; [`WrongType`](Error::WrongType);
    /// [`Closed`](Error::Closed).
    ///
    /// # Cancel safety
    /// If the future is dropped, everything that was or may have been acquired is released in the
    /// background immediately.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::Redlock;
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let guard = redlock.mutex("invoices").lock().await?;
    /// // The work, with `guard.check()?` before each step that needs the lock.
    /// let _ = guard.release().await?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "PTTL")]
    #[doc(alias = "acquire")]
    pub async fn lock(&self) -> Result<RedlockGuard<F>> {
        let mut waiter = Waiter::new(&self.state, &self.keys, F::IS_FENCED);
        waiter.wait_in_queue(Duration::MAX).await?;
        let mut is_quarantined = false;
        loop {
            let error = match waiter.try_acquire().await {
                Ok(lease) => return Ok(self.guard(lease)),
                Err(error) => error,
            };
            let outage = waiter.outage(&error);
            match error {
                Error::Held { .. } => is_quarantined = false,
                error @ (Error::NoQuorum { .. } | Error::ValidityExhausted { .. }) => {
                    let left = MAX_OUTAGE_TOLERANCE.saturating_sub(outage);
                    // A quarantine that has just ended was not over yet when the masters were
                    // asked.
                    let was_quarantined = is_quarantined;
                    is_quarantined = self.state.is_quarantined_within(left);
                    let is_tolerated = is_quarantined || was_quarantined;
                    if outage >= self.state.settings.outage_tolerance() && !is_tolerated {
                        return Err(error);
                    }
                }
                error => return Err(error),
            }
            waiter.wait_for_change(Duration::MAX).await?;
        }
    }

    /// Acquires the lock. Waits for at most `limit` while another client holds the lock or masters
    /// are down.
    ///
    /// The time in the queue of this process counts. The first caller in the queue makes at least
    /// one attempt, and one more when `limit` is over, so the call may take one
    /// [`master_timeout`](crate::RedlockBuilder::master_timeout) longer.
    ///
    /// Redis: the commands of [`lock`](Self::lock).
    ///
    /// # Errors
    /// Returns [`Timeout`](Error::Timeout). Its source is the failure of the last attempt, or
    /// `None` if other callers in this process were ahead in the queue until the end. Also returns
    /// [`WrongType`](Error::WrongType) and [`Closed`](Error::Closed).
    ///
    /// # Cancel safety
    /// If the future is dropped, everything that was or may have been acquired is released in the
    /// background immediately.
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
    /// let mutex = redlock.mutex("invoices");
    /// let _guard = mutex.lock().await?;
    /// let late = mutex.lock_timeout(Duration::from_millis(50)).await;
    /// assert!(matches!(late, Err(Error::Timeout { .. })));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "acquire")]
    pub async fn lock_timeout(&self, limit: Duration) -> Result<RedlockGuard<F>> {
        let bound = limit.saturating_add(self.state.settings.master_timeout);
        let mut last = None;
        tokio::select! {
            biased;
            outcome = self.lock_within(limit, &mut last) => return outcome,
            ended = self.state.timer.sleep(bound) => {
                ended.map_err(|_| Error::closed(&self.keys, LockOperation::Acquire))?;
            }
        }
        Err(Error::timeout(&self.keys, last))
    }

    /// Tries until `limit` has passed, and stores in `last` why the last attempt failed.
    async fn lock_within(
        &self,
        limit: Duration,
        last: &mut Option<Box<Error>>,
    ) -> Result<RedlockGuard<F>> {
        let start = Instant::now();
        let mut waiter = Waiter::new(&self.state, &self.keys, F::IS_FENCED);
        if !waiter.wait_in_queue(limit).await? {
            return Err(Error::timeout(&self.keys, None));
        }
        loop {
            match waiter.try_acquire().await {
                Ok(lease) => return Ok(self.guard(lease)),
                Err(error @ (Error::Closed { .. } | Error::WrongType { .. })) => return Err(error),
                Err(error) => {
                    waiter.outage(&error);
                    *last = Some(Box::new(error));
                }
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(Error::timeout(&self.keys, last.take()));
            }
            waiter.wait_for_change(left).await?;
        }
    }

    fn guard(&self, lease: Lease) -> RedlockGuard<F> {
        if let Some(auto) = self.auto_extend {
            lease.auto_extend(auto);
        }
        RedlockGuard::new(lease)
    }
}

impl<F: Fencing> fmt::Debug for RedlockMutex<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockMutex")
            .field("keys", &DisplayKeys(&self.keys))
            .finish_non_exhaustive()
    }
}
