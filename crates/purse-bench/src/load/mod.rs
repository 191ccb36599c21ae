//! Ways to run one request: by many tasks, as handovers of a lock, or as pops that wait.
//!
//! A peer in Rust passes its operation as a closure, so all of them are measured by the same code.
//!
//! May import: `protocol`.

mod handover;
mod queue_latency;
mod tasks;

pub(crate) use handover::measure_handovers;
pub(crate) use queue_latency::measure_queue_latency;
pub(crate) use tasks::{run_tasks, sample_tasks};
