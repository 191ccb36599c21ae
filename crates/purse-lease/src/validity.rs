//! The validity of a lease, as its guard, its owner task and all that wait for its loss know it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::LeaseInstant;
use crate::lost_reason::LostReason;
use crate::timer::Timer;

/// The validity of a lease. Once lost, it stays lost.
///
/// A lease whose time is over is lost without any task that says so: every method compares the clock
/// first.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use purse_lease::{Lost, LostReason, SystemClock, Timer, Validity};
///
/// let timer = Timer::new(Arc::new(SystemClock), tokio::runtime::Handle::current());
/// let until = timer.now() + Duration::from_secs(10);
/// let validity = Arc::new(Validity::new(timer, until));
/// assert!(validity.remaining() > Duration::from_secs(9));
///
/// let lost = tokio::spawn(Lost::new(validity.clone()));
/// validity.invalidate(LostReason::Gone);
/// assert_eq!(lost.await.unwrap(), LostReason::Gone);
/// assert_eq!(validity.extend(until + Duration::from_secs(1)), Err(LostReason::Gone));
/// # }
/// ```
pub struct Validity {
    timer: Timer,
    state: Mutex<ValidityState>,
    lost: watch::Sender<bool>,
    on_lost: Option<OnLost>,
}

type OnLost = Box<dyn Fn(LostReason) + Send + Sync>;

#[derive(Clone, Copy)]
struct ValidityState {
    valid_until: LeaseInstant,
    lost: Option<LostReason>,
    is_capped: bool,
    extensions: u32,
}

impl Validity {
    /// Creates the validity of a lease that holds until `valid_until`, by the clock of `timer`.
    #[must_use]
    pub fn new(timer: Timer, valid_until: LeaseInstant) -> Self {
        let state = ValidityState {
            valid_until,
            lost: None,
            is_capped: false,
            extensions: 0,
        };
        Self {
            timer,
            state: Mutex::new(state),
            lost: watch::Sender::new(false),
            on_lost: None,
        }
    }

    /// Calls `hook` once when the lease is lost, on the thread that notices the loss. A release is a
    /// loss too.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use purse_lease::{LostReason, SystemClock, Timer, Validity};
    ///
    /// # let timer = Timer::new(Arc::new(SystemClock), tokio::runtime::Handle::current());
    /// let until = timer.now() + Duration::from_secs(10);
    /// let validity = Validity::new(timer, until).on_lost(|reason| eprintln!("lost: {reason}"));
    /// validity.invalidate(LostReason::Gone); // prints a line
    /// # }
    /// ```
    #[must_use]
    pub fn on_lost(mut self, hook: impl Fn(LostReason) + Send + Sync + 'static) -> Self {
        self.on_lost = Some(Box::new(hook));
        self
    }

    /// Returns the moment until which the lease holds, if it is not lost before.
    #[must_use]
    pub fn valid_until(&self) -> LeaseInstant {
        self.with_state(|state| state.valid_until)
    }

    /// Returns how often the lease was extended.
    #[must_use]
    pub fn extensions(&self) -> u32 {
        self.with_state(|state| state.extensions)
    }

    /// Returns the time that the lease still holds; zero if it is lost.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use purse_lease::{LostReason, SystemClock, Timer, Validity};
    ///
    /// # let timer = Timer::new(Arc::new(SystemClock), tokio::runtime::Handle::current());
    /// let until = timer.now() + Duration::from_secs(10);
    /// let validity = Validity::new(timer, until);
    /// assert!(validity.remaining() > Duration::from_secs(9));
    /// validity.invalidate(LostReason::Released);
    /// assert!(validity.remaining().is_zero());
    /// # }
    /// ```
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let (lost, until) = self.with_state(|state| (state.lost, state.valid_until));
        match lost {
            Some(_) => Duration::ZERO,
            None => until.saturating_duration_since(self.timer.now()),
        }
    }

    /// Checks that the lease holds.
    ///
    /// # Errors
    /// Returns the reason if the lease is lost.
    pub fn check(&self) -> Result<(), LostReason> {
        self.lost_reason().map_or(Ok(()), Err)
    }

    /// Returns why the lease was lost, or `None` if it holds.
    #[must_use]
    pub fn lost_reason(&self) -> Option<LostReason> {
        self.with_state(|state| state.lost)
    }

    /// Marks the lease as lost, unless it was lost before. Returns why it was lost.
    pub fn invalidate(&self, reason: LostReason) -> LostReason {
        self.with_state(|state| *state.lost.get_or_insert(reason))
    }

    /// Records that no extension follows, because the limits of automatic extension were reached.
    /// When its time is over, the lease is lost as [`Capped`](LostReason::Capped).
    pub fn mark_capped(&self) {
        self.with_state(|state| state.is_capped = true);
    }

    /// Extends a lease that still holds. Never shortens it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use purse_lease::{SystemClock, Timer, Validity, valid_until};
    ///
    /// # let timer = Timer::new(Arc::new(SystemClock), tokio::runtime::Handle::current());
    /// let ttl = Duration::from_secs(10);
    /// let validity = Validity::new(timer.clone(), valid_until(timer.now(), ttl));
    /// let start = timer.now();
    /// // … here the server extends the lease …
    /// validity.extend(valid_until(start, ttl)).expect("it holds");
    /// assert_eq!(validity.extensions(), 1);
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the reason if the lease is lost.
    pub fn extend(&self, until: LeaseInstant) -> Result<(), LostReason> {
        self.with_state(|state| match state.lost {
            Some(reason) => Err(reason),
            None => {
                state.valid_until = state.valid_until.max(until);
                state.extensions = state.extensions.saturating_add(1);
                Ok(())
            }
        })
    }

    /// Waits until the lease is lost, at the latest when its time is over. [`Lost`](crate::Lost) is
    /// the same as a future that borrows nothing.
    pub async fn wait_lost(&self) -> LostReason {
        let mut lost = self.lost.subscribe();
        loop {
            if let Some(reason) = self.lost_reason() {
                return reason;
            }
            tokio::select! {
                biased;
                // This cannot fail, because the sender lives as long as `self`.
                _ = lost.changed() => {}
                // The lease may have been extended since.
                passed = self.timer.sleep_until(self.valid_until()) => if passed.is_err() {
                    return self.invalidate(LostReason::Closed);
                },
            }
        }
    }

    /// Checks the clock, works on the state, and notifies those that wait for the loss if the lease
    /// is lost now.
    fn with_state<T>(&self, work: impl FnOnce(&mut ValidityState) -> T) -> T {
        // No panic can leave the fields half-written.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.lost;
        if self.timer.now() >= state.valid_until {
            let reason = if state.is_capped {
                LostReason::Capped
            } else {
                LostReason::Expired
            };
            state.lost.get_or_insert(reason);
        }
        let result = work(&mut state);
        let lost = state.lost.filter(|_| before.is_none());
        // A task that is notified may read the state in turn.
        drop(state);
        if let Some(reason) = lost {
            self.lost.send_replace(true);
            if let Some(hook) = &self.on_lost {
                hook(reason);
            }
        }
        result
    }
}

