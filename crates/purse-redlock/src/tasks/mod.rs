//! Tasks of locks: those that are polled inline, and the order in which scopes end.
//!
//! May import: nothing of this crate.

pub(crate) mod jitter;
pub(crate) mod live_scopes;
pub(crate) mod task_pool;
