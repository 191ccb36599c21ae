//! Commands whose slot went to another node of the cluster, or is just going.
//!
//! fred must not follow redirections itself. It sends the command once more, which counts as an
//! attempt, so that one with a single attempt fails. After ASK it takes the next reply on the
//! connection for that of ASKING, whoever it is for, and from then on every reply goes to the wrong
//! caller; and where it cannot send ASKING, its task ends. Told to follow none, it asks for the
//! slots anew after MOVED, and fails the command. One that was redirected did not run, so it is
//! sent again from here: to where the slot is now, or, after ASK, over a connection of its own.

use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client as FredClient;
use fred::interfaces::ClusterInterface;
use fred::types::cluster::{ClusterRouting, SlotRange};
use fred::types::config::Server;
use futures::FutureExt;
use tokio::time::{Instant, sleep, timeout};

use crate::command::{Command, Effect};
use crate::lane::Lane;
use crate::transaction::Transaction;
use crate::{Client, Error, ErrorKind, Reply, Result, convert, wire};

const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// How long a node may take to tell of its slots.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// What one script or command of the server does.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    Command(Command),
    Transaction(Transaction),
}

/// Runs `work` on `lane`, or wherever its cluster says, unless it is tied to its place.
pub(crate) async fn run(client: &Client, lane: &Lane, work: Work) -> Result<Reply> {
    let slot = work.key().map(|key| fred::util::redis_keyslot(key));
    let result = match work.is_tied() {
        true => on_lane(client, lane, work).await,
        false => follow(client, lane, work, slot).await,
    };
    if let (Err(error), Some(slot)) = (&result, slot)
        && matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Ambiguous)
    {
        lane.look_for_owner(slot);
    }
    result
}

async fn follow(client: &Client, lane: &Lane, work: Work, slot: Option<u16>) -> Result<Reply> {
    let deadline = Instant::now() + work.timeout().unwrap_or(lane.command_timeout());
    let mut error = match on_lane(client, lane, work.clone()).await {
        Err(error) if work.follows(&error) => error,
        result => return result,
    };
    let mut node = None;
    let mut pause = Duration::ZERO;
    loop {
        sleep(pause).await;
        pause = (2 * pause).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(error);
        }
        let again = work.clone().within(left);
        let result = match &node {
            Some(node) => ask(client, node, again, left).await,
            None => Some(on_lane(client, lane, again).await),
        };
        error = match result {
            Some(Err(error)) if work.follows(&error) => error,
            Some(result) => return result,
            None => error,
        };
        node = match slot {
            // Where the slot is now it was sent already: it must be on the move.
            Some(slot) if node.is_none() && went_elsewhere(&error) => {
                importer(lane.fred(), slot).await
            }
            _ => None,
        };
    }
}

async fn on_lane(client: &Client, lane: &Lane, work: Work) -> Result<Reply> {
    let run = match work {
        Work::Command(command) => lane.run(command, client.server()).boxed(),
        Work::Transaction(transaction) => lane.transact(transaction, client.server()).boxed(),
    };
    run.await
}

/// Runs `work` on the node that its slot is moving to; `None` if that was not sent.
async fn ask(client: &Client, node: &Server, work: Work, left: Duration) -> Option<Result<Reply>> {
    let lease = timeout(left, client.leases().take(Some(node))).await;
    let lease = lease.ok()?.ok()?;
    wire::asking(lease.fred(), left).await.ok()?;
    let (name, effect) = (work.name(), work.effect());
    let sent = match work {
        // ASKING holds for one command: a script is sent whole.
        Work::Command(command) => wire::send(lease.fred(), command.in_order(), Some(left)).await,
        Work::Transaction(transaction) => {
            wire::send_transaction(lease.fred(), transaction, Some(left)).await
        }
    };
    let result = sent.map_err(|error| convert::command_error(error, name, effect));
    if !result.as_ref().is_err_and(Error::is_ambiguous) {
        // On any other the reply may still come.
        client.leases().give(lease);
    }
    Some(result)
}

/// Whether the server did not run the command because its slot is elsewhere, or on the move.
pub(crate) fn went_elsewhere(error: &Error) -> bool {
    convert::is_redirection(error) || matches!(error.code(), Some("MOVED" | "ASK" | "TRYAGAIN"))
}

/// The node that owns a slot, as far as the client knows.
pub(crate) fn owner(client: &FredClient, slot: u16) -> Option<Server> {
    let routing = client.cached_cluster_state()?;
    Some(range(&routing, slot)?.primary.clone())
}

