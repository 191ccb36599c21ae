//! Counters of a client.

use std::sync::atomic::{AtomicU64, Ordering};

use super::metrics;
use crate::ErrorKind;

/// The number of kinds of errors.
const KINDS: usize = ErrorKind::Limit as usize + 1;

/// A snapshot of the counters of a client, from [`Client::stats`](crate::Client::stats).
///
/// The counters include all connections of the client since it was made, and those of its key
/// watches. They do not include handshakes, nor the messages of sentinels.
///
/// # Examples
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Command, ErrorKind};
///
/// client.run(Command::write("SET").key("name").arg("Ada")).await?;
/// client.run(Command::write("LPUSH").key("name").arg("x")).await.unwrap_err();
/// let stats = client.stats();
/// assert_eq!(stats.commands, 2);
/// assert_eq!(stats.errors(ErrorKind::WrongType), 1);
/// assert_eq!(stats.reconnects, 0);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The commands that were taken from the queue to be sent. A batch of up to 1,024 operations
    /// for one node counts as one.
    pub commands: u64,
    /// The replies that arrived.
    pub replies: u64,
    /// The bytes that were taken from the queue to be sent.
    pub bytes_sent: u64,
    /// The bytes that were received.
    pub bytes_received: u64,
    /// The commands that had no reply in time, as far as the task of their connection noticed.
    pub timeouts: u64,
    /// The connections that were made again after a loss.
    pub reconnects: u64,
    /// The attempts to connect that failed.
    pub connect_failures: u64,
    /// The redirections of a cluster that commands followed.
    pub redirects: u64,
    /// The commands that wait to be sent or for their replies at this moment, on all connections.
    pub in_flight: u64,
    errors: [u64; KINDS],
}

impl Stats {
    /// Returns the number of commands that failed with an error of `kind`.
    ///
    /// # Examples
    /// ```
    /// use purse::{ErrorKind, Stats};
    ///
    /// assert_eq!(Stats::default().errors(ErrorKind::Timeout), 0);
    /// assert_eq!(Stats::default().errors(ErrorKind::Limit), 0);
    /// ```
    #[must_use]
    pub const fn errors(&self, kind: ErrorKind) -> u64 {
        self.errors[kind as usize]
    }
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    commands: AtomicU64,
    replies: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    timeouts: AtomicU64,
    reconnects: AtomicU64,
    connect_failures: AtomicU64,
    redirects: AtomicU64,
    errors: [AtomicU64; KINDS],
}

impl Counters {
    pub(crate) fn snapshot(&self, in_flight: usize) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            commands: read(&self.commands),
            replies: read(&self.replies),
            bytes_sent: read(&self.bytes_sent),
            bytes_received: read(&self.bytes_received),
            timeouts: read(&self.timeouts),
            reconnects: read(&self.reconnects),
            connect_failures: read(&self.connect_failures),
            redirects: read(&self.redirects),
            in_flight: in_flight as u64,
            errors: self.errors.each_ref().map(read),
        }
    }

    pub(crate) fn add_sent(&self, commands: usize, bytes: usize) {
        add(&self.commands, "purse_commands_total", commands);
        add(&self.bytes_sent, "purse_sent_bytes_total", bytes);
    }

    pub(crate) fn add_replies(&self, replies: usize) {
        add(&self.replies, "purse_replies_total", replies);
    }

    pub(crate) fn add_received(&self, bytes: usize) {
        add(&self.bytes_received, "purse_received_bytes_total", bytes);
    }

    pub(crate) fn add_timeouts(&self, timeouts: usize) {
        add(&self.timeouts, "purse_timeouts_total", timeouts);
    }

    pub(crate) fn add_reconnect(&self) {
        add(&self.reconnects, "purse_reconnects_total", 1);
    }

    pub(crate) fn add_connect_failure(&self) {
        add(&self.connect_failures, "purse_connect_failures_total", 1);
    }

    pub(crate) fn add_redirect(&self) {
        add(&self.redirects, "purse_redirects_total", 1);
    }

    pub(crate) fn add_error(&self, kind: ErrorKind) {
        self.errors[kind as usize].fetch_add(1, Ordering::Relaxed);
        metrics::error(kind);
    }
}

/// Adds `n` to a counter, and to the counter `name` of the `metrics` crate.
fn add(counter: &AtomicU64, name: &'static str, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
    metrics::count(name, n);
}
