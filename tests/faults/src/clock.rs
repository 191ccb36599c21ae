//! The clock that all processes of a machine share, and that leases are measured by.

use std::time::Duration;

use purse_redlock::{Fencing, RedlockGuard};

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// A moment in nanoseconds, comparable between the processes of one machine.
pub type Nanos = u64;

/// Returns the present moment.
#[must_use]
pub fn now() -> Nanos {
    let time = rustix::time::clock_gettime(CLOCK);
    // Neither value is ever negative.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds * 1_000_000_000 + nanos
}

/// Returns the duration in nanoseconds.
#[must_use]
pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the earliest and the latest moment at which the lease of a guard ends, or `None` if the
/// guard is not valid.
///
/// The lock does not expose moments of its own clock. The remaining time is therefore added to a
/// reading of this clock before it was taken, and to a reading after.
#[must_use]
pub fn valid_until<F: Fencing>(guard: &RedlockGuard<F>) -> Option<(Nanos, Nanos)> {
    let before = now();
    let left = nanos(guard.remaining());
    (left > 0).then(|| (before + left, now() + left))
}
