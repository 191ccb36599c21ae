//! Watching keys: the server tells when one that was read is changed.

use std::fmt;
use std::time::Duration;

use fred::types::config::Server;
use futures::FutureExt;
use tokio::time::{Instant, sleep};

use crate::client::closed;
use crate::command::Command;
use crate::tracker::Tracker;
use crate::watched::Interest;
use crate::{Client, Error, ErrorKind, Reply, Result, convert, redirect, wire};

const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// How often the answers of a replica end the connection.
const REFUSALS: Duration = Duration::from_secs(1);

/// A key that is watched since it was read; get one from [`Client::watch`].
///
/// It holds no connection open: one whose client is closed or dropped resolves.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse_client::{Client, Command};
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
pub struct Watch(Interest);

impl Watch {
    /// Resolves once the key was changed since it was read: written, deleted, expired or evicted.
    ///
    /// Also once that can no longer be known: the connection is lost, messages were missed, the
    /// slot moved, the client was closed. So it may wake for nothing, and the key is to be read
    /// again; but it never sleeps through a change that the server told of. Resolves again at once
    /// when it is called again.
    ///
    /// A server does not tell of each key when all of a database go at once (FLUSHALL, FLUSHDB);
    /// and a key that expires is told of when the server removes it, which may be a little later.
    /// Who must not miss these looks now and then besides.
    ///
    /// Redis: client-side caching, default mode; no command is sent, and a message costs O(1).
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped: call it again.
    pub async fn changed(&mut self) {
        self.0.told().await;
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(self.0.key()).finish()
    }
}

impl Client {
    /// Runs `read`, a command or script that reads one key, and watches the key from that moment.
    ///
    /// It should change nothing, or be idempotent. All watches share one connection (in a cluster
    /// one for each node), which is made on demand and closes some seconds after the last watch; a
    /// second watch of the same key costs nothing more.
    ///
    /// Redis: `CLIENT TRACKING ON`, once for each connection, and the command. One round trip, and
    /// those of connecting where there is no such connection. Every two seconds `PING` (in a
    /// cluster `CLUSTER NODES`) while there are watches.
    ///
    /// # Errors
    /// As [`run`](Self::run), within the command's timeout and, where it has to connect, the
    /// connect timeout. [`InvalidInput`](ErrorKind::InvalidInput) for a command of no key, or of
    /// several. [`Auth`](ErrorKind::Auth) or [`Unsupported`](ErrorKind::Unsupported) where the
    /// server refuses to track; it is asked again only after half a minute.
    ///
    /// # Cancel safety
    /// Dropped, the command may run or not, and nothing is watched.
    #[doc(alias = "CLIENT TRACKING")]
    #[doc(alias = "invalidation")]
    pub async fn watch(&self, read: Command) -> Result<(Reply, Watch)> {
        let (name, key) = (read.name(), read.keys().first().cloned());
        self.read_and_watch(read).await.map_err(|error| {
            self.heed(&error);
            error
                .with_command(name, key)
                .with_server(self.server().into())
        })
    }

    async fn read_and_watch(&self, read: Command) -> Result<(Reply, Watch)> {
        if self.is_closed() {
            return Err(closed());
        }
        let [key] = read.keys() else {
            let message = "a watch is of one key";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        let slot = fred::util::redis_keyslot(key);
        let limit = read.timeout.unwrap_or(self.command_timeout());
        let mut deadline = Instant::now() + limit;
        let mut importer = None;
        let mut was_lost = false;
        let mut pause = SHORTEST_PAUSE;
        loop {
            let asks = importer.is_some();
            let node = match importer.take() {
                None if self.is_cluster() => Some(self.owner(slot)?),
                node => node,
            };
            let started = Instant::now();
            let tracker = match self.trackers().get(self, node).await {
                Ok(tracker) => tracker,
                Err(error) => return Err(self.unreachable(error).await),
            };
            // To connect has a bound of its own.
            deadline += started.elapsed();
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match tracker.read(read.clone(), asks, left).await {
                Ok(read) => return Ok(read),
                Err(error) => error,
            };
            if convert::is_by_replica(&error) && tracker.since.elapsed() > REFUSALS {
                // The primary is elsewhere: the next watch looks for it.
                tracker.watched.lose();
            }
            if deadline <= Instant::now() {
                return Err(error);
            }
            if redirect::went_elsewhere(&error) && self.is_cluster() {
                sleep(pause).await;
                pause = (2 * pause).min(LONGEST_PAUSE);
                redirect::look(self.fred(), left).await;
                importer = match error.code() {
                    Some("ASK") => redirect::importer(self.fred(), slot).await,
                    _ => None,
                };
            } else if error.kind() == ErrorKind::NotSent && !was_lost {
                // The connection was lost, and nobody had seen it yet.
                was_lost = true;
                tracker.watched.lose();
            } else {
                return Err(error);
            }
        }
    }

    /// A node that cannot be reached may have lost its slots: the next watch knows.
    async fn unreachable(&self, error: Error) -> Error {
        if self.is_cluster() && matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Timeout) {
            redirect::look(self.fred(), self.command_timeout()).await;
        }
        error
    }

    fn owner(&self, slot: u16) -> Result<Server> {
        redirect::owner(self.fred(), slot).ok_or_else(|| {
            let message = "no node of the cluster is known to own the key's slot";
            Error::new(ErrorKind::NotSent, message)
        })
    }
}

impl Tracker {
    /// Sends `read`; who waits for its key is there before the server can tell.
    async fn read(&self, read: Command, asks: bool, left: Duration) -> Result<(Reply, Watch)> {
        let (name, effect) = (read.name(), read.effect());
        let key = read.keys().first().cloned().unwrap_or_default();
        let Some(interest) = self.watched.add(key) else {
            return Err(Error::new(ErrorKind::NotSent, "the connection was lost"));
        };
        let sent = async {
            if !asks {
                return wire::send(&self.client, read, Some(left)).await;
            }
            // ASKING holds for one command: a script is sent whole. Where that is another's, ours
            // is sent elsewhere once more, and asks again.
            wire::asking(&self.client, left).await?;
            wire::send(&self.client, read.in_order(), Some(left)).await
        };
        // Boxed as in `redirect`: the types of fred's futures are deep enough already.
        let reply = sent
            .boxed()
            .await
            .map_err(|error| convert::command_error(error, name, effect));
        match reply {
            Ok(reply) => Ok((reply, Watch(interest))),
            Err(error) => {
                if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Ambiguous) {
                    self.watched.doubt();
                }
                Err(error)
            }
        }
    }
}
