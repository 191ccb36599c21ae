//! Key watches: the server reports when a key that was read is changed.
//!
//! May import: `error`, `util`, `resp`, `telemetry`, `config`, `command`, `connection`, `cluster`,
//! `core`.

mod connection;
mod pool;
mod registry;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connection::{TrackingConnection, is_owner};
use registry::Subscription;

use crate::cluster::{Cluster, Redirect};
use crate::command::Command;
use crate::command::key_slots::slot_of;
use crate::config::Address;
use crate::connection::error_map;
use crate::core::{Call, Caller};
use crate::util::backoff::Backoff;
use crate::util::timer::{sleep, time_left, timeout};
use crate::{Error, ErrorKind, Reply, Result};

pub(crate) use pool::TrackingPool;

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const MAX_PAUSE: Duration = Duration::from_millis(50);
/// The answers of a replica end a connection that is at least this old.
const MIN_CLOSE_AGE: Duration = Duration::from_secs(1);

/// A watch of a key since it was read, from [`Client::watch`](crate::Client::watch).
///
/// It keeps no connection open: [`changed`](Self::changed) resolves once the client is closed or
/// dropped.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::{Client, Command};
///
/// let client = Client::connect(&url).await?;
/// let length = Command::read("LLEN").key("tasks");
/// let (length, mut watch) = client.watch(length).await?;
/// assert_eq!(length.into_int()?, 0);
/// client.run(Command::write("RPUSH").key("tasks").arg("first")).await?;
/// watch.changed().await;
/// # Ok(())
/// # })
/// # }
/// ```
#[must_use = "a watch that is dropped tells nothing"]
pub struct Watch(Subscription);

impl Watch {
    /// Waits until the key has been changed since it was read: written, deleted, expired or
    /// evicted.
    ///
    /// It also returns when a change can no longer be noticed: the connection is lost, the slot
    /// moved, another server became the primary, or the client was closed. So it may return without
    /// a change, and the caller reads the key again. It does not miss a change that the server
    /// reported. Once it has returned, it returns at once when it is called again.
    ///
    /// FLUSHALL and FLUSHDB wake all watches. The server reports a key that expires when it removes
    /// the key, which may be later than its time to live. A caller that must not miss the time
    /// reads the key now and then.
    ///
    /// Redis: client-side caching, default mode. Complexity: O(1) per message. Round trips: 0.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped: call the method again.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// client.run(Command::write("SET").key("config").arg("v1")).await?;
    /// let other = client.clone();
    /// let writer = tokio::spawn(async move {
    ///     other.run(Command::write("SET").key("config").arg("v2")).await
    /// });
    /// loop {
    ///     let (config, mut watch) = client.watch(Command::read("GET").key("config")).await?;
    ///     if config.into_bytes()? == "v2" {
    ///         break;
    ///     }
    ///     watch.changed().await;
    /// }
    /// # writer.await.expect("no panic")?;
    /// # Ok(()) }
    /// ```
    pub async fn changed(&mut self) {
        self.0.invalidated().await;
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(self.0.key()).finish()
    }
}

/// The key watches of a client.
#[derive(Debug, Clone)]
pub(crate) struct Tracking {
    pub(crate) caller: Caller,
    pub(crate) pool: Arc<TrackingPool>,
}

impl Tracking {
    /// Runs `read`, and watches its key from that moment.
    pub(crate) async fn watch(&self, read: Command) -> Result<(Reply, Watch)> {
        let context = read.context();
        let watched = self.watch_within(read).await;
        watched.map_err(|error| self.caller.with_context(error, &context))
    }

    /// Bounds a watch by the caller's own timer: the connection is made on the client's runtime,
    /// which may not run at all.
    async fn watch_within(&self, read: Command) -> Result<(Reply, Watch)> {
        let limit = read.timeout.unwrap_or(self.caller.command_timeout());
        let limit = limit + self.caller.core.settings.connect_timeout;
        let watched = timeout(limit, self.read_and_watch(read)).await;
        watched.unwrap_or_else(|| Err(Error::new(ErrorKind::Timeout, "no reply")))
    }

