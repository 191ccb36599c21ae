//! The public locks and their guards.
//!
//! May import: `error`, `keys`, `config`, `telemetry`, `state`, `lease`, `acquire`.

pub(crate) mod fence_marker;
pub(crate) mod fenced;
pub(crate) mod guard;
pub(crate) mod multi;
pub(crate) mod mutex;
pub(crate) mod scope;
