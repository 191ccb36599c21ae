//! Processes that end with this one, their directories, and free ports.
//!
//! May import: nothing of this crate.

pub(crate) mod guarded;
pub(crate) mod home;
pub(crate) mod port;
