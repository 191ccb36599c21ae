//! The processes that contend for locks, and write down what they held.
//!
//! [`ContenderProcess`] is such a process as its parent sees it. [`main`] and `task` run in the process.
//!
//! May import: `error`, `clock`, `resource`, `history`.

mod process;
mod task;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use process::{ContenderProcess, main};

/// The settings of a contender process, which it gets as an argument.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ContenderConfig {
    /// The addresses of the masters.
    pub urls: Vec<String>,
    /// The ttl of the locks.
    pub ttl: Duration,
    /// The time in which a master has to reply.
    pub master_timeout: Duration,
    /// The number of locks.
    pub keys: usize,
    /// The number of tasks that contend.
    pub tasks: usize,
    /// True if the locks have fences.
    pub fenced: bool,
    /// True for `QuarantinePolicy::Strict`: masters that have just started may not vote.
    pub is_strict: bool,
    /// The longest pause of a task between two locks.
    pub idle: Duration,
    /// The folder of counters, registers and histories.
    pub folder: PathBuf,
    /// The number of this process, which no earlier process had.
    pub process: usize,
    /// The seed of all random choices of the tasks.
    pub seed: u64,
}

impl ContenderConfig {
    /// Returns the key of a lock.
    #[must_use]
    pub fn key(number: usize) -> String {
        format!("lock-{number}")
    }
}

/// The requests of the parent to a running process.
#[derive(Debug, Default)]
pub struct ControlFlags {
    /// Set when the process is to end.
    pub end: AtomicBool,
    /// Set when the process is to stop itself the next time that it holds a lock.
    pub freeze: AtomicBool,
}
