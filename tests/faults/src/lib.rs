//! The lock under faults: processes contend for locks on masters that die, hang, reply late and lose
//! replies, and a checker judges the history of their holds.
//!
//! [`campaign`] lists the phases. A phase starts a [`Rig`] of masters and contender processes, draws
//! faults from a seed by a [`Plan`], and gives the history to [`Verdict`].

pub mod campaign;
pub mod checker;
pub mod clock;
pub mod contender;
pub mod error;
pub mod fault;
pub mod history;
pub mod resource;
pub mod rig;

pub use checker::{Guarantee, Verdict};
pub use error::Failure;
pub use fault::Plan;
pub use rig::Rig;
