//! Small tools that every other folder may use.
//!
//! May import: nothing of this crate.

pub(crate) mod backoff;
pub(crate) mod sync;
pub(crate) mod timer;
