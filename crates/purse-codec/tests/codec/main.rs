//! What every codec writes, reads, and refuses.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod garbage;
mod input;
mod json;
mod lenient;
mod numbers;
mod plain;
mod raw;
mod readable;
mod samples;

#[cfg(any(feature = "bincode", feature = "msgpack"))]
mod binary;
#[cfg(feature = "bincode")]
mod bincode;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "validate")]
mod validated;
