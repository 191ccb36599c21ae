//! One connection of a client through the proxy.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::relay::Wait;

/// The number of bytes that are held before the sender has to wait.
const LIMIT: usize = 1 << 20;

/// A connection of a client, and the connection to the server that belongs to it.
#[derive(Debug)]
pub(crate) struct ProxiedConnection {
    /// The number of the connection, in the order of acceptance.
    pub(crate) number: usize,
    client: Arc<TcpStream>,
    server: Arc<TcpStream>,
    pub(crate) requests: Direction,
    pub(crate) replies: Direction,
    is_swallowed: bool,
    last_active: Instant,
}

/// The traffic in one direction.
#[derive(Debug, Default)]
pub(crate) struct Direction {
    /// The bytes that wait to be forwarded, each chunk with the moment from which it may be.
    held: VecDeque<(Instant, Vec<u8>)>,
    size: usize,
    /// True if the sender has ended.
    has_ended: bool,
    /// True if the receiver was told of the end.
    is_shut: bool,
}

/// The number of bytes that may be forwarded, and of those that were.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) forwarded: u64,
    /// The bytes left until all connections are cut.
    pub(crate) left: Option<u64>,
    pub(crate) delay: Duration,
}

impl ProxiedConnection {
    pub(crate) fn new(number: usize, client: Arc<TcpStream>, server: Arc<TcpStream>) -> Self {
        Self {
            number,
            client,
            server,
            requests: Direction::default(),
            replies: Direction::default(),
            is_swallowed: false,
            last_active: Instant::now(),
        }
    }

    /// Forwards nothing from now on.
    pub(crate) fn swallow(&mut self) {
        self.is_swallowed = true;
        self.requests.discard();
        self.replies.discard();
    }

    /// Closes both connections.
    pub(crate) fn close(&self) {
        // One that its peer has closed cannot be shut down.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    /// Reads what the client has sent; hands each chunk to `record`.
    pub(crate) fn read_requests(
        &mut self,
        delay: Duration,
        idle_limit: Duration,
        record: impl FnMut(&[u8]),
    ) {
        let client = self.client.clone();
        if self.requests.read(&client, delay, record) {
            self.note_activity(idle_limit);
        }
    }

    /// Reads what the server has sent.
    pub(crate) fn read_replies(&mut self, delay: Duration, idle_limit: Duration) {
        let server = self.server.clone();
        if self.replies.read(&server, delay, |_| {}) {
            self.note_activity(idle_limit);
        }
    }

    fn note_activity(&mut self, idle_limit: Duration) {
        let now = Instant::now();
        let was_forgotten = now.duration_since(self.last_active) > idle_limit;
        self.last_active = now;
        if was_forgotten || self.is_swallowed {
            self.swallow();
        }
    }

    /// Forwards what is due; returns whether the connection continues.
    pub(crate) fn forward(&mut self, requests: &mut Meter, replies: &mut Meter) -> bool {
        if self.is_swallowed {
            return !(self.requests.has_ended && self.replies.has_ended);
        }
        let is_open = self.requests.write(&self.server, requests)
            && self.replies.write(&self.client, replies);
        if self.requests.is_done() && !self.requests.is_shut {
            self.requests.is_shut = true;
            // The server may have closed the connection at the same time.
            let _ = self.server.shutdown(Shutdown::Write);
        }
        is_open && !self.replies.is_done()
    }

    pub(crate) fn wait_for(&self, wait: &mut Wait) {
        let now = Instant::now();
        let (requests, replies) = (&self.requests, &self.replies);
        wait.socket(&self.client, requests.takes_more(), replies.is_due(now));
        wait.socket(&self.server, replies.takes_more(), requests.is_due(now));
        for direction in [requests, replies] {
            if let Some((due, _)) = direction.held.front()
                && *due > now
            {
                wait.until(*due);
            }
        }
    }
}

impl Direction {
    /// Reads until there is nothing to read, or enough is held; returns whether there was anything.
    fn read(
        &mut self,
        mut from: &TcpStream,
        delay: Duration,
        mut record: impl FnMut(&[u8]),
    ) -> bool {
        let mut buffer = vec![0; 16 << 10];
        let mut is_active = false;
        while self.takes_more() {
            match from.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A reset ends what the sender sends, too.
                Ok(0) | Err(_) => self.has_ended = true,
                Ok(count) => {
                    record(&buffer[..count]);
                    self.size += count;
                    self.held
                        .push_back((Instant::now() + delay, buffer[..count].to_vec()));
                }
            }
            is_active = true;
        }
        is_active
    }

    /// Writes what is due until the receiver takes no more; returns whether it still takes some.
    fn write(&mut self, mut to: &TcpStream, meter: &mut Meter) -> bool {
        while let Some((due, chunk)) = self.held.front_mut() {
            let left = meter.left.unwrap_or(u64::MAX);
            let allowed = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if *due > Instant::now() || allowed == 0 {
                break;
            }
            match to.write(&chunk[..allowed]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return false,
                Ok(count) => {
                    meter.forwarded += count as u64;
                    meter.left = meter.left.map(|left| left - count as u64);
                    self.size -= count;
                    chunk.drain(..count);
                    if chunk.is_empty() {
                        self.held.pop_front();
                    }
                }
            }
        }
        true
    }

    fn discard(&mut self) {
        self.held.clear();
        self.size = 0;
    }

    fn takes_more(&self) -> bool {
        !self.has_ended && self.size < LIMIT
    }

    fn is_due(&self, now: Instant) -> bool {
        self.held.front().is_some_and(|(due, _)| *due <= now)
    }

    /// Returns whether the sender has ended, and all that it sent was forwarded.
    fn is_done(&self) -> bool {
        self.has_ended && self.held.is_empty()
    }
}
