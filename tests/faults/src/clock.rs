//! One clock for all processes of a machine: the one that leases are measured by.

use std::time::Duration;

use purse_redlock::{Fencing, RedlockGuard};

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// A moment, in nanoseconds; comparable between the processes of one machine.
pub type Nanos = u64;

/// The present moment.
#[must_use]
pub fn now() -> Nanos {
    let time = rustix::time::clock_gettime(CLOCK);
    // Neither is ever negative, nor the second one above a billion.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds * 1_000_000_000 + nanos
}

/// A length of time on this clock.
#[must_use]
pub fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Until when a guard says that it holds: not before the first moment, not after the second; `None`
/// if it does not.
///
/// A moment on the lock's own clock cannot be told to another process, so what is left is put on
/// top of a reading before, and of one after.
#[must_use]
pub fn valid_until<F: Fencing>(guard: &RedlockGuard<F>) -> Option<(Nanos, Nanos)> {
    let before = now();
    let left = nanos(guard.remaining());
    (left > 0).then(|| (before + left, now() + left))
}
