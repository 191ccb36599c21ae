//! The tracking connections of a client: one, or in a cluster one for each node that is watched.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::Shared;
use tokio::sync::oneshot;

use super::connection::{TrackingConnection, TrackingResult, TrackingTask};
use crate::config::Address;
use crate::connection::{Ending, error_map};
use crate::core::Caller;
use crate::util::sync::Mutex;
use crate::{Error, ErrorKind, Result};

/// A server that refuses to track is asked again only after this time.
const UNSUPPORTED_RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// The tracking connections, made when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct TrackingPool(Mutex<HashMap<Option<Address>, PoolEntry>>);

#[derive(Debug)]
struct PoolEntry {
    made: Shared<oneshot::Receiver<TrackingResult>>,
    since: Instant,
}

impl TrackingPool {
    /// Returns the connection to `node`, or to the server. Callers that ask while it is made share
    /// the connection, or the failure.
    pub(crate) async fn get(
        &self,
        caller: &Caller,
        node: Option<Address>,
    ) -> Result<TrackingConnection> {
        let made = self.get_or_connect(caller, node);
        match made.await {
            Ok(Ok(tracker)) => Ok(tracker),
            Ok(Err(error)) => Err(error.duplicate()),
            Err(_) => Err(error_map::ended_error(Ending::RuntimeEnded)),
        }
    }

    fn get_or_connect(
        &self,
        caller: &Caller,
        node: Option<Address>,
    ) -> Shared<oneshot::Receiver<TrackingResult>> {
        let mut slots = self.lock();
        if let Some(slot) = slots.get(&node).filter(|slot| slot.is_useful()) {
            return slot.made.clone();
        }
        // Nodes come and go.
        slots.retain(|_, slot| slot.is_useful());
        let (sender, receiver) = oneshot::channel();
        let task = TrackingTask {
            settings: caller.core.settings.clone(),
            counters: caller.core.counters.clone(),
            node: node.clone(),
            cluster: caller.core.cluster().cloned(),
            failovers: caller.core.failovers(),
            closing: caller.close_signal(),
            in_flight: caller.close_blockers().track(),
        };
        caller.runtime().spawn(task.run(sender));
        let made = receiver.shared();
        let slot = PoolEntry {
            made: made.clone(),
            since: Instant::now(),
        };
        slots.insert(node, slot);
        made
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<Address>, PoolEntry>> {
        self.0.lock()
    }
}

impl PoolEntry {
    fn is_useful(&self) -> bool {
        // Polled, because the outcome stays unseen if every caller that waited for it was dropped.
        match self.made.clone().now_or_never() {
            None => true,
            Some(Ok(Ok(connection))) => !connection.registry.is_closed(),
            Some(Ok(Err(error))) => {
                cannot_track(&error) && self.since.elapsed() < UNSUPPORTED_RETRY_INTERVAL
            }
            Some(Err(_)) => false,
        }
    }
}

/// Returns whether the server will refuse again.
fn cannot_track(error: &Arc<Error>) -> bool {
    matches!(error.kind(), ErrorKind::Auth | ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_that_no_caller_saw_is_not_kept() {
        let (sender, receiver) = oneshot::channel();
        let entry = PoolEntry {
            made: receiver.shared(),
            since: Instant::now(),
        };
        assert!(entry.is_useful(), "it is being made");
        let error = Error::new(ErrorKind::NotSent, "no server");
        sender.send(Err(Arc::new(error))).expect("a receiver");
        assert!(!entry.is_useful());
    }
}
