//! Which server may vote, and from when: connecting, identifying, quarantine.
//!
//! May import: `error`, `config`, `telemetry`, `master`, `quorum`.

pub(crate) mod bootstrap;
mod probe_lock;
pub(crate) mod quarantine;
pub(crate) mod reconnect_backoff;
pub(crate) mod registry;
pub(crate) mod same_store;
pub(crate) mod script_probe;
pub(crate) mod server_identity;
pub(crate) mod supervisor;
