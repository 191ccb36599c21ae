//! Something that listens, and is not quite a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The replies to HELLO and to the two commands that follow it.
pub(crate) const HELLO: &[u8] =
    b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n+OK\r\n+OK\r\n";

pub(crate) struct Fake {
    pub(crate) url: String,
    accepted: Arc<AtomicUsize>,
}

impl Fake {
    /// Serves each connection, numbered from 0, with `serve`.
    pub(crate) async fn start<F>(serve: impl Fn(TcpStream, usize) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = accepted.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(socket, number));
            }
        });
        Self { url, accepted }
    }

    pub(crate) fn accepted_count(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// Reads what comes next; returns whether anything came.
pub(crate) async fn read(socket: &mut TcpStream) -> bool {
    let read = socket.read(&mut [0; 4096]).await;
    read.is_ok_and(|n| n > 0)
}

/// Writes, unless the client has closed the connection.
pub(crate) async fn write(socket: &mut TcpStream, bytes: &[u8]) {
    let _ = socket.write_all(bytes).await;
}

/// Closes the writing half, and reads until the client closes the other one.
pub(crate) async fn close(mut socket: TcpStream) {
    let _ = socket.shutdown().await;
    while read(&mut socket).await {}
}

/// Answers a handshake, and then each request with `reply`.
pub(crate) async fn answer(mut socket: TcpStream, reply: &[u8]) {
    if read(&mut socket).await {
        write(&mut socket, HELLO).await;
    }
    while read(&mut socket).await {
        write(&mut socket, reply).await;
    }
}
