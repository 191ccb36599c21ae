//! A proxy in front of a server that can delay, hold, lose and close.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The treatment of bytes in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// The bytes pass.
    #[default]
    Open,
    /// The bytes wait until the flow changes, as a network resends lost packets once it works again.
    Held,
    /// The bytes pass after this time.
    Late(Duration),
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    requests: Flow,
    replies: Flow,
    /// Connections with a smaller number are closed.
    closed: u64,
    /// Connections with a smaller number carry no bytes any more, and are not closed.
    half_open: u64,
    /// The number of the next connection.
    next: u64,
}

/// A proxy in front of one server, which passes all bytes at first.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    link: Arc<Link>,
    listening: AbortHandle,
}

#[derive(Debug)]
struct Link {
    state: watch::Sender<State>,
    /// The number of replies that are still to be lost.
    to_lose: AtomicUsize,
}

impl Proxy {
    /// Listens on a free port, by tasks of the runtime.
    ///
    /// # Errors
    /// Those of the system.
    pub fn start(server: u16, runtime: &Handle) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let _context = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let link = Arc::new(Link {
            state: watch::Sender::default(),
            to_lose: AtomicUsize::new(0),
        });
        let listening = runtime.spawn(listen(listener, server, link.clone()));
        Ok(Self {
            port,
            link,
            listening: listening.abort_handle(),
        })
    }

    /// Returns the address of the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sets the treatment of requests and of replies.
    pub fn set_flow(&self, requests: Flow, replies: Flow) {
        self.link.state.send_modify(|state| {
            state.requests = requests;
            state.replies = replies;
        });
    }

    /// Closes all connections.
    pub fn close_all(&self) {
        self.link
            .state
            .send_modify(|state| state.closed = state.next);
    }

    /// Stops the traffic of all present connections for ever, without closing them. New ones work.
    pub fn make_half_open(&self) {
        self.link
            .state
            .send_modify(|state| state.half_open = state.next);
    }

    /// Drops the next replies, whose commands have run, and closes their connections.
    pub fn lose_replies(&self, count: usize) {
        self.link.to_lose.store(count, Ordering::SeqCst);
    }

    /// Returns the number of replies that are still to be lost.
    #[must_use]
    pub fn replies_to_lose(&self) -> usize {
        self.link.to_lose.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.close_all();
    }
}

async fn listen(listener: TcpListener, server: u16, link: Arc<Link>) {
    loop {
        // A failure here is one of a single connection.
        let Ok((near, _)) = listener.accept().await else {
            continue;
        };
        let mut number = 0;
        link.state.send_modify(|state| {
            number = state.next;
            state.next += 1;
        });
        tokio::spawn(relay(near, server, number, link.clone()));
    }
}

async fn relay(near: TcpStream, server: u16, number: u64, link: Arc<Link>) {
    let mut changes = link.state.subscribe();
    let closed = changes.wait_for(|state| number < state.closed);
    let passing = async {
        // A server that is down closes the connection.
        let Ok(far) = TcpStream::connect(("127.0.0.1", server)).await else {
            return;
        };
        // Without this, small packets wait for each other.
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        tokio::select! {
            () = pass(near_read, far_write, Direction::Requests, number, &link) => {}
            () = pass(far_read, near_write, Direction::Replies, number, &link) => {}
        }
    };
    tokio::select! {
        _ = closed => {}
        () = passing => {}
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Replies,
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    number: u64,
    link: &Link,
) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read) = from.read(&mut buffer).await {
        wait_permitted(direction, number, link).await;
        if read == 0 || (direction == Direction::Replies && take_loss(link)) {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Waits until the bytes that were read may be written.
async fn wait_permitted(direction: Direction, number: u64, link: &Link) {
    let mut changes = link.state.subscribe();
    loop {
        let state = *changes.borrow_and_update();
        if number < state.half_open {
            return std::future::pending().await;
        }
        let flow = match direction {
            Direction::Requests => state.requests,
            Direction::Replies => state.replies,
        };
        match flow {
            Flow::Open => return,
            Flow::Late(time) => return tokio::time::sleep(time).await,
            Flow::Held => {
                // The sender lives as long as the link.
                let _ = changes.changed().await;
            }
        }
    }
}

/// Returns true if a reply is to be lost, and counts it.
fn take_loss(link: &Link) -> bool {
    let one_less = |left: usize| left.checked_sub(1);
    link.to_lose
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
        .is_ok()
}
