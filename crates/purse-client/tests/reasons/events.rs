//! Events arrive once per change; the counters and PING tell what happened.

use std::pin::pin;
use std::time::Duration;

use futures::poll;
use purse_client::{Client, Command, ErrorKind};
use purse_testkit::{Cluster, Proxy, Sentinels, Server};

use crate::support::{get, incr, until};
use crate::{Events, lazy, text_of};

#[tokio::test]
async fn each_change_of_a_connection_is_one_event() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::to(&server).expect("a proxy");
    let events = Events::default();
    let client = events.of(Client::builder(&proxy.url())).connect().await;
    let client = client.expect("a server");
    client.run(incr("n")).await.expect("INCR");
    assert_eq!(events.all(), ["connected"]);

    proxy.cut();
    until("connected again", async || events.all().len() == 3).await;
    let all = events.all();
    assert!(all[1].starts_with("lost: "), "{all:?}");
    assert_eq!(all[2], "reconnected");
    assert_eq!(client.stats().reconnects, 1);

    // While no server listens, all attempts after the first one fail for the same reason.
    proxy.refuse(true).expect("refuse");
    proxy.cut();
    let failures = client.stats().connect_failures;
    until("several attempts fail", async || {
        client.stats().connect_failures >= failures + 4
    })
    .await;
    proxy.refuse(false).expect("accept");
    until("connected again", async || client.is_connected()).await;
    let all = events.all();
    assert_eq!(events.count("lost"), 2, "{all:?}");
    assert_eq!(events.count("failed"), 1, "{all:?}");
    assert!(all[4].contains("connection refused"), "{all:?}");
    assert_eq!(events.count("reconnected"), 2, "{all:?}");
    assert_eq!(events.count("connected"), 1, "{all:?}");
    client.close().await;
    assert_eq!(events.all().len(), 6, "{:?}", events.all());
}

#[tokio::test]
async fn half_open_connection_is_one_event() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::to(&server).expect("a proxy");
    let events = Events::default();
    let builder = Client::builder(&proxy.url()).command_timeout(Duration::from_millis(500));
    let client = events.of(builder).connect().await.expect("a server");
    proxy.swallow_existing();
    let error = client.run(incr("n")).await.expect_err("swallowed");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error:?}");
    until("the connection is replaced", async || {
        client.run(incr("m")).await.is_ok()
    })
    .await;
    let all = events.all();
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(all[1].contains("half-open"), "{all:?}");
    assert_eq!(all[2..], ["half-open", "reconnected"]);
    assert_eq!(get(&server, "n"), None);
}

#[tokio::test]
async fn forgotten_idle_connection_costs_one_timeout() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::to(&server).expect("a proxy");
    let limit = Duration::from_millis(500);
    let builder = Client::builder(&proxy.url()).command_timeout(limit);
    let client = builder.connect().await.expect("a server");
    proxy.forget_idle(Duration::ZERO);
    let error = client.run(incr("n")).await.expect_err("forgotten");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error:?}");
    proxy.forget_idle(Duration::MAX);
    until("the client works", async || {
        client.run(incr("m")).await.is_ok()
    })
    .await;
    assert_eq!(get(&server, "n"), None);
    assert_eq!(client.stats().reconnects, 1);
}

#[tokio::test]
async fn hook_that_panics_does_not_end_the_client() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::to(&server).expect("a proxy");
    let builder = Client::builder(&proxy.url()).on_event(|event| panic!("{event:?}"));
    let client = builder.connect().await.expect("a server");
    client.run(incr("n")).await.expect("INCR");
    proxy.cut();
    until("connected again", async || client.stats().reconnects == 1).await;
    client.run(incr("n")).await.expect("INCR");
    assert_eq!(get(&server, "n").as_deref(), Some("2"));
}

