//! A watch on connections that have gone silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fred::clients::Client as FredClient;
use fred::interfaces::ClientLike;

use crate::trace;

/// So many commands in a row without a reply, and the connection is made anew: fred itself does
/// not notice a dead peer while writes go on.
const SILENT: usize = 3;

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
}

impl Silence {
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.0.generation.load(Ordering::Acquire))
    }

    /// A reply came, or an error that is no silence.
    pub(crate) fn broken(&self) {
        self.0.in_a_row.store(0, Ordering::Relaxed);
    }

    /// No reply came to a command that was sent in `generation`.
    ///
    /// The connection is replaced once at a time, and what was sent on an earlier one tells
    /// nothing of the present one: with many commands under way, their timeouts would otherwise
    /// replace each new connection as well.
    pub(crate) fn lasted(&self, generation: Generation, client: &FredClient, server: &str) {
        if generation != self.generation() {
            return;
        }
        let in_a_row = self.0.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if in_a_row < SILENT || self.0.replacing.swap(true, Ordering::AcqRel) {
            return;
        }
        trace::unresponsive(server, in_a_row);
        let (client, silence) = (client.clone(), self.clone());
        tokio::spawn(async move {
            // A failure shows in the commands that follow; fred goes on trying.
            let _ = client.force_reconnection().await;
            silence.0.generation.fetch_add(1, Ordering::AcqRel);
            silence.0.in_a_row.store(0, Ordering::Relaxed);
            silence.0.replacing.store(false, Ordering::Release);
        });
    }
}
