//! Configuration: the endpoints of the masters, the durations of a lock, and the limits of automatic
//! extension.
//!
//! May import: `error`.

pub(crate) mod auto_extend;
pub(crate) mod endpoint;
pub(crate) mod settings;
