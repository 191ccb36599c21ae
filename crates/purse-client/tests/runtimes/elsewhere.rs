//! A client that is used on other runtimes, on none, and on runtimes with odd clocks.

use std::time::{Duration, Instant};

use purse_client::{Client, Command, ErrorKind, Pop};
use purse_testkit::Server;
use tokio::runtime::{Builder, Runtime};

use crate::support::{SOON, blocked, until};
use crate::{BOUND, OPERATIONS, current_thread, in_time};

async fn all_work(client: &Client) {
    for (name, operation) in OPERATIONS {
        let done = in_time(name, operation(client.clone())).await;
        done.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[test]
fn operations_work_outside_of_tokio() {
    let server = Server::start().expect("a server");
    let runtime = Runtime::new().expect("a runtime");
    let client = runtime.block_on(Client::connect(&server.url()));
    let client = client.expect("a server");
    futures::executor::block_on(all_work(&client));
    // An element that comes while a pop waits, and a change while a watch does.
    let other = client.clone();
    let pop = std::thread::spawn(move || {
        let pop = Pop::front("q");
        let delivery = futures::executor::block_on(in_time("pop", other.take_wait(&pop, None)));
        let delivery = delivery.expect("a reply").expect("an element");
        let element = delivery.element();
        delivery.ack();
        element
    });
    runtime.block_on(until("the pop waits", async || blocked(&server) > 0));
    server.command(&["RPUSH", "q", "x"]).expect("RPUSH");
    assert_eq!(&pop.join().expect("no panic")[..], b"x");
    futures::executor::block_on(async {
        let get = Command::read("GET").key("n");
        let (_, mut watch) = client.watch(get).await.expect("a watch");
        server.command(&["INCR", "n"]).expect("INCR");
        in_time("the watch", watch.changed()).await;
        in_time("close", client.close()).await;
    });
}

#[test]
fn time_is_kept_outside_of_tokio() {
    let server = Server::start().expect("a server");
    let runtime = Runtime::new().expect("a runtime");
    let limit = Duration::from_millis(200);
    let builder = Client::builder(&server.url()).command_timeout(limit);
    let client = runtime.block_on(builder.connect()).expect("a server");
    server.pause().expect("pause");
    for (name, operation) in OPERATIONS {
        let error = futures::executor::block_on(in_time(name, operation(client.clone())));
        error.expect_err(name);
    }
    server.resume().expect("resume");
}

#[test]
fn connecting_outside_of_tokio_is_config() {
    let url = Server::shared().url();
    let eager = futures::executor::block_on(Client::connect(&url));
    let lazy = Client::builder(&url).connect_lazy();
    let session = Client::builder(&url).connect_session();
    let session = futures::executor::block_on(session);
    for error in [eager.err(), lazy.err(), session.err()] {
        let error = error.expect("no runtime");
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        assert!(error.to_string().contains("tokio runtime"), "{error}");
    }
}

#[test]
fn client_works_on_two_driven_runtimes() {
    let server = Server::start().expect("a server");
    let (first, second) = (
        Runtime::new().expect("a runtime"),
        Runtime::new().expect("a runtime"),
    );
    let client = first.block_on(Client::connect(&server.url()));
    let client = client.expect("a server");
    let here = second.spawn({
        let client = client.clone();
        async move { all_work(&client).await }
    });
    first.block_on(all_work(&client));
    second.block_on(here).expect("no panic");
}

#[test]
fn client_works_on_a_current_thread_runtime() {
    let server = Server::start().expect("a server");
    current_thread().block_on(async {
        let client = Client::connect(&server.url()).await.expect("a server");
        all_work(&client).await;
        let many = (0..200).map(|_| client.run(Command::write("INCR").key("m")));
        let many = futures::future::try_join_all(many).await;
        assert_eq!(many.expect("INCR").len(), 200);
        in_time("close", client.close()).await;
    });
}

#[test]
fn paused_clock_changes_no_time_limit() {
    let server = Server::start().expect("a server");
    let paused = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    paused.expect("a runtime").block_on(async {
        let client = Client::connect(&server.url()).await.expect("a server");
        for _ in 0..20 {
            client.ping().await.expect("PONG");
        }
        all_work(&client).await;
        // The clock of tokio advances automatically here, so no limit may follow it.
        server.pause().expect("pause");
        let limit = Duration::from_millis(300);
        let started = Instant::now();
        let get = client
            .run(Command::read("GET").key("k").timeout(limit))
            .await;
        get.expect_err("paused");
        assert!(started.elapsed() >= limit, "after {:?}", started.elapsed());
        assert!(started.elapsed() < SOON, "after {:?}", started.elapsed());
        server.resume().expect("resume");
    });
}

#[test]
fn runtime_without_time_is_enough() {
    let server = Server::start().expect("a server");
    let runtime = Builder::new_multi_thread().enable_io().build();
    let runtime = runtime.expect("a runtime");
    let client = runtime.block_on(async {
        let limit = Duration::from_millis(500);
        let builder = Client::builder(&server.url()).command_timeout(limit);
        let client = builder.connect().await.expect("a server");
        all_work(&client).await;
        server.pause().expect("pause");
        for (name, operation) in OPERATIONS {
            in_time(name, operation(client.clone()))
                .await
                .expect_err(name);
        }
        server.resume().expect("resume");
        client
    });
    let started = Instant::now();
    while runtime.block_on(client.ping()).is_err() {
        assert!(started.elapsed() < BOUND, "the client does not work again");
    }
}