#[tokio::test]
async fn slot_that_moves_is_one_redirection_event() {
    let cluster = Cluster::start(2, 0).expect("a cluster");
    let events = Events::default();
    let client = events.of(Client::builder(&cluster.url())).connect().await;
    let client = client.expect("a cluster");
    client.run(incr("a")).await.expect("INCR");
    let slot = cluster.slot("a").expect("a slot");
    let owner = cluster.primary_of("a").expect("an owner").port();
    let mut nodes = cluster.nodes().iter();
    let other = nodes.find(|node| node.port() != owner).expect("two");
    let moving = cluster.move_slot(slot, other).expect("a move");
    moving.finish().expect("moved");
    for _ in 0..20 {
        client.run(incr("a")).await.expect("INCR");
    }
    let moved = format!("redirected {slot} 127.0.0.1:{}", other.port());
    assert!(events.count(&moved) <= 1, "{:?}", events.all());
    assert_eq!(events.count("redirected"), events.count(&moved));
    assert_eq!(events.count("redirected") as u64, client.stats().redirects);
    assert_eq!(client.stats().redirects, 1, "{:?}", events.all());
}

#[tokio::test]
async fn failover_of_sentinels_is_reported() {
    let group = Sentinels::start(1).expect("a group");
    let events = Events::default();
    let client = events.of(Client::builder(&group.url())).connect().await;
    let client = client.expect("the primary");
    client.run(incr("n")).await.expect("INCR");
    group.fail_over().expect("a failover");
    until("the new primary is used", async || {
        client.run(incr("n")).await.is_ok()
    })
    .await;
    until("the failover is told", async || {
        events.count("failover") > 0
    })
    .await;
    // The sentinels and the old primary tell the same one.
    until("each failover ends one connection", async || {
        events.count("reconnected") >= events.count("failover")
    })
    .await;
}

#[tokio::test]
async fn unreachable_sentinels_are_reported_once() {
    let group = Sentinels::start(0).expect("a group");
    let events = Events::default();
    let client = events.of(Client::builder(&group.url())).connect().await;
    let client = client.expect("the primary");
    for sentinel in group.sentinels() {
        sentinel.kill().expect("kill");
    }
    let failures = client.stats().connect_failures;
    until("each sentinel is asked twice", async || {
        client.stats().connect_failures >= failures + 6
    })
    .await;
    client.run(incr("n")).await.expect("the primary is there");
    // The subscription to the sentinels is no connection to a server.
    assert_eq!(events.all(), ["connected"]);
}

#[tokio::test]
async fn counters_and_ping_report_traffic() {
    let server = Server::start().expect("a server");
    let client = Client::connect(&server.url()).await.expect("a server");
    let before = client.stats();
    for _ in 0..10 {
        client.run(incr("n")).await.expect("INCR");
    }
    let took = client.ping().await.expect("PONG");
    assert!(took > Duration::ZERO && took < Duration::from_secs(5));
    let after = client.stats();
    assert_eq!(after.commands - before.commands, 11);
    assert_eq!(after.replies - before.replies, 11);
    let incr_bytes = "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n".len() as u64;
    let ping_bytes = "*1\r\n$4\r\nPING\r\n".len() as u64;
    assert_eq!(
        after.bytes_sent - before.bytes_sent,
        10 * incr_bytes + ping_bytes
    );
    assert!(after.bytes_received > before.bytes_received);
    assert_eq!(
        (after.timeouts, after.reconnects, after.redirects),
        (0, 0, 0)
    );

    server.pause().expect("pause");
    let get = Command::read("GET")
        .key("k")
        .timeout(Duration::from_millis(50));
    client.run(get).await.expect_err("paused");
    let mut waiting = pin!(client.run(incr("n")));
    assert!(poll!(&mut waiting).is_pending());
    // The connection notices that the read has timed out, without another request.
    until("only the write is in flight", async || {
        client.stats().in_flight == 1
    })
    .await;
    server.resume().expect("resume");
    waiting.await.expect("INCR");
    until("nothing is in flight", async || {
        client.stats().in_flight == 0
    })
    .await;
    assert_eq!(client.stats().timeouts, 1);
    assert_eq!(client.stats().errors(ErrorKind::Timeout), 1);
    assert_eq!(client.stats().errors(ErrorKind::NotSent), 0);

    let port = server.port();
    drop(server);
    let url = format!("redis://127.0.0.1:{port}");
    let short = Duration::from_millis(300);
    let client = lazy(Client::builder(&url).command_timeout(short));
    let error = client.ping().await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    assert!(text_of(&error).contains("connection refused"), "{error:?}");
    assert!(client.stats().connect_failures >= 1);
    assert_eq!(client.stats().errors(ErrorKind::NotSent), 1);
}
