//! Connections that stay open while nothing passes them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use purse_client::{Client, Command, ErrorKind, Event};

use crate::support::{SOON, incr, until};
use crate::wire::{Wire, count};

const TIMEOUT: Duration = Duration::from_millis(400);

/// Connects a client that notes its events.
async fn connect_with_events(wire: &Wire) -> (Client, Arc<Mutex<Vec<&'static str>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let noted = events.clone();
    let client = Client::builder(&wire.proxy.url())
        .command_timeout(TIMEOUT)
        .on_event(move |event| {
            let name = match event {
                Event::Connected { .. } => "connected",
                Event::Disconnected { .. } => "disconnected",
                Event::HalfOpen { .. } => "half-open",
                Event::Reconnected { .. } => "reconnected",
                _ => "other",
            };
            noted.lock().expect("events").push(name);
        })
        .connect()
        .await
        .expect("through the proxy");
    (client, events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connection_is_replaced_with_one_probe() {
    let wire = Wire::start().await;
    let (client, events) = connect_with_events(&wire).await;
    client.run(incr("n")).await.expect("INCR");
    for round in 1..=3 {
        let accepted = wire.proxy.accepted_count();
        wire.proxy.swallow_existing();
        let started = Instant::now();
        let error = client.run(incr("swallowed")).await.expect_err("swallowed");
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
        assert!(started.elapsed() >= TIMEOUT, "{:?}", started.elapsed());
        // The next command is sent over the new connection, or fails with the old one.
        until("the client works again", async || {
            client.run(incr("n")).await.is_ok()
        })
        .await;
        let took = started.elapsed();
        assert!(took < 2 * TIMEOUT + Duration::from_secs(2), "{took:?}");
        assert_eq!(wire.proxy.accepted_count() - accepted, 1, "one probe");
        let names = events.lock().expect("events").clone();
        let count = |name| names.iter().filter(|other| **other == name).count();
        let counts = [
            "connected",
            "half-open",
            "disconnected",
            "reconnected",
            "other",
        ]
        .map(count);
        assert_eq!(counts, [1, round, round, round, 0], "{names:?}");
    }
    wire.proxy.cut();
    wire.wait_working().await;
    assert_eq!(count(&wire.server, "swallowed"), 0, "ran after its error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_idle_connection_costs_one_timeout() {
    let wire = Wire::start().await;
    let (client, _) = connect_with_events(&wire).await;
    client.run(incr("n")).await.expect("INCR");
    wire.proxy.forget_idle(Duration::ZERO);
    let accepted = wire.proxy.accepted_count();
    let started = Instant::now();
    let results = futures::future::join_all((0..64).map(|_| client.run(incr("forgotten")))).await;
    wire.proxy.forget_idle(Duration::MAX);
    assert!(started.elapsed() < TIMEOUT + Duration::from_secs(2));
    for result in results {
        let error = result.expect_err("forgotten");
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    }
    until("the client works again", async || {
        client.run(incr("n")).await.is_ok()
    })
    .await;
    assert!(started.elapsed() < SOON);
    let probes = wire.proxy.accepted_count() - accepted;
    assert!((1..=4).contains(&probes), "{probes} probes");
    wire.proxy.cut();
    wire.wait_working().await;
    assert_eq!(count(&wire.server, "forgotten"), 0, "ran after its error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connection_to_a_hung_server_is_probed_rarely() {
    let wire = Wire::start_with(Duration::from_millis(100)).await;
    wire.client.run(incr("n")).await.expect("INCR");
    let accepted = wire.proxy.accepted_count();
    wire.server.pause().expect("pause");
    wire.proxy.swallow_existing();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        let results = (0..16).map(|_| wire.client.run(Command::read("GET").key("n")));
        for result in futures::future::join_all(results).await {
            result.expect_err("hung");
        }
    }
    let attempts = wire.proxy.accepted_count() - accepted;
    wire.server.resume().expect("resume");
    // One attempt is made at a time, and each has the connect timeout.
    assert!((1..=4).contains(&attempts), "{attempts} attempts");
    until("the client works again", async || {
        wire.client.run(incr("n")).await.is_ok()
    })
    .await;
}
