//! A lock by name.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::clock::LockInstant;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::extender::AutoExtend;
use crate::fencing::{Fencing, Unfenced};
use crate::guard::RedlockGuard;
use crate::keys::Shown;
use crate::owner::{self, Failure};

/// A lock by name, which at most one holder at a time acquires; made by
/// [`Redlock::mutex`](crate::Redlock::mutex).
///
/// It holds no lock and no token, only the name: clone and share it at will. It is not called
/// `Mutex`, because it is not std's: it owns no data, every method can fail, and what it gives ends
/// by itself.
///
/// Waiting is polling: each attempt asks all masters, and the pauses in between are random, up to
/// [`retry_delay`](crate::RedlockBuilder::retry_delay). Whoever waits longest is not served first.
/// Its futures may be polled by any executor; what they need of tokio, the runtime that the
/// [`Redlock`](crate::Redlock) was built on does.
#[derive(Clone)]
pub struct RedlockMutex<F: Fencing = Unfenced> {
    context: Arc<Context>,
    /// One key; several within a [`RedlockMulti`](crate::RedlockMulti), sorted.
    keys: Arc<[Bytes]>,
    fencing: PhantomData<fn() -> F>,
    auto_extend: Option<AutoExtend>,
}

impl<F: Fencing> RedlockMutex<F> {
    pub(crate) fn new(context: Arc<Context>, keys: Arc<[Bytes]>) -> Self {
        let auto_extend = context.settings.auto_extend;
        Self {
            context,
            keys,
            fencing: PhantomData,
            auto_extend,
        }
    }

    pub(crate) const fn keys(&self) -> &Arc<[Bytes]> {
        &self.keys
    }

    /// Has this lock extended by itself for as long as its guard is alive, in place of what
    /// [`RedlockBuilder::auto_extend`](crate::RedlockBuilder::auto_extend) says; `None`: not at all.
    ///
    /// It concerns what is locked through the result, and through clones of it.
    #[must_use = "the lock it was called on is gone"]
    pub fn auto_extend(mut self, auto: impl Into<Option<AutoExtend>>) -> Self {
        self.auto_extend = auto.into();
        self
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) const fn extends(&self) -> Option<AutoExtend> {
        self.auto_extend
    }

