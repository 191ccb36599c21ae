//! Events, counters and `tracing` of a client.
//!
//! May import: `error`.

mod event;
mod metrics;
mod stats;
pub(crate) mod trace;

pub use event::Event;
pub(crate) use event::Hook;
pub(crate) use stats::Counters;
pub use stats::Stats;
