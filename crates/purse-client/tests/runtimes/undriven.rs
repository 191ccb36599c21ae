//! A client whose runtime lives and is not driven.

use std::time::Duration;

use purse_client::{Client, ErrorKind};
use purse_testkit::{Cluster, Server};

use crate::support::connections;
use crate::{OPERATIONS, current_thread, in_time};

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
            let error = in_time(name, operation(client.clone())).await;
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
        in_time("a session", session)
            .await
            .expect("its own runtime is driven");
        in_time("close", client.close()).await;
        assert!(client.is_closed());
    });
    drop(first);
    assert_eq!(connections(&server), 0);
}

#[test]
fn operations_in_a_runtime_that_is_only_entered_are_bounded() {
    let server = Server::start().expect("a server");
    let runtime = current_thread();
    let client = runtime.block_on(client(&server.url()));
    let handle = runtime.handle().clone();
    for (name, operation) in OPERATIONS {
        let guard = runtime.enter();
        let error = futures::executor::block_on(in_time(name, operation(client.clone())));
        error.expect_err(name);
        drop(guard);
        // tokio drives a runtime only by its own `block_on`.
        let error = handle.block_on(in_time(name, operation(client.clone())));
        error.expect_err(name);
    }
}

#[test]
#[expect(
    clippy::async_yields_async,
    reason = "the future leaves its runtime on purpose"
)]
fn operation_that_is_moved_out_of_its_runtime_is_bounded() {
    let server = Server::start().expect("a server");
    let runtime = current_thread();
    let client = runtime.block_on(client(&server.url()));
    server.pause().expect("a signal");
    for (name, operation) in OPERATIONS {
        let mut begun = operation(client.clone());
        let begun = runtime.block_on(async move {
            let task = tokio::spawn(async move {
                let first = futures::poll!(&mut begun);
                assert!(first.is_pending(), "{name}");
                begun
            });
            task.await.expect("no panic")
        });
        let error = futures::executor::block_on(in_time(name, begun));
        error.expect_err(name);
    }
}

#[test]
fn operations_on_an_undriven_runtime_of_a_cluster_are_bounded() {
    let cluster = Cluster::start(2, 0).expect("a cluster");
    let first = current_thread();
    let client = first.block_on(client(&cluster.url()));
    current_thread().block_on(async {
        for (name, operation) in OPERATIONS {
            let error = in_time(name, operation(client.clone())).await;
            error.expect_err(name);
        }
        in_time("close", client.close()).await;
    });
}

#[test]
fn client_works_again_when_its_runtime_is_driven_again() {
    let server = Server::start().expect("a server");
    let first = current_thread();
    let client = first.block_on(client(&server.url()));
    current_thread().block_on(async {
        for (name, operation) in OPERATIONS {
            let _ = in_time(name, operation(client.clone())).await;
        }
    });
    first.block_on(async {
        for (name, operation) in OPERATIONS {
            let done = in_time(name, operation(client.clone())).await;
            done.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
    });
    // Each of the four writes above ran now, and none of those before.
    let n = server.command(&["GET", "n"]).expect("GET");
    assert_eq!(n.text(), Some("4"));
}
