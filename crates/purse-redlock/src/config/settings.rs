//! The settings of a lock service, checked once.

use std::time::Duration;

use purse_lease::{AutoExtend, drift};

use crate::error::{Error, Result};

const MILLISECOND: Duration = Duration::from_millis(1);
const MIN_TTL: Duration = Duration::from_millis(10);
const MAX_TTL: Duration = Duration::from_secs(366 * 24 * 60 * 60);
const MAX_MASTER_TIMEOUT: Duration = Duration::from_millis(50);
const MAX_QUEUE_TIMEOUT: Duration = Duration::from_secs(1);
pub(crate) const MAX_OUTAGE_TOLERANCE: Duration = Duration::from_secs(30);

/// The settings that the user gave; `None` selects the default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PartialSettings {
    pub(crate) ttl: Option<Duration>,
    pub(crate) master_timeout: Option<Duration>,
    pub(crate) min_validity: Option<Duration>,
    pub(crate) retry_delay: Option<Duration>,
    pub(crate) auto_extend: Option<AutoExtend>,
}

/// The settings of a lock service, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) ttl: Duration,
    pub(crate) master_timeout: Duration,
    pub(crate) min_validity: Duration,
    pub(crate) retry_delay: Duration,
    pub(crate) auto_extend: Option<AutoExtend>,
}

impl Settings {
    pub(crate) fn new(settings: PartialSettings) -> Result<Self> {
        let ttl = settings.ttl.unwrap_or(Duration::from_secs(10));
        if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
            return Err(Error::config(format!(
                "ttl must be between {MIN_TTL:?} and one year, but is {ttl:?}"
            )));
        }
        // Servers count whole milliseconds, and the client must not believe that a lease is longer
        // than it is.
        let ttl = ttl - Duration::from_nanos(u64::from(ttl.subsec_nanos() % 1_000_000));
        let master_timeout = settings
            .master_timeout
            .unwrap_or_else(|| (ttl / 20).clamp(MILLISECOND, MAX_MASTER_TIMEOUT));
        let min_validity = settings
            .min_validity
            .unwrap_or_else(|| (ttl / 100).max(MILLISECOND));
        let retry_delay = settings.retry_delay.unwrap_or(Duration::from_millis(200));
        if master_timeout < MILLISECOND {
            return Err(Error::config(format!(
                "master_timeout must be at least {MILLISECOND:?}, but is {master_timeout:?}"
            )));
        }
        if min_validity.is_zero() {
            return Err(Error::config("min_validity must be greater than zero"));
        }
        if retry_delay < MILLISECOND {
            return Err(Error::config(format!(
                "retry_delay must be at least {MILLISECOND:?}, but is {retry_delay:?}"
            )));
        }
        let spent = drift(ttl)
            .saturating_add(master_timeout)
            .saturating_add(min_validity);
        if spent >= ttl {
            return Err(Error::config(format!(
                "master_timeout ({master_timeout:?}), min_validity ({min_validity:?}) and clock drift ({:?}) must leave a part of the ttl ({ttl:?})",
                drift(ttl)
            )));
        }
        Ok(Self {
            ttl,
            master_timeout,
            min_validity,
            retry_delay,
            auto_extend: settings.auto_extend,
        })
    }

    /// Returns how long a request may wait for a permit, behind other requests to the same master.
    pub(crate) fn queue_timeout(&self) -> Duration {
        (self.ttl / 10).min(MAX_QUEUE_TIMEOUT)
    }

    /// Returns how long [`lock`](crate::RedlockMutex::lock) tolerates that there is no quorum.
    pub(crate) fn outage_tolerance(&self) -> Duration {
        self.ttl.min(MAX_OUTAGE_TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Option<Duration> {
        Some(Duration::from_millis(n))
    }

    #[test]
    fn defaults_derive_from_ttl() {
        let of = |ttl| {
            let settings = Settings::new(PartialSettings {
                ttl,
                ..PartialSettings::default()
            })
            .unwrap();
            [settings.ttl, settings.master_timeout, settings.min_validity].map(|t| t.as_millis())
        };
        assert_eq!(of(None), [10_000, 50, 100]);
        assert_eq!(of(ms(400)), [400, 20, 4]);
        assert_eq!(of(ms(10)), [10, 1, 1]);
        assert_eq!(of(Some(Duration::from_micros(20_999))), [20, 1, 1]);
    }

    #[test]
    fn impossible_durations_are_rejected_by_name() {
        let none = PartialSettings::default();
        for (settings, word) in [
            (PartialSettings { ttl: ms(0), ..none }, "ttl"),
            (PartialSettings { ttl: ms(9), ..none }, "ttl"),
            (
                PartialSettings {
                    ttl: Some(Duration::MAX),
                    ..none
                },
                "ttl",
            ),
            (
                PartialSettings {
                    master_timeout: ms(0),
                    ..none
                },
                "master_timeout",
            ),
            (
                PartialSettings {
                    master_timeout: ms(10_000),
                    ..none
                },
                "master_timeout",
            ),
            (
                PartialSettings {
                    master_timeout: Some(Duration::MAX),
                    ..none
                },
                "master_timeout",
            ),
            (
                PartialSettings {
                    min_validity: ms(0),
                    ..none
                },
                "min_validity",
            ),
            (
                PartialSettings {
                    min_validity: ms(9_900),
                    ..none
                },
                "min_validity",
            ),
            (
                PartialSettings {
                    retry_delay: ms(0),
                    ..none
                },
                "retry_delay",
            ),
        ] {
            let error = Settings::new(settings).unwrap_err();
            assert!(matches!(error, Error::Config { .. }), "{error:?}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
