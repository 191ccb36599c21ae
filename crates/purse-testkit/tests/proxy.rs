//! The faults that a proxy makes.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::refuses;
use purse_testkit::{Proxy, Server};

/// Long enough on a busy machine; no test that passes waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that sends nothing automatically: the test holds its end of each connection.
struct Pair {
    listener: TcpListener,
    proxy: Proxy,
}

impl Pair {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap().port()).unwrap();
        Self { listener, proxy }
    }

    /// Returns both ends of a new connection: the client's and the server's.
    fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(("127.0.0.1", self.proxy.port())).unwrap();
        let (server, _) = self.listener.accept().unwrap();
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        (client, server)
    }

    fn wait_until(&self, condition: impl FnMut(&Proxy) -> bool) {
        assert!(
            self.proxy.wait_until(PATIENCE, condition),
            "{:?}",
            self.proxy
        );
    }
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    from.write_all(bytes).unwrap();
    let mut got = vec![0; bytes.len()];
    to.read_exact(&mut got).unwrap();
    assert_eq!(got, bytes);
}

/// Returns all that comes until the connection ends, by a reset or not.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => bytes,
        Err(error) => panic!("still open: {error}"),
    }
}

/// Asserts that the connection is open, and has nothing to read.
fn assert_still(stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let error = stream.peek(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
}

#[test]
fn proxy_url_leads_to_the_server() {
    let server = Server::builder().password("a/b").start().unwrap();
    let proxy = Proxy::to(&server).unwrap();
    let url = format!("redis://:a%2Fb@127.0.0.1:{}", proxy.port());
    assert_eq!(proxy.url(), url);
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    client.write_all(b"AUTH a/b\r\nPING\r\n").unwrap();
    let mut replies = [0; 12];
    client.read_exact(&mut replies).unwrap();
    assert_eq!(&replies, b"+OK\r\n+PONG\r\n");
}

#[test]
fn bytes_pass_unchanged_both_ways() {
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    let sent: Vec<u8> = (0..4_000_000_u32).map(|n| (n % 251) as u8).collect();
    let there = sent.clone();
    let writer = thread::spawn(move || {
        client.write_all(&there).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        rest(&mut client)
    });
    let got = rest(&mut server);
    assert!(got == sent);
    server.write_all(&got).unwrap();
    drop(server);
    assert!(writer.join().unwrap() == sent);
    assert_eq!(pair.proxy.request_bytes(), sent.len() as u64);
    pair.wait_until(|proxy| proxy.open_count() == 0);
    assert_eq!(pair.proxy.reply_bytes(), sent.len() as u64);
}

#[test]
fn requests_are_recorded_in_order_and_by_connection() {
    let pair = Pair::start();
    let (mut one, mut one_server) = pair.connect();
    let (mut two, mut two_server) = pair.connect();
    pass(&mut one, &mut one_server, b"a1");
    pass(&mut two, &mut two_server, b"b1");
    pass(&mut one, &mut one_server, b"a2");
    assert_eq!(pair.proxy.requests(), b"a1b1a2");
    assert_eq!(pair.proxy.requests_of(0), b"a1a2");
    assert_eq!(pair.proxy.requests_of(1), b"b1");
    assert_eq!(pair.proxy.accepted_count(), 2);
    pair.proxy.forget_requests();
    pass(&mut two, &mut two_server, b"b2");
    assert_eq!(pair.proxy.requests(), b"b2");
}

#[test]
fn cut_ends_all_connections_and_new_ones_work() {
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    pass(&mut client, &mut server, b"x");
    pair.proxy.cut();
    assert_eq!(pair.proxy.open_count(), 0);
    assert_eq!(rest(&mut client), b"");
    assert_eq!(rest(&mut server), b"");
    let (mut client, mut server) = pair.connect();
    pass(&mut client, &mut server, b"y");
    assert_eq!(pair.proxy.accepted_count(), 2);
}

#[test]
fn cut_after_request_bytes_forwards_exactly_these() {
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    pass(&mut client, &mut server, b"before");
    pair.proxy.cut_after_request_bytes(5);
    pass(&mut client, &mut server, b"123");
    pass(&mut server, &mut client, b"a reply in between");
    client.write_all(b"4567").unwrap();
    assert_eq!(rest(&mut server), b"45");
    assert_eq!(rest(&mut client), b"");
    assert_eq!(pair.proxy.request_bytes(), 11);
    assert_eq!(pair.proxy.requests(), b"before1234567");
    let (mut client, mut server) = pair.connect();
    pass(&mut client, &mut server, b"there is no limit any more");
}

#[test]
fn cut_after_reply_bytes_forwards_exactly_these() {
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    pair.proxy.cut_after_reply_bytes(3);
    pass(&mut client, &mut server, b"a request of more bytes");
    server.write_all(b"+PONG\r\n").unwrap();
    assert_eq!(rest(&mut client), b"+PO");
    assert_eq!(rest(&mut server), b"");
    assert_eq!(pair.proxy.reply_bytes(), 3);
}

#[test]
fn swallowed_connection_is_open_and_new_ones_work() {
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    pass(&mut client, &mut server, b"before");
    pair.proxy.swallow_existing();
    client.write_all(b"lost").unwrap();
    server.write_all(b"lost").unwrap();
    pair.wait_until(|proxy| proxy.requests().ends_with(b"lost"));
    let (mut other, mut other_server) = pair.connect();
    pass(&mut other, &mut other_server, b"new");
    pass(&mut other_server, &mut other, b"new");
    assert_still(&client);
    assert_still(&server);
    assert_eq!(pair.proxy.request_bytes(), 9);
    assert_eq!(pair.proxy.open_count(), 2);

    // The end of a peer is swallowed, too; only a cut ends the other side.
    drop(client);
    pass(&mut other, &mut other_server, b"more");
    assert_still(&server);
    pair.proxy.cut();
    assert_eq!(rest(&mut server), b"");
}

#[test]
fn delayed_bytes_arrive_late_and_in_order() {
    const DELAY: Duration = Duration::from_millis(100);
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    pair.proxy.delay(DELAY);
    let started = Instant::now();
    pass(&mut client, &mut server, b"there");
    assert!(started.elapsed() >= DELAY);
    pass(&mut server, &mut client, b"back");
    assert!(started.elapsed() >= 2 * DELAY);

    // What is held is not overtaken by what comes after the end of the delay.
    pair.proxy.delay_requests(DELAY);
    client.write_all(b"first ").unwrap();
    pair.wait_until(|proxy| proxy.requests().ends_with(b"first "));
    pair.proxy.delay(Duration::ZERO);
    client.write_all(b"second").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut server), b"first second");
}

