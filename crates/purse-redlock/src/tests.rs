//! Attempts and leases over masters in memory: faults and cancellation at every point.

mod acquire;
mod cancel;
mod extend;
mod handover;
mod release;
mod shutdown;
mod soak;
mod wait;
