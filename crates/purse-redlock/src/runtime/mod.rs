//! What locks need of time and tasks: clocks, timers, tasks polled inline, and the way to end them
//! all.
//!
//! May import: `error`.

pub(crate) mod alarms;
pub(crate) mod clock;
pub(crate) mod inline_task;
pub(crate) mod scope_stack;
pub(crate) mod shutdown;
pub(crate) mod timer;

use std::time::Duration;

/// Returns a random time between zero and `window`.
pub(crate) fn jitter(window: Duration) -> Duration {
    window.mul_f64(fastrand::f64())
}
