//! The protocol of servers, as far as the kit itself needs it.
//!
//! May import: nothing of this crate.

pub(crate) mod connection;
pub(crate) mod reply;