    async fn read_and_watch(&self, read: Command) -> Result<(Reply, Watch)> {
        self.caller.check_open()?;
        let [key] = read.keys() else {
            let message = "a watch is of one key";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        let slot = slot_of(key);
        let limit = read.timeout.unwrap_or(self.caller.command_timeout());
        let mut deadline = Instant::now() + limit;
        let mut asking = None;
        let mut was_lost = false;
        let mut backoff = Backoff::new(FIRST_PAUSE, MAX_PAUSE);
        loop {
            let asks = asking.is_some();
            let node = match (asking.take(), self.caller.core.cluster()) {
                (None, Some(cluster)) => Some(owner(cluster, slot, deadline).await?),
                (node, _) => node,
            };
            let started = Instant::now();
            let tracking = match self.pool.get(&self.caller, node.clone()).await {
                Ok(tracking) => tracking,
                Err(error) => return Err(self.refresh_if_unreachable(error)),
            };
            // To connect has a bound of its own.
            deadline += started.elapsed();
            let in_cluster = self.caller.core.cluster().zip(node.as_ref());
            let error = match tracking.read(read.clone(), asks, time_left(deadline)).await {
                Ok(read) => {
                    // The slot map may have changed before the watch was registered.
                    if let Some((cluster, node)) = in_cluster
                        && !asks
                        && !is_owner(cluster, slot, node)
                    {
                        tracking.registry.invalidate(key);
                    }
                    return Ok(read);
                }
                Err(error) => error,
            };
            if error_map::has_readonly_code(&error) {
                self.caller.core.leave_replica();
                if tracking.since.elapsed() > MIN_CLOSE_AGE {
                    // The primary is elsewhere: the next watch looks for it.
                    tracking.registry.close();
                }
            }
            if deadline <= Instant::now() {
                return Err(error);
            }
            if let Some((cluster, node)) = in_cluster
                && let Some(redirect) = Redirect::parse_of(error.message(), node)
            {
                match redirect {
                    Redirect::Moved { slot, to } => cluster.note_moved(slot, &to),
                    Redirect::Ask { to, .. } => asking = Some(to),
                    Redirect::TryAgain => {}
                }
                sleep(backoff.next()).await;
            } else if error.kind() == ErrorKind::NotSent && !was_lost {
                // The connection was lost, and nothing had noticed it yet.
                was_lost = true;
                tracking.registry.close();
            } else {
                return Err(error);
            }
        }
    }

    /// A node that cannot be reached may have lost its slots: the next watch knows.
    fn refresh_if_unreachable(&self, error: Error) -> Error {
        if let Some(cluster) = self.caller.core.cluster()
            && matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Timeout)
        {
            cluster.request_refresh();
        }
        error
    }
}

/// Returns the owner of a slot, once it is known.
async fn owner(cluster: &Cluster, slot: u16, deadline: Instant) -> Result<Address> {
    loop {
        if let Some(owner) = cluster.owner(slot) {
            return Ok(owner);
        }
        let change = cluster.wait_change(deadline);
        cluster.request_refresh();
        if !change.await {
            let message = "no node of the cluster is known to own the key's slot";
            return Err(Error::new(ErrorKind::NotSent, message));
        }
    }
}

impl TrackingConnection {
    /// Sends `read`. The watch of its key exists before the server can report a change.
    async fn read(&self, read: Command, asks: bool, left: Duration) -> Result<(Reply, Watch)> {
        let key = read.keys().first().cloned().unwrap_or_default();
        let Some(subscription) = self.registry.add(key) else {
            return Err(Error::new(ErrorKind::NotSent, "the connection was lost"));
        };
        let call = Call::new(self.core.clone(), read.timeout(left));
        let call = if asks { call.with_asking() } else { call };
        match call.await {
            Ok(answer) => Ok((answer.reply, Watch(subscription))),
            Err(error) => {
                if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Ambiguous) {
                    self.registry.request_health_check();
                }
                Err(error)
            }
        }
    }
}
