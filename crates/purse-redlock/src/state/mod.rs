//! What all locks of one [`Redlock`](crate::Redlock) share.
//!
//! May import: `error`, `config`, `runtime`, `telemetry`, `master`, `quorum`.

pub(crate) mod context;
pub(crate) mod local_queue;
pub(crate) mod validity;
