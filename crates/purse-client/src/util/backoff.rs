//! Pauses that double.

use std::time::Duration;

use super::timer::{clamp, sleep};

/// A series of pauses between retries: each is twice as long as the one before it.
///
/// # Examples
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use std::time::Duration;
///
/// use purse::{Backoff, Command};
///
/// // Takes a place for one of many tasks, and tries again while another task has it.
/// let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(50));
/// let place = Command::write("SET").key("place").arg("taken").arg("NX");
/// while client.run(place.clone()).await?.is_nil() {
///     backoff.pause().await;
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    first: Duration,
    max: Duration,
}

impl Backoff {
    /// Creates a series that starts with `first` and does not exceed `max`; a year at most.
    #[must_use]
    pub const fn new(first: Duration, max: Duration) -> Self {
        let (first, max) = (clamp(first), clamp(max));
        Self {
            next: first,
            first,
            max,
        }
    }

    /// Waits for a random part of the next pause, so that callers that failed together do not try
    /// again together.
    ///
    /// # Cancel safety
    /// If the future is dropped, the pause after it is twice as long.
    pub async fn pause(&mut self) {
        let part = fastrand::f64();
        sleep(self.next().mul_f64(part)).await;
    }

    /// Returns the next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next.min(self.max);
        self.next = (2 * pause).max(Duration::from_millis(1)).min(self.max);
        pause
    }

    /// Starts the series again.
    pub(crate) const fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_maximum_and_starts_again() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(10), ms(35));
        let pauses: Vec<_> = (0..4).map(|_| backoff.next()).collect();
        assert_eq!(pauses, [ms(10), ms(20), ms(35), ms(35)]);
        backoff.reset();
        assert_eq!(backoff.next(), ms(10));
    }
}
