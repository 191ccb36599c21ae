//! The way to one master: its connection, the requests to it, and what it is known to hold.
//!
//! May import: `keys`, `config`, `runtime`, `telemetry`.

pub(crate) mod ask_order;
pub(crate) mod commands;
pub(crate) mod connection;
pub(crate) mod fan_out;
pub(crate) mod key_state;
pub(crate) mod remote;
pub(crate) mod request_queue;
pub(crate) mod status;
pub(crate) mod token;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use purse_client::Result;
use tokio::sync::Semaphore;

use crate::config::settings::Settings;
use crate::master::status::MasterStatus;
use crate::master::token::Token;
use crate::runtime::clock::Clock;

/// So many requests may be under way at one master. What a burst sends beyond that only waits in
/// the queues of the client and the server, where it looks like silence and ends as a timeout.
const MAX_IN_FLIGHT: usize = 32;

/// All masters, and what requests to them need.
pub(crate) struct Masters {
    pub(crate) handles: Vec<MasterHandle>,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One master, and who may ask it.
pub(crate) struct MasterHandle {
    pub(crate) master: Arc<dyn Transport>,
    /// Holds a permit for each request that may be in flight.
    pub(crate) permits: Arc<Semaphore>,
    /// Apart from the gate: a watch may take as long as connecting does, and votes cannot wait.
    pub(crate) watch_permits: Semaphore,
    /// Whether it did not answer when it was last asked.
    pub(crate) is_silent: AtomicBool,
}

impl MasterHandle {
    pub(crate) fn new(master: Arc<dyn Transport>) -> Self {
        Self {
            master,
            permits: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            watch_permits: Semaphore::const_new(MAX_IN_FLIGHT),
            is_silent: AtomicBool::new(false),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Acquire,
    /// Acquire, and have the master count.
    AcquireFenced,
    /// Have the master count from this fence on, if the lock is still ours.
    Raise(u64),
    Extend,
    Release,
}

/// One action on one key, or on several as one, by the owner of one token.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) action: Action,
    pub(crate) keys: Arc<[Bytes]>,
    pub(crate) token: Token,
    pub(crate) ttl: Duration,
    /// What stands beside the lock, of one key, as long as it is ours: an extension writes it, the
    /// release takes it away.
    pub(crate) record: Option<Bytes>,
}

impl Request {
    /// The ttl in milliseconds. The settings do not let one beyond their range through.
    pub(crate) fn millis(&self) -> u64 {
        u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What a master answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether the key is, or was, ours; of several, whether all are or were.
    pub(crate) ours: bool,
    /// When it is free, all of it, if the master said so.
    pub(crate) free_in: Option<Duration>,
    /// The number that the master gave a lock that is fenced; else 0.
    pub(crate) fence: u64,
}

pub(crate) type RequestFuture = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// How a lock's keys were on one master.
pub(crate) struct KeyState {
    /// When they are free, all of them, if they have an end; zero if they are.
    pub(crate) free_in: Option<Duration>,
    /// Resolves once they may not be as they were any more, on whatever executor.
    pub(crate) changed: ChangeFuture,
}

pub(crate) type ChangeFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) type WatchFuture = Pin<Box<dyn Future<Output = Result<KeyState>> + Send>>;

/// What stands beside a lock on one master.
pub(crate) struct ElectionRecord {
    pub(crate) text: Option<Bytes>,
    /// Resolves once it may be another one, on whatever executor.
    pub(crate) changed: ChangeFuture,
}

pub(crate) type RecordFuture = Pin<Box<dyn Future<Output = Result<ElectionRecord>> + Send>>;

/// One master, as the lock sees it.
///
/// Requests that are sent one after the other on one connection take effect in that order. A
/// request whose future is dropped, or fails, may take effect all the same, and late.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Its address, for messages.
    fn server(&self) -> &str;

    fn send(&self, request: Request) -> RequestFuture;

    /// Looks at a lock's keys, and watches them from then on.
    fn watch(&self, keys: Arc<[Bytes]>) -> WatchFuture;

    /// Looks at the record with this key, and watches it from then on.
    fn watch_record(&self, key: Bytes) -> RecordFuture;

    /// How it is, without asking it.
    fn status(&self) -> MasterStatus;

    /// Gives up its connection, for ever.
    fn close(&self);
}
