//! The time at which a holder stops.

use std::time::Duration;

use crate::clock::LeaseInstant;

/// Returns the allowance for clocks that do not run equally fast: 1 % of `ttl`, plus 2 ms.
///
/// ```
/// # use std::time::Duration;
/// let ttl = Duration::from_secs(10);
/// assert_eq!(purse_lease::drift(ttl), Duration::from_millis(102));
/// ```
#[must_use]
pub fn drift(ttl: Duration) -> Duration {
    ttl / 100 + Duration::from_millis(2)
}

/// Returns the moment until which a lease of `ttl` is certain to hold whose first command was sent
/// at or after `start`.
///
/// ```
/// # use std::time::Duration;
/// # use purse_lease::{LeaseInstant, valid_until};
/// let start = LeaseInstant::now();
/// let until = valid_until(start, Duration::from_secs(10));
/// assert_eq!(until, start + Duration::from_millis(9_898));
/// ```
#[must_use]
pub fn valid_until(start: LeaseInstant, ttl: Duration) -> LeaseInstant {
    start + ttl.saturating_sub(drift(ttl))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_subtracts_drift() {
        let start = LeaseInstant::now();
        let ttl = Duration::from_secs(10);
        assert_eq!(drift(ttl), Duration::from_millis(102));
        assert_eq!(
            valid_until(start, ttl),
            start + Duration::from_millis(9_898)
        );
        assert_eq!(valid_until(start, Duration::from_millis(1)), start);
        assert_eq!(
            valid_until(start, Duration::MAX),
            start + (Duration::MAX - drift(Duration::MAX))
        );
    }
}
