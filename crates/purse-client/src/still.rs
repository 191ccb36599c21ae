//! Nodes of a cluster that stand still while others answer.
//!
//! fred learns who owns a slot when a connection breaks, or a node says MOVED. One that hangs does
//! neither, and [`silence`](crate::silence) does not see it among the replies of the others: what
//! goes to its slots would time out although a replica has long taken its place. So after a timeout
//! another node is asked who owns the slot.
//!
//! Where it is still the same one, its connection may be dead without having been closed: what is
//! between forgot it, or the network was gone, and then TCP itself waits up to two minutes until it
//! tries again, a quarter of an hour until it gives up. So the node is asked on that connection and
//! on new ones. fred connects to all nodes of a cluster, or it answers nobody: therefore all of them
//! have to answer before the connections are made anew, and a bound for TCP (`TCP_USER_TIMEOUT`),
//! which breaks the dead connection whether or not its node can be reached, would cost the slots of
//! all other nodes as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::error::ErrorKind as FredKind;
use fred::interfaces::{ClientLike, ClusterInterface};
use fred::types::config::Server;
use futures::future::join_all;
use tokio::time::sleep;

use crate::command::Command;
use crate::driver::Task;
use crate::lease::Blueprint;
use crate::silence::Silence;
use crate::{redirect, trace, wire};

/// How long a node may take to answer, and how long it takes until one is asked again.
const LOOK: Duration = Duration::from_secs(1);

/// Asks for the nodes of one client that do not answer, one at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Still(Arc<AtomicBool>);

impl Still {
    /// No reply came in time from the owner of `slot`; so long as a command may take, it is waited
    /// for one more on the connection that there is, before `silence` makes it anew.
    pub(crate) fn suspected(
        &self,
        client: &FredClient,
        slot: u16,
        command_timeout: Duration,
        silence: &Silence,
    ) {
        if self.0.swap(true, Ordering::AcqRel) {
            return;
        }
        let (client, looking) = (client.clone(), Looking(self.0.clone()));
        let silence = silence.clone();
        tokio::spawn(async move {
            if is_replaced(&client, slot).await {
                redirect::look(&client, LOOK).await;
            } else if let Some(node) = cut_off(&client, slot, command_timeout.max(LOOK)).await {
                trace::cut_off(&node.to_string());
                silence.start_anew();
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
    let Some(owner) = redirect::range(&routing, slot) else {
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

/// The owner of `slot`, if it answers on a new connection, as all other nodes do, but for `patience`
/// not on the one that there is.
async fn cut_off(client: &FredClient, slot: u16, patience: Duration) -> Option<Server> {
    let owner = redirect::owner(client, slot)?;
    let ping = Command::read("PING").on_node(Some(owner.clone()));
    let is_silent = wire::send(client, ping, Some(patience))
        .await
        .is_err_and(|error| *error.kind() == FredKind::Timeout);
    // One that is not connected is connecting already.
    if !is_silent || !client.is_connected() {
        return None;
    }
    let nodes = client.cached_cluster_state()?.unique_primary_nodes();
    let blueprint = Blueprint::of(client, client.connection_config().connection_timeout);
    let answers = nodes.iter().map(async |node| {
        let client = blueprint.client(Some(node));
        blueprint.in_time(Task::connected(&client)).await.is_ok()
    });
    let all_answer = join_all(answers).await.into_iter().all(|answers| answers);
    all_answer.then_some(owner)
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
