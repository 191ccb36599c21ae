//! What is left of a client that was closed or dropped.

use std::time::Duration;

use futures::{FutureExt, poll};
use purse_client::{Client, Command};
use purse_testkit::{Cluster, Server};
use tokio::runtime::Handle;

use crate::support::{connections, incr, until};

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Returns the URL of a cluster of which only this node is known.
fn url_of(node: &Server) -> String {
    node.url().replace("redis://", "redis-cluster://")
}

#[tokio::test]
async fn dropped_client_of_a_cluster_leaves_no_task() {
    let cluster = Cluster::start(2, 0).expect("a cluster");
    let before = tasks();
    for _ in 0..5 {
        let client = Client::connect(&cluster.url()).await.expect("a cluster");
        client.run(incr("foo")).await.expect("INCR");
        drop(client);
    }
    until("all tasks have ended", async || tasks() == before).await;
}

#[tokio::test]
async fn closed_client_of_a_cluster_does_not_connect_again() {
    let cluster = Cluster::start(3, 0).expect("a cluster");
    let owner = cluster.primary_of("foo").expect("a primary");
    let before: usize = cluster.nodes().iter().map(connections).sum();
    let tasks_before = tasks();
    let client = Client::connect(&url_of(owner)).await.expect("a cluster");
    client.run(incr("foo")).await.expect("INCR");
    // A write in flight, which the end of the connection loses.
    owner.pause().expect("pause");
    let mut write = client.run(incr("foo")).boxed();
    assert!(poll!(&mut write).is_pending());
    tokio::join!(client.close(), async {
        write.await.expect_err("no reply");
    });
    until("all tasks have ended", async || tasks() == tasks_before).await;
    owner.resume().expect("resume");
    until("all connections are closed", async || {
        let now: usize = cluster.nodes().iter().map(connections).sum();
        now == before
    })
    .await;
    assert!(client.is_closed());
}

#[tokio::test]
async fn closed_client_without_a_cluster_does_not_look_for_one() {
    let server = Server::start().expect("a server");
    server.kill().expect("kill");
    let before = tasks();
    let client = Client::builder(&url_of(&server)).connect_lazy();
    let client = client.expect("a client");
    let get = Command::read("GET").key("foo");
    let get = client.run(get.timeout(Duration::from_millis(100)));
    get.await.expect_err("no server");
    client.close().await;
    until("all tasks have ended", async || tasks() == before).await;
    assert!(client.is_closed());
}
