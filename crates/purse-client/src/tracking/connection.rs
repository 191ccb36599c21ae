//! One connection on which the server reports changed keys.
//!
//! The connection is made once, because messages between two connections would be missed. Its task
//! owns it and checks regularly that the server answers. When the connection ends for any reason,
//! all watches are woken.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::registry::WatchRegistry;
use crate::cluster::{Cluster, own_part};
use crate::command::Command;
use crate::command::key_slots::slot_of;
use crate::config::Address;
use crate::connection::{ConnectionOptions, Dialer, Endpoint, Purpose, Settings, error_map};
use crate::core::{Call, CloseGuard, Core, Role, closed_error, in_time, wait_closed, wait_up};
use crate::resp::Value;
use crate::telemetry::Counters;
use crate::util::timer::{MAX_TIMEOUT, timeout};
use crate::{Error, ErrorKind, Result};

/// The time between two health checks, and the time that a check may take.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// The connection closes after this number of heartbeats in a row without a watch.
const MAX_IDLE: u32 = 3;

/// A connection that tracks what is read on it.
#[derive(Debug, Clone)]
pub(crate) struct TrackingConnection {
    pub(crate) core: Arc<Core>,
    pub(crate) registry: Arc<WatchRegistry>,
    pub(crate) since: Instant,
}

/// The outcome of making one, for all who wait for it.
pub(crate) type TrackingResult = Result<TrackingConnection, Arc<Error>>;

/// The parts of the task of a tracking connection.
#[derive(Debug)]
pub(crate) struct TrackingTask {
    pub(crate) settings: Arc<Settings>,
    pub(crate) counters: Arc<Counters>,
    /// The node of a cluster.
    pub(crate) node: Option<Address>,
    pub(crate) cluster: Option<Arc<Cluster>>,
    pub(crate) failovers: watch::Receiver<()>,
    pub(crate) closing: watch::Receiver<bool>,
    /// A client that closes waits until the connection is closed.
    pub(crate) in_flight: CloseGuard,
}

impl TrackingTask {
    /// Connects, reports the outcome, and stays with the connection to its end.
    pub(crate) async fn run(self, made: oneshot::Sender<TrackingResult>) {
        let Self {
            settings,
            counters,
            node,
            cluster,
            mut failovers,
            mut closing,
            in_flight,
        } = self;
        let registry = Arc::new(WatchRegistry::new());
        let is_node = node.is_some();
        let (limit, tls) = (settings.connect_timeout, settings.target.tls.is_some());
        let dialer = Dialer {
            settings,
            endpoint: node.clone().map_or(Endpoint::Target, Endpoint::Node),
            purpose: Purpose::Tracking,
        };
        let reported = registry.clone();
        let options = ConnectionOptions {
            is_single: true,
            on_push: Some(Box::new(move |message| forward(&message, &reported))),
            on_loss: None,
        };
        let core = Core::single(dialer, options, Handle::current(), counters, Role::Tracking);
        let connect = async {
            let late = || error_map::connect_timeout(tls);
            if let Some(connection) = core.first() {
                in_time(limit, late, wait_up(connection)).await?;
            }
            health_check(&core, is_node).await
        };
        let connected = tokio::select! {
            connected = connect => connected,
            () = wait_closed(&mut closing) => Err(closed_error()),
        };
        let part = match connected {
            Ok(part) => part,
            Err(error) => {
                // That no caller waits is not a failure.
                let _ = made.send(Err(Arc::new(error)));
                return;
            }
        };
        // Also when this task is dropped with its runtime.
        let end = CloseOnDrop(registry.clone());
        let _ = made.send(Ok(TrackingConnection {
            core: core.clone(),
            registry: registry.clone(),
            since: Instant::now(),
        }));
        tokio::select! {
            () = wait_closed(&mut closing) => {}
            () = wait_over(&core) => {}
            // The server may still answer, although another one is the primary now.
            _ = failovers.changed() => {}
            () = wake_moved(cluster, node, &registry) => {}
            () = heartbeat(&core, &registry, is_node, part) => {}
        }
        drop(end);
        if let Some(connection) = core.first() {
            connection.end();
        }
        drop(in_flight);
    }
}

/// Closes the registry when it is dropped, which wakes all watches.
struct CloseOnDrop(Arc<WatchRegistry>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The flags and slots that a node of a cluster reports about itself.
type Part = Option<String>;

/// Wakes the watches of the keys in an invalidation message.
fn forward(message: &[Value], registry: &WatchRegistry) {
    let [Value::Bytes(kind) | Value::Status(kind), keys] = message else {
        return;
    };
    if kind != "invalidate" {
        return;
    }
    match keys {
        Value::List(keys) => {
            for key in keys {
                if let Value::Bytes(key) = key {
                    registry.invalidate(key);
                }
            }
        }
        // All keys of the database are gone.
        _ => registry.invalidate_all(),
    }
}

/// Completes once the connection is over.
async fn wait_over(core: &Core) {
    if let Some(connection) = core.first() {
        let mut status = connection.status();
        let is_over =
            |status: &crate::connection::Status| matches!(status, crate::connection::Status::Over);
        let _ = status.wait_for(is_over).await;
    }
}

/// Wakes the watches of keys whose slot has another owner than `node`. The node itself may not
/// have noticed that, and then reports no change any more. Never completes.
async fn wake_moved(
    cluster: Option<Arc<Cluster>>,
    node: Option<Address>,
    registry: &WatchRegistry,
) {
    while let Some((cluster, node)) = cluster.as_ref().zip(node.as_ref()) {
        let change = cluster.wait_change(Instant::now() + MAX_TIMEOUT);
        registry.invalidate_if(|key| !is_owner(cluster, slot_of(key), node));
        change.await;
    }
    pending().await
}

/// Returns whether `node` owns `slot`, as far as it is known.
pub(crate) fn is_owner(cluster: &Cluster, slot: u16, node: &Address) -> bool {
    cluster.owner(slot).is_none_or(|owner| owner == *node)
}

/// Completes once the connection should be closed: it is dead, or no watch used it for a while.
async fn heartbeat(core: &Arc<Core>, registry: &WatchRegistry, is_node: bool, mut part: Part) {
    let mut idle = 0;
    loop {
        let requested = timeout(HEARTBEAT, registry.health_check_requested()).await;
        if requested.is_some() || !registry.is_unused() {
            idle = 0;
        } else {
            idle += 1;
            if idle >= MAX_IDLE && registry.close_unless_used() {
                return;
            }
        }
        if registry.is_closed() {
            return;
        }
        let Ok(seen) = health_check(core, is_node).await else {
            return;
        };
        // A node does not report keys that it gave away, or that are made on the next one.
        if seen != part {
            registry.invalidate_all();
            part = seen;
        }
    }
}

/// Asks the server whether it is there, and a node of a cluster for its part in it.
///
/// An error that the server replies with is an answer.
async fn health_check(core: &Arc<Core>, is_node: bool) -> Result<Part> {
    let command = if is_node {
        Command::read("CLUSTER").arg("NODES")
    } else {
        Command::read("PING")
    };
    let reply = match Call::new(core.clone(), command.timeout(HEARTBEAT)).await {
        Ok(answer) => answer.reply,
        Err(error) => {
            let is_silent = matches!(error.kind(), ErrorKind::Timeout | ErrorKind::NotSent);
            return if is_silent { Err(error) } else { Ok(None) };
        }
    };
    if !is_node {
        return Ok(None);
    }
    let nodes = reply.into_bytes()?;
    Ok(own_part(&String::from_utf8_lossy(&nodes)))
}
