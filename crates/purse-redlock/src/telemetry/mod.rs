//! Log events and spans.
//!
//! May import: `error`, `keys`.

pub(crate) mod events;
pub(crate) mod span;
