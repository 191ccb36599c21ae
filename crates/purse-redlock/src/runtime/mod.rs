//! Time and tasks for locks: clocks, timers, tasks that are polled inline, and their shutdown.
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
