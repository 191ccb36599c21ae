//! The backoff between attempts to connect to a master.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause, which is as long as an attempt may take by default. With a server that is
/// silent, one attempt is therefore always in flight, which the server can answer as soon as it
/// continues.
const MAX_PAUSE: Duration = Duration::from_millis(300);

/// The time that a connection must last to reset the backoff.
const STABLE_AFTER: Duration = Duration::from_secs(2);

/// The pauses from the start of one attempt to the start of the next: none at first, then twice as
/// long each time up to a bound. Half of each pause is random.
pub(crate) struct ReconnectBackoff {
    pause: Duration,
    started: Instant,
}

impl ReconnectBackoff {
    pub(crate) fn new() -> Self {
        Self {
            pause: Duration::ZERO,
            started: Instant::now(),
        }
    }

    /// Waits until the next attempt may start.
    pub(crate) async fn wait(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.started) > self.pause + STABLE_AFTER {
            self.pause = Duration::ZERO;
        }
        let half = self.pause / 2;
        sleep_until(self.started + half + half.mul_f64(fastrand::f64())).await;
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, MAX_PAUSE);
        self.started = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_become_rare_but_stay_regular() {
        let mut backoff = ReconnectBackoff::new();
        let start = Instant::now();
        backoff.wait().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            backoff.wait().await;
        }
        let settled = Instant::now();
        for _ in 0..100 {
            backoff.wait().await;
        }
        let mean = settled.elapsed() / 100;
        assert!(mean > MAX_PAUSE / 2 && mean < MAX_PAUSE, "{mean:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn first_attempt_after_stable_connection_is_immediate() {
        let mut backoff = ReconnectBackoff::new();
        for _ in 0..10 {
            backoff.wait().await;
        }
        tokio::time::sleep(STABLE_AFTER * 2).await;
        let start = Instant::now();
        backoff.wait().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        backoff.wait().await;
        assert!(start.elapsed() <= FIRST_PAUSE);
    }
}
