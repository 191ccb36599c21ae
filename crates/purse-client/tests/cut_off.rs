//! Connections to one node of a cluster that are dead without having been closed.

mod support;

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use purse_client::{Client, Command, Error, ErrorKind};
use purse_testkit::{Cluster, Release, Server};
use support::{Proxy, incr, until};
use tokio::task::JoinHandle;

/// A cluster whose clients reach the node of `bar` by way of a proxy, and the node of `foo` as it
/// is.
struct Stage {
    _cluster: Cluster,
    proxy: Proxy,
    client: Client,
    busy: JoinHandle<()>,
    /// Commands to the node of `foo` that failed for want of a connection.
    unsent: Arc<AtomicUsize>,
}

impl Stage {
    async fn new() -> Self {
        // Servers before 7 tell others of another port, but go on giving their own one to clients.
        let settings = Server::builder().release(Release::Valkey9_1);
        let cluster = Cluster::start_with(2, 0, &settings).expect("a cluster");
        let behind = cluster.primary_of("bar").expect("a primary");
        let proxy = Proxy::before(behind).await;
        let announce = ["CONFIG", "SET", "cluster-announce-port", proxy.port()];
        assert_eq!(
            behind.command(&announce).expect("CONFIG").text(),
            Some("OK")
        );
        until("all nodes know of the proxy", async || {
            cluster.nodes().iter().all(|node| {
                let nodes = node.command(&["CLUSTER", "NODES"]).expect("CLUSTER NODES");
                let address = format!(":{}@", proxy.port());
                nodes.text().is_some_and(|nodes| nodes.contains(&address))
            })
        })
        .await;
        let client = Client::builder(&cluster.url())
            .command_timeout(Duration::from_secs(1))
            .connect_timeout(Duration::from_secs(2))
            .connect()
            .await
            .expect("a cluster");
        let unsent = Arc::new(AtomicUsize::new(0));
        Self {
            _cluster: cluster,
            proxy,
            busy: tokio::spawn(keep_busy(client.clone(), unsent.clone())),
            client,
            unsent,
        }
    }

    async fn incr(&self) -> Result<(), Error> {
        self.client.run(incr("bar")).await.map(drop)
    }

    async fn get(&self) -> Result<(), Error> {
        let get = Command::read("GET").key("bar");
        self.client.run(get).await.map(drop)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.busy.abort();
    }
}

async fn keep_busy(client: Client, unsent: Arc<AtomicUsize>) {
    loop {
        for command in [incr("foo"), Command::read("GET").key("foo")] {
            let is_read = command.name() == "GET";
            // A reply may be late where much else runs.
            let is_late = |error: &Error| {
                error
                    .source()
                    .is_some_and(|source| source.to_string().contains("timed out"))
            };
            if let Err(error) = client.run(command).await
                && (is_read || error.kind() == ErrorKind::NotSent)
                && !is_late(&error)
            {
                unsent.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

#[tokio::test]
async fn half_open_connection_to_one_node_is_replaced() {
    let stage = Stage::new().await;
    stage.incr().await.expect("INCR");
    stage.get().await.expect("GET");
    stage.proxy.swallow();
    stage.incr().await.expect_err("swallowed");
    stage.get().await.expect_err("swallowed");
    stage.proxy.swallow_no_more();
    until("writes go through", async || stage.incr().await.is_ok()).await;
    until("reads go through", async || stage.get().await.is_ok()).await;
    assert_eq!(stage.unsent.load(Ordering::SeqCst), 0, "others wait for it");
}

#[tokio::test]
async fn unreachable_node_does_not_affect_others() {
    let stage = Stage::new().await;
    stage.incr().await.expect("INCR");
    let before = stage.proxy.accepted_count();
    stage.proxy.swallow();
    // With the second one it was decided what follows from the first one.
    for tried in 1..=2 {
        until("a new connection was tried", async || {
            stage.incr().await.expect_err("swallowed");
            stage.proxy.accepted_count() >= before + tried
        })
        .await;
    }
    assert_eq!(stage.unsent.load(Ordering::SeqCst), 0);
}
