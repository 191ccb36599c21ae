//! A watch on connections that have gone silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::interfaces::ClientLike;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::quiet::{Quiet, Replies, now};
use crate::trace;

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
    replies: Replies,
}

/// Counts the silences of one client, and replaces its connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Silence(Arc<State>);

#[derive(Debug, Default)]
struct State {
    quiet: Quiet,
    generation: AtomicUsize,
    replacing: AtomicBool,
    /// When a replica last answered, in microseconds after the first look at the clock.
    refused: AtomicU64,
    kick: Arc<Notify>,
}

impl Silence {
    /// A command is about to be sent.
    pub(crate) fn sent(&self) -> Sent {
        Sent {
            generation: self.0.generation.load(Ordering::Acquire),
            replies: self.0.quiet.sent(),
        }
    }

    /// Tells when fred's task is to be started anew.
    pub(crate) fn kick(&self) -> Arc<Notify> {
        self.0.kick.clone()
    }

    /// A reply came, or an error that is no silence.
    pub(crate) fn broken(&self) {
        self.0.quiet.broken();
    }

    /// No reply came within `limit` to a command that was sent then.
    ///
    /// The connection is replaced once at a time, and what was sent on an earlier one tells
    /// nothing of the present one: with many commands under way, their timeouts would otherwise
    /// replace each new connection as well. Nor does one that is late while others get their reply.
    pub(crate) fn lasted(&self, limit: Duration, sent: Sent, client: &FredClient, server: &str) {
        if sent.generation != self.0.generation.load(Ordering::Acquire) {
            return;
        }
        let Some(in_a_row) = self.0.quiet.lasted(limit, sent.replies) else {
            return;
        };
        if self.0.replacing.swap(true, Ordering::AcqRel) {
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

    /// Starts fred's task anew, and with it all its connections; what is under way gets no reply.
    ///
    /// To tell fred to connect anew is not enough in a cluster: it keeps each connection that has
    /// not broken.
    pub(crate) fn start_anew(&self) {
        if !self.0.replacing.swap(true, Ordering::AcqRel) {
            let replacing = Replacing(self.0.clone());
            self.0.kick.notify_one();
            drop(replacing);
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
        self.0.quiet.begin_anew();
        self.0.replacing.store(false, Ordering::Release);
    }
}
