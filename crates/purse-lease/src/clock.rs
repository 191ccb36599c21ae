//! The clock that leases are measured by.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A moment on the clock that leases are measured by, which continues while the machine sleeps.
///
/// [`std::time::Instant`] stands still during a suspend on Linux, but the servers' clocks do not. A
/// laptop or a virtual machine that wakes up would take a lease for valid that ended long ago.
/// Therefore this clock reads `CLOCK_BOOTTIME` on Linux and Android, and elsewhere
/// `CLOCK_MONOTONIC`, which on macOS continues during sleep. It never jumps when the time of day is
/// set.
///
/// ```
/// use purse_lease::LeaseInstant;
///
/// let earlier = LeaseInstant::now();
/// assert!(LeaseInstant::now() >= earlier);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseInstant(Duration);

impl LeaseInstant {
    /// Returns the current moment.
    #[must_use]
    pub fn now() -> Self {
        Self(uptime())
    }

    /// Returns the time since `earlier`; zero if `earlier` is the later moment.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use purse_lease::LeaseInstant;
    ///
    /// let start = LeaseInstant::now();
    /// let end = start + Duration::from_secs(1);
    /// assert_eq!(end.saturating_duration_since(start), Duration::from_secs(1));
    /// assert_eq!(start.saturating_duration_since(end), Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for LeaseInstant {
    type Output = Self;

    /// Returns the moment `duration` later, or the last representable moment.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl fmt::Debug for LeaseInstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseInstant({:?})", self.0)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

#[cfg(unix)]
fn uptime() -> Duration {
    let time = rustix::time::clock_gettime(CLOCK);
    // Neither value is ever negative, and the nanoseconds are always below a billion.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

/// Returns the time since the first call. On Windows, std's own clock continues during sleep.
#[cfg(not(unix))]
fn uptime() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// A source of the current time for leases: [`SystemClock`], or one that a test controls.
///
/// ```
/// use std::sync::Mutex;
/// use std::time::Duration;
///
/// use purse_lease::{Clock, LeaseInstant};
///
/// /// A clock that stands still until it is set forward.
/// struct TestClock(Mutex<LeaseInstant>);
///
/// impl Clock for TestClock {
///     fn now(&self) -> LeaseInstant {
///         *self.0.lock().unwrap()
///     }
/// }
///
/// let clock = TestClock(Mutex::new(LeaseInstant::now()));
/// let before = clock.now();
/// *clock.0.lock().unwrap() = before + Duration::from_secs(60);
/// assert_eq!(clock.now().saturating_duration_since(before).as_secs(), 60);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the current moment.
    fn now(&self) -> LeaseInstant;
}

/// The machine's clock: [`LeaseInstant::now`].
///
/// ```
/// use purse_lease::{Clock, LeaseInstant, SystemClock};
///
/// let earlier = LeaseInstant::now();
/// assert!(SystemClock.now() >= earlier);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> LeaseInstant {
        LeaseInstant::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instant_arithmetic_saturates() {
        let (early, late) = (
            LeaseInstant(Duration::from_secs(1)),
            LeaseInstant(Duration::from_secs(3)),
        );
        assert_eq!(
            late.saturating_duration_since(early),
            Duration::from_secs(2)
        );
        assert_eq!(early.saturating_duration_since(late), Duration::ZERO);
        assert_eq!(early + Duration::MAX, LeaseInstant(Duration::MAX));
    }

    #[test]
    fn clock_runs_as_fast_as_std() {
        let (ours, theirs) = (LeaseInstant::now(), std::time::Instant::now());
        while theirs.elapsed() < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        assert!(LeaseInstant::now().saturating_duration_since(ours) >= Duration::from_millis(5));
    }
}
