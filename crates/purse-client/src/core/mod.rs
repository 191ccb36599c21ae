//! The one way by which all features of a client send commands.
//!
//! May import: `error`, `util`, `telemetry`, `config`, `command`, `connection`, `cluster`.

mod call;
mod caller;
mod close_blockers;
mod error_reply;
mod operation_options;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::cluster::{Cluster, Redirect};
use crate::command::{Command, Effect, ErrorContext};
use crate::config::Servers;
use crate::connection::{
    CommandTiming, Connection, ConnectionOptions, Dialer, Ending, Endpoint, Purpose, ServerInfo,
    Settings, WeakConnection, error_map, watch_for_failover,
};
use crate::telemetry::{Counters, Event};
use crate::util::sync::Mutex;
use crate::util::timer::{MAX_TIMEOUT, timeout};
use crate::{Error, Result};

pub(crate) use crate::connection::wait_up;
pub(crate) use call::{Call, Origin, check};
pub(crate) use caller::Caller;
pub(crate) use close_blockers::{CloseBlockers, CloseGuard};
pub(crate) use error_reply::is_script_unknown;
pub use operation_options::OperationOptions;

/// The shortest time between two resets of a connection because a replica answered.
const MIN_RESET_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest timeout.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);

/// The connections of a client, and its settings.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Arc<Settings>,
    pub(crate) runtime: Handle,
    pub(crate) counters: Arc<Counters>,
    router: Router,
    role: Role,
    is_closed: AtomicBool,
    /// For tasks that wait for the end. Reading it takes a lock, so `is_closed` exists too.
    closing: watch::Sender<bool>,
    in_flight: CloseBlockers,
    next: AtomicUsize,
    last_reset: Mutex<Option<Instant>>,
    failovers: Arc<FailoverReport>,
    /// The task that subscribes to the failover messages of sentinels.
    watcher: Option<tokio::task::JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) enum Router {
    /// The connections to one server; none if the client is never connected.
    Single(Vec<Connection>),
    Cluster(Arc<Cluster>),
}

/// The purpose of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A client: the connections are made again, and reads are sent again.
    Client,
    /// A session: one connection, which is never made again.
    Session,
    /// A tracking connection: one connection, and its owner decides when it ends.
    Tracking,
}

impl Core {
    /// Connects to the servers of `settings` in the background.
    pub(crate) fn client(settings: Arc<Settings>, runtime: Handle) -> Arc<Self> {
        let counters = Arc::new(Counters::default());
        let router = match &settings.target.servers {
            Servers::Cluster(_) => Router::Cluster(Cluster::start(
                settings.clone(),
                runtime.clone(),
                counters.clone(),
            )),
            _ => Router::Single(
                (0..settings.connections.max(1))
                    .map(|_| {
                        let dialer = Dialer {
                            settings: settings.clone(),
                            endpoint: Endpoint::Target,
                            purpose: Purpose::Commands,
                        };
                        Connection::start(
                            &runtime,
                            dialer,
                            ConnectionOptions::default(),
                            counters.clone(),
                        )
                    })
                    .collect(),
            ),
        };
        let failovers = Arc::new(FailoverReport::default());
        let watcher = match (&settings.target.servers, &router) {
            (Servers::Sentinel { .. }, Router::Single(connections)) => {
                // Held weakly, or the connections would never be dropped.
                let weak: Vec<_> = connections.iter().map(Connection::downgrade).collect();
                let (report, of_report) = (failovers.clone(), settings.clone());
                let task = watch_for_failover(settings.clone(), counters.clone(), move || {
                    if let Some(generation) = weak.first().and_then(WeakConnection::generation) {
                        report.report(&of_report, generation);
                    }
                    weak.iter().for_each(WeakConnection::reset);
                });
                Some(runtime.spawn(task))
            }
            _ => None,
        };
        let mut core = Self::new(settings, runtime, counters, router, Role::Client, watcher);
        core.failovers = failovers;
        Arc::new(core)
    }

    /// Makes a core of one connection that is made only once.
    pub(crate) fn single(
        dialer: Dialer,
        options: ConnectionOptions,
        runtime: Handle,
        counters: Arc<Counters>,
        role: Role,
    ) -> Arc<Self> {
        let settings = dialer.settings.clone();
        let connection = Connection::start(&runtime, dialer, options, counters.clone());
        let router = Router::Single(vec![connection]);
        Arc::new(Self::new(settings, runtime, counters, router, role, None))
    }

