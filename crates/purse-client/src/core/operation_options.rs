//! OperationOptions of a handle to a client.

use std::time::Duration;

use crate::command::Command;
use crate::util::timer::clamp;

/// A set of options for the operations of one handle, for [`Client::with`](crate::Client::with).
///
/// The settings of a command come first, then these options, then the settings of the client.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use purse::OperationOptions;
///
/// let hasty = OperationOptions::new().timeout(Duration::from_millis(50)).fail_fast(true);
/// # let _ = hasty;
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use = "options do nothing until a handle has them"]
pub struct OperationOptions {
    timeout: Option<Duration>,
    fail_fast: Option<bool>,
}

impl OperationOptions {
    /// Creates options that change nothing.
    pub const fn new() -> Self {
        Self {
            timeout: None,
            fail_fast: None,
        }
    }

    /// Sets the time that each command may take, instead of the client's own timeout; a year at
    /// most.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{Command, OperationOptions};
    ///
    /// let hasty = client.with(OperationOptions::new().timeout(Duration::from_millis(200)));
    /// hasty.run(Command::read("GET").key("page")).await?;
    /// # Ok(()) }
    /// ```
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(clamp(timeout));
        self
    }

    /// Returns whether a command fails at once while there is no connection, instead of waiting for
    /// one; instead of the client's own setting.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, OperationOptions};
    ///
    /// let cache = client.with(OperationOptions::new().fail_fast(true));
    /// let page = cache.run(Command::read("GET").key("page")).await;
    /// assert!(page.is_ok(), "there is a connection");
    /// # Ok(()) }
    /// ```
    pub const fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = Some(fail_fast);
        self
    }

    pub(crate) fn apply(&self, command: Command) -> Command {
        let mut command = match (command.timeout, self.timeout) {
            (None, Some(timeout)) => command.timeout(timeout),
            _ => command,
        };
        command.fail_fast = command.fail_fast.or(self.fail_fast);
        command
    }

    pub(crate) const fn limit(&self) -> Option<Duration> {
        self.timeout
    }
}
