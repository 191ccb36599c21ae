//! The limits of automatic extension.

use std::time::Duration;

/// The limits of a lease's automatic extension, for example of a lock.
///
/// The lease is extended a third of its ttl after it was acquired or last extended, for as long as
/// its guard is alive. An extension that fails is tried again, with growing pauses, until the
/// lease's time is over or the servers report that it is gone.
///
/// Without a limit, a holder that hangs blocks all others for as long as its process lives. The
/// limits here prevent that. They apply to every extension of the lease: extensions by hand count as
/// well, and fail beyond the limit (a lock's with `ExtensionCap`).
///
/// ```
/// use std::time::Duration;
/// use purse_lease::AutoExtend;
///
/// let an_hour_at_most = AutoExtend::new().max_hold(Duration::from_secs(3600));
/// assert_ne!(an_hour_at_most, AutoExtend::new());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "it has no effect until it is given to a lease or a builder"]
pub struct AutoExtend {
    max_extensions: Option<u32>,
    max_hold: Option<Duration>,
}

impl AutoExtend {
    /// Creates a configuration that extends without limit.
    pub const fn new() -> Self {
        Self {
            max_extensions: None,
            max_hold: None,
        }
    }

    /// Sets how often the lease is extended at most.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use purse_lease::{AutoExtend, LeaseInstant, RenewalSchedule};
    ///
    /// let start = LeaseInstant::now();
    /// let mut renewal = RenewalSchedule::new(Duration::from_secs(3), start);
    /// renewal.enable(AutoExtend::new().max_extensions(0));
    /// assert!(!renewal.may_extend(start));
    /// ```
    pub const fn max_extensions(mut self, count: u32) -> Self {
        self.max_extensions = Some(count);
        self
    }

    /// Sets how long the lease lasts at most in total, counted from the moment before its first
    /// command.
    ///
    /// An extension gives a whole ttl or does not take place, so the lease may end up to a third of
    /// its ttl earlier. With a limit shorter than the ttl, the lease is never extended.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use purse_lease::{AutoExtend, LeaseInstant, RenewalSchedule};
    ///
    /// let start = LeaseInstant::now();
    /// let mut renewal = RenewalSchedule::new(Duration::from_secs(3), start);
    /// renewal.enable(AutoExtend::new().max_hold(Duration::from_secs(4)));
    /// assert!(renewal.may_extend(start + Duration::from_secs(1)));
    /// assert!(!renewal.may_extend(start + Duration::from_secs(2)));
    /// ```
    pub const fn max_hold(mut self, time: Duration) -> Self {
        self.max_hold = Some(time);
        self
    }

    pub(crate) const fn extensions_limit(&self) -> Option<u32> {
        self.max_extensions
    }

    pub(crate) const fn hold_limit(&self) -> Option<Duration> {
        self.max_hold
    }
}
