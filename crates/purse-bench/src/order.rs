//! What a peer is told to do, and what it answers; a line of JSON each where it is another process.

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A value of 100 bytes which is text to who reads text, and text in JSON to who reads JSON, because
/// some peers store JSON only.
pub(crate) const ITEM: &str = concat!(
    "\"",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM",
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM",
    "\""
);

/// One thing to do, many times.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    /// What to do, such as `hash_get`.
    pub(crate) op: String,
    /// The key to do it to, or the prefix.
    pub(crate) key: String,
    /// How many do it at once.
    pub(crate) tasks: usize,
    /// How often in all.
    pub(crate) count: usize,
}

/// How it went.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// How long it took.
    pub(crate) seconds: f64,
    /// How much was done.
    pub(crate) done: usize,
    /// Single times, in seconds, where those are asked for.
    #[serde(default)]
    pub(crate) samples: Vec<f64>,
}

impl Answer {
    pub(crate) fn new(took: Duration, done: usize) -> Self {
        Self {
            seconds: took.as_secs_f64(),
            done,
            samples: Vec::new(),
        }
    }

    /// The rate, in things done per second.
    pub(crate) fn rate(&self) -> f64 {
        self.done as f64 / self.seconds
    }
}

/// The name of a field or element, alike in every language.
pub(crate) fn field(index: usize) -> String {
    format!("f{index}")
}
