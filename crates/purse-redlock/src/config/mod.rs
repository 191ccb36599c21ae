//! Configuration: the endpoints of the masters, and the durations of a lock.
//!
//! May import: `error`.

pub(crate) mod endpoint;
pub(crate) mod settings;