    /// The key of the lock on the masters.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.keys.first().map_or(&[], AsRef::as_ref)
    }

    /// Acquires the lock if it is free; never waits for a holder.
    ///
    /// Redis command: `SET key token NX PX ttl` on all masters at once; where that fails, a script
    /// with `GET` and `DEL` or `PTTL` that gives back what was taken and tells how long the holder
    /// has left. Round trips: one; a second one if the lock is held. Atomic in that only who has a
    /// quorum has the lock; nothing that a failed attempt took is left behind. With a fence, a
    /// script takes the place of `SET` and counts, and there is a second round trip where the
    /// masters' counts differ: see [`FencedRedlock`](crate::FencedRedlock).
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
        self.attempt().await.map_err(|failure| failure.error)
    }

    /// Acquires the lock, and waits for its holder as long as it takes.
    ///
    /// It does not wait like this for masters that are down: it fails once there was no quorum
    /// during a whole ttl, or during 30 s if the ttl is longer. That is enough for a restart or
    /// failover, and short enough to be noticed.
    ///
    /// Redis command, round trips and atomicity: as [`try_lock`](Self::try_lock), for each attempt.
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
        let mut pauses = Pauses::new(self);
        let mut down_since: Option<LockInstant> = None;
        loop {
            let (pause, error) = match pauses.around(self.attempt()).await {
                Ok(guard) => return Ok(guard),
                Err(failed) => failed,
            };
            match error {
                Error::Held { .. } => down_since = None,
                error @ (Error::NoQuorum { .. } | Error::ValidityExhausted { .. }) => {
                    let now = self.context.clock.now();
                    let since = *down_since.get_or_insert(now);
                    if now.saturating_duration_since(since) >= self.context.settings.outage() {
                        return Err(error);
                    }
                }
                error => return Err(error),
            }
            self.pause(pause).await?;
        }
    }

    /// Acquires the lock, and waits for `limit` at most, whether for a holder or for masters that
    /// are down.
    ///
    /// It tries once at least, and once more at the end, so that it may take a
    /// [`node_timeout`](crate::RedlockBuilder::node_timeout) longer.
    ///
    /// Redis command, round trips and atomicity: as [`try_lock`](Self::try_lock), for each attempt.
    ///
    /// # Errors
    /// [`Timeout`](Error::Timeout), whose source says why the last attempt failed;
    /// [`WrongType`](Error::WrongType); [`Closed`](Error::Closed).
    ///
    /// # Cancel safety
    /// As [`try_lock`](Self::try_lock).
    #[doc(alias = "acquire")]
    pub async fn lock_timeout(&self, limit: Duration) -> Result<RedlockGuard<F>> {
        let bound = limit.saturating_add(self.context.settings.node_timeout);
        let mut last = None;
        tokio::select! {
            biased;
            outcome = self.lock_within(limit, &mut last) => return outcome,
            ended = self.context.sleep(bound) => ended?,
        }
        Err(Error::Timeout { source: last })
    }

    /// Tries until `limit` has passed, and keeps why the `last` attempt failed.
    async fn lock_within(
        &self,
        limit: Duration,
        last: &mut Option<Box<Error>>,
    ) -> Result<RedlockGuard<F>> {
        let mut pauses = Pauses::new(self);
        let start = Instant::now();
        loop {
            let (pause, error) = match pauses.around(self.attempt()).await {
                Ok(guard) => return Ok(guard),
                Err((_, error @ (Error::Closed | Error::WrongType { .. }))) => return Err(error),
                Err(failed) => failed,
            };
            *last = Some(Box::new(error));
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(Error::Timeout {
                    source: last.take(),
                });
            }
            self.pause(pause.min(left)).await?;
        }
    }

    async fn attempt(&self) -> Result<RedlockGuard<F>, Failure> {
        let Some(outcome) = owner::attempt(&self.context, &self.keys, F::IS_FENCED) else {
            return Err(Error::Closed.into());
        };
        let outcome = tokio::select! {
            biased;
            () = self.context.reaper.closed() => return Err(Error::Closed.into()),
            outcome = outcome => outcome,
        };
        // The owner task goes without a word only if its runtime does.
        let offer = outcome.unwrap_or_else(|_| Err(Error::Closed.into()))?;
        let lease = offer.accept()?;
        // Much time may have passed since it was offered, if this future was not polled.
        self.context.worth_having(lease.term().valid_until())?;
        if let Some(auto) = self.auto_extend {
            lease.keep(auto);
        }
        Ok(RedlockGuard::new(lease, self.keys.clone()))
    }

    async fn pause(&self, pause: Duration) -> Result<()> {
        tokio::select! {
            biased;
            () = self.context.reaper.closed() => Err(Error::Closed),
            ended = self.context.sleep(pause) => ended,
        }
    }
}

/// The pauses between the attempts of one wait.
struct Pauses {
    backoff: Backoff,
}

impl Pauses {
    fn new<F: Fencing>(mutex: &RedlockMutex<F>) -> Self {
        Self {
            backoff: Backoff::new(mutex.context.settings.retry_delay),
        }
    }

    /// Awaits an attempt; if it fails, also says how long to wait before the next one.
    async fn around<F: Fencing>(
        &mut self,
        attempt: impl Future<Output = Result<RedlockGuard<F>, Failure>>,
    ) -> Result<RedlockGuard<F>, (Duration, Error)> {
        let start = Instant::now();
        let Failure { error, is_split } = match attempt.await {
            Ok(guard) => return Ok(guard),
            Err(failure) => failure,
        };
        let pause = match &error {
            Error::Held { .. } if is_split => self.backoff.split(start.elapsed()),
            Error::Held { retry_after } => self.backoff.wait(*retry_after),
            _ => self.backoff.wait(None),
        };
        Err((pause, error))
    }
}

impl<F: Fencing> fmt::Debug for RedlockMutex<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockMutex")
            .field("keys", &Shown(&self.keys))
            .finish_non_exhaustive()
    }
}
