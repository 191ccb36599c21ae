//! A lock by name.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::acquire::{Waiter, traced_attempt};
use crate::config::auto_extend::AutoExtend;
use crate::config::settings::MAX_OUTAGE_TOLERANCE;
use crate::error::{Error, Result};
use crate::keys::Shown;
use crate::lease::Lease;
use crate::lease::owner::AcquireStrategy;
use crate::lock::fence_marker::{Fencing, Unfenced};
use crate::lock::guard::RedlockGuard;
use crate::state::LockState;
use crate::telemetry::span::LockSpan;

/// A lock by name, which at most one holder at a time acquires; made by
/// [`Redlock::mutex`](crate::Redlock::mutex).
///
/// It holds no lock and no token, only the name: clone and share it at will. It is not called
/// `Mutex`, because it is not std's: it owns no data, every method can fail, and what it gives ends
/// by itself.
///
/// # Waiting
/// Those in this process who wait for the same lock, through the same [`Redlock`](crate::Redlock) or
/// its clones, stand in line, first come, first served; a future that is dropped leaves it. One of
/// them, the first, contends with other processes; while the lock is held in this process, that one
/// asks the masters once a second at most, and a release here wakes it at once. Between processes
/// there is no order: whoever is faster has it.
///
/// Whoever is first watches the lock on all masters, with client-side caching (`CLIENT TRACKING`):
/// each tells when the lock is changed there, whoever does it, Python's redis-purse included. It
/// tries again once a quorum may be free, or when the holder's time is over, or after a second or a
/// [`retry_delay`](crate::RedlockBuilder::retry_delay), whichever is longer, as a `FLUSHALL` is not
/// told. Where fewer masters tell than a quorum, as they are down or refuse, it polls, in random
/// pauses up to the `retry_delay`. What the masters tell causes sixteen attempts in a row at most,
/// and then one every 200 ms, or every `retry_delay` if that is shorter, so that none of their
/// faults makes it a busy loop.
///
/// Where others contend, one master is asked first, the same by everybody, and the others at once
/// by whom it granted: two round trips, and no split vote. A vote that was split all the same is
/// given back, and tried again like that after a random pause of up to two round trips.
///
/// A waiting lock takes no task, and some 5 KiB of memory with five masters; thousands may wait at
/// once, of which 64 make an attempt at a time.
///
/// A line stands as long as its first does not move: poll the futures that you wait with, or drop
/// them.
///
/// Its futures may be polled by any executor; what they need of tokio, the runtime that the
/// [`Redlock`](crate::Redlock) was built on does.
#[derive(Clone)]
pub struct RedlockMutex<F: Fencing = Unfenced> {
    state: Arc<LockState>,
    /// One key; several within a [`RedlockMulti`](crate::RedlockMulti), sorted.
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

    /// Has this lock extended by itself for as long as its guard is alive, in place of what
    /// [`RedlockBuilder::auto_extend`](crate::RedlockBuilder::auto_extend) says; `None`: not at
    /// all.
    ///
    /// It concerns what is locked through the result, and through clones of it.
    #[must_use = "the lock it was called on is gone"]
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

