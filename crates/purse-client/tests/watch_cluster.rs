//! Watched keys in a cluster: each is watched where its slot is.

mod support;

use std::time::Duration;

use purse_client::{Client, Command, Watch};
use purse_testkit::{Cluster, Server};
use support::tracking;
use tokio::time::timeout;

/// Beats are two seconds apart, and an answer may take two as well.
const BEATS: Duration = Duration::from_secs(40);

/// Two nodes; the slot of `bar` is on the first one, that of `foo` on the second one.
fn two() -> Cluster {
    let settings = Server::builder().config("cluster-require-full-coverage", "no");
    Cluster::start_with(2, 0, &settings).expect("a cluster")
}

async fn client(cluster: &Cluster) -> Client {
    Client::connect(&cluster.url()).await.expect("a cluster")
}

async fn watch(client: &Client, key: &str) -> Watch {
    let read = Command::read("LLEN").key(key.to_owned());
    client.watch(read).await.expect("a watch").1
}

async fn wait_awake(watch: &mut Watch, why: &str) {
    timeout(BEATS, watch.changed()).await.expect(why);
}

async fn push(client: &Client, key: &str) {
    let push = Command::write("LPUSH").key(key.to_owned()).arg("x");
    client.run(push).await.expect("LPUSH");
}

/// Watches until a look at the key finds it changed, as those do who wait for something.
async fn wait_for_length(client: &Client, key: &'static str, wanted: i64) {
    let come = async {
        loop {
            let read = Command::read("LLEN").key(key);
            let (reply, mut watch) = client.watch(read).await.expect("a watch");
            if reply.into_int().expect("a number") >= wanted {
                return;
            }
            watch.changed().await;
        }
    };
    timeout(BEATS, come).await.expect("a change that is seen");
}

#[tokio::test]
async fn keys_are_watched_on_their_nodes_over_one_connection_each() {
    let cluster = two();
    let client = client(&cluster).await;
    for key in ["foo", "bar", "{foo}x", "{bar}x"] {
        let mut watch = watch(&client, key).await;
        push(&client, key).await;
        wait_awake(&mut watch, key).await;
    }
    for node in cluster.nodes() {
        assert_eq!(tracking(node).len(), 1);
    }
}

#[tokio::test]
async fn moving_slot_wakes_watches_of_absent_keys_too() {
    let cluster = two();
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    push(&client, "{bar}there").await;
    for to in [1, 0, 1] {
        let (mut there, mut absent) = (
            watch(&client, "{bar}there").await,
            watch(&client, "{bar}absent").await,
        );
        let moving = cluster
            .move_slot(slot, &cluster.nodes()[to])
            .expect("a move");
        moving.finish().expect("moved");
        wait_awake(&mut there, "moved").await;
        wait_awake(&mut absent, "its slot moved").await;
        let mut after = watch(&client, "{bar}there").await;
        push(&client, "{bar}there").await;
        wait_awake(&mut after, "written on the new node").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_created_on_next_node_during_move_is_seen() {
    let mut cluster = two();
    cluster.add_node().expect("a third node");
    let client = client(&cluster).await;
    let slot = cluster.slot("bar").expect("a slot");
    for to in [1, 2] {
        let waiter = client.clone();
        let wait = tokio::spawn(async move { wait_for_length(&waiter, "bar", 1).await });
        let moving = cluster
            .move_slot(slot, &cluster.nodes()[to])
            .expect("a move");
        push(&client, "bar").await;
        wait.await.expect("seen by one who waited before");
        let pop = Command::write("LPOP").key("bar");
        client.run(pop).await.expect("LPOP");
        // The key is gone: it is looked for on the next node.
        let mut during = watch(&client, "bar").await;
        push(&client, "bar").await;
        wait_awake(&mut during, "made on the next node").await;
        moving.finish().expect("moved");
        wait_for_length(&client, "bar", 1).await;
        let pop = Command::write("LPOP").key("bar");
        client.run(pop).await.expect("LPOP");
    }
}

#[tokio::test]
async fn a_node_that_dies_wakes_its_watches() {
    let cluster = two();
    let client = client(&cluster).await;
    let mut watch = watch(&client, "bar").await;
    cluster
        .primary_of("bar")
        .expect("a node")
        .kill()
        .expect("killed");
    wait_awake(&mut watch, "its node is dead").await;
    let read = Command::read("LLEN").key("bar");
    let error = timeout(BEATS, client.watch(read))
        .await
        .expect("in time")
        .expect_err("dead");
    assert!(error.is_retryable(), "{error}");
}
