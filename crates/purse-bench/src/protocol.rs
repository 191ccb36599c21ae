//! The request that a peer gets, and its response: a line of JSON each if the peer is another process.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An error of any kind.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result with an error of any kind.
pub type Result<T> = std::result::Result<T, Error>;

/// A value of 100 bytes that is valid text and valid JSON, because some peers store only JSON.
pub(crate) const ITEM: &str = concat!(
    "\"",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM",
    "\""
);

/// An operation to run many times.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The operation, such as `hash_get`.
    pub(crate) op: String,
    /// The key of the operation, or the prefix of its keys.
    pub(crate) key: String,
    /// The number of concurrent tasks.
    pub(crate) tasks: usize,
    /// The number of operations, over all tasks.
    pub(crate) count: usize,
}

/// The measurement of one request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Response {
    /// The time for all operations, in seconds.
    pub(crate) seconds: f64,
    /// The number of operations that were done.
    pub(crate) done: usize,
    /// The times of single operations, in seconds, if the work asks for them.
    #[serde(default)]
    pub(crate) samples: Vec<f64>,
}

impl Response {
    pub(crate) fn new(elapsed: Duration, done: usize) -> Self {
        Self {
            seconds: elapsed.as_secs_f64(),
            done,
            samples: Vec::new(),
        }
    }

    /// Returns the number of operations per second.
    pub(crate) fn rate(&self) -> f64 {
        self.done as f64 / self.seconds
    }
}

/// Returns the name of a field or element; peers in other languages use the same names.
pub(crate) fn field(index: usize) -> String {
    format!("f{index}")
}
