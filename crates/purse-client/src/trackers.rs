//! The tracking connections of a client: one, or in a cluster one for each node that is watched.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::types::config::Server;
use futures::FutureExt;
use futures::future::Shared;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::tracker::{Made, Making, Tracker};
use crate::{Client, Error, ErrorKind, Result};

/// A server that refuses to track is asked again only after this time.
const REFUSAL: Duration = Duration::from_secs(30);

/// The tracking connections, made when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct Trackers(Mutex<HashMap<Option<Server>, Slot>>);

#[derive(Debug)]
struct Slot {
    made: Shared<oneshot::Receiver<Made>>,
    since: Instant,
}

impl Trackers {
    /// The connection to `node`, or to the server; all who want it while it is made share it, and
    /// its failure.
    pub(crate) async fn get(&self, client: &Client, node: Option<Server>) -> Result<Tracker> {
        let made = self.made(client, node);
        match made.await {
            Ok(Ok(tracker)) => Ok(tracker),
            Ok(Err(error)) => Err(error.again()),
            Err(_) => Err(Error::new(
                ErrorKind::NotSent,
                "the runtime of the client has ended",
            )),
        }
    }

    fn made(&self, client: &Client, node: Option<Server>) -> Shared<oneshot::Receiver<Made>> {
        let mut slots = self.lock();
        if let Some(slot) = slots.get(&node).filter(|slot| slot.is_useful()) {
            return slot.made.clone();
        }
        // Nodes come and go.
        slots.retain(|_, slot| slot.is_useful());
        let (sender, receiver) = oneshot::channel();
        let making = Making {
            blueprint: client.leases().blueprint().clone(),
            node: node.clone(),
            closing: client.closing(),
            busy: client.leases().busy(),
        };
        client.runtime().spawn(making.run(sender));
        let made = receiver.shared();
        let slot = Slot {
            made: made.clone(),
            since: Instant::now(),
        };
        slots.insert(node, slot);
        made
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<Server>, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn is_useful(&self) -> bool {
        match self.made.peek() {
            None => true,
            Some(Ok(Ok(tracker))) => !tracker.watched.is_lost(),
            Some(Ok(Err(error))) => is_refusal(error) && self.since.elapsed() < REFUSAL,
            Some(Err(_)) => false,
        }
    }
}

/// Whether the server will say the same again.
fn is_refusal(error: &Arc<Error>) -> bool {
    matches!(error.kind(), ErrorKind::Auth | ErrorKind::Unsupported)
}
