//! Reads from replicas that are lost.

use bytes::Bytes;
use futures::future::join_all;
use futures::{FutureExt, poll};
use purse_client::{Client, Command, ReadFrom};
use purse_testkit::{Cluster, Server};

use crate::support::{SOON, calls, incr, until};

/// A read that is too large for the buffers of the sockets.
fn large() -> Command {
    let mut key = b"{bar}".to_vec();
    key.resize(32 << 20, b'x');
    Command::read("EXISTS").key(Bytes::from(key))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsent_reads_of_a_lost_replica_go_to_the_primary() {
    // The primary reports the replica until the test ends.
    let settings = Server::builder().config("cluster-node-timeout", "60000");
    let cluster = Cluster::start_with(1, 1, &settings).expect("a cluster");
    let client = Client::builder(&cluster.url())
        .command_timeout(SOON)
        .read_from(ReadFrom::PreferReplica)
        .connect()
        .await
        .expect("a cluster");
    client.run(incr("bar")).await.expect("INCR");
    let get = || client.run(Command::read("GET").key("bar"));
    let primary = cluster.primary_of("bar").expect("a primary");
    let replica = cluster.replicas_of(primary).expect("replicas")[0];
    until("the replica answers", async || {
        get().await.expect("GET");
        calls(replica, "get") > 0
    })
    .await;
    replica.pause().expect("pause");
    let sent = client.stats().commands;
    let mut large = client.run(large()).boxed();
    assert!(poll!(&mut large).is_pending());
    until("the large read is sent", async || {
        client.stats().commands > sent
    })
    .await;
    let mut gets: Vec<_> = (0..10).map(|_| get().boxed()).collect();
    for get in &mut gets {
        assert!(poll!(get).is_pending());
    }
    replica.kill().expect("kill");
    large.await.expect("the primary answers");
    for reply in join_all(gets).await {
        assert_eq!(reply.expect("GET").into_int().expect("a number"), 1);
    }
}
