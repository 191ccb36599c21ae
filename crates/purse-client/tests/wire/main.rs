//! Faults of the wire: each command has exactly the effect that its result says.

#[path = "../support/mod.rs"]
mod support;

mod bad_servers;
mod cancellation;
mod every_byte;
mod every_byte_batches;
mod every_byte_pops;
mod half_open;
mod random_cuts;
mod scans;
mod scripts;
mod silent_server;
mod wire;