#[test]
fn delay_of_one_direction_leaves_the_other() {
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    // A day: the test would fail by its read timeout.
    pair.proxy.delay_replies(Duration::from_secs(86_400));
    server.write_all(b"late").unwrap();
    pass(&mut client, &mut server, b"on time");
    assert_still(&client);
}

#[test]
fn idle_connection_is_forgotten_when_it_is_used_again() {
    const LIMIT: Duration = Duration::from_millis(50);
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    pass(&mut client, &mut server, b"x");
    pair.proxy.forget_idle(LIMIT);
    // Not to synchronize: that time passes is the condition.
    thread::sleep(2 * LIMIT);
    client.write_all(b"lost").unwrap();
    pair.wait_until(|proxy| proxy.requests().ends_with(b"lost"));
    pair.proxy.forget_idle(Duration::MAX);
    let (mut other, mut other_server) = pair.connect();
    pass(&mut other, &mut other_server, b"new");
    assert_still(&server);
    assert_eq!(pair.proxy.open_count(), 2);
}

#[test]
fn active_connection_is_not_forgotten() {
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    pair.proxy.forget_idle(Duration::from_secs(3600));
    pass(&mut client, &mut server, b"x");
    pass(&mut server, &mut client, b"y");
}

#[test]
fn refusing_proxy_keeps_open_connections() {
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    pair.proxy.refuse(true).unwrap();
    assert!(refuses(pair.proxy.port()));
    pass(&mut client, &mut server, b"still open");
    assert_eq!(pair.proxy.accepted_count(), 1);
    pair.proxy.refuse(false).unwrap();
    let (mut client, mut server) = pair.connect();
    pass(&mut client, &mut server, b"open again");
}

#[test]
fn connection_without_a_server_is_closed() {
    let pair = Pair::start();
    let port = pair.proxy.port();
    drop(pair.listener);
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(rest(&mut client), b"");
    assert!(
        pair.proxy
            .wait_until(PATIENCE, |proxy| proxy.accepted_count() == 1)
    );
}

#[test]
fn wait_until_gives_up_after_the_timeout() {
    let pair = Pair::start();
    let waited = pair.proxy.wait_until(Duration::from_millis(20), |_| false);
    assert!(!waited);
}

#[test]
fn dropped_proxy_closes_all_and_returns_at_once() {
    let pair = Pair::start();
    let (mut client, mut server) = pair.connect();
    let (mut swallowed, _server) = pair.connect();
    pair.proxy.swallow_existing();
    pair.proxy.delay(Duration::from_secs(86_400));
    let (mut held, _other) = pair.connect();
    held.write_all(b"held").unwrap();
    pair.wait_until(|proxy| proxy.requests() == b"held");
    let (ended, has_ended) = mpsc::channel();
    let port = pair.proxy.port();
    thread::spawn(move || {
        drop(pair.proxy);
        ended.send(()).unwrap();
    });
    has_ended.recv_timeout(PATIENCE).unwrap();
    for stream in [&mut client, &mut server, &mut swallowed, &mut held] {
        assert_eq!(rest(stream), b"");
    }
    assert!(refuses(port));
}
