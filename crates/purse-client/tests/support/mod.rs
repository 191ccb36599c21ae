//! What the live tests of this crate share.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use purse_client::{Client, Command};
use purse_testkit::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long anything may take that should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) async fn client(server: &Server) -> Client {
    Client::connect(&server.url())
        .await
        .expect("a server that runs")
}

/// Looks until `condition` holds; panics with `what` when it does not within [`SOON`].
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + SOON;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// How often the server ran `command` so far.
pub(crate) fn calls(server: &Server, command: &str) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).expect("INFO");
    let line = format!("cmdstat_{}:calls=", command.to_lowercase());
    let text = stats.text().expect("text");
    text.lines()
        .find_map(|row| row.strip_prefix(&line))
        .and_then(|row| row.split(',').next())
        .map_or(0, |count| count.parse().expect("a number"))
}

/// How many clients the server counts as connected, but for the one that asks.
pub(crate) fn connections(server: &Server) -> usize {
    let list = server.command(&["CLIENT", "LIST"]).expect("CLIENT LIST");
    list.text()
        .expect("text")
        .lines()
        .filter(|line| !line.is_empty())
        .count()
        - 1
}

/// The numbers of the connections on which the server tells of changed keys.
pub(crate) fn tracking(server: &Server) -> Vec<String> {
    let list = server.command(&["CLIENT", "LIST"]).expect("CLIENT LIST");
    let list = list.text().expect("text").to_owned();
    let tracks = |line: &&str| {
        let mut flags = line
            .split(' ')
            .filter_map(|word| word.strip_prefix("flags="));
        flags.any(|flags| flags.contains('t'))
    };
    let id = |line: &str| Some(line.split(' ').next()?.strip_prefix("id=")?.to_owned());
    list.lines().filter(tracks).filter_map(id).collect()
}

pub(crate) fn get(server: &Server, key: &str) -> Option<String> {
    server
        .command(&["GET", key])
        .expect("GET")
        .text()
        .map(str::to_owned)
}

pub(crate) fn incr(key: &'static str) -> Command {
    Command::write("INCR").key(key)
}

/// A proxy before a server that can lose replies after the command ran.
pub(crate) struct Proxy {
    pub(crate) url: String,
    cut: Arc<AtomicBool>,
    swallows: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let cut = Arc::new(AtomicBool::new(false));
        let swallows = Arc::new(AtomicBool::new(false));
        let target = format!("127.0.0.1:{}", server.port());
        let (flag, holds) = (cut.clone(), swallows.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&target).await.expect("the server");
                tokio::spawn(carry(near, far, flag.clone(), holds.clone()));
            }
        });
        Self { url, cut, swallows }
    }

    /// Connections that stand get nothing through any more, and are not closed either.
    pub(crate) fn swallow(&self) {
        self.swallows.store(true, Ordering::SeqCst);
    }

    /// New connections work again; those that were swallowed stay so.
    pub(crate) fn swallow_no_more(&self) {
        self.swallows.store(false, Ordering::SeqCst);
    }

    /// The next reply is thrown away, and its connection closed.
    pub(crate) fn lose_next_reply(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_lost_it(&self) -> bool {
        !self.cut.load(Ordering::SeqCst)
    }
}

async fn carry(near: TcpStream, far: TcpStream, cut: Arc<AtomicBool>, swallows: Arc<AtomicBool>) {
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let forth = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        // Either end may close at any time.
        while let Ok(read) = near_read.read(&mut buffer).await {
            if swallows.load(Ordering::SeqCst) {
                return std::future::pending().await;
            }
            if read == 0 || far_write.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read) = far_read.read(&mut buffer).await {
        if read == 0 || cut.swap(false, Ordering::SeqCst) {
            break;
        }
        if near_write.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    forth.abort();
}
