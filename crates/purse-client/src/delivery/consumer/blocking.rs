//! The connection on which a consumer waits: the server blocks one command of it.
//!
//! The server serves blocked clients in the order in which they came, so a push wakes one process.
//! The command moves the element to the pending list, so a lost reply loses no element.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::commands::BLOCK;
use crate::command::key_slots::slot_of;
use crate::config::Address;
use crate::connection::{Connection, ConnectionOptions, Dialer, Endpoint, Purpose, error_map};
use crate::core::{Call, Core, Role, in_time, wait_up};
use crate::delivery::Deliveries;
use crate::delivery::confirm::run_once;
use crate::util::backoff::Backoff;
use crate::util::timer::timeout;
use crate::{Command, Error, ErrorKind, Result};

/// The time for which the reply to a command that was unblocked may be late.
const UNBLOCK_TIME: Duration = Duration::from_secs(1);

/// The pauses between two attempts to unblock a command.
const MIN_PAUSE: Duration = Duration::from_millis(1);
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// A connection for blocking commands.
pub(super) struct BlockingConnection {
    core: Arc<Core>,
    /// The client's id on the server, by which another connection unblocks it; `None` if the user
    /// may not know it.
    id: Option<i64>,
    /// The node of a cluster that it is connected to.
    node: Option<Address>,
}

/// A command that the server blocks, and the connection on which it does.
pub(super) struct Blocked {
    connection: BlockingConnection,
    call: BoxFuture<'static, Result<Option<Bytes>>>,
    is_sent: bool,
}

/// The outcome of a command that was blocked.
pub(super) enum Unblocked {
    Taken(BlockingConnection, Bytes),
    Empty(BlockingConnection),
    /// The server was asked to end the wait, and had no element until then.
    Cancelled(BlockingConnection),
    /// The server refused the command. It has taken nothing.
    Refused(Error),
    /// The connection has ended. An element may have been taken.
    Lost(Error),
}

impl BlockingConnection {
    /// Connects to the server that has `key`.
    pub(super) async fn open(client: &Deliveries, key: &Bytes) -> Result<Self> {
        let core = &client.caller.core;
        let settings = core.settings.clone();
        let no_owner = || {
            let message = "no node of the cluster is known to own the key's slot";
            Error::new(ErrorKind::NotSent, message)
        };
        let node = match core.cluster() {
            None => None,
            Some(cluster) => Some(cluster.owner(slot_of(key)).ok_or_else(no_owner)?),
        };
        let endpoint = node.clone().map_or(Endpoint::Target, Endpoint::Node);
        let (limit, tls) = (settings.connect_timeout, settings.target.tls.is_some());
        let dialer = Dialer {
            settings,
            endpoint,
            purpose: Purpose::Commands,
        };
        let options = ConnectionOptions {
            is_single: true,
            ..ConnectionOptions::default()
        };
        let (runtime, counters) = (core.runtime.clone(), core.counters.clone());
        let core = Core::single(dialer, options, runtime, counters, Role::Session);
        let mut connection = Self {
            core,
            id: None,
            node,
        };
        let late = || error_map::connect_timeout(tls);
        if let Some(first) = connection.core.first() {
            in_time(limit, late, wait_up(first)).await?;
        }
        let id = Call::new(connection.core.clone(), Command::read("CLIENT").arg("ID")).await;
        connection.id = id.and_then(|answer| answer.reply.into_int()).ok();
        Ok(connection)
    }

    /// Sends a command that blocks for [`BLOCK`] at most, for a list or for a sorted set.
    pub(super) fn block(self, command: Command, is_of_set: bool) -> Blocked {
        let limit = BLOCK + self.core.settings.command_timeout;
        let call = Call::new(self.core.clone(), command.timeout(limit));
        let call = async move {
            let reply = call.await?.reply;
            let Some(reply) = reply.non_nil() else {
                return Ok(None);
            };
            // BLPOP also returns the key.
            let reply = match is_of_set {
                true => reply.into_array().map(|[_, token]| token)?,
                false => reply,
            };
            reply.into_bytes().map(Some)
        };
        Blocked {
            connection: self,
            call: call.boxed(),
            is_sent: false,
        }
    }
}

impl Drop for BlockingConnection {
    fn drop(&mut self) {
        self.core.stop_commands();
        if let Some(connection) = self.core.first() {
            Connection::end(connection);
        }
    }
}

impl Blocked {
    /// Waits for the reply. It may be dropped and called again.
    pub(super) async fn wait(&mut self) -> Result<Option<Bytes>> {
        self.is_sent = true;
        (&mut self.call).await
    }

    /// Returns what came of it, given the reply.
    pub(super) fn end(self, reply: Result<Option<Bytes>>) -> Unblocked {
        match reply {
            Ok(Some(entry)) => Unblocked::Taken(self.connection, entry),
            Ok(None) => Unblocked::Empty(self.connection),
            // The server answered: it has taken nothing.
            Err(error) if error.code() == Some("UNBLOCKED") => Unblocked::Empty(self.connection),
            Err(error) if is_refusal(&error) => Unblocked::Refused(error),
            Err(error) => Unblocked::Lost(error),
        }
    }

    /// Makes the server unblock the command, and returns what came of it.
    pub(super) async fn cancel(mut self, client: &Deliveries) -> Unblocked {
        if !self.is_sent {
            return Unblocked::Empty(self.connection);
        }
        let deadline = Instant::now() + UNBLOCK_TIME;
        let mut backoff = Backoff::new(MIN_PAUSE, MAX_PAUSE);
        while let Some(id) = self.connection.id {
            let unblock = Command::write("CLIENT").arg("UNBLOCK").arg(id);
            let unblock = unblock.on_node(self.connection.node.clone());
            let reply = run_once(client, unblock.timeout(UNBLOCK_TIME)).await;
            let is_unblocked = matches!(reply.map(|reply| reply.into_int()), Ok(Ok(1)));
            let left = deadline.saturating_duration_since(Instant::now());
            // Without a blocked command, it may still be on its way to the server.
            let pause = if is_unblocked {
                left
            } else {
                backoff.next().min(left)
            };
            match timeout(pause, self.wait()).await {
                Some(Ok(None)) if is_unblocked => return Unblocked::Cancelled(self.connection),
                Some(reply) => return self.end(reply),
                None if left.is_zero() || is_unblocked => break,
                None => {}
            }
        }
        // To hang up has the same effect, but tells nothing.
        Unblocked::Lost(Error::new(ErrorKind::NotSent, "the wait was cancelled"))
    }
}

/// Returns whether the server replied with `error`.
fn is_refusal(error: &Error) -> bool {
    let is_known = matches!(
        error.kind(),
        ErrorKind::Auth | ErrorKind::Unsupported | ErrorKind::WrongType
    );
    is_known || error.code().is_some()
}
