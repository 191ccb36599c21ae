//! An address that leads to one server and then to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Passes connections on to a port of this machine, or closes them.
pub(super) struct Relay {
    pub(super) url: String,
    target: Arc<AtomicU16>,
    accepted: Arc<AtomicUsize>,
    loses_replies: Arc<AtomicBool>,
}

impl Relay {
    pub(super) async fn to(port: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let target = Arc::new(AtomicU16::new(port.unwrap_or(0)));
        let accepted = Arc::new(AtomicUsize::new(0));
        let loses_replies = Arc::new(AtomicBool::new(false));
        let (port, count, loses) = (target.clone(), accepted.clone(), loses_replies.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let port = port.load(Ordering::SeqCst);
                if port != 0 {
                    tokio::spawn(carry(near, port, loses.clone()));
                }
            }
        });
        Self {
            url,
            target,
            accepted,
            loses_replies,
        }
    }

    /// Passes on requests, but drops replies; a connection that lost one loses all that follow.
    pub(super) fn lose_replies(&self, loses: bool) {
        self.loses_replies.store(loses, Ordering::SeqCst);
    }

    /// Leads new connections to another port.
    pub(super) fn lead_to(&self, port: u16) {
        self.target.store(port, Ordering::SeqCst);
    }

    /// Returns the number of connections so far.
    pub(super) fn accepted_count(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn carry(near: TcpStream, port: u16, loses_replies: Arc<AtomicBool>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    // Either end may close at any time.
    tokio::select! {
        () = copy(near_in, far_out, || false) => {}
        () = copy(far_in, near_out, || loses_replies.load(Ordering::SeqCst)) => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, loses: impl Fn() -> bool) {
    let mut buffer = vec![0; 16 * 1024];
    let mut is_deaf = false;
    while let Ok(count) = from.read(&mut buffer).await
        && count > 0
    {
        is_deaf |= loses();
        if !is_deaf && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
