//! Connections that are lent out, one at a time, for what cannot go over the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::error::Error as FredError;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, Server, ServerConfig};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::driver::Task;
use crate::{Result, convert};

/// Connections that wait for their next use.
const MOST_IDLE: usize = 16;

/// A connection for one command at a time; it closes when it is dropped.
///
/// It is never made anew: while it is connected, it is the same connection.
#[derive(Debug)]
pub(crate) struct Lease {
    client: FredClient,
    task: Task,
    /// The one node of a cluster that it is connected to; `None` for one to all of them.
    node: Option<Server>,
}

impl Lease {
    pub(crate) const fn fred(&self) -> &FredClient {
        &self.client
    }

    /// Whether the connection stands, as far as fred has noticed.
    fn is_alive(&self) -> bool {
        !self.task.is_over() && self.client.is_connected()
    }
}

/// How a connection of its own is made, beside those that the client keeps.
#[derive(Debug, Clone)]
pub(crate) struct Blueprint {
    config: Config,
    performance: PerformanceConfig,
    connection: ConnectionConfig,
    connect_timeout: Duration,
}

impl Blueprint {
    /// One of connections like those of `pattern`.
    pub(crate) fn of(pattern: &FredClient, connect_timeout: Duration) -> Self {
        let mut config = pattern.client_config();
        config.fail_fast = true;
        Self {
            config,
            performance: pattern.perf_config(),
            connection: pattern.connection_config().clone(),
            connect_timeout,
        }
    }

    /// Fred keeps so many messages for a listener that is slow to take them.
    pub(crate) const fn with_messages(mut self, messages: usize) -> Self {
        self.performance.broadcast_channel_capacity = messages;
        self
    }

    /// A client for one `node` of a cluster, or else for the server, that connects once and is
    /// never connected anew.
    pub(crate) fn client(&self, node: Option<&Server>) -> FredClient {
        let (mut config, performance) = (self.config.clone(), self.performance.clone());
        if let Some(node) = node {
            let server = node.clone();
            config.server = ServerConfig::Centralized { server };
        }
        let connection = self.connection.clone();
        FredClient::new(config, Some(performance), Some(connection), None)
    }

    /// Bounds the steps of connecting together.
    pub(crate) async fn in_time<T>(
        &self,
        connect: impl Future<Output = Result<T, FredError>>,
    ) -> Result<T> {
        let tls = self.config.uses_tls();
        match timeout(self.connect_timeout, connect).await {
            Ok(connected) => connected.map_err(|error| convert::connect_error(error, tls)),
            Err(_) => Err(convert::connect_timeout(tls)),
        }
    }
}

/// The connections that are lent out: the idle ones; and a count of what ends before the client
/// closes: pops under way, and reads that are about to go.
#[derive(Debug)]
pub(crate) struct Leases {
    blueprint: Blueprint,
    idle: Mutex<Vec<Lease>>,
    closed: AtomicBool,
    busy: watch::Sender<usize>,
}

/// Keeps the client from closing until it is dropped, or for a second.
#[derive(Debug)]
pub(crate) struct Busy(watch::Sender<usize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|busy| *busy -= 1);
    }
}

impl Leases {
    /// Leases of connections like those of `pattern`.
    pub(crate) fn new(pattern: &FredClient, connect_timeout: Duration) -> Self {
        Self {
            blueprint: Blueprint::of(pattern, connect_timeout),
            idle: Mutex::default(),
            closed: AtomicBool::new(false),
            busy: watch::Sender::new(0),
        }
    }

    pub(crate) const fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    pub(crate) fn busy(&self) -> Busy {
        self.busy.send_modify(|busy| *busy += 1);
        Busy(self.busy.clone())
    }

    /// Resolves once nothing is under way that the client waits for when it closes.
    pub(crate) async fn settled(&self) {
        // The sender lives as long as `self`: it cannot fail.
        let _ = self.busy.subscribe().wait_for(|busy| *busy == 0).await;
    }

    /// An idle connection, or a new one; to one `node` of a cluster, or else to the client's server.
    pub(crate) async fn take(&self, node: Option<&Server>) -> Result<Lease> {
        while let Some(lease) = self.pop_idle(node) {
            if lease.is_alive() {
                return Ok(lease);
            }
        }
        self.fresh(node).await
    }

    async fn fresh(&self, node: Option<&Server>) -> Result<Lease> {
        let client = self.blueprint.client(node);
        let task = self.blueprint.in_time(Task::connected(&client)).await?;
        Ok(Lease {
            client,
            task,
            node: node.cloned(),
        })
    }

    /// Takes a connection back, on which no command is under way.
    pub(crate) fn give(&self, lease: Lease) {
        let mut idle = self.lock();
        let closed = self.closed.load(Ordering::Acquire);
        if !closed && idle.len() < MOST_IDLE && lease.is_alive() {
            idle.push(lease);
        }
    }

    fn pop_idle(&self, node: Option<&Server>) -> Option<Lease> {
        let mut idle = self.lock();
        let place = idle.iter().rposition(|lease| lease.node.as_ref() == node)?;
        Some(idle.swap_remove(place))
    }

    /// Closes the idle connections, and those that are given back from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Lease>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
