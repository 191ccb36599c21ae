//! Configuration: the endpoints of the masters, and the durations of a lock.
//!
//! May import: `error`.

pub(crate) mod master_endpoint;
pub(crate) mod settings;
