//! Nodes that do not agree on who owns a slot.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use purse_client::{Client, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::incr;

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
