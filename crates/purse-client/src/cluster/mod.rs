//! The nodes of a cluster: the owner of each slot, and one connection per node.
//!
//! May import: `error`, `util`, `telemetry`, `config`, `command`, `connection`.

mod redirect;
mod refresh;
mod slot_map;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::command::Effect;
use crate::command::key_slots::slot_of;
use crate::config::Address;
use crate::connection::{
    Connection, ConnectionOptions, Dialer, Ending, Endpoint, Purpose, ReadFrom, Settings,
    WeakConnection, error_map,
};
use crate::telemetry::{Counters, Event};
use crate::util::sync::Mutex;
use crate::util::timer::{time_left, timeout};
use crate::{Error, ErrorKind, Result};

pub(crate) use redirect::{Redirect, own_part};
use slot_map::SlotMap;

/// A cluster as a client knows it.
#[derive(Debug)]
pub(crate) struct Cluster {
    settings: Arc<Settings>,
    runtime: Handle,
    counters: Arc<Counters>,
    map: RwLock<Arc<SlotMap>>,
    nodes: Mutex<HashMap<(Address, Purpose), Connection>>,
    /// The number of times that the slots were learned.
    version: watch::Sender<u64>,
    failure: Mutex<Option<Arc<Error>>>,
    refresh: Arc<Notify>,
    /// The reason why the slots will not be learned any more, and no more connections are made.
    ending: OnceLock<Ending>,
}

/// The slots are learned again after this time while reads prefer replicas and none is known.
const REPLICA_CHECK: Duration = Duration::from_secs(1);

impl Cluster {
    /// Learns the slots in the background.
    pub(crate) fn start(
        settings: Arc<Settings>,
        runtime: Handle,
        counters: Arc<Counters>,
    ) -> Arc<Self> {
        let refresh = Arc::new(Notify::new());
        let cluster = Arc::new(Self {
            settings,
            runtime: runtime.clone(),
            counters,
            map: RwLock::default(),
            nodes: Mutex::default(),
            version: watch::Sender::new(0),
            failure: Mutex::default(),
            refresh: refresh.clone(),
            ending: OnceLock::new(),
        });
        refresh.notify_one();
        let task = EndOnDrop(Arc::downgrade(&cluster));
        runtime.spawn(refresh::run(task, refresh));
        cluster
    }

    /// Ends the task that learns the slots. From now on, no connection is made.
    pub(crate) fn close(&self) {
        self.end(Ending::Closed);
        self.refresh.notify_one();
    }

    fn end(&self, ending: Ending) {
        self.ending.get_or_init(|| ending);
        self.version.send_modify(|version| *version += 1);
    }

    /// Asks for the slots again, in the background.
    pub(crate) fn request_refresh(&self) {
        self.refresh.notify_one();
    }

    fn map(&self) -> Arc<SlotMap> {
        match self.map.read() {
            Ok(map) => map.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// Returns the connection for a command of `effect` on `key`; `None` if no node is known to own
    /// the slot. A command without a key goes to a node that is connected, if there is one.
    pub(crate) fn route(&self, key: Option<&[u8]>, effect: Effect) -> Option<Connection> {
        let map = self.map();
        let shard = match key {
            Some(key) => map.shard(slot_of(key)),
            None => map.any_shard(|address| self.is_up(address)),
        };
        let Some(shard) = shard else {
            self.request_refresh();
            return None;
        };
        let prefers_replica =
            effect == Effect::Read && self.settings.read_from == ReadFrom::PreferReplica;
        if prefers_replica {
            for replica in &shard.replicas {
                let connection = self.node(replica, Purpose::Replica);
                if connection.is_up() {
                    return Some(connection);
                }
            }
            // Nodes do not tell of a replica while it is down or copies the data of its primary.
            if shard.replicas.is_empty() && map.is_older_than(REPLICA_CHECK) {
                self.request_refresh();
            }
        }
        let connection = shard
            .connection
            .get_or_init(|| self.connection(&shard.primary));
        Some(connection.clone())
    }

    /// Returns the connection to a node, which is made if there is none.
    pub(crate) fn connection(&self, address: &Address) -> Connection {
        self.node(address, Purpose::Commands)
    }

    /// Returns whether there is a connection to a node, for commands, that is up.
    fn is_up(&self, address: &Address) -> bool {
        let nodes = self.nodes.lock();
        let connection = nodes.get(&(address.clone(), Purpose::Commands));
        connection.is_some_and(Connection::is_up)
    }

    fn node(&self, address: &Address, purpose: Purpose) -> Connection {
        let mut nodes = self.nodes.lock();
        if let Some(connection) = nodes.get(&(address.clone(), purpose)) {
            return connection.clone();
        }
        let dialer = Dialer {
            settings: self.settings.clone(),
            endpoint: Endpoint::Node(address.clone()),
            purpose,
        };
        let refresh = self.refresh.clone();
        let this = Arc::new(OnceLock::<WeakConnection>::new());
        let of_loss = this.clone();
        let on_loss = move || {
            refresh.notify_one();
            // The primary can run the reads that were not sent.
            if purpose == Purpose::Replica
                && let Some(connection) = of_loss.get()
            {
                connection.reroute();
            }
        };
        let options = ConnectionOptions {
            on_loss: Some(Box::new(on_loss)),
            ..ConnectionOptions::default()
        };
        let connection = Connection::start(&self.runtime, dialer, options, self.counters.clone());
        this.get_or_init(|| connection.downgrade());
        if self.ending().is_some() {
            connection.end();
        }
        nodes.insert((address.clone(), purpose), connection.clone());
        connection
    }

    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.nodes.lock().values().cloned().collect()
    }

    /// Returns the address that a connection goes to.
    pub(crate) fn address_of(&self, connection: &Connection) -> Option<Address> {
        let nodes = self.nodes.lock();
        let mut of_it = nodes
            .iter()
            .filter(|(_, other)| other.id() == connection.id());
        of_it.next().map(|((address, _), _)| address.clone())
    }

    /// Returns whether both are known to be the same cluster.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.map().shares_node(&other.map())
    }

