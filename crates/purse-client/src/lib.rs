//! The fred adapter of purse: connecting, commands, scripts, scans and pops.
//!
//! Everything purse sends to a server goes through a [`Client`]. It is the one crate that calls
//! fred, whose traps it works around (ARCHITECTURE.md lists them): every command is bounded in
//! time, a write is sent at most once, every failure says whether it may have happened
//! ([`Error::kind`], [`Error::is_ambiguous`]), a pop loses nothing whatever fails, a dropped stream
//! or wait leaves nothing running, and a dropped client closes its connections.
//!
//! Most programs use it through `purse` and see only [`Client`], [`Error`] and [`Pattern`]. The
//! rest is what collections and locks are made of: a [`Command`] or [`Script`], the [`Op`] that
//! runs it, the [`Reply`] it gets, a [`Scan`] and other [`pages`], a [`Pop`], a [`Watch`], and a
//! [`Session`].

mod ahead;
mod batch;
mod builder;
mod client;
mod command;
mod convert;
mod driver;
mod error;
mod gather;
mod keyspace;
mod lane;
mod lease;
mod op;
mod pattern;
mod pop;
mod quiet;
mod redirect;
mod reply;
mod runners;
mod scan;
mod script;
mod session;
mod silence;
mod slot;
mod still;
mod trace;
mod tracker;
mod trackers;
mod transaction;
mod typed;
mod watch;
mod watched;
mod wire;

/// The version of fred that [`Client::from_fred`] and [`Client::fred`] speak of.
pub use fred;

pub use ahead::{Turn, pages};
pub use batch::{Batch, Pending};
pub use builder::{ClientBuilder, Preset};
pub use client::Client;
pub use command::{Argument, Command, Effect};
pub use error::{Error, ErrorKind, Result};
pub use op::Op;
pub use pattern::Pattern;
pub use pop::{Pop, Taken};
pub use reply::Reply;
pub use scan::Scan;
pub use script::Script;
pub use session::Session;
pub use watch::Watch;
