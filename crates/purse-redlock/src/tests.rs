//! Attempts and leases over masters in memory: faults and cancellation at every point.

mod acquire;
mod auto_extend;
mod cancel;
mod election;
mod error;
mod extend;
mod fence;
mod fence_model;
mod handover;
mod local_queue;
mod lost;
mod model;
mod multi;
mod release;
mod scope;
mod shutdown;
mod soak;
#[cfg(feature = "tracing")]
mod span;
mod split_votes;
mod wait;
mod watch;
