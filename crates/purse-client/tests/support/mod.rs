//! What the live tests of this crate share.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use purse_client::{Client, Command};
use purse_testkit::{Release, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// The longest time for an event that should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) async fn client(server: &Server) -> Client {
    Client::connect(&server.url())
        .await
        .expect("a server that runs")
}

/// A client as a user with these rights.
pub(crate) async fn connect_restricted(server: &Server, rights: &str) -> Client {
    let rights: Vec<_> = ["ACL", "SETUSER", "me", "on", ">secret"]
        .into_iter()
        .chain(rights.split(' '))
        .collect();
    let set = server.command(&rights).expect("ACL SETUSER");
    assert_eq!(set.text(), Some("OK"));
    let url = server.url().replace("redis://", "redis://me:secret@");
    Client::connect(&url).await.expect("a user who may connect")
}

/// A server of that release.
pub(crate) fn start_release(release: Release) -> Server {
    let server = Server::builder().release(release).start();
    server.expect("a server")
}

/// The newest server and the oldest one of those that tests can have.
pub(crate) fn servers() -> [Server; 2] {
    [Release::Valkey9_1, Release::Redis6_2_5].map(start_release)
}

/// The time for what depends on other processes, such as a cluster that learns of a replica.
const PATIENCE: Duration = Duration::from_secs(60);

/// Checks until `condition` holds; panics with `what` if it does not within [`PATIENCE`].
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Returns the number of times that the server ran `command` so far.
/// The number of clients that the server blocks.
pub(crate) fn blocked(server: &Server) -> u64 {
    let info = server.command(&["INFO", "clients"]).expect("INFO");
    let mut lines = info.text().expect("text").lines();
    let count = lines.find_map(|line| line.strip_prefix("blocked_clients:"));
    count
        .and_then(|count| count.trim().parse().ok())
        .expect("a number")
}

/// A number that has grown by 3 once another pop waits: it blocks, or has looked several times.
pub(crate) fn waits(server: &Server) -> u64 {
    3 * blocked(server) + calls(server, "llen")
}

pub(crate) fn calls(server: &Server, command: &str) -> u64 {
    count_of(server, command, "calls=")
}

/// Returns the number of times that the server refused `command` without running it.
pub(crate) fn rejected_calls(server: &Server, command: &str) -> u64 {
    count_of(server, command, "rejected_calls=")
}

/// Returns the number of commands that the server denied because a user lacks a right.
pub(crate) fn denied(server: &Server) -> i64 {
    let log = server.command(&["ACL", "LOG"]).expect("ACL LOG");
    let counts = log.items().iter().map(|entry| entry.items()[1].int());
    counts.map(|count| count.expect("a number")).sum()
}

fn count_of(server: &Server, command: &str, what: &str) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).expect("INFO");
    let line = format!("cmdstat_{}:", command.to_lowercase());
    let text = stats.text().expect("text");
    let counts = text.lines().find_map(|row| row.strip_prefix(&line));
    let mut counts = counts.unwrap_or_default().split(',');
    counts
        .find_map(|count| count.strip_prefix(what))
        .map_or(0, |count| count.parse().expect("a number"))
}

/// Returns the number of the server's connections, without the one that lists them.
pub(crate) fn connections(server: &Server) -> usize {
    let list = server.command(&["CLIENT", "LIST"]).expect("CLIENT LIST");
    list.text()
        .expect("text")
        .lines()
        .filter(|line| !line.is_empty())
        .count()
        - 1
}

/// Returns the ids of the connections on which the server reports changed keys.
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
    accepted: Arc<AtomicUsize>,
    cut: Arc<AtomicBool>,
    swallows: Arc<AtomicBool>,
    holds: Arc<AtomicBool>,
    hangs_up: Arc<AtomicBool>,
    held: Arc<AtomicBool>,
    release: watch::Sender<bool>,
}

/// The state of one connection of a proxy.
#[derive(Clone)]
struct Wire {
    cut: Arc<AtomicBool>,
    swallows: Arc<AtomicBool>,
    holds: Arc<AtomicBool>,
    hangs_up: Arc<AtomicBool>,
    held: Arc<AtomicBool>,
    release: watch::Receiver<bool>,
}

impl Proxy {
    pub(crate) async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let cut = Arc::new(AtomicBool::new(false));
        let swallows = Arc::new(AtomicBool::new(false));
        let target = format!("127.0.0.1:{}", server.port());
        let accepted = Arc::new(AtomicUsize::new(0));
        let proxy = Self {
            url,
            accepted: accepted.clone(),
            cut,
            swallows,
            holds: Arc::default(),
            hangs_up: Arc::default(),
            held: Arc::default(),
            release: watch::Sender::new(false),
        };
        let wire = proxy.wire();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let far = TcpStream::connect(&target).await.expect("the server");
                tokio::spawn(carry(near, far, wire.clone()));
            }
        });
        proxy
    }

    fn wire(&self) -> Wire {
        Wire {
            cut: self.cut.clone(),
            swallows: self.swallows.clone(),
            holds: self.holds.clone(),
            hangs_up: self.hangs_up.clone(),
            held: self.held.clone(),
            release: self.release.subscribe(),
        }
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> &str {
        let port = self.url.rsplit_once(':').map(|(_, port)| port);
        port.expect("an address")
    }

    /// Returns the number of connections so far.
    pub(crate) fn accepted_count(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The next request, and what follows it on its connection, waits until it is released, also
    /// after the client has closed the connection.
    pub(crate) fn hold_next_request(&self) {
        self.holds.store(true, Ordering::SeqCst);
    }

    /// The same, and to the client the connection is closed at once.
    pub(crate) fn hold_next_request_and_hang_up(&self) {
        self.hangs_up.store(true, Ordering::SeqCst);
        self.hold_next_request();
    }

    pub(crate) fn holds_one(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    pub(crate) fn release(&self) {
        self.release.send_replace(true);
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

    pub(crate) fn has_lost_reply(&self) -> bool {
        !self.cut.load(Ordering::SeqCst)
    }
}

async fn carry(near: TcpStream, far: TcpStream, mut wire: Wire) {
    let cut = wire.cut.clone();
    let hung_up = Arc::new(Notify::new());
    let hang_up = hung_up.clone();
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let forth = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        // Either end may close at any time.
        while let Ok(read) = near_read.read(&mut buffer).await {
            if wire.swallows.load(Ordering::SeqCst) {
                return std::future::pending().await;
            }
            if read > 0 && wire.holds.swap(false, Ordering::SeqCst) {
                wire.held.store(true, Ordering::SeqCst);
                if wire.hangs_up.load(Ordering::SeqCst) {
                    hang_up.notify_one();
                }
                // The proxy that releases is gone only with the test.
                let _ = wire.release.wait_for(|released| *released).await;
            }
            if read == 0 || far_write.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = tokio::select! {
            read = far_read.read(&mut buffer) => read.unwrap_or(0),
            () = hung_up.notified() => {
                drop(near_write);
                // Its failure is a panic, which has shown itself.
                let _ = forth.await;
                return;
            }
        };
        if read == 0 || cut.swap(false, Ordering::SeqCst) {
            break;
        }
        if near_write.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    forth.abort();
}
