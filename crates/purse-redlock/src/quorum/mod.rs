//! What the votes of the masters mean: plain functions, without clock or network.
//!
//! May import: `config`, `runtime`, `master`.

pub(crate) mod ballot;
pub(crate) mod decision;
pub(crate) mod fence;
