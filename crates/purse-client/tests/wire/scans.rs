//! Scans while connections are made again: interrupted if they have begun, and only then.

use futures::{Stream, StreamExt, TryStreamExt};
use purse_client::{Client, Command, ErrorKind, Reply, Result, Scan};
use purse_testkit::{Proxy, Sentinels, Server};

use crate::support::{SOON, calls, connect_restricted, until};

const ELEMENTS: usize = 2_000;
/// The rights of a user who may neither ask for INFO nor load scripts.
const RIGHTS: &str = "~* +@read +@write +@connection";

fn fill(server: &Server) {
    let numbers = (0..ELEMENTS).map(|n| n.to_string());
    let add = ["SADD".into(), "s".into()].into_iter().chain(numbers);
    server.command(&add.collect::<Vec<String>>()).expect("SADD");
}

/// A server that has its data and its user after a restart, and a client of that user.
async fn start_durable() -> (Server, Client) {
    let server = Server::builder().append_only();
    let server = server.config("user", format!("me on >secret {RIGHTS}"));
    let server = server.start().expect("a server");
    let url = server.url().replace("redis://", "redis://me:secret@");
    let client = Client::connect(&url).await.expect("a user");
    (server, client)
}

fn pages(client: &Client) -> impl Stream<Item = Result<Vec<Reply>>> + Unpin + use<> {
    client.scan(Scan::new("SSCAN", "s").count(10)).boxed()
}

/// Returns the kind of the error that ends the pages; `None` if they are complete.
async fn read_to_end(
    mut pages: impl Stream<Item = Result<Vec<Reply>>> + Unpin,
) -> Option<ErrorKind> {
    loop {
        match pages.try_next().await {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error.kind()),
        }
    }
}

async fn wait_working(client: &Client) {
    until("the client works", async || {
        client.run(Command::read("PING")).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn scan_over_a_new_connection_is_invalidated() {
    let server = Server::start().expect("a server");
    fill(&server);
    let client = connect_restricted(&server, RIGHTS).await;
    for read in [1, 2, 5] {
        let mut pages = pages(&client);
        for _ in 0..read {
            pages.next().await.expect("a page").expect("no failure");
        }
        server
            .command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
            .expect("CLIENT KILL");
        assert_eq!(
            read_to_end(pages).await,
            Some(ErrorKind::ScanInvalidated),
            "{read}"
        );
        wait_working(&client).await;
    }
}

#[tokio::test]
async fn scan_asked_for_a_page_while_disconnected_is_invalidated() {
    let (server, client) = start_durable().await;
    fill(&server);
    let mut pages = pages(&client);
    pages.next().await.expect("a page").expect("no failure");
    server.kill().expect("kill");
    until("the loss is noticed", async || !client.is_connected()).await;
    // The second page waits for the next connection.
    let mut next = pages.next();
    assert!(futures::poll!(&mut next).is_pending());
    server.restart().expect("restart");
    let error = next.await.expect("a page").expect_err("another process");
    assert_eq!(error.kind(), ErrorKind::ScanInvalidated, "{error}");
}

#[tokio::test]
async fn scan_begun_while_disconnected_is_complete() {
    let (server, client) = start_durable().await;
    fill(&server);
    server.kill().expect("kill");
    until("the loss is noticed", async || !client.is_connected()).await;
    let mut pages = pages(&client);
    let mut next = pages.next();
    assert!(futures::poll!(&mut next).is_pending());
    server.restart().expect("restart");
    next.await.expect("a page").expect("the first page");
    assert_eq!(read_to_end(pages).await, None);
}

#[tokio::test]
async fn scan_made_before_a_reconnect_and_begun_after_is_complete() {
    let server = Server::start().expect("a server");
    fill(&server);
    let client = connect_restricted(&server, RIGHTS).await;
    let pages = pages(&client);
    server
        .command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        .expect("CLIENT KILL");
    wait_working(&client).await;
    assert_eq!(read_to_end(pages).await, None);
}

#[tokio::test]
async fn scan_whose_first_reply_is_lost_begins_again() {
    let server = Server::start().expect("a server");
    fill(&server);
    let proxy = Proxy::to(&server).expect("a proxy");
    let client = Client::connect(&proxy.url()).await.expect("a client");
    proxy.cut_after_reply_bytes(1);
    let before = calls(&server, "sscan");
    let mut pages = pages(&client);
    pages.next().await.expect("a page").expect("the first page");
    assert_eq!(calls(&server, "sscan") - before, 2);
    assert_eq!(read_to_end(pages).await, None);
}

#[tokio::test]
async fn scan_of_keys_over_a_restarted_server_is_invalidated() {
    let (server, client) = start_durable().await;
    let pairs = (0..ELEMENTS).flat_map(|n| [format!("key:{n}"), String::new()]);
    let set = std::iter::once("MSET".into()).chain(pairs);
    server.command(&set.collect::<Vec<_>>()).expect("MSET");
    let mut pages = client.scan_keys(None, 10).boxed();
    for _ in 0..3 {
        pages.next().await.expect("a page").expect("no failure");
    }
    server.restart().expect("restart");
    let error = pages.try_collect::<Vec<_>>().await.expect_err("restarted");
    assert_eq!(error.kind(), ErrorKind::ScanInvalidated, "{error}");
}

#[tokio::test]
async fn scan_over_a_promoted_replica_is_invalidated() {
    let sentinels = Sentinels::start(1).expect("sentinels");
    fill(sentinels.primary().expect("a primary"));
    let client = Client::builder(&sentinels.url()).command_timeout(SOON);
    let client = client.connect().await.expect("a client");
    let replica = &sentinels.servers()[1];
    until("the replica has the elements", async || {
        let length = replica.command(&["SCARD", "s"]).expect("SCARD");
        length.int() == Some(ELEMENTS as i64)
    })
    .await;
    let mut pages = pages(&client);
    for _ in 0..3 {
        pages.next().await.expect("a page").expect("no failure");
    }
    sentinels.fail_over().expect("a failover");
    // The client has left the old primary once a write works.
    until("the new primary takes writes", async || {
        let set = Command::write("SET").key("k").arg(1_i64);
        client.run(set).await.is_ok()
    })
    .await;
    assert_eq!(read_to_end(pages).await, Some(ErrorKind::ScanInvalidated));
}
