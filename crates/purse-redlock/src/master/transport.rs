//! The requests to one master and their answers, and the trait that sends them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use purse_client::Result;

use crate::master::status::MasterStatus;
use crate::master::token::Token;

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
