//! The pauses between two attempts.

use crate::tasks::jitter::jitter;
use std::time::Duration;

use tokio::time::Instant;

/// The first window of a wait for a holder.
const FIRST_WINDOW: Duration = Duration::from_millis(10);

/// Exponential backoff with full jitter.
#[derive(Debug)]
pub(crate) struct Backoff {
    max_window: Duration,
    waits: u32,
    splits: u32,
}

impl Backoff {
    pub(crate) const fn new(max_window: Duration) -> Self {
        Self {
            max_window,
            waits: 0,
            splits: 0,
        }
    }

    /// Returns the pause after an attempt that failed because of another holder or silent masters.
    /// It is not longer than the time that the holder has left.
    pub(crate) fn wait(&mut self, retry_after: Option<Duration>) -> Duration {
        self.splits = 0;
        let window = self.window(FIRST_WINDOW, self.waits);
        self.waits = self.waits.saturating_add(1);
        let pause = jitter(window);
        match retry_after {
            // Callers that wait for the same end should not all try at once. An end that has
            // already come is not waited for: other clients were faster, and will be again.
            Some(end) if end < pause && !end.is_zero() => {
                end + jitter(FIRST_WINDOW.min(self.max_window))
            }
            _ => pause,
        }
    }

    /// Returns the pause after a split vote. It is short, because the lock is free once the
    /// contenders took turns. `attempt` is the duration of the attempt, which is the scale of a
    /// round trip.
    pub(crate) fn split(&mut self, attempt: Duration) -> Duration {
        let window = self.window(attempt.max(Duration::from_millis(1)), self.splits);
        self.splits = self.splits.saturating_add(1);
        jitter(window)
    }

    fn window(&self, first: Duration, doublings: u32) -> Duration {
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        first.saturating_mul(factor).min(self.max_window)
    }
}

/// The number of attempts that may follow immediately on reports of the masters.
const BURST: u32 = 16;

/// The longest period of the wake budget. A holder's extensions are reported as well, and must not
/// use up the burst.
const MAX_PERIOD: Duration = Duration::from_millis(200);

/// A limit on the attempts that one wait makes because of reports by the masters: a burst, and then
/// one per period on average.
///
/// Losing a race to another client costs one attempt. More than a few losses in a row are rare,
/// unless a connection flaps or a database is flushed repeatedly.
#[derive(Debug)]
pub(crate) struct WakeBudget {
    period: Duration,
    /// The moment when all attempts made so far are paid for.
    paid_until: Instant,
}

impl WakeBudget {
    pub(crate) fn new(period: Duration) -> Self {
        Self {
            period: period.min(MAX_PERIOD),
            paid_until: Instant::now(),
        }
    }

    /// Returns how long after `now` the next attempt may start.
    pub(crate) fn delay(&self, now: Instant) -> Duration {
        let credit = self.period.saturating_mul(BURST - 1);
        let debt = self.paid_until.saturating_duration_since(now);
        debt.saturating_sub(credit)
    }

    /// Counts one attempt.
    pub(crate) fn take(&mut self) {
        self.paid_until = self.paid_until.max(Instant::now()) + self.period;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_millis(200);

    #[test]
    fn window_doubles_up_to_maximum() {
        let backoff = Backoff::new(MOST);
        let windows = [0, 1, 2, 3, 4, 5, 31, 32, u32::MAX].map(|n| backoff.window(FIRST_WINDOW, n));
        assert_eq!(
            windows.map(|window| window.as_millis()),
            [10, 20, 40, 80, 160, 200, 200, 200, 200]
        );
    }

    #[test]
    fn waits_fill_window_without_exceeding_it() {
        let mut waits: Vec<_> = (0..2_000)
            .map(|_| {
                let mut backoff = Backoff::new(MOST);
                backoff.waits = 10;
                backoff.wait(None)
            })
            .collect();
        waits.sort_unstable();
        assert!(waits[0] < MOST / 20 && waits[1_999] > MOST * 19 / 20);
        assert!(waits[1_999] <= MOST);
    }

    #[test]
    fn wait_is_bounded_by_time_left_to_holder() {
        for _ in 0..500 {
            let mut backoff = Backoff::new(Duration::from_secs(9));
            backoff.waits = 20;
            let end = Duration::from_millis(5);
            assert!(backoff.wait(Some(end)) <= end + FIRST_WINDOW);
        }
    }

    #[test]
    fn wait_grows_if_holder_end_has_passed() {
        let mut backoff = Backoff::new(MOST);
        backoff.waits = 10;
        let longest = (0..100).map(|_| backoff.wait(Some(Duration::ZERO))).max();
        assert!(longest > Some(MOST / 2), "{longest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn wake_budget_allows_burst_then_one_per_period() {
        let (period, start) = (Duration::from_millis(200), Instant::now());
        let mut budget = WakeBudget::new(period);
        let mut times = Vec::new();
        while start.elapsed() < period * 100 {
            tokio::time::sleep(budget.delay(Instant::now())).await;
            budget.take();
            times.push(start.elapsed());
        }
        let at_once = times.iter().filter(|time| **time < period).count();
        assert_eq!(at_once, BURST as usize);
        let most = BURST as usize + 100;
        assert!(
            (most - 2..=most + 2).contains(&times.len()),
            "{}",
            times.len()
        );
        tokio::time::sleep(period * 100).await;
        for _ in 0..BURST {
            assert_eq!(budget.delay(Instant::now()), Duration::ZERO);
            budget.take();
        }
        assert!(!budget.delay(Instant::now()).is_zero());
    }

    #[test]
    fn split_vote_pause_scales_with_round_trip() {
        for _ in 0..200 {
            let mut backoff = Backoff::new(MOST);
            backoff.waits = 20;
            assert!(backoff.split(Duration::from_micros(300)) <= Duration::from_millis(1));
        }
        let mut backoff = Backoff::new(MOST);
        for _ in 0..40 {
            assert!(backoff.split(Duration::from_millis(9)) <= MOST);
        }
    }
}
