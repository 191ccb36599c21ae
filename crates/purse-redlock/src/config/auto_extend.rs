//! The limits of automatic extension.

use std::time::Duration;

/// The limits of a lock's automatic extension.
///
/// The lock is extended a third of its ttl after it was acquired or last extended, for as long as
/// its guard is alive. An extension that fails is tried again, with growing pauses, until the
/// lock's time is over or the masters report that it is gone.
///
/// Without a limit, a holder that hangs blocks all others for as long as its process lives. The
/// limits here prevent that. They apply to every extension of the lock: extensions by hand count as
/// well, and fail with [`ExtensionCap`](crate::Error::ExtensionCap) beyond the limit.
///
/// ```
/// use std::time::Duration;
///
/// use purse::redlock::AutoExtend;
///
/// let an_hour_at_most = AutoExtend::new().max_hold(Duration::from_secs(3600));
/// assert_ne!(an_hour_at_most, AutoExtend::new());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "it has no effect until it is given to a lock or a builder"]
pub struct AutoExtend {
    max_extensions: Option<u32>,
    max_hold: Option<Duration>,
}

impl AutoExtend {
    /// Creates a configuration that extends without limit.
    pub const fn new() -> Self {
        Self {
            max_extensions: None,
            max_hold: None,
        }
    }

    /// Sets how often the lock is extended at most.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let servers = purse_testkit::Masters::start(1)?;
    /// # let urls = servers.urls();
    /// use purse::redlock::{AutoExtend, Error, Redlock};
    ///
    /// let redlock = Redlock::builder(urls).build().await?;
    /// let once = AutoExtend::new().max_extensions(1);
    /// let mut guard = redlock.mutex("invoices").auto_extend(once).lock().await?;
    /// guard.extend().await?;
    /// assert!(matches!(guard.extend().await, Err(Error::ExtensionCap)));
    /// # Ok(()) }
    /// ```
    pub const fn max_extensions(mut self, count: u32) -> Self {
        self.max_extensions = Some(count);
        self
    }

    /// Sets how long the lock lasts at most in total, counted from the moment before its first
    /// command.
    ///
    /// An extension gives a whole ttl or does not take place, so the lock may end up to a third of
    /// its ttl earlier. With a limit shorter than the ttl, the lock is never extended.
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
