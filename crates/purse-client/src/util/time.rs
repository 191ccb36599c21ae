//! Timers that depend on no runtime.
//!
//! tokio's timers panic outside a runtime and in one without a time driver, stand still with a
//! runtime that is not driven, and skip ahead under a paused clock. A deadline of purse must hold in
//! each of these cases, so the timers are those of futures-timer, which has one thread per process.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{Either, select};
use futures_timer::Delay;

/// The longest timeout: an instant must be able to represent its end.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Returns `timeout`, or [`MAX_TIMEOUT`] if it is longer.
pub(crate) const fn clamp(timeout: Duration) -> Duration {
    if timeout.as_secs() >= MAX_TIMEOUT.as_secs() {
        return MAX_TIMEOUT;
    }
    timeout
}

/// A future that completes after some time.
pub(crate) struct Sleep(Delay);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_unpin(cx)
    }
}

impl Sleep {
    /// Starts again, to complete at `deadline`.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.0.reset(left(deadline));
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleep")
    }
}

/// Completes after `duration`.
pub(crate) fn sleep(duration: Duration) -> Sleep {
    Sleep(Delay::new(duration.min(MAX_TIMEOUT)))
}

/// Completes at `deadline`.
pub(crate) fn sleep_until(deadline: Instant) -> Sleep {
    sleep(left(deadline))
}

/// Returns the time until `deadline`.
pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Waits for `future` for at most `limit`; returns `None` if it did not complete in time.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let future = std::pin::pin!(future);
    match select(future, sleep(limit)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}
