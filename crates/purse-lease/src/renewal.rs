//! The schedule of automatic extensions and their limits: pure functions, without clock or network.

use std::time::Duration;

use crate::clock::LeaseInstant;
use crate::extension_limits::AutoExtend;
use crate::valid_until::valid_until;

/// The schedule and the limits of one lease's extensions: a third of its ttl after each that
/// succeeded, and sooner after each that failed.
///
/// ```
/// use std::time::Duration;
///
/// use purse_lease::{AutoExtend, LeaseInstant, RenewalSchedule};
///
/// let start = LeaseInstant::now();
/// let mut renewal = RenewalSchedule::new(Duration::from_secs(12), start);
/// renewal.enable(AutoExtend::new().max_extensions(1));
///
/// let due = renewal.due().unwrap();
/// assert_eq!(due, start + Duration::from_secs(4));
/// assert!(renewal.may_extend(due));
/// renewal.record_extension(due);
/// assert!(!renewal.may_extend(due + Duration::from_secs(4)));
/// ```
#[derive(Debug)]
pub struct RenewalSchedule {
    ttl: Duration,
    since: LeaseInstant,
    auto: Option<AutoExtend>,
    extensions: u32,
    failures: u32,
    due: LeaseInstant,
}

impl RenewalSchedule {
    /// Creates the schedule of a lease whose first command was sent after `since`.
    #[must_use]
    pub fn new(ttl: Duration, since: LeaseInstant) -> Self {
        Self {
            ttl,
            since,
            auto: None,
            extensions: 0,
            failures: 0,
            due: since + ttl / 3,
        }
    }

    /// Enables automatic extension with these limits.
    pub const fn enable(&mut self, auto: AutoExtend) {
        self.auto = Some(auto);
    }

    /// Returns when to extend next; `None` if automatic extension is not enabled.
    #[must_use]
    pub fn due(&self) -> Option<LeaseInstant> {
        self.auto.map(|_| self.due)
    }

    /// Returns whether an extension that begins at `now` stays within the limits.
    #[must_use]
    pub fn may_extend(&self, now: LeaseInstant) -> bool {
        let Some(auto) = self.auto else {
            return true;
        };
        let is_too_many = auto
            .extensions_limit()
            .is_some_and(|most| self.extensions >= most);
        let end = valid_until(now, self.ttl);
        let is_too_long = auto
            .hold_limit()
            .is_some_and(|most| end > self.since + most);
        !is_too_many && !is_too_long
    }

    /// Counts an extension that began at `start`.
    pub fn record_extension(&mut self, start: LeaseInstant) {
        self.extensions = self.extensions.saturating_add(1);
        self.failures = 0;
        self.due = start + self.ttl / 3;
    }

    /// Schedules the next extension after one whose outcome is unknown: soon, but with a random
    /// pause, because many locks may share the masters.
    pub fn record_failure(&mut self, now: LeaseInstant) {
        let longest = self.ttl / 12;
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let pause = (self.ttl / 100).saturating_mul(factor).min(longest);
        self.failures = self.failures.saturating_add(1);
        let pause = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.due = now + pause.max(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(12);

    const fn s(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn renewal_is_due_a_third_of_ttl_after_last_start() {
        let start = LeaseInstant::now();
        let mut renewal = RenewalSchedule::new(TTL, start);
        assert_eq!(renewal.due(), None, "not unless it is asked for");
        renewal.enable(AutoExtend::new());
        assert_eq!(renewal.due(), Some(start + s(4)));
        renewal.record_extension(start + s(5));
        assert_eq!(renewal.due(), Some(start + s(9)));
    }

    #[test]
    fn failed_renewal_is_retried_with_growing_pauses() {
        let mut now = LeaseInstant::now();
        let end = valid_until(now, TTL);
        let mut renewal = RenewalSchedule::new(TTL, now);
        renewal.enable(AutoExtend::new());
        now = now + s(4);
        let mut tries = 0;
        while now < end {
            renewal.record_failure(now);
            let due = renewal.due().unwrap();
            let pause = due.saturating_duration_since(now);
            assert!(pause <= s(1) && pause >= Duration::from_millis(60));
            assert!(tries > 0 || pause <= Duration::from_millis(120));
            (now, tries) = (due, tries + 1);
        }
        assert!((8..30).contains(&tries), "{tries}");
        renewal.record_extension(now);
        assert_eq!(renewal.due(), Some(now + s(4)));
    }

    #[test]
    fn max_extensions_counts_all_extensions() {
        let now = LeaseInstant::now();
        let mut renewal = RenewalSchedule::new(TTL, now);
        renewal.record_extension(now);
        renewal.enable(AutoExtend::new().max_extensions(2));
        assert!(renewal.may_extend(now));
        renewal.record_extension(now);
        assert!(!renewal.may_extend(now));
        renewal.enable(AutoExtend::new());
        assert!(renewal.may_extend(now));
    }

    #[test]
    fn max_hold_limits_end_of_lock() {
        let start = LeaseInstant::now();
        let mut renewal = RenewalSchedule::new(TTL, start);
        renewal.enable(AutoExtend::new().max_hold(s(20)));
        // The last moment from which a lease ends in time, by the holder's count.
        let length = valid_until(start, TTL).saturating_duration_since(start);
        let last = start + (s(20) - length);
        assert!(renewal.may_extend(last));
        assert!(!renewal.may_extend(last + Duration::from_nanos(1)));
        renewal.enable(AutoExtend::new().max_hold(Duration::MAX));
        assert!(renewal.may_extend(start + s(1_000_000)));
    }
}
