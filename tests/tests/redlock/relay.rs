//! An address that leads to one server and then to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};

/// Passes connections on to a port of this machine, or closes them.
pub(super) struct Relay {
    pub(super) url: String,
    target: Arc<AtomicU16>,
    accepted: Arc<AtomicUsize>,
}

impl Relay {
    pub(super) async fn to(port: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let target = Arc::new(AtomicU16::new(port.unwrap_or(0)));
        let accepted = Arc::new(AtomicUsize::new(0));
        let (port, count) = (target.clone(), accepted.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let port = port.load(Ordering::SeqCst);
                if port != 0 {
                    tokio::spawn(carry(near, port));
                }
            }
        });
        Self {
            url,
            target,
            accepted,
        }
    }

    /// Leads new connections to another port.
    pub(super) fn lead_to(&self, port: u16) {
        self.target.store(port, Ordering::SeqCst);
    }

    /// How many connections there have been.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn carry(mut near: TcpStream, port: u16) {
    if let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await {
        // Either end may close at any time.
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    }
}
