//! The times of a lock, checked once.

use std::time::Duration;

use crate::config::auto_extend::AutoExtend;
use crate::error::{Error, Result};

const MILLISECOND: Duration = Duration::from_millis(1);
const MIN_TTL: Duration = Duration::from_millis(10);
const MAX_TTL: Duration = Duration::from_secs(366 * 24 * 60 * 60);
const MAX_MASTER_TIMEOUT: Duration = Duration::from_millis(50);
const MAX_QUEUE_TIMEOUT: Duration = Duration::from_secs(1);
pub(crate) const MAX_OUTAGE_TOLERANCE: Duration = Duration::from_secs(30);

/// What the user asked for; `None` where the default is to be taken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PartialSettings {
    pub(crate) ttl: Option<Duration>,
    pub(crate) master_timeout: Option<Duration>,
    pub(crate) min_validity: Option<Duration>,
    pub(crate) retry_delay: Option<Duration>,
    pub(crate) auto_extend: Option<AutoExtend>,
}

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
                "a ttl of {ttl:?}: it should be between {MIN_TTL:?} and a year"
            )));
        }
        // Servers count whole milliseconds, and a lease must not be thought longer than it is.
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
                "a master_timeout of {master_timeout:?}: it should be at least {MILLISECOND:?}"
            )));
        }
        if min_validity.is_zero() {
            return Err(Error::config(
                "a min_validity of zero: a lock without time left is none",
            ));
        }
        if retry_delay < MILLISECOND {
            return Err(Error::config(format!(
                "a retry_delay of {retry_delay:?}: it should be at least {MILLISECOND:?}, or waiting would burn a core"
            )));
        }
        let spent = drift(ttl)
            .saturating_add(master_timeout)
            .saturating_add(min_validity);
        if spent >= ttl {
            return Err(Error::config(format!(
                "the master_timeout of {master_timeout:?}, the min_validity of {min_validity:?} and the clock drift of {:?} leave nothing of the ttl of {ttl:?}",
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

    /// How long a request may wait for its turn, behind others to the same master.
    pub(crate) fn queue_timeout(&self) -> Duration {
        (self.ttl / 10).min(MAX_QUEUE_TIMEOUT)
    }

    /// How long [`lock`](crate::RedlockMutex::lock) bears masters that are down.
    pub(crate) fn outage_tolerance(&self) -> Duration {
        self.ttl.min(MAX_OUTAGE_TOLERANCE)
    }
}

/// The allowance for clocks that do not run equally fast: 1 % of `ttl` and 2 ms.
pub(crate) fn drift(ttl: Duration) -> Duration {
    ttl / 100 + Duration::from_millis(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Option<Duration> {
        Some(Duration::from_millis(n))
    }

    #[test]
    fn defaults_follow_the_ttl() {
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
    fn times_that_cannot_work_are_refused_by_name() {
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
