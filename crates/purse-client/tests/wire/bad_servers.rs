//! Servers that send what is not a reply: a clear error, another connection, and no wrong reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use purse_client::{Client, Command, Error, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::until;
use crate::wire::text;

const TIMEOUT: Duration = Duration::from_millis(500);

/// A server that replies to SET on its first connection with given bytes, and behaves otherwise.
struct BadServer {
    url: String,
    accepted: Arc<AtomicUsize>,
}

impl BadServer {
    async fn start(bytes: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
                tokio::spawn(serve(socket, is_first.then(|| bytes.clone())));
            }
        });
        Self { url, accepted }
    }

    async fn client(&self) -> Client {
        let client = Client::builder(&self.url).command_timeout(TIMEOUT);
        client.connect().await.expect("a handshake")
    }

    /// Waits until there was a second connection, and checks that it works.
    async fn check_replaced(&self, client: &Client) {
        until("the client works", async || {
            match client.run(Command::read("GET").key("own")).await {
                Ok(reply) => {
                    assert_eq!(text(reply), "value of own");
                    self.accepted.load(Ordering::SeqCst) == 2
                }
                Err(_) => false,
            }
        })
        .await;
    }
}

async fn serve(mut socket: TcpStream, bad: Option<Vec<u8>>) {
    let mut read = Vec::new();
    loop {
        while let Some(words) = take_request(&mut read) {
            let reply = match words[0].as_str() {
                "HELLO" => b"%2\r\n+version\r\n+7.0.0\r\n+mode\r\n+standalone\r\n".to_vec(),
                "GET" => format!("+value of {}\r\n", words[1]).into_bytes(),
                "SET" => bad.clone().unwrap_or_else(|| b"+OK\r\n".to_vec()),
                _ => b"+OK\r\n".to_vec(),
            };
            if socket.write_all(&reply).await.is_err() {
                return;
            }
        }
        if socket.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// Takes a request of short words out of what was read.
fn take_request(read: &mut Vec<u8>) -> Option<Vec<String>> {
    let whole = String::from_utf8(read.clone()).expect("text");
    let mut lines = whole.split_inclusive("\r\n");
    let count: usize = lines
        .next()?
        .strip_suffix("\r\n")?
        .strip_prefix('*')?
        .parse()
        .ok()?;
    let lines: Vec<_> = lines.take(2 * count).collect();
    if lines.len() < 2 * count || !lines.last()?.ends_with("\r\n") {
        return None;
    }
    let header = whole.find("\r\n")? + 2;
    read.drain(..header + lines.iter().map(|line| line.len()).sum::<usize>());
    let words = lines.chunks(2).map(|pair| pair[1].trim_end().to_owned());
    Some(words.collect())
}

fn set() -> Command {
    Command::write("SET").key("k").arg("v")
}

/// Returns an error with all its causes.
fn whole(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text += &format!(": {source}");
        cause = source.source();
    }
    text
}

/// Returns the memory of this process in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages: usize = status
        .split(' ')
        .nth(1)
        .expect("pages")
        .parse()
        .expect("a number");
    pages * 4096
}

#[tokio::test]
async fn malformed_reply_is_an_error_with_its_reason() {
    let nested = b"*1\r\n".repeat(200_000);
    for (bytes, reason) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "not a reply"),
        (nested, "nesting deeper than 64"),
        (b"$9223372036854775807\r\nabc\r\n".to_vec(), "length"),
        (b"*9223372036854775807\r\n:1\r\n".to_vec(), "length"),
        (b"*-5\r\n".to_vec(), "length"),
        (b"$?\r\n;4\r\nabcd\r\n;0\r\n".to_vec(), "streamed types"),
        (b"*?\r\n:1\r\n.\r\n".to_vec(), "streamed types"),
        (b"%?\r\n+a\r\n:1\r\n.\r\n".to_vec(), "streamed types"),
        (b":12x\r\n".to_vec(), "not a reply"),
        (b"$3\r\nabcdef\r\n".to_vec(), "not a reply"),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        let server = BadServer::start(bytes).await;
        let client = server.client().await;
        let before = memory();
        let error = client.run(set()).await.expect_err(&shown);
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{shown:?}: {error}");
        assert!(
            whole(&error).contains(reason),
            "{shown:?}: {}",
            whole(&error)
        );
        server.check_replaced(&client).await;
        let grown = memory().saturating_sub(before);
        assert!(grown < 64 << 20, "{shown:?}: {grown} bytes");
    }
}

#[tokio::test]
async fn reply_announced_as_huge_takes_no_memory() {
    for bytes in [
        &b"$1000000000\r\n0123456789"[..],
        b"*1000000000\r\n:1\r\n:2\r\n",
        b"%500000000\r\n:1\r\n:2\r\n",
    ] {
        let server = BadServer::start(bytes.to_vec()).await;
        let client = server.client().await;
        let before = memory();
        let error = client.run(set()).await.expect_err("incomplete");
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
        let grown = memory().saturating_sub(before);
        assert!(grown < 64 << 20, "{grown} bytes");
        // It was not silent, so it is given up with a later timeout.
        server.check_replaced(&client).await;
    }
}

#[tokio::test]
async fn bytes_after_a_reply_replace_the_connection() {
    for bytes in [
        &b"+OK\r\n\0garbage\r\n"[..],
        b"+OK\r\n+a reply without a command\r\n",
        b"+OK\r\n$5\r\nvalue\r\n:7\r\n",
        b"+OK\r\n-ERR the server is about to close\r\n",
        b"+OK\r\nHTTP/1.1 200 OK\r\n",
    ] {
        let shown = String::from_utf8_lossy(bytes);
        let server = BadServer::start(bytes.to_vec()).await;
        let client = server.client().await;
        let reply = client.run(set()).await.expect(&shown);
        assert_eq!(text(reply), "OK", "{shown:?}");
        // The reply to the next command is its own, or that of another connection.
        server.check_replaced(&client).await;
    }
}

#[tokio::test]
async fn read_whose_reply_is_malformed_is_sent_again() {
    let server = BadServer::start(b"*?\r\n".to_vec()).await;
    let client = server.client().await;
    // It is SET to the server, and a read to the client.
    let reply = client.run(Command::read("SET").key("k").arg("v")).await;
    assert_eq!(text(reply.expect("the second reply")), "OK");
    server.check_replaced(&client).await;
}
