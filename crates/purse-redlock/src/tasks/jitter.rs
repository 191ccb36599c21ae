//! Random delays.

use std::time::Duration;

/// Returns a random time between zero and `window`.
pub(crate) fn jitter(window: Duration) -> Duration {
    window.mul_f64(fastrand::f64())
}