    /// Returns the owner of a slot, as far as it is known.
    pub(crate) fn owner(&self, slot: u16) -> Option<Address> {
        self.map().shard(slot).map(|shard| shard.primary.clone())
    }

    /// Returns why the slots will not be learned any more.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.ending.get().copied()
    }

    /// The reason why the slots are not known.
    pub(crate) fn cause(&self) -> Option<Arc<Error>> {
        self.failure.lock().clone()
    }

    /// Notes that a slot has another owner.
    pub(crate) fn note_moved(&self, slot: u16, to: &Address) {
        if self.owner(slot).as_ref() != Some(to) {
            self.settings.hook.report(&Event::Redirected {
                server: self.settings.server.clone(),
                slot,
                to: to.to_string().into(),
            });
            let map = self.map().with_owner(slot, to);
            self.set_map(map);
        }
        self.request_refresh();
    }

    fn set_map(&self, map: SlotMap) {
        let map = Arc::new(map);
        match self.map.write() {
            Ok(mut current) => *current = map,
            Err(poisoned) => *poisoned.into_inner() = map,
        }
    }

    /// Replaces the slot map by the answer of a node.
    fn learn(&self, map: SlotMap) {
        let before = self.map();
        let losers = before.losers(&map);
        let addresses = map.addresses();
        self.set_map(map);
        *self.failure.lock() = None;
        let mut nodes = self.nodes.lock();
        let mut left_behind = Vec::new();
        for ((address, _), connection) in nodes.iter() {
            if losers.contains(address) || !addresses.contains(address) {
                left_behind.push(connection.clone());
            }
        }
        nodes.retain(|(address, _), _| addresses.contains(address));
        drop(nodes);
        self.version.send_modify(|version| *version += 1);
        // Commands that wait for a node that has lost its slots go to the next owner.
        for connection in left_behind {
            connection.reroute();
        }
    }

    /// Waits until the slots are learned again; returns whether they were before `deadline`.
    pub(crate) fn wait_change(
        &self,
        deadline: Instant,
    ) -> impl Future<Output = bool> + Send + use<> {
        let mut version = self.version.subscribe();
        async move {
            timeout(time_left(deadline), version.changed())
                .await
                .is_some()
        }
    }

    /// Waits until the slots are known. Fails if no node answers.
    pub(crate) async fn wait_known(&self) -> Result<()> {
        let mut version = self.version.subscribe();
        loop {
            if *version.borrow_and_update() > 0 && !self.map().is_empty() {
                return Ok(());
            }
            if let Some(error) = self.cause() {
                return Err(error.duplicate());
            }
            if let Some(ending) = self.ending() {
                return Err(error_map::ended_error(ending));
            }
            if version.changed().await.is_err() {
                return Err(error_map::ended_error(Ending::Closed));
            }
        }
    }

    /// Asks for the slots again, and waits for the answer.
    ///
    /// # Errors
    /// The error of the last node that was asked, or `Timeout`.
    pub(crate) async fn wait_refreshed(&self, limit: Duration) -> Result<()> {
        let mut version = self.version.subscribe();
        version.borrow_and_update();
        self.request_refresh();
        match timeout(limit, version.changed()).await {
            Some(Ok(())) => match self.cause() {
                Some(error) => Err(error.duplicate()),
                None => Ok(()),
            },
            Some(Err(_)) => Err(error_map::ended_error(Ending::Closed)),
            None => {
                let message = "the cluster did not tell its primaries in time";
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    /// Returns the primaries that are known.
    pub(crate) fn primaries(&self) -> Vec<Address> {
        self.map().primaries()
    }

    fn fail(&self, error: Error) {
        *self.failure.lock() = Some(Arc::new(error));
        self.version.send_modify(|version| *version += 1);
    }
}

/// Ends the task that learns the slots, which otherwise waits for a request.
impl Drop for Cluster {
    fn drop(&mut self) {
        self.refresh.notify_one();
    }
}

/// The cluster as its task has it, which is dropped with the runtime.
struct EndOnDrop(Weak<Cluster>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        if let Some(cluster) = self.0.upgrade() {
            cluster.end(Ending::RuntimeEnded);
        }
    }
}
