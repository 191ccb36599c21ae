//! One connection on which the server tells of changed keys.
//!
//! It is made once and never anew, since fred does not turn tracking on again, and what was told in
//! between would be missed. Its task owns it, hands on what the server tells, and asks now and then
//! whether the server is still there; when it ends, for whatever reason, everybody is woken.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::interfaces::{ClientLike, TrackingInterface};
use fred::types::client::Invalidation;
use fred::types::config::Server;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::client::{closed, is_closed};
use crate::command::{Command, Effect};
use crate::driver::Task;
use crate::lease::{Blueprint, Busy};
use crate::watched::Watched;
use crate::{Error, ErrorKind, Result, convert, redirect, wire};

/// How often the server is asked whether it is there, and how long it may take to say so.
const BEAT: Duration = Duration::from_secs(2);
/// The connection closes after so many beats in a row without a watch.
const IDLE_BEATS: u32 = 3;
/// So many messages wait for the task; when there are more, everybody is woken.
const MESSAGES: usize = 256;

/// A connection that tracks what is read on it.
#[derive(Debug, Clone)]
pub(crate) struct Tracker {
    pub(crate) client: FredClient,
    pub(crate) watched: Arc<Watched>,
    pub(crate) since: Instant,
}

/// What came of making one, for all who wait for it.
pub(crate) type Made = Result<Tracker, Arc<Error>>;

/// What the task of a tracker needs.
#[derive(Debug)]
pub(crate) struct Making {
    pub(crate) blueprint: Blueprint,
    /// The one node of a cluster.
    pub(crate) node: Option<Server>,
    pub(crate) closing: watch::Receiver<bool>,
    /// A client that closes waits until the connection is closed.
    pub(crate) busy: Busy,
}

impl Making {
    /// Connects, says what came of it, and stays with the connection to its end.
    pub(crate) async fn run(self, made: oneshot::Sender<Made>) {
        let Self {
            blueprint,
            node,
            mut closing,
            busy,
        } = self;
        let client = blueprint
            .clone()
            .with_messages(MESSAGES)
            .client(node.as_ref());
        // Before the server has anything to tell.
        let messages = client.invalidation_rx();
        let connected = tokio::select! {
            connected = track(&blueprint, &client, node.is_some()) => connected,
            () = is_closed(&mut closing) => Err(closed()),
        };
        let (mut task, part) = match connected {
            Ok(connected) => connected,
            Err(error) => {
                // Nobody waiting is no failure.
                let _ = made.send(Err(Arc::new(error)));
                return;
            }
        };
        let watched = Arc::new(Watched::new());
        // Also when this task is dropped with its runtime.
        let end = End(watched.clone());
        let _ = made.send(Ok(Tracker {
            client: client.clone(),
            watched: watched.clone(),
            since: Instant::now(),
        }));
        tokio::select! {
            () = is_closed(&mut closing) => {}
            () = task.over() => {}
            () = hand_on(messages, &watched) => {}
            () = beat(&client, &watched, node.is_some(), part) => {}
        }
        drop(end);
        drop(task);
        drop(busy);
    }
}

/// Wakes everybody when it is dropped.
struct End(Arc<Watched>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.lose();
    }
}

/// What a node of a cluster says of its part in it, as far as it was understood.
type Part = Option<String>;

/// Connects, turns tracking on, and looks what part the node has before anything is watched there.
async fn track(blueprint: &Blueprint, client: &FredClient, is_node: bool) -> Result<(Task, Part)> {
    let on = Command::read("CLIENT").arg("TRACKING").arg("ON");
    let connect = async {
        let task = Task::connected(client).await?;
        let on = wire::send(client, on, None).await;
        Ok((task, on, look(client, is_node).await))
    };
    let (task, on, part) = blueprint.in_time(connect).await?;
    on.map_err(|error| convert::command_error(error, "CLIENT", Effect::Read))?;
    Ok((task, part?))
}

/// Hands on what the server tells.
async fn hand_on(mut messages: Receiver<Invalidation>, watched: &Watched) {
    loop {
        match messages.recv().await {
            Ok(message) => {
                for key in &message.keys {
                    watched.tell(key.as_bytes());
                }
            }
            Err(RecvError::Lagged(_)) => watched.tell_all(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Resolves once the connection should be closed: it is dead, or nobody used it for a while.
async fn beat(client: &FredClient, watched: &Watched, is_node: bool, mut part: Part) {
    let mut idle = 0;
    loop {
        let was_doubted = timeout(BEAT, watched.doubted()).await.is_ok();
        if was_doubted || !watched.is_unused() {
            idle = 0;
        } else {
            idle += 1;
            if idle >= IDLE_BEATS && watched.lose_unless_used() {
                return;
            }
        }
        if watched.is_lost() || !client.is_connected() {
            return;
        }
        let Ok(seen) = look(client, is_node).await else {
            return;
        };
        // A node does not tell of keys that it gave away, or that are made on the next one.
        if seen != part {
            watched.tell_all();
            part = seen;
        }
    }
}

/// Asks the server whether it is there, and a node of a cluster for its part in it.
///
/// An error that the server answers is an answer.
async fn look(client: &FredClient, is_node: bool) -> Result<Part> {
    let command = if is_node {
        Command::read("CLUSTER").arg("NODES")
    } else {
        Command::read("PING")
    };
    let name = command.name();
    let failed = |error| convert::command_error(error, name, Effect::Read);
    let sent = wire::send(client, command, Some(BEAT));
    let reply = match timeout(2 * BEAT, sent).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => {
            let error = failed(error);
            let is_silent = matches!(error.kind(), ErrorKind::Timeout | ErrorKind::NotSent);
            return if is_silent { Err(error) } else { Ok(None) };
        }
        Err(_) => return Err(Error::new(ErrorKind::Timeout, "no reply")),
    };
    if !is_node {
        return Ok(None);
    }
    let nodes = reply.into_bytes()?;
    Ok(redirect::part_of_myself(&String::from_utf8_lossy(&nodes)))
}