    /// Makes a core without a connection.
    pub(crate) fn unconnected(settings: Arc<Settings>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self::new(
            settings,
            runtime,
            Arc::default(),
            Router::Single(Vec::new()),
            Role::Client,
            None,
        ))
    }

    fn new(
        settings: Arc<Settings>,
        runtime: Handle,
        counters: Arc<Counters>,
        router: Router,
        role: Role,
        watcher: Option<tokio::task::JoinHandle<()>>,
    ) -> Self {
        Self {
            settings,
            runtime,
            counters,
            router,
            role,
            is_closed: AtomicBool::new(false),
            closing: watch::Sender::new(false),
            in_flight: CloseBlockers::default(),
            next: AtomicUsize::new(0),
            last_reset: Mutex::new(None),
            failovers: Arc::default(),
            watcher,
        }
    }

    pub(crate) fn server(&self) -> &Arc<str> {
        &self.settings.server
    }

    pub(crate) fn cluster(&self) -> Option<&Arc<Cluster>> {
        match &self.router {
            Router::Cluster(cluster) => Some(cluster),
            Router::Single(_) => None,
        }
    }

    /// Returns whether both lead to the same server, or to the same cluster: they were given the
    /// same name for it, or their connections show it.
    ///
    /// A connection that is down at the moment counts with the address that it had last.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        if self
            .settings
            .target
            .servers
            .name_same(&other.settings.target.servers)
        {
            return true;
        }
        match (&self.router, &other.router) {
            (Router::Cluster(one), Router::Cluster(other)) => one.is_same(other),
            (Router::Single(_), Router::Single(_)) => {
                let peer = |core: &Self| core.first()?.info()?.peer;
                peer(self).is_some_and(|one| peer(other) == Some(one))
            }
            _ => false,
        }
    }

    /// Returns what the server said about itself to which writes of `key` go.
    pub(crate) fn server_info(&self, key: Option<&[u8]>) -> Option<Arc<ServerInfo>> {
        match &self.router {
            Router::Single(connections) => connections.first()?.info(),
            Router::Cluster(cluster) => cluster.route(key, Effect::Write)?.info(),
        }
    }

    /// Adds to an error what it is about.
    pub(crate) fn with_context(&self, error: Error, context: &ErrorContext) -> Error {
        context.add_to(self.explain(error), self.server())
    }

    /// Explains a redirection to a client that follows none.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match self.settings.target.servers {
            Servers::Cluster(_) => error,
            _ => error_map::explain_redirection(error),
        }
    }

    /// Returns the first connection of a core that has no cluster.
    pub(crate) fn first(&self) -> Option<&Connection> {
        match &self.router {
            Router::Single(connections) => connections.first(),
            Router::Cluster(_) => None,
        }
    }

    /// Returns the connection for a command of `effect`, outside of a cluster. Writes go over the
    /// first connection, so that they keep their order.
    pub(crate) fn connection(&self, effect: Effect) -> Option<&Connection> {
        let Router::Single(connections) = &self.router else {
            return None;
        };
        if connections.len() <= 1 || effect == Effect::Write {
            return connections.first();
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        connections.get(next % connections.len())
    }

    /// Returns the connection for `command` in a cluster, as far as its nodes are known.
    pub(crate) fn route_now(&self, command: &Command) -> Option<Connection> {
        let cluster = self.cluster()?;
        let key = command.keys.first().map(|key| &**key);
        cluster.route(key, command.effect)
    }

    /// Resets connections or refreshes the slot map if an error reply calls for it.
    pub(crate) fn note_error_reply(&self, words: &[u8]) {
        if error_reply::is_readonly_reply(words) {
            self.leave_replica();
        }
        if error_reply::is_cluster_down(words)
            && let Some(cluster) = self.cluster()
        {
            cluster.request_refresh();
        }
    }

    /// Reads a redirection of the cluster that the node behind `connection` replied to a command
    /// on `key`.
    pub(crate) fn redirect(
        &self,
        words: &[u8],
        connection: &Connection,
        is_script: bool,
        key: Option<&Bytes>,
    ) -> Option<Redirect> {
        let redirect = Redirect::parse(words, self.cluster()?, connection)?;
        (!is_script || redirect.is_of_script(key.map(|key| &**key))).then_some(redirect)
    }

    /// Returns the timing of a command that begins now.
    pub(crate) fn timing(&self, limit: Option<Duration>, fail_fast: Option<bool>) -> CommandTiming {
        let since = Instant::now();
        let limit = limit.unwrap_or(self.settings.command_timeout);
        CommandTiming {
            since,
            deadline: since + limit.clamp(MIN_TIMEOUT, MAX_TIMEOUT),
            fail_fast: fail_fast.unwrap_or(self.settings.fail_fast),
        }
    }

    /// Returns the timing of `command`.
    pub(crate) fn timing_of(&self, command: &Command) -> CommandTiming {
        self.timing(command.timeout, command.fail_fast)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Lets every further command fail with `Closed`.
    pub(crate) fn stop_commands(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.closing.send_replace(true);
    }

    /// Ends the key watches.
    pub(crate) fn end_features(&self) {
        self.closing.send_replace(true);
    }

    pub(crate) fn close_signal(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Returns a receiver that changes with each failover.
    pub(crate) fn failovers(&self) -> watch::Receiver<()> {
        self.failovers.happened.subscribe()
    }

    pub(crate) const fn close_blockers(&self) -> &CloseBlockers {
        &self.in_flight
    }

    /// Returns why no command can be sent any more.
    pub(crate) fn ending(&self) -> Option<Ending> {
        if self.is_closed() {
            return Some(Ending::Closed);
        }
        if let Some(ending) = self.cluster().and_then(|cluster| cluster.ending()) {
            return Some(ending);
        }
        self.connections().iter().find_map(Connection::ending)
    }

    /// The reason why there is no connection, as far as it is known.
    pub(crate) fn cause(&self) -> Option<Arc<Error>> {
        match &self.router {
            Router::Single(connections) => connections.iter().find_map(Connection::cause),
            Router::Cluster(cluster) => cluster.cause(),
        }
    }

    /// Returns all connections that there are.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        match &self.router {
            Router::Single(connections) => connections.clone(),
            Router::Cluster(cluster) => cluster.connections(),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        let connections = self.connections();
        !self.is_closed() && !connections.is_empty() && connections.iter().all(Connection::is_up)
    }

    /// Waits for the first connection of each; fails with the first attempt that fails.
    pub(crate) async fn wait_connected(&self) -> Result<()> {
        if let Router::Cluster(cluster) = &self.router {
            return cluster.wait_known().await;
        }
        for connection in self.connections() {
            wait_up(&connection).await?;
        }
        Ok(())
    }

    /// Replaces the connections because a replica has answered: the primary is elsewhere.
    pub(crate) fn leave_replica(&self) {
        match self.role {
            Role::Tracking => return,
            Role::Session => {
                self.connections().iter().for_each(Connection::end);
                return;
            }
            Role::Client => {}
        }
        let mut last_reset = self.last_reset.lock();
        // If the only server is a replica, not every command makes a new connection.
        if last_reset.is_some_and(|at| at.elapsed() < MIN_RESET_INTERVAL) {
            return;
        }
        *last_reset = Some(Instant::now());
        drop(last_reset);
        if let Router::Single(connections) = &self.router {
            if let Some(first) = connections.first() {
                self.failovers.report(&self.settings, first.generation());
            }
            connections.iter().for_each(Connection::reset);
        }
    }

    /// Closes the connections once everything is answered, or when the time is over.
    pub(crate) async fn finish(&self, limit: Duration) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
        if let Some(cluster) = self.cluster() {
            cluster.close();
        }
        let connections = self.connections();
        let finish = connections
            .iter()
            .map(|connection| connection.finish(limit));
        futures::future::join_all(finish).await;
    }
}

/// Reports a failover, once for each connection that it ends: sentinels tell it, and so does the
/// old primary that refuses writes.
#[derive(Debug, Default)]
struct FailoverReport {
    reported: Mutex<Option<u64>>,
    /// For key watches, which have connections of their own.
    happened: watch::Sender<()>,
}

impl FailoverReport {
    fn report(&self, settings: &Settings, generation: u64) {
        self.happened.send_replace(());
        let last = self.reported.lock().replace(generation);
        if last != Some(generation) {
            settings.hook.report(&Event::Failover {
                server: settings.server.clone(),
            });
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
    }
}

/// Runs a future for at most `limit`, by the caller's own timer.
pub(crate) async fn in_time<T>(
    limit: Duration,
    late: impl FnOnce() -> Error,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, future).await.unwrap_or_else(|| Err(late()))
}

/// Returns the error of a client that is closed.
pub(crate) fn closed_error() -> Error {
    error_map::ended_error(Ending::Closed)
}

/// Completes once the client is closed, or gone.
pub(crate) async fn wait_closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closed| *closed).await;
}
