//! Nodes of a cluster that stand still while others answer.
//!
//! fred learns who owns a slot when a connection breaks, or a node says MOVED. One that hangs does
//! neither, and [`silence`](crate::silence) does not see it among the replies of the others: what
//! goes to its slots would time out although a replica has long taken its place. So after a timeout
//! another node is asked who owns the slot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::interfaces::ClusterInterface;
use tokio::time::sleep;

use crate::command::Command;
use crate::{redirect, wire};

/// How long a node may take to answer, and how long it takes until one is asked again.
const LOOK: Duration = Duration::from_secs(1);

/// Asks for the nodes of one client that do not answer, one at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Still(Arc<AtomicBool>);

impl Still {
    /// No reply came in time from the owner of `slot`.
    pub(crate) fn suspected(&self, client: &FredClient, slot: u16) {
        if self.0.swap(true, Ordering::AcqRel) {
            return;
        }
        let (client, looking) = (client.clone(), Looking(self.0.clone()));
        tokio::spawn(async move {
            if is_replaced(&client, slot).await {
                redirect::look(&client, LOOK).await;
            }
            sleep(LOOK).await;
            drop(looking);
        });
    }
}

/// Ends the look, also if its task is dropped with its runtime.
struct Looking(Arc<AtomicBool>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Whether another node says that the slot is no more with the owner that the client knows.
///
/// The client itself looks only then: fred stands still as well while it asks a node that does.
async fn is_replaced(client: &FredClient, slot: u16) -> bool {
    let Some(routing) = client.cached_cluster_state() else {
        return false;
    };
    let mut ranges = routing.slots().iter();
    let Some(owner) = ranges.find(|range| (range.start..=range.end).contains(&slot)) else {
        return false;
    };
    let mut others = routing.unique_primary_nodes();
    others.retain(|node| *node != owner.primary);
    for other in others {
        let nodes = Command::read("CLUSTER").arg("NODES").on_node(Some(other));
        let reply = wire::send(client, nodes, Some(LOOK)).await.ok();
        let Some(nodes) = reply.and_then(|reply| reply.into_bytes().ok()) else {
            continue;
        };
        let nodes = String::from_utf8_lossy(&nodes);
        return owner_in(&nodes, slot).is_some_and(|id| *id != *owner.id);
    }
    false
}

/// The ID of the owner of `slot`.
///
/// Reads `ID HOST:PORT@BUS FLAGS PRIMARY SENT RECEIVED EPOCH LINK SLOT FROM-TO …`, each line a node.
fn owner_in(nodes: &str, slot: u16) -> Option<&str> {
    let holds = |range: &str| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (Ok(from), Ok(to)) = (from.parse(), to.parse()) else {
            return false;
        };
        (from..=to).contains(&slot)
    };
    let mut lines = nodes.lines().map(|line| line.split(' '));
    lines.find_map(|mut words| {
        let id = words.next()?;
        words.skip(7).any(holds).then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_slot_is_found_by_its_ranges() {
        let nodes = "\
a1 10.0.0.1:7001@17001,one.example myself,master - 0 0 1 connected 0-5 7 [6->-b2]
b2 ::1:7002@17002 master - 0 1 2 connected 8-16383
c3 10.0.0.3:7003@17003 slave b2 0 1 2 connected
d4 10.0.0.4:7004@17004 master,fail - 1 1 3 disconnected
";
        for (slot, owner) in [
            (0, Some("a1")),
            (7, Some("a1")),
            (16383, Some("b2")),
            (6, None),
        ] {
            assert_eq!(owner_in(nodes, slot), owner, "{slot}");
        }
    }
}
