//! The comparison of purse with its peers, and the drawing of its results.
//!
//! The parts, from the lowest to the highest: [`protocol`] is what the comparison and a peer say to
//! each other, [`load`] runs an operation by many tasks, [`peers`] has one module for each peer,
//! [`works`] lists what is measured, [`servers`] starts the servers and fills them, [`report`]
//! writes the results, [`measure`] lets the peers take turns, and [`comparison`] does all of it for
//! one command line. `bin/plot` draws the results. The README says how to add a peer or a work.

mod comparison;
mod format;
mod load;
mod measure;
mod peers;
mod protocol;
mod report;
mod servers;
mod statistics;
mod values;
mod works;

pub use comparison::{Options, compare};
pub use format::format_short;
pub use peers::serve;
pub use protocol::{Error, Result};