/// The slots next to a slot that are its owner's as well, and who that is.
pub(crate) fn range(routing: &ClusterRouting, slot: u16) -> Option<&SlotRange> {
    let mut ranges = routing.slots().iter();
    ranges.find(|range| (range.start..=range.end).contains(&slot))
}

/// Asks the cluster anew who owns which slot.
pub(crate) async fn look(client: &FredClient, left: Duration) {
    // Without an answer the old one holds.
    let _ = timeout(left.min(LONGEST_LOOK), client.sync_cluster()).await;
}

/// The node that a slot is moving to, if its owner gives it away just now.
pub(crate) async fn importer(client: &FredClient, slot: u16) -> Option<Server> {
    let nodes = Command::read("CLUSTER")
        .arg("NODES")
        .on_node(Some(owner(client, slot)?));
    // Without an answer there is nothing to follow, yet.
    let nodes = wire::send(client, nodes, Some(LONGEST_LOOK)).await.ok()?;
    let nodes = nodes.into_bytes().ok()?;
    importer_in(&String::from_utf8_lossy(&nodes), slot)
}

/// What a node says of itself in CLUSTER NODES: its flags, and its slots with those on the move.
pub(crate) fn part_of_myself(nodes: &str) -> Option<String> {
    let mut lines = nodes.lines().map(|line| line.split(' '));
    lines.find_map(|mut words| {
        let flags = words.nth(2)?;
        let is_myself = flags.split(',').any(|flag| flag == "myself");
        // Between them: the primary's ID, times, the epoch and the state of the link.
        is_myself.then(|| {
            words
                .skip(5)
                .fold(flags.to_owned(), |part, word| part + " " + word)
        })
    })
}

/// Reads `ID HOST:PORT@BUS … [SLOT->-ID]`, each line a node.
fn importer_in(nodes: &str, slot: u16) -> Option<Server> {
    let mark = format!("[{slot}->-");
    let mut words = nodes.split_ascii_whitespace();
    let id = words.find_map(|word| word.strip_prefix(&mark)?.strip_suffix(']'))?;
    let mut lines = nodes.lines().map(|line| line.split(' '));
    let address = lines.find_map(|mut words| (words.next()? == id).then(|| words.next())?)?;
    let (host, port) = address.split('@').next()?.rsplit_once(':')?;
    Some(Server::new(host, port.parse().ok()?))
}

impl Work {
    /// Whether it is sent again after `error`, which says that it did not run, or may run twice.
    fn follows(&self, error: &Error) -> bool {
        let is_hasty = matches!(self, Self::Command(command) if command.fail_fast);
        if !is_hasty && convert::is_between_tasks(error, self.effect()) {
            return true;
        }
        let is_split = error.code() == Some("TRYAGAIN");
        let is_impatient = matches!(self, Self::Command(command) if command.impatient);
        went_elsewhere(error) && !(is_split && is_impatient)
    }

    /// Whether it is not to be sent elsewhere.
    fn is_tied(&self) -> bool {
        matches!(self, Self::Command(command) if command.is_tied())
    }

    fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Command(command) => command.timeout,
            Self::Transaction(transaction) => transaction.timeout,
        }
    }

    fn within(self, timeout: Duration) -> Self {
        match self {
            Self::Command(command) => Self::Command(command.timeout(timeout)),
            Self::Transaction(transaction) => Self::Transaction(Transaction {
                timeout: Some(timeout),
                ..transaction
            }),
        }
    }

    fn key(&self) -> Option<&Bytes> {
        match self {
            Self::Command(command) => command.keys.first(),
            Self::Transaction(transaction) => transaction.keys.first(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Command(command) => command.name,
            Self::Transaction(_) => "EVAL",
        }
    }

    fn effect(&self) -> Effect {
        match self {
            Self::Command(command) => command.effect,
            Self::Transaction(transaction) => transaction.effect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_importer_of_a_slot_is_found_by_its_mark() {
        let nodes = "\
a1 10.0.0.1:7001@17001,one.example myself,master - 0 0 1 connected 0-8191 [5061->-b2] [7->-c3]
b2 ::1:7002@17002 master - 0 1 2 connected 8192-16383
c3 10.0.0.3:7003@17003 master - 0 1 3 connected [9-<-b2]
";
        let of = |slot| importer_in(nodes, slot);
        assert_eq!(of(5061), Some(Server::new("::1", 7002)));
        assert_eq!(of(7), Some(Server::new("10.0.0.3", 7003)));
        for slot in [506, 8, 9] {
            assert_eq!(of(slot), None, "{slot}");
        }
        let part = part_of_myself(nodes);
        assert_eq!(
            part.as_deref(),
            Some("myself,master 0-8191 [5061->-b2] [7->-c3]")
        );
    }
}
