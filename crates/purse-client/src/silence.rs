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

/// Which connection a command was sent on, as far as this watch replaces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(usize);

/// Counts the silences of one client, and replaces its connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Silence(Arc<State>);

#[derive(Debug, Default)]
struct State {
    in_a_row: AtomicUsize,
    generation: AtomicUsize,
    replacing: AtomicBool,
    /// When the last reply came, in microseconds after the first look at the clock.
    heard: AtomicU64,
    /// When a replica last answered, by the same clock.
    refused: AtomicU64,
    kick: Arc<Notify>,
}

fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl Silence {
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.0.generation.load(Ordering::Acquire))
    }

    /// Tells when fred's task is to be started anew.
    pub(crate) fn kick(&self) -> Arc<Notify> {
        self.0.kick.clone()
    }

    /// A reply came, or an error that is no silence.
    pub(crate) fn broken(&self) {
        self.0.in_a_row.store(0, Ordering::Relaxed);
        self.0.heard.store(now(), Ordering::Relaxed);
    }

    /// No reply came within `limit` to a command that was sent in `generation`.
    ///
    /// The connection is replaced once at a time, and what was sent on an earlier one tells
    /// nothing of the present one: with many commands under way, their timeouts would otherwise
    /// replace each new connection as well.
    pub(crate) fn lasted(
        &self,
        limit: Duration,
        generation: Generation,
        client: &FredClient,
        server: &str,
    ) {
        if generation != self.generation() {
            return;
        }
        let in_a_row = self.0.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        let now = now();
        if in_a_row == 1 {
            // Before it was sent, nobody had asked anything.
            let sent = now.saturating_sub(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX));
            self.0.heard.fetch_max(sent, Ordering::Relaxed);
        }
        let heard = self.0.heard.load(Ordering::Relaxed);
        let silent = Duration::from_micros(now.saturating_sub(heard));
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
        self.0.heard.store(now(), Ordering::Relaxed);
        self.0.replacing.store(false, Ordering::Release);
    }
}
