//! Telemetry of a client: events and their hook, counters, and spans of `tracing`.
//!
//! May import: `error`.

mod event;
pub(crate) mod log;
mod metrics;
mod span;
mod stats;

pub use event::Event;
pub(crate) use event::EventHook;
pub(crate) use span::OperationSpan;
pub(crate) use stats::Counters;
pub use stats::Stats;
