//! A client whose runtime lives and is not driven.

use std::time::Duration;

use purse_client::{Client, ErrorKind};
use purse_testkit::{Cluster, Server};

use crate::support::connections;
use crate::{OPERATIONS, bounded, current_thread};

async fn client(url: &str) -> Client {
    let limit = Duration::from_millis(300);
    let builder = Client::builder(url)
        .command_timeout(limit)
        .connect_timeout(limit * 3);
    builder.connect().await.expect("a server")
}

#[test]
fn operations_on_an_undriven_runtime_are_bounded() {
    let server = Server::start().expect("a server");
    let first = current_thread();
    let client = first.block_on(client(&server.url()));
    current_thread().block_on(async {
        for (name, operation) in OPERATIONS {
            let error = bounded(name, operation(client.clone())).await;
            let error = error.expect_err(name);
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Timeout | ErrorKind::Ambiguous | ErrorKind::NotSent
                ),
                "{name}: {error:?}"
            );
        }
        let session = client.to_builder().connect_session();
        bounded("a session", session)
            .await
            .expect("its own runtime is driven");
        bounded("close", client.close()).await;
        assert!(client.is_closed());
    });
    drop(first);
    assert_eq!(connections(&server), 0);
}

#[test]
fn operations_on_an_undriven_runtime_of_a_cluster_are_bounded() {
    let cluster = Cluster::start(2, 0).expect("a cluster");
    let first = current_thread();
    let client = first.block_on(client(&cluster.url()));
    current_thread().block_on(async {
        for (name, operation) in OPERATIONS {
            let error = bounded(name, operation(client.clone())).await;
            error.expect_err(name);
        }
        bounded("close", client.close()).await;
    });
}

#[test]
fn client_works_again_when_its_runtime_is_driven_again() {
    let server = Server::start().expect("a server");
    let first = current_thread();
    let client = first.block_on(client(&server.url()));
    current_thread().block_on(async {
        for (name, operation) in OPERATIONS {
            let _ = bounded(name, operation(client.clone())).await;
        }
    });
    first.block_on(async {
        for (name, operation) in OPERATIONS {
            let done = bounded(name, operation(client.clone())).await;
            done.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
    });
    // Each of the four writes above ran now, and none of those before.
    let n = server.command(&["GET", "n"]).expect("GET");
    assert_eq!(n.text(), Some("4"));
}