    /// The key of the lock on the masters.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.keys.first().map_or(&[], AsRef::as_ref)
    }

    /// Acquires the lock if it is free; never waits for a holder.
    ///
    /// It passes the line of those who wait, and asks the masters whatever others do, with one
    /// exception: where the lock was given back in this process a moment ago and the first in line
    /// is about to take it, it fails, so that whoever tries over and over does not starve the
    /// others.
    ///
    /// Redis command: `SET key token NX PX ttl` on all masters at once; where that fails, a script
    /// with `GET` and `DEL` or `PTTL` that gives back what was taken and tells how long the holder
    /// has left. What many locks of this process ask a master at the same moment goes there as one
    /// script, with the same effect. Round trips: one; a second one if the lock is held. Atomic in
    /// that only who has a quorum has the lock; nothing that a failed attempt took is left behind.
    /// With a fence, a script takes the place of `SET` and counts, and there is a second round trip
    /// where the masters' counts differ: see [`FencedRedlock`](crate::FencedRedlock).
    ///
    /// # Errors
    /// [`Held`](Error::Held), [`NoQuorum`](Error::NoQuorum) if too few masters answered,
    /// [`ValidityExhausted`](Error::ValidityExhausted), [`WrongType`](Error::WrongType),
    /// [`Closed`](Error::Closed).
    ///
    /// # Cancel safety
    /// Dropped at any point, whatever was or may have been taken is released in the background at
    /// once.
    #[doc(alias = "acquire")]
    #[doc(alias = "SETNX")]
    pub async fn try_lock(&self) -> Result<RedlockGuard<F>> {
        let mut span = LockSpan::open(&self.keys);
        if self.state.waiting.queues.is_reserved(&self.keys) {
            // Whoever tries over and over lets others get on.
            yield_now().await;
            return Err(Error::Held { retry_after: None });
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

    /// Acquires the lock, and waits for its holder as long as it takes.
    ///
    /// It does not wait like this for masters that are down: it fails once there was no quorum
    /// during a whole ttl, or during 30 s if the ttl is longer. That is enough for a restart or
    /// failover, and short enough to be noticed. Where a majority came back without its data, it
    /// bears their [`Quarantine`](crate::Quarantine) as well, if that ends within these 30 s. Those
    /// in line count together: the end of patience is that of all of them, after one attempt of
    /// each.
    ///
    /// Redis command, round trips and atomicity: as [`try_lock`](Self::try_lock), for each attempt,
    /// and
    /// `PTTL` on each master where the lock is not free. Once another process gave it back, two
    /// round trips; after one in this process, one as a rule. See [Waiting](Self#waiting).
    ///
    /// # Errors
    /// [`NoQuorum`](Error::NoQuorum) or [`ValidityExhausted`](Error::ValidityExhausted) if the
    /// masters were down, or too slow, for that long; [`WrongType`](Error::WrongType);
    /// [`Closed`](Error::Closed).
    ///
    /// # Cancel safety
    /// As [`try_lock`](Self::try_lock).
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
                    // One that has just ended was not over yet when the masters were asked.
                    let was_quarantined = is_quarantined;
                    is_quarantined = self.state.is_quarantined_within(left);
                    let is_borne = is_quarantined || was_quarantined;
                    if outage >= self.state.settings.outage_tolerance() && !is_borne {
                        return Err(error);
                    }
                }
                error => return Err(error),
            }
            waiter.wait_for_change(Duration::MAX).await?;
        }
    }

    /// Acquires the lock, and waits for `limit` at most, whether for a holder or for masters that
    /// are down.
    ///
    /// The time in line counts. Whoever is first tries once at least, and once more at the end, so
    /// that it may take a [`master_timeout`](crate::RedlockBuilder::master_timeout) longer.
    ///
    /// Redis command, round trips and atomicity: as [`lock`](Self::lock).
    ///
    /// # Errors
    /// [`Timeout`](Error::Timeout), whose source says why the last attempt failed, and is `None`
    /// where others in this process were in line before it until the end;
    /// [`WrongType`](Error::WrongType); [`Closed`](Error::Closed).
    ///
    /// # Cancel safety
    /// As [`try_lock`](Self::try_lock).
    #[doc(alias = "acquire")]
    pub async fn lock_timeout(&self, limit: Duration) -> Result<RedlockGuard<F>> {
        let bound = limit.saturating_add(self.state.settings.master_timeout);
        let mut last = None;
        tokio::select! {
            biased;
            outcome = self.lock_within(limit, &mut last) => return outcome,
            ended = self.state.sleep(bound) => ended?,
        }
        Err(Error::Timeout { source: last })
    }

    /// Tries until `limit` has passed, and keeps why the `last` attempt failed.
    async fn lock_within(
        &self,
        limit: Duration,
        last: &mut Option<Box<Error>>,
    ) -> Result<RedlockGuard<F>> {
        let start = Instant::now();
        let mut waiter = Waiter::new(&self.state, &self.keys, F::IS_FENCED);
        if !waiter.wait_in_queue(limit).await? {
            return Err(Error::Timeout { source: None });
        }
        loop {
            match waiter.try_acquire().await {
                Ok(lease) => return Ok(self.guard(lease)),
                Err(error @ (Error::Closed | Error::WrongType { .. })) => return Err(error),
                Err(error) => {
                    waiter.outage(&error);
                    *last = Some(Box::new(error));
                }
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(Error::Timeout {
                    source: last.take(),
                });
            }
            waiter.wait_for_change(left).await?;
        }
    }

    fn guard(&self, lease: Lease) -> RedlockGuard<F> {
        if let Some(auto) = self.auto_extend {
            lease.auto_extend(auto);
        }
        RedlockGuard::new(lease, self.keys.clone())
    }
}

impl<F: Fencing> fmt::Debug for RedlockMutex<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockMutex")
            .field("keys", &Shown(&self.keys))
            .finish_non_exhaustive()
    }
}
