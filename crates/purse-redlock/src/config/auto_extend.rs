//! The limits of automatic extension.

use std::time::Duration;

/// Has a lock extended by itself, a third of its ttl after it was acquired or last extended, for as
/// long as its guard is alive.
///
/// An extension that fails is tried again, with growing pauses, until the lock's time is over or
/// the masters say that it is gone. Without a limit, a holder that hangs blocks everybody else for
/// as long as its process lives: the limits here end that. They bound the lock whoever extends it:
/// extensions by hand count, and fail with [`ExtensionCap`](crate::Error::ExtensionCap) beyond.
///
/// ```
/// use std::time::Duration;
/// use purse_redlock::AutoExtend;
///
/// let an_hour_at_most = AutoExtend::new().max_hold(Duration::from_secs(3600));
/// assert_ne!(an_hour_at_most, AutoExtend::new());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "it does nothing until a lock is told of it"]
pub struct AutoExtend {
    max_extensions: Option<u32>,
    max_hold: Option<Duration>,
}

impl AutoExtend {
    /// Extends without limit.
    pub const fn new() -> Self {
        Self {
            max_extensions: None,
            max_hold: None,
        }
    }

    /// Extends so many times at most.
    pub const fn max_extensions(mut self, count: u32) -> Self {
        self.max_extensions = Some(count);
        self
    }

    /// Never lets the lock last longer than this in all, counted from the moment before the first
    /// command of it.
    ///
    /// An extension gives a whole ttl or does not take place, so the lock may end up to a third of
    /// its ttl sooner. One that is shorter than the ttl means no extension at all.
    pub const fn max_hold(mut self, time: Duration) -> Self {
        self.max_hold = Some(time);
        self
    }

    pub(crate) const fn extensions_limit(&self) -> Option<u32> {
        self.max_extensions
    }

    pub(crate) const fn hold_limit(&self) -> Option<Duration> {
        self.max_hold
    }
}
