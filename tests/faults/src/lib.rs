//! The lock under faults: processes that contend for locks on masters that die, hang, answer late
//! and lose replies, and a checker of what they held.
//!
//! [`Rig`] sets it up, [`Plan`] draws the faults from a seed, [`Verdict`] judges the history.

pub mod campaign;
pub mod check;
pub mod clock;
pub mod contender;
pub mod history;
pub mod holders;
pub mod master;
pub mod plan;
pub mod proxy;
pub mod resource;
pub mod rig;

pub use check::{Promise, Verdict};
pub use plan::Plan;
pub use rig::Rig;
