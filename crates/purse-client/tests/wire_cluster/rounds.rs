//! Writes to a cluster whose connections break, whose slots move, and whose primaries change.

use std::time::{Duration, Instant};

use purse_client::Client;
use purse_testkit::Cluster;

use crate::load::Load;
use crate::support::until;

/// Returns the duration of a test: ten minutes with `PURSE_SOAK`.
fn duration() -> Duration {
    match std::env::var_os("PURSE_SOAK") {
        Some(_) => Duration::from_secs(600),
        None => Duration::from_secs(5),
    }
}

/// The time after which counters are checked and replaced.
const ROUND: Duration = Duration::from_millis(2_500);

async fn client(cluster: &Cluster) -> Client {
    Client::connect(&cluster.url()).await.expect("a cluster")
}

fn forget(cluster: &Cluster) {
    for node in cluster.nodes() {
        // A replica refuses it, and follows its primary.
        node.command(&["FLUSHALL"]).expect("a reply");
    }
}

fn break_connections(cluster: &Cluster) {
    for node in cluster.nodes() {
        let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
        node.command(&kill).expect("CLIENT KILL");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_while_nodes_break_off_run_as_their_results_say() {
    let cluster = Cluster::start(3, 0).expect("a cluster");
    let client = client(&cluster).await;
    let started = Instant::now();
    let mut ambiguous = 0;
    while started.elapsed() < duration() {
        let round = Instant::now();
        let load = Load::start(&client, "n");
        while round.elapsed() < ROUND {
            let before = load.done();
            break_connections(&cluster);
            let more = 1 + fastrand::usize(..200);
            until("increments go on", async || load.done() >= before + more).await;
        }
        let account = load.check(&client).await;
        ambiguous += account.ambiguous;
        assert_eq!(account.refused, 0);
        assert!(account.ok > 100, "{account:?}");
        // The command timeout is five seconds: none waits for it where all nodes are well.
        assert!(account.longest < Duration::from_secs(3), "{account:?}");
        forget(&cluster);
    }
    assert!(ambiguous > 0, "no connection broke under a command");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_while_slots_move_run_as_their_results_say() {
    let cluster = Cluster::start(3, 0).expect("a cluster");
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    let started = Instant::now();
    let mut next = 0;
    while started.elapsed() < duration() {
        let round = Instant::now();
        let load = Load::start(&client, "n");
        while round.elapsed() < ROUND {
            let owner = cluster.primary_of_slot(slot).expect("a primary").port();
            let others = cluster.nodes().iter().filter(|node| node.port() != owner);
            let others: Vec<_> = others.collect();
            next += 1;
            let moving = cluster.move_slot(slot, others[next % 2]).expect("a move");
            let before = load.done();
            moving.move_keys(10).expect("some keys");
            until("increments go on", async || load.done() > before + 20).await;
            tokio::task::block_in_place(|| moving.finish()).expect("moved");
        }
        let account = load.check(&client).await;
        assert!(account.ok > 100, "{account:?}");
        assert_eq!(account.refused + account.ambiguous, 0, "nothing broke");
        forget(&cluster);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_while_primaries_change_run_as_their_results_say() {
    let cluster = Cluster::start(3, 1).expect("a cluster");
    let client = client(&cluster).await;
    let started = Instant::now();
    while started.elapsed() < duration() {
        let load = Load::start(&client, "n");
        // A handover by CLUSTER FAILOVER loses nothing.
        let old = cluster.primary_of("bar").expect("a primary");
        tokio::task::block_in_place(|| cluster.fail_over(old)).expect("a failover");
        let before = load.done();
        break_connections(&cluster);
        until("increments go on", async || load.done() > before + 200).await;
        let account = load.check(&client).await;
        assert!(account.ok > 100, "{account:?}");
        forget(&cluster);
    }
}
