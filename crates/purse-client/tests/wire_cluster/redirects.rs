//! Nodes that do not agree on who owns a slot, and scripts whose errors look like redirections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use purse_client::{Client, Command, ErrorKind, Reply, Script};
use purse_testkit::{Cluster, Release, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{get, incr};

const HELLO: &str = "%2\r\n+version\r\n+7.0.0\r\n+mode\r\n+cluster\r\n+OK\r\n+OK\r\n";
const INFO: &str = "+cluster_state:ok\r\n";

/// Answers each command of a node that owns all slots, and that sends the keys to another port.
async fn serve(mut socket: TcpStream, own: u16, other: u16, asked: Arc<AtomicUsize>) {
    let node = format!("*3\r\n+127.0.0.1\r\n:{own}\r\n+id\r\n");
    let slots = format!("*1\r\n*3\r\n:0\r\n:16383\r\n{node}");
    let ask = format!("-ASK 5061 127.0.0.1:{other}\r\n");
    let mut read = vec![0; 1 << 16];
    while let Ok(length @ 1..) = socket.read(&mut read).await {
        let request = String::from_utf8_lossy(&read[..length]).to_uppercase();
        let mut reply = String::new();
        if request.contains("HELLO") {
            reply += HELLO;
        }
        if request.contains("SLOTS") {
            reply += &slots;
        }
        if request.contains("\r\nINFO\r\n") {
            reply += INFO;
        }
        if request.contains("ASKING") {
            reply += "+OK\r\n";
        }
        if request.contains("INCR") {
            asked.fetch_add(1, Ordering::SeqCst);
            reply += &ask;
        }
        // The client may be gone.
        let _ = socket.write_all(reply.as_bytes()).await;
    }
}

#[tokio::test]
async fn nodes_that_ask_each_other_are_not_asked_at_full_speed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let listeners = [
        TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        TcpListener::bind("127.0.0.1:0").await.expect("a port"),
    ];
    let ports = [0, 1].map(|n: usize| listeners[n].local_addr().expect("an address").port());
    for (n, listener) in listeners.into_iter().enumerate() {
        let (own, other, asked) = (ports[n], ports[1 - n], asked.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, own, other, asked.clone()));
            }
        });
    }
    let url = format!("redis-cluster://127.0.0.1:{}", ports[0]);
    let client = Client::connect(&url).await.expect("a cluster");
    let started = Instant::now();
    let incr = incr("bar").timeout(Duration::from_millis(500));
    let error = client.run(incr).await.expect_err("nobody has the key");
    let elapsed = started.elapsed();
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
    // Three at once, and then pauses of two milliseconds or more.
    let asked = asked.load(Ordering::SeqCst) as u128;
    assert!(asked > 4, "{asked} redirections");
    assert!(
        asked <= elapsed.as_millis() / 2 + 4,
        "{asked} redirections in {elapsed:?}"
    );
}

/// A write, and then the error that it is given.
static FAILS: Script = Script::write(
    "FAILS",
    "redis.call('INCR', KEYS[1]) return redis.error_reply(ARGV[1])",
);

#[tokio::test]
async fn script_with_an_error_like_a_redirection_runs_once() {
    for release in [Release::Valkey9_1, Release::Redis8_2, Release::Redis6_2_5] {
        let settings = Server::builder().release(release);
        let cluster = Cluster::start_with(2, 0, &settings).expect("a cluster");
        let client = Client::connect(&cluster.url()).await.expect("a cluster");
        let (owner, slot) = (cluster.primary_of("bar"), cluster.slot("bar"));
        let (owner, slot) = (owner.expect("a primary"), slot.expect("a slot"));
        let to = format!("127.0.0.1:{}", owner.port());
        let fails = |text: &str| Command::script(&FAILS).key("bar").arg(text.to_owned());
        let texts = [
            "TRYAGAIN later".to_owned(),
            format!("MOVED {} {to}", slot + 1),
            format!("ASK {} {to}", slot + 1),
            format!("MOVED {slot} {to} by me"),
            "CLUSTERDOWN for me".to_owned(),
        ];
        for (number, text) in (1..).step_by(2).zip(&texts) {
            let error = client.run(fails(text)).await.expect_err(text);
            assert!(error.to_string().contains(text), "{error}");
            assert_eq!(get(owner, "bar"), Some(number.to_string()), "{text}");
            let mut batch = client.batch();
            let pending = batch.add(client.op(fails(text), Reply::into_int));
            batch.send().await.expect("a result of its own");
            pending.take().expect_err(text);
            assert_eq!(get(owner, "bar"), Some((number + 1).to_string()), "{text}");
        }
        assert_eq!(client.stats().redirects, 0, "{release:?}");
    }
}
