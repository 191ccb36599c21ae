//! All connections of a proxy, and what it was told to do with them.

use std::time::Duration;

use crate::relay::proxied_connection::{Meter, ProxiedConnection};
use crate::relay::{Listeners, RelayState, Wait, connect};

/// The number of bytes of requests that are recorded.
const RECORD: usize = 16 << 20;

/// The state of a proxy.
#[derive(Debug)]
pub(crate) struct ProxyState {
    upstream: u16,
    /// None while new connections are refused.
    pub(crate) listeners: Option<Listeners>,
    pub(crate) is_refusing: bool,
    links: Vec<ProxiedConnection>,
    accepted: usize,
    pub(crate) requests: Meter,
    pub(crate) replies: Meter,
    idle_limit: Duration,
    /// The chunks that clients sent, each with the number of its connection.
    record: Vec<(usize, Vec<u8>)>,
    recorded: usize,
}

impl ProxyState {
    pub(crate) fn new(upstream: u16, listeners: Listeners) -> Self {
        Self {
            upstream,
            listeners: Some(listeners),
            is_refusing: false,
            links: Vec::new(),
            accepted: 0,
            requests: Meter::default(),
            replies: Meter::default(),
            idle_limit: Duration::MAX,
            record: Vec::new(),
            recorded: 0,
        }
    }

    /// Accepts all connections that wait for it.
    pub(crate) fn accept(&mut self) {
        while let Some(client) = self.listeners.as_ref().and_then(Listeners::accept) {
            let number = self.accepted;
            self.accepted += 1;
            // Without a server the connection is closed: the client is dropped here.
            if let Ok(server) = connect(self.upstream) {
                self.links
                    .push(ProxiedConnection::new(number, client, server));
            }
        }
    }

    /// Closes all connections, and forgets limits that were set for them.
    pub(crate) fn cut(&mut self) {
        self.accept();
        self.close_all();
    }

    fn close_all(&mut self) {
        for link in self.links.drain(..) {
            link.close();
        }
        self.requests.left = None;
        self.replies.left = None;
    }

    pub(crate) fn swallow_existing(&mut self) {
        self.accept();
        for link in &mut self.links {
            link.swallow();
        }
    }

    pub(crate) fn forget_idle(&mut self, limit: Duration) {
        // What was sent before counts with the old limit.
        self.turn();
        self.idle_limit = limit;
    }

    pub(crate) fn accepted_count(&self) -> usize {
        self.accepted
    }

    pub(crate) fn open_count(&self) -> usize {
        self.links.len()
    }

    /// Returns what clients sent on the connections for which the function returns true.
    pub(crate) fn record_of(&self, of: impl Fn(usize) -> bool) -> Vec<u8> {
        let chunks = self.record.iter().filter(|(number, _)| of(*number));
        chunks.flat_map(|(_, chunk)| chunk).copied().collect()
    }

    pub(crate) fn forget_record(&mut self) {
        self.record.clear();
        self.recorded = 0;
    }
}

impl RelayState for ProxyState {
    fn turn(&mut self) {
        if self.is_refusing {
            self.listeners = None;
        }
        self.accept();
        for link in &mut self.links {
            let number = link.number;
            link.read_requests(self.requests.delay, self.idle_limit, |chunk| {
                let kept = chunk.len().min(RECORD - self.recorded);
                self.recorded += kept;
                if kept > 0 {
                    self.record.push((number, chunk[..kept].to_vec()));
                }
            });
            link.read_replies(self.replies.delay, self.idle_limit);
        }
        let (requests, replies) = (&mut self.requests, &mut self.replies);
        self.links.retain_mut(|link| {
            let goes_on = link.forward(requests, replies);
            if !goes_on {
                link.close();
            }
            goes_on
        });
        if self.requests.left == Some(0) || self.replies.left == Some(0) {
            self.close_all();
        }
    }

    fn wait_for(&self, wait: &mut Wait) {
        if let Some(listeners) = &self.listeners {
            listeners.wait_for(wait);
        }
        for link in &self.links {
            link.wait_for(wait);
        }
    }
}

impl Drop for ProxyState {
    fn drop(&mut self) {
        // The thread may still hold the sockets for a moment.
        self.close_all();
    }
}
