//! A watch on connections that have gone silent.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use fred::clients::Client as FredClient;
use fred::interfaces::ClientLike;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::trace;

/// So many commands in a row without a reply, and the connection is made anew: fred itself does
/// not notice a dead peer while writes go on.
const SILENT: usize = 3;

/// So many times as long as a command may take there must have been no reply at all: many commands
/// that are late together say only that there are many.
const PATIENCE: u32 = 2;

/// How long fred may take to replace the connection. One that is stuck in a write to a dead peer
/// does not even hear that it should.
const REPLACEMENT: Duration = Duration::from_secs(1);

/// How often the answers of a replica make the connection anew.
const REFUSALS: Duration = Duration::from_secs(1);

/// What was known when a command was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// Which connection it was sent on, as far as this watch replaces them.
    generation: usize,
    /// How many replies there had been.
    replies: usize,
}

/// Counts the silences of one client, and replaces its connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Silence(Arc<State>);

#[derive(Debug, Default)]
struct State {
    in_a_row: AtomicUsize,
    generation: AtomicUsize,
    replacing: AtomicBool,
    /// Grows with each reply. Whether it did is all that matters, so one that is not counted is no
    /// harm: the replies pay for no clock and no lock.
    replies: AtomicUsize,
    /// The number of replies at the first silence of a row.
    replies_then: AtomicUsize,
    /// Since when there had been no reply, in microseconds after the first look at the clock.
    silent_since: AtomicU64,
    /// When a replica last answered, by the same clock.
    refused: AtomicU64,
    kick: Arc<Notify>,
}

fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl Silence {
    /// A command is about to be sent.
    pub(crate) fn sent(&self) -> Sent {
        Sent {
            generation: self.0.generation.load(Ordering::Acquire),
            replies: self.0.replies.load(Ordering::Relaxed),
        }
    }

    /// Tells when fred's task is to be started anew.
    pub(crate) fn kick(&self) -> Arc<Notify> {
        self.0.kick.clone()
    }

    /// A reply came, or an error that is no silence.
    pub(crate) fn broken(&self) {
        let replies = self.0.replies.load(Ordering::Relaxed);
        self.0
            .replies
            .store(replies.wrapping_add(1), Ordering::Relaxed);
    }

    /// No reply came within `limit` to a command that was sent then.
    ///
    /// The connection is replaced once at a time, and what was sent on an earlier one tells
    /// nothing of the present one: with many commands under way, their timeouts would otherwise
    /// replace each new connection as well. Nor does one that is late while others get their reply.
    pub(crate) fn lasted(&self, limit: Duration, sent: Sent, client: &FredClient, server: &str) {
        let replies = self.0.replies.load(Ordering::Relaxed);
        let is_old = sent.generation != self.0.generation.load(Ordering::Acquire);
        if is_old || sent.replies != replies {
            return;
        }
        let now = now();
        let goes_on = self.0.replies_then.swap(replies, Ordering::Relaxed) == replies
            && self.0.in_a_row.load(Ordering::Relaxed) > 0;
        if !goes_on {
            self.0.in_a_row.store(0, Ordering::Relaxed);
            let limit = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
            self.0
                .silent_since
                .store(now.saturating_sub(limit), Ordering::Relaxed);
        }
        let in_a_row = self.0.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        let since = self.0.silent_since.load(Ordering::Relaxed);
        let silent = Duration::from_micros(now.saturating_sub(since));
        if in_a_row < SILENT
            || silent < limit * PATIENCE
            || self.0.replacing.swap(true, Ordering::AcqRel)
        {
            return;
        }
        trace::unresponsive(server, in_a_row);
        self.replace(client);
    }

    /// A replica answered in place of the primary, and its connection stands.
    ///
    /// Somebody who only has a replica does not get a new connection with each command.
    pub(crate) fn refused(&self, client: &FredClient) {
        let since = now().saturating_sub(self.0.refused.load(Ordering::Relaxed));
        let is_first = self.0.refused.load(Ordering::Relaxed) == 0;
        let is_due = is_first || Duration::from_micros(since) >= REFUSALS;
        if is_due && !self.0.replacing.swap(true, Ordering::AcqRel) {
            self.0.refused.store(now().max(1), Ordering::Relaxed);
            self.replace(client);
        }
    }

    fn replace(&self, client: &FredClient) {
        let (client, replacing) = (client.clone(), Replacing(self.0.clone()));
        tokio::spawn(async move {
            // A failure shows in the commands that follow; fred goes on trying.
            if timeout(REPLACEMENT, client.force_reconnection())
                .await
                .is_err()
            {
                replacing.0.kick.notify_one();
            }
            drop(replacing);
        });
    }
}

/// Ends the replacement, also if its task is dropped with its runtime.
struct Replacing(Arc<State>);

impl Drop for Replacing {
    fn drop(&mut self) {
        self.0.generation.fetch_add(1, Ordering::AcqRel);
        self.0.in_a_row.store(0, Ordering::Relaxed);
        self.0.replacing.store(false, Ordering::Release);
    }
}
