//! Attempts and leases over masters in memory: faults and cancellation at every point.

mod acquire;
mod cancel;
mod extend;
mod fence;
mod fence_model;
mod handover;
mod multi;
mod release;
mod shutdown;
mod soak;
mod wait;
