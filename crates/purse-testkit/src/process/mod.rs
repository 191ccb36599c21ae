//! Processes that end with this one, their directories, and free ports.
//!
//! May import: nothing of this crate.

pub(crate) mod guarded_child;
pub(crate) mod port;
pub(crate) mod server_files;
