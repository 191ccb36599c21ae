//! A primary that is cut off from the other nodes, and that clients still reach.

use std::time::Duration;

use purse_client::Client;
use purse_testkit::{Cluster, Release, Server};

use crate::support::{incr, until};

/// Returns the identifier of a node.
fn id(node: &Server) -> String {
    let id = node.command(&["CLUSTER", "MYID"]).expect("CLUSTER MYID");
    id.text().expect("text").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_of_a_primary_that_is_cut_off_are_found_at_its_replica() {
    // Later releases tell the others which nodes are to be forgotten.
    let settings = Server::builder().release(Release::Redis6_2_14);
    let cluster = Cluster::start_with(3, 1, &settings).expect("a cluster");
    let client = Client::builder(&cluster.url())
        .command_timeout(Duration::from_secs(1))
        .connect()
        .await
        .expect("a cluster");
    for key in ["foo", "bar"] {
        client.run(incr(key)).await.expect(key);
    }
    let old = cluster.primary_of("bar").expect("a primary");
    let replica = cluster.replicas_of(old).expect("replicas")[0];
    for other in cluster.nodes().iter().filter(|it| it.port() != old.port()) {
        let forgotten = old.command(&["CLUSTER", "FORGET", &id(other)]);
        assert_eq!(forgotten.expect("CLUSTER FORGET").text(), Some("OK"));
    }
    until("the old primary serves nothing", async || {
        let get = old.command(&["GET", "bar"]).expect("a reply");
        get.error().is_some_and(|it| it.starts_with("CLUSTERDOWN"))
    })
    .await;
    let taken = replica.command(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
    assert_eq!(taken.expect("CLUSTER FAILOVER").text(), Some("OK"));
    // The old one stays connected, and says that all slots are without an owner but its own.
    until("the replica answers", async || {
        client.run(incr("bar")).await.is_ok()
    })
    .await;
    assert!(client.is_connected());
}
