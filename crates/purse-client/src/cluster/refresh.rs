//! The task that refreshes the slot map.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;

use super::slot_map::SlotMap;
use super::{Cluster, EndOnDrop};
use crate::command::{Command, Effect};
use crate::config::{Address, Servers};
use crate::connection::{Connection, Terms, Waiting, error_map};
use crate::util::time::sleep;
use crate::{Error, ErrorKind, Reply, Result};

/// The pause between two refreshes.
const PAUSE: Duration = Duration::from_millis(50);
/// The time that a connected node has to answer.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Learns the slots whenever it is asked to, until the cluster is dropped.
pub(super) async fn run(task: EndOnDrop, request: Arc<Notify>) {
    loop {
        request.notified().await;
        let Some(cluster) = task.0.upgrade() else {
            return;
        };
        match ask_all(&cluster).await {
            Ok(map) => cluster.learn(map),
            Err(error) => {
                cluster.fail(error);
                // Without any known primary, the nodes of the URL are asked until one answers.
                if cluster.primaries().is_empty() {
                    cluster.request_refresh();
                }
            }
        }
        drop(cluster);
        sleep(PAUSE).await;
    }
}

/// Asks the nodes that are connected, and then all that are known; the first answer counts.
async fn ask_all(cluster: &Cluster) -> Result<SlotMap> {
    let mut asked = HashSet::new();
    let mut known = cluster.primaries();
    if let Servers::Cluster(seeds) = &cluster.settings.target.servers {
        known.extend(seeds.iter().cloned());
    }
    known.retain(|address| asked.insert(address.clone()));
    let (connected, others): (Vec<_>, Vec<_>) = known
        .into_iter()
        .partition(|address| cluster.is_up(address));
    let mut last = None;
    for group in [connected, others] {
        // Connections to the others are made only if no connected node answers.
        let group: Vec<_> = group
            .into_iter()
            .map(|address| (cluster.connection(&address), address))
            .collect();
        let mut answers: FuturesUnordered<_> = group
            .iter()
            .map(|(connection, address)| ask(cluster, connection, address))
            .collect();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(map) if map.any_shard().is_some() => return Ok(map),
                Ok(_) => {
                    let message = "no slot of the cluster has an owner";
                    last = Some(Error::new(ErrorKind::NotSent, message));
                }
                Err(error) => last = Some(worse(last, error)),
            }
        }
    }
    Err(last.unwrap_or_else(|| Error::new(ErrorKind::NotSent, "no node of the cluster is known")))
}

/// Returns the more useful error: a permanent one, before one that may not last.
fn worse(last: Option<Error>, error: Error) -> Error {
    match last {
        Some(last) if !matches!(last.kind(), ErrorKind::NotSent | ErrorKind::Timeout) => last,
        _ => error,
    }
}

async fn ask(cluster: &Cluster, connection: &Connection, address: &Address) -> Result<SlotMap> {
    if !connection.was_up() {
        // The first failure to connect tells why.
        crate::util::time::timeout(cluster.settings.connect_timeout, wait_up(connection))
            .await
            .unwrap_or_else(|| {
                Err(error_map::connect_timeout(
                    cluster.settings.target.tls.is_some(),
                ))
            })?;
    }
    let since = std::time::Instant::now();
    let terms = Terms {
        since,
        deadline: since + MAX_WAIT.min(cluster.settings.connect_timeout),
        fail_fast: true,
    };
    let command = Command::read("CLUSTER").arg("SLOTS");
    let (ticket, _) = connection
        .send(&command, terms, false, false)
        .map_err(|failure| error_map::command_error(failure, "CLUSTER", Effect::Read))?;
    let waiting = Waiting::new(
        connection.clone(),
        ticket,
        terms.deadline,
        cluster.runtime.id(),
    );
    let outcome = waiting.await.and_then(|outcome| outcome);
    let delivered = outcome.map_err(|failure| {
        let error = error_map::command_error(failure, "CLUSTER", Effect::Read);
        match error.to_string().contains("cluster support disabled") {
            true => {
                let message =
                    "cannot connect: the server is not part of a cluster; use redis:// for it";
                Error::new(ErrorKind::Config, message)
            }
            false => error,
        }
    })?;
    SlotMap::parse(Reply(delivered.value), address)
}

/// Waits for the first attempt of a connection to end.
async fn wait_up(connection: &Connection) -> Result<()> {
    use crate::connection::Status;
    let mut status = connection.status();
    let ready = status.wait_for(|status| !matches!(status, Status::Connecting));
    match ready.await.map(|status| status.clone()) {
        Ok(Status::Failed(error)) => Err(error.again()),
        _ => Ok(()),
    }
}
