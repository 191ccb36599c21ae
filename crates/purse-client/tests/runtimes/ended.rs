//! A client whose runtime has ended.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use purse_client::{Client, Command, Error, ErrorKind, Pop};
use purse_testkit::{Cluster, Sentinels, Server};

use crate::{OPERATIONS, current_thread, in_time};

#[track_caller]
fn assert_ended(name: &str, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Closed, "{name}: {error:?}");
    assert!(!error.is_retryable() && !error.is_ambiguous(), "{name}");
    let text = error.to_string();
    assert!(text.contains("runtime"), "{name}: {text}");
}

fn assert_all_ended(client: &Client) {
    let started = Instant::now();
    assert!(!client.is_connected());
    current_thread().block_on(async {
        for (name, operation) in OPERATIONS {
            let error = in_time(name, operation(client.clone())).await;
            assert_ended(name, &error.expect_err(name));
        }
        in_time("close", client.close()).await;
    });
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn operations_after_the_runtime_ended_are_closed_at_once() {
    let server = Server::start().expect("a server");
    let runtime = current_thread();
    let client = runtime.block_on(Client::connect(&server.url()));
    let client = client.expect("a server");
    // With what is made on demand, and without.
    runtime.block_on(async {
        for (name, operation) in OPERATIONS {
            in_time(name, operation(client.clone())).await.expect(name);
        }
    });
    let fresh = runtime.block_on(Client::connect(&server.url()));
    drop(runtime);
    assert_all_ended(&client);
    assert_all_ended(&fresh.expect("a server"));
}

#[test]
fn operations_of_a_cluster_after_the_runtime_ended_are_closed() {
    let cluster = Cluster::start(2, 0).expect("a cluster");
    let runtime = current_thread();
    let client = runtime.block_on(Client::connect(&cluster.url()));
    drop(runtime);
    assert_all_ended(&client.expect("a cluster"));
    let runtime = current_thread();
    let lazy = {
        let _guard = runtime.enter();
        Client::builder(&cluster.url())
            .connect_lazy()
            .expect("a URL")
    };
    drop(runtime);
    assert_all_ended(&lazy);
}

#[test]
fn operations_by_sentinels_after_the_runtime_ended_are_closed() {
    let group = Sentinels::start(0).expect("a group");
    let runtime = current_thread();
    let client = runtime.block_on(Client::connect(&group.url()));
    drop(runtime);
    assert_all_ended(&client.expect("a group"));
}

#[test]
fn write_in_flight_when_the_runtime_ends_is_ambiguous() {
    let server = Server::start().expect("a server");
    let runtime = current_thread();
    let client = runtime.block_on(Client::connect(&server.url()));
    let client = client.expect("a server");
    server.pause().expect("pause");
    let mut write = Box::pin(client.run(Command::write("INCR").key("n")));
    let mut read = Box::pin(client.run(Command::read("GET").key("n")));
    runtime.block_on(async {
        let _ = futures::poll!(&mut write);
        let _ = futures::poll!(&mut read);
        while client.stats().commands < 2 {
            tokio::task::yield_now().await;
        }
    });
    drop(runtime);
    server.resume().expect("resume");
    let error = futures::executor::block_on(in_time("write", write));
    let error = error.expect_err("no reply");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error:?}");
    let error = futures::executor::block_on(in_time("read", read));
    assert_ended("read", &error.expect_err("no reply"));
}

#[test]
fn pop_that_waits_when_the_runtime_ends_is_closed() {
    let server = Server::start().expect("a server");
    let runtime = current_thread();
    let client = runtime.block_on(Client::connect(&server.url()));
    let client = client.expect("a server");
    let waiting = client.clone();
    let pop = std::thread::spawn(move || {
        let pop = Pop::front("q");
        futures::executor::block_on(in_time("pop", waiting.take_wait(&pop, None)))
    });
    runtime.block_on(async {
        crate::support::until("the pop waits", async || {
            crate::support::waits(&server) >= 3
        })
        .await;
    });
    drop(runtime);
    let error = pop.join().expect("no panic").expect_err("no runtime");
    assert_ended("pop", &error);
}

static CLIENT: OnceLock<Client> = OnceLock::new();

/// Uses the static client as each test of a program would; the first one makes it.
async fn use_static(url: &str) -> Result<i64, Error> {
    if CLIENT.get().is_none() {
        let client = Client::connect(url).await?;
        CLIENT.set(client).expect("the first use");
    }
    let client = CLIENT.get().expect("it was set");
    let reply = client.run(Command::write("INCR").key("n")).await?;
    reply.into_int()
}

#[test]
fn static_client_over_runtimes_is_closed_and_can_be_made_again() {
    let server = Server::start().expect("a server");
    let first = current_thread().block_on(use_static(&server.url()));
    assert_eq!(first.expect("the runtime of the client"), 1);
    for _ in 0..2 {
        let later = current_thread().block_on(use_static(&server.url()));
        assert_ended("static", &later.expect_err("another runtime"));
    }
    let client = CLIENT.get().expect("it was set");
    current_thread().block_on(async {
        let again = client.to_builder().connect().await.expect("a server");
        let reply = again.run(Command::write("INCR").key("n")).await;
        assert_eq!(reply.expect("INCR").into_int().expect("a number"), 2);
    });
}

#[test]
fn runtime_ends_although_an_acknowledgement_was_not_sent() {
    let server = Server::start().expect("a server");
    let (sender, done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for round in 0..200 {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let client = Client::connect(&server.url()).await.expect("a server");
                let push = Command::write("RPUSH").key(format!("q{round}"));
                client.run(push.arg("x").arg("y")).await.expect("a reply");
                let pop = Pop::front(format!("q{round}"));
                let delivery = client.take(&pop).await.expect("a reply");
                delivery.expect("an element").ack();
            });
            drop(runtime);
            sender.send(round).expect("a receiver");
        }
    });
    for round in 0..200 {
        let ended = done.recv_timeout(Duration::from_secs(30));
        assert_eq!(ended, Ok(round), "the runtime ends");
    }
}
