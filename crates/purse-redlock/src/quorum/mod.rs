//! Decisions about the masters' votes: pure functions, without clock or network.
//!
//! May import: `master`.

pub(crate) mod ballot;
pub(crate) mod decision;
pub(crate) mod fence;