impl fmt::Debug for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validity")
            .field("valid_until", &self.valid_until())
            .field("lost", &self.lost_reason())
            .finish_non_exhaustive()
    }
}

/// The validity in the hands of a lease's holder. Dropping it marks the lease as
/// [released](LostReason::Released).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use purse_lease::{LostReason, ReleaseOnDrop, SystemClock, Timer, Validity};
///
/// # let timer = Timer::new(Arc::new(SystemClock), tokio::runtime::Handle::current());
/// let until = timer.now() + Duration::from_secs(10);
/// let guard = ReleaseOnDrop::new(Arc::new(Validity::new(timer, until)));
/// let validity = guard.validity().clone();
/// drop(guard);
/// assert_eq!(validity.lost_reason(), Some(LostReason::Released));
/// # }
/// ```
#[derive(Debug)]
pub struct ReleaseOnDrop(Arc<Validity>);

impl ReleaseOnDrop {
    /// Creates the holder's end of `validity`.
    #[must_use]
    pub const fn new(validity: Arc<Validity>) -> Self {
        Self(validity)
    }

    /// Returns the validity.
    #[must_use]
    pub const fn validity(&self) -> &Arc<Validity> {
        &self.0
    }
}

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        self.0.invalidate(LostReason::Released);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::runtime::{Handle, Runtime};

    use super::*;
    use crate::Lost;
    use crate::clock::SystemClock;
    use crate::testing::poll_once;

    fn validity(time: Duration) -> Validity {
        let timer = Timer::new(Arc::new(SystemClock), Handle::current());
        let until = timer.now() + time;
        Validity::new(timer, until)
    }

    #[tokio::test]
    async fn expired_lease_stays_lost() {
        let validity = validity(Duration::from_millis(20));
        let until = validity.valid_until();
        assert_eq!(validity.wait_lost().await, LostReason::Expired);
        assert!(LeaseInstant::now() >= until);
        assert_eq!(validity.remaining(), Duration::ZERO);
        let later = until + Duration::from_secs(10);
        assert_eq!(validity.extend(later), Err(LostReason::Expired));
        assert_eq!(
            validity.invalidate(LostReason::Released),
            LostReason::Expired
        );
        assert_eq!(validity.check(), Err(LostReason::Expired));
    }

    #[tokio::test]
    async fn capped_lease_is_lost_as_capped() {
        let validity = validity(Duration::from_millis(10));
        validity.mark_capped();
        assert_eq!(validity.wait_lost().await, LostReason::Capped);
    }

    #[tokio::test]
    async fn extension_delays_loss_and_never_shortens() {
        let validity = Arc::new(validity(Duration::from_millis(50)));
        let first = validity.valid_until();
        let mut lost = Lost::new(validity.clone());
        assert!(poll_once(&mut lost).await.is_pending());
        let until = first + Duration::from_millis(30);
        validity.extend(until).unwrap();
        validity.extend(first).unwrap();
        assert_eq!((validity.valid_until(), validity.extensions()), (until, 2));
        assert_eq!(lost.await, LostReason::Expired);
        assert!(LeaseInstant::now() >= until);
    }

    #[tokio::test]
    async fn loss_is_reported_once_and_to_all_waiters() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let validity = validity(Duration::from_secs(600)).on_lost(move |reason| {
            assert_eq!(reason, LostReason::Released);
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let holder = ReleaseOnDrop::new(Arc::new(validity));
        let waiters: Vec<_> = (0..3)
            .map(|_| tokio::spawn(Lost::new(holder.validity().clone())))
            .collect();
        let mut lost = Lost::new(holder.validity().clone());
        drop(holder);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), LostReason::Released);
        }
        assert_eq!((&mut lost).await, LostReason::Released);
        assert_eq!(lost.await, LostReason::Released, "again, at once");
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn lease_is_lost_when_its_runtime_ends() {
        let runtime = Runtime::new().unwrap();
        let timer = Timer::new(Arc::new(SystemClock), runtime.handle().clone());
        let until = timer.now() + Duration::from_secs(600);
        let validity = Validity::new(timer, until);
        drop(runtime);
        let other = Runtime::new().unwrap();
        assert_eq!(other.block_on(validity.wait_lost()), LostReason::Closed);
        assert_eq!(validity.check(), Err(LostReason::Closed));
    }
}
