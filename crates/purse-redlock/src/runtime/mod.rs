//! Tasks of locks: those that are polled inline, and the order in which scopes end.
//!
//! May import: nothing of this crate.

pub(crate) mod scope_stack;
pub(crate) mod task_pool;

use std::time::Duration;

/// Returns a random time between zero and `window`.
pub(crate) fn jitter(window: Duration) -> Duration {
    window.mul_f64(fastrand::f64())
}
