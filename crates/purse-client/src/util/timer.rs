//! Timers that depend on no runtime.
//!
//! tokio's timers panic outside a runtime and in one without a time driver, stand still with a
//! runtime that is not driven, and skip ahead under a paused clock. A deadline of purse must hold in
//! each of these cases, so the timers are those of futures-timer, which has one thread per process.

use std::cell::Cell;
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

/// Returns `time` in milliseconds, as a command takes it.
pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

thread_local! {
    /// A timer that was not needed to its end, and when it is set to fire.
    ///
    /// Almost every timer ends like this, after a reply. To set one wakes the thread of
    /// futures-timer, which cost a single caller in `block_on` a sixth of its throughput (`just
    /// bench hash_get`). So the next timer uses it as it is, and sets it again only if it fires.
    static SPARE: Cell<Option<(Instant, Delay)>> = const { Cell::new(None) };
}

/// A future that completes at an instant.
pub(crate) struct Sleep {
    deadline: Instant,
    /// The timer, and when it is set to fire: at `deadline`, or earlier.
    timer: Option<(Instant, Delay)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let (set_to, timer) = self
            .timer
            .get_or_insert_with(|| (deadline, Delay::new(time_left(deadline))));
        while timer.poll_unpin(cx).is_ready() {
            if *set_to >= deadline {
                self.timer = None;
                return Poll::Ready(());
            }
            *set_to = deadline;
            timer.reset(time_left(deadline));
        }
        Poll::Pending
    }
}

impl Sleep {
    /// Starts again, to complete at `deadline`.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if let Some((set_to, timer)) = &mut self.timer
            && *set_to > deadline
        {
            *set_to = deadline;
            timer.reset(time_left(deadline));
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            // While a thread ends, there is nothing to keep it in.
            let _ = SPARE.try_with(|spare| spare.set(Some(timer)));
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleep")
    }
}

/// Completes after `duration`.
pub(crate) fn sleep(duration: Duration) -> Sleep {
    sleep_until(Instant::now() + duration.min(MAX_TIMEOUT))
}

/// Completes at `deadline`.
pub(crate) fn sleep_until(deadline: Instant) -> Sleep {
    let spare = SPARE.try_with(Cell::take).ok().flatten();
    Sleep {
        deadline,
        timer: spare.filter(|(set_to, _)| *set_to <= deadline),
    }
}

/// Returns the time until `deadline`.
pub(crate) fn time_left(deadline: Instant) -> Duration {
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

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn timer_that_was_used_before_completes_at_its_own_deadline() {
        for earlier in [Duration::ZERO, SHORT / 2, SHORT, 500 * SHORT] {
            let mut before = sleep(earlier);
            let _ = futures::executor::block_on(futures::future::lazy(|cx| before.poll_unpin(cx)));
            drop(before);
            let start = Instant::now();
            block_on(sleep(SHORT));
            let took = start.elapsed();
            assert!(
                (SHORT..200 * SHORT).contains(&took),
                "{earlier:?}: {took:?}"
            );
        }
    }

    #[test]
    fn timer_that_starts_again_completes_at_the_new_deadline() {
        for [first, second] in [[SHORT, 2 * SHORT], [500 * SHORT, SHORT]] {
            let mut timer = sleep(first);
            let _ = block_on(futures::future::lazy(|cx| timer.poll_unpin(cx)));
            let start = Instant::now();
            timer.reset(start + second);
            block_on(&mut timer);
            let took = start.elapsed();
            assert!((second..200 * SHORT).contains(&took), "{took:?}");
        }
    }
}
