//! How long a connection has been silent.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// So many commands in a row without a reply, and the connection is given up: fred itself does not
/// notice a dead peer while writes go on.
const SILENT: usize = 3;

/// So many times as long as a command may take there must have been no reply at all: many commands
/// that are late together say only that there are many.
const PATIENCE: u32 = 2;

/// Microseconds after the first look at the clock.
pub(crate) fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// How many replies there had been when a command was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replies(usize);

/// Counts the silences of one connection.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    in_a_row: AtomicUsize,
    /// Grows with each reply. Whether it did is all that matters, so one that is not counted is no
    /// harm: the replies pay for no clock and no lock.
    replies: AtomicUsize,
    /// The number of replies at the first silence of a row.
    replies_then: AtomicUsize,
    /// Since when there had been no reply.
    silent_since: AtomicU64,
}

impl Quiet {
    /// A command is about to be sent.
    pub(crate) fn sent(&self) -> Replies {
        Replies(self.replies.load(Ordering::Relaxed))
    }

    /// A reply came, or an error that is no silence.
    pub(crate) fn broken(&self) {
        let replies = self.replies.load(Ordering::Relaxed);
        self.replies
            .store(replies.wrapping_add(1), Ordering::Relaxed);
    }

    /// No reply came within `limit` to a command that was sent then: how many times in a row, if
    /// that is enough to give the connection up. One that is late while others get their reply
    /// tells nothing.
    pub(crate) fn lasted(&self, limit: Duration, sent: Replies) -> Option<usize> {
        let replies = self.replies.load(Ordering::Relaxed);
        if sent != Replies(replies) {
            return None;
        }
        let now = now();
        let goes_on = self.replies_then.swap(replies, Ordering::Relaxed) == replies
            && self.in_a_row.load(Ordering::Relaxed) > 0;
        if !goes_on {
            self.in_a_row.store(0, Ordering::Relaxed);
            let limit = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
            self.silent_since
                .store(now.saturating_sub(limit), Ordering::Relaxed);
        }
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        let since = self.silent_since.load(Ordering::Relaxed);
        let silent = Duration::from_micros(now.saturating_sub(since));
        (in_a_row >= SILENT && silent >= limit * PATIENCE).then_some(in_a_row)
    }

    /// There is a new connection.
    pub(crate) fn begin_anew(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }
}
