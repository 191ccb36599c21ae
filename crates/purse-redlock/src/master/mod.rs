//! One master: its connection, the requests to it, and the keys that it holds.
//!
//! May import: `keys`, `config`, `telemetry`.

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
use purse_lease::Clock;
use tokio::sync::Semaphore;

use crate::config::settings::Settings;
use crate::master::status::MasterStatus;
use crate::master::token::Token;

/// The maximum number of requests in flight at one master. In a burst, further requests would only
/// wait in the queues of the client and the server, where the wait looks like a silent server and
/// ends as a timeout.
const MAX_IN_FLIGHT: usize = 128;

/// All masters, and what requests to them need.
pub(crate) struct Masters {
    pub(crate) handles: Vec<MasterHandle>,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One master, and the permits that bound how many requests are in flight at it.
pub(crate) struct MasterHandle {
    pub(crate) master: Arc<dyn Transport>,
    /// Contains a permit for each request that may be in flight.
    pub(crate) permits: Arc<Semaphore>,
    /// Contains a permit for each watch. Watches have permits of their own, because a watch may
    /// take as long as connecting does, and votes cannot wait for it.
    pub(crate) watch_permits: Semaphore,
    /// True if the master did not answer the last request.
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

/// A request's effect on the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Acquire,
    /// Acquires the lock, and increments the fence counter.
    AcquireFenced,
    /// Raises the fence counter to this fence, if the lock is still ours.
    Raise(u64),
    Extend,
    Release,
}

/// One action on one key, or on several keys as one, by the owner of one token.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) action: Action,
    pub(crate) keys: Arc<[Bytes]>,
    pub(crate) token: Token,
    pub(crate) ttl: Duration,
    /// The election record stored next to the lock's key. Extensions write it, the release deletes
    /// it. Only used with single-key locks.
    pub(crate) record: Option<Bytes>,
}

impl Request {
    /// Returns the ttl in milliseconds. The settings exclude values that do not fit.
    pub(crate) fn millis(&self) -> u64 {
        u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A master's answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    /// True if the key holds, or held, our token; for several keys, if all do or did.
    pub(crate) ours: bool,
    /// The time until all keys are free, if the master reported it.
    pub(crate) free_in: Option<Duration>,
    /// The fence that the master assigned to a fenced lock, otherwise 0.
    pub(crate) fence: u64,
}

/// The answer to a request.
pub(crate) type RequestFuture = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// The state of a lock's keys on one master.
pub(crate) struct KeyState {
    /// The time until all keys are free, if they expire; zero if they are free.
    pub(crate) free_in: Option<Duration>,
    /// Resolves, on any executor, once the keys may have changed.
    pub(crate) changed: ChangeFuture,
}

/// Resolves once a key may have changed.
pub(crate) type ChangeFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The state of a lock's keys, and the watch on them.
pub(crate) type WatchFuture = Pin<Box<dyn Future<Output = Result<KeyState>> + Send>>;

/// The election record on one master.
pub(crate) struct ElectionRecord {
    pub(crate) text: Option<Bytes>,
    /// Resolves, on any executor, once the record may have changed.
    pub(crate) changed: ChangeFuture,
}

/// An election record, and the watch on it.
pub(crate) type RecordFuture = Pin<Box<dyn Future<Output = Result<ElectionRecord>> + Send>>;

/// One master, as the lock sees it.
///
/// Requests that are sent one after the other on one connection take effect in that order. A
/// request whose future is dropped, or fails, may still take effect, and late.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Returns the master's address, for messages.
    fn server(&self) -> &str;

    /// Sends a request.
    fn send(&self, request: Request) -> RequestFuture;

    /// Reads the state of a lock's keys, and watches them from then on.
    fn watch(&self, keys: Arc<[Bytes]>) -> WatchFuture;

    /// Reads the election record with this key, and watches it from then on.
    fn watch_record(&self, key: Bytes) -> RecordFuture;

    /// Returns the master's status, without asking it.
    fn status(&self) -> MasterStatus;

    /// Closes the connection permanently.
    fn close(&self);
}
