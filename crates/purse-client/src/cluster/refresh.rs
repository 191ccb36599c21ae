//! The task that refreshes the slot map.
//!
//! All connected nodes are asked at once, and the other known nodes only if none of these gives a
//! good answer. A map is good if its node does not say that its cluster is down, and if it shares a
//! node with the map before. The first good map on which two nodes agree is learned at once. After a
//! good map, other nodes have 100 ms to answer; after another map, a second. Then the map of the
//! highest rank counts, and of those the one on which most nodes agree.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;

use super::slot_map::SlotMap;
use super::{Cluster, EndOnDrop};
use crate::command::{Command, Effect};
use crate::config::{Address, Servers};
use crate::connection::{CommandTiming, Connection, Failure, ReplyFuture, error_map, wait_up};
use crate::util::timer::{sleep, time_left, timeout};
use crate::{Error, ErrorKind, Reply, Result};

/// The pause between two refreshes.
const PAUSE: Duration = Duration::from_millis(50);
/// The time that a connected node has to answer.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// The time that other nodes have to answer after a good answer.
const MAX_WAIT_MORE: Duration = Duration::from_millis(100);

/// Learns the slots whenever it is asked to, until the cluster is closed or dropped.
pub(super) async fn run(task: EndOnDrop, request: Arc<Notify>) {
    loop {
        request.notified().await;
        let Some(cluster) = task.0.upgrade() else {
            return;
        };
        if cluster.ending().is_some() {
            return;
        }
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

/// Asks the nodes that are connected, and then all that are known, and returns the map that counts
/// most: one that two nodes agree on, if there is one.
async fn ask_all(cluster: &Cluster) -> Result<SlotMap> {
    let before = cluster.map();
    let mut asked = HashSet::new();
    let mut known = cluster.primaries();
    if let Servers::Cluster(seeds) = &cluster.settings.target.servers {
        known.extend(seeds.iter().cloned());
    }
    known.retain(|address| asked.insert(address.clone()));
    let (connected, others): (Vec<_>, Vec<_>) = known
        .into_iter()
        .partition(|address| cluster.is_up(address));
    let mut views: Vec<NodeView> = Vec::new();
    let mut last = None;
    for group in [connected, others] {
        // Connections to the others are made only if no connected node gives a good answer.
        let group: Vec<_> = group
            .into_iter()
            .map(|address| (cluster.connection(&address), address))
            .collect();
        let mut answers: FuturesUnordered<_> = group
            .iter()
            .map(|(connection, address)| ask(cluster, connection, address))
            .collect();
        let mut limit = (!views.is_empty()).then(|| Instant::now() + MAX_WAIT);
        while let Some(answer) = next_before(&mut answers, limit).await {
            match answer {
                Ok((map, is_failing)) if !map.is_empty() => {
                    let view = NodeView::new(map, is_failing, &before);
                    let is_confirmed =
                        view.rank == Rank::Good && views.iter().any(|other| other.confirms(&view));
                    if is_confirmed {
                        return Ok(view.map);
                    }
                    let wait = match view.rank {
                        Rank::Good => MAX_WAIT_MORE,
                        _ => MAX_WAIT,
                    };
                    let until = Instant::now() + wait;
                    limit = Some(limit.map_or(until, |limit| limit.min(until)));
                    views.push(view);
                }
                Ok(_) => {
                    let message = "no slot of the cluster has an owner";
                    last = Some(Error::new(ErrorKind::NotSent, message));
                }
                Err(error) => last = Some(worse(last, error)),
            }
        }
        if views.iter().any(|view| view.rank == Rank::Good) {
            break;
        }
    }
    best(views).ok_or_else(|| {
        last.unwrap_or_else(|| Error::new(ErrorKind::NotSent, "no node of the cluster is known"))
    })
}

/// Returns the next answer; `None` if there is none, or none before `limit`.
async fn next_before<T>(
    answers: &mut FuturesUnordered<impl Future<Output = T>>,
    limit: Option<Instant>,
) -> Option<T> {
    match limit {
        Some(limit) => timeout(time_left(limit), answers.next()).await?,
        None => answers.next().await,
    }
}

/// The slots as one node knows them.
struct NodeView {
    map: SlotMap,
    rank: Rank,
}

/// The weight of the map of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The node shares no node with the map so far: another cluster may have its address now.
    Foreign,
    /// The node says that its cluster is down. It may be cut off from the other nodes.
    Failing,
    Good,
}

impl NodeView {
    fn new(map: SlotMap, is_failing: bool, before: &SlotMap) -> Self {
        let rank = match (map.may_follow(before), is_failing) {
            (false, _) => Rank::Foreign,
            (true, true) => Rank::Failing,
            (true, false) => Rank::Good,
        };
        Self { map, rank }
    }

    fn confirms(&self, other: &Self) -> bool {
        self.rank == other.rank && self.map.agrees(&other.map)
    }
}

/// Returns the map of the highest rank, and of those the one that most nodes agree on.
fn best(mut views: Vec<NodeView>) -> Option<SlotMap> {
    let votes = |view: &NodeView| views.iter().filter(|other| other.confirms(view)).count();
    let place = (0..views.len())
        .rev()
        .max_by_key(|&place| (views[place].rank, votes(&views[place])))?;
    Some(views.swap_remove(place).map)
}

/// Returns the more useful error: a permanent one, before one that may not last.
fn worse(last: Option<Error>, error: Error) -> Error {
    match last {
        Some(last) if !matches!(last.kind(), ErrorKind::NotSent | ErrorKind::Timeout) => last,
        _ => error,
    }
}

/// Asks a node for its slots, and whether its cluster is down.
async fn ask(
    cluster: &Cluster,
    connection: &Connection,
    address: &Address,
) -> Result<(SlotMap, bool)> {
    if !connection.was_up() {
        // The first failure to connect tells why.
        timeout(cluster.settings.connect_timeout, wait_up(connection))
            .await
            .unwrap_or_else(|| {
                Err(error_map::connect_timeout(
                    cluster.settings.target.tls.is_some(),
                ))
            })?;
    }
    let since = Instant::now();
    let timing = CommandTiming {
        since,
        deadline: since + MAX_WAIT.min(cluster.settings.connect_timeout),
        fail_fast: true,
    };
    let commands = ["SLOTS", "INFO"].map(|word| Command::read("CLUSTER").arg(word));
    let fail = |failure| error_map::command_error(failure, "CLUSTER", Effect::Read);
    let (ticket, _) = connection.send_run(&commands, timing).map_err(fail)?;
    let home = cluster.runtime.id();
    let waiting = ReplyFuture::new(connection.clone(), ticket, timing.deadline, home);
    let mut outcomes = waiting.await.map_err(fail)?.into_iter();
    let slots = outcomes.next().unwrap_or(Err(Failure::Lost(None)));
    let slots = slots.map_err(|failure| {
        let error = fail(failure);
        match error.to_string().contains("cluster support disabled") {
            true => {
                let message =
                    "cannot connect: the server is not part of a cluster; use redis:// for it";
                Error::new(ErrorKind::Config, message)
            }
            false => error,
        }
    })?;
    // A user may lack the right to ask for it.
    let info = outcomes.next().and_then(Result::ok);
    let info = info.and_then(|info| Reply(info).into_bytes().ok());
    let is_failing = info.is_some_and(|info| {
        let mut lines = info.split(|&byte| byte == b'\n');
        lines.any(|line| line.starts_with(b"cluster_state:fail"))
    });
    Ok((SlotMap::parse(Reply(slots), address)?, is_failing))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::resp::Value;

    /// Returns a map of two shards: the first owns the slots before `border`. A node has an
    /// identifier, and its port is that of the node that was asked or another one.
    fn map(border: i64, ids: [&'static str; 2]) -> SlotMap {
        let node = |port, id: &'static str| {
            let id = Value::Bytes(Bytes::from_static(id.as_bytes()));
            let host = Value::Bytes(Bytes::from_static(b"host"));
            Value::List(vec![host, Value::Int(port), id])
        };
        let range =
            |first, last, node| Value::List(vec![Value::Int(first), Value::Int(last), node]);
        let ranges = vec![
            range(0, border - 1, node(1, ids[0])),
            range(border, 16_383, node(2, ids[1])),
        ];
        let from = Address::new("host", 1);
        SlotMap::parse(Reply(Value::List(ranges)), &from).expect("slots")
    }

    fn border(map: &SlotMap) -> u16 {
        let is_second = |slot: &u16| map.shard(*slot).expect("an owner").primary.port == 2;
        (0..).find(is_second).expect("two shards")
    }

    fn best_of(views: impl IntoIterator<Item = (i64, [&'static str; 2], bool)>) -> Option<u16> {
        let before = map(100, ["a", "b"]);
        let view = |(border, ids, is_failing)| NodeView::new(map(border, ids), is_failing, &before);
        best(views.into_iter().map(view).collect()).map(|map| border(&map))
    }

    #[test]
    fn map_that_most_nodes_agree_on_is_learned() {
        let (same, other) = (["a", "b"], ["x", "y"]);
        assert_eq!(best_of([]), None);
        assert_eq!(best_of([(1, same, false)]), Some(1));
        assert_eq!(best_of([(1, same, false), (2, same, false)]), Some(1));
        let stale = (1, same, false);
        assert_eq!(
            best_of([stale, (2, same, false), (2, same, false)]),
            Some(2)
        );
        // A failing node is cut off; nodes of another cluster are even less to be believed.
        let cut_off = (1, same, true);
        assert_eq!(best_of([cut_off, cut_off, (2, same, false)]), Some(2));
        let foreign = (3, other, false);
        assert_eq!(best_of([foreign, foreign, (2, same, false)]), Some(2));
        assert_eq!(best_of([foreign, foreign, cut_off]), Some(1));
        assert_eq!(best_of([foreign]), Some(3));
        // One node of the cluster is enough.
        assert_eq!(best_of([foreign, (4, ["b", "y"], false)]), Some(4));
    }
}
