//! The connections of purse: commands, scripts, scans, deliveries and key watches.
//!
//! Everything purse sends to a server goes through a [`Client`], over sockets of its own. Every
//! command is bounded in time, a write is sent at most once, every failure says whether it may have
//! happened ([`Error::kind`], [`Error::is_ambiguous`]), a pop loses nothing whatever fails, a dropped
//! stream or wait leaves nothing running, and a dropped client closes its connections.
//!
//! Most programs use it through `purse`. Collections and locks are made of it: a [`Command`] or
//! [`Script`], the [`Op`] that runs it, the [`Reply`] it gets, a [`Scan`] and other
//! [pages](prefetch_pages), a [`Pop`], a [`Watch`], and a [`Session`].
//!
//! fred provides the configuration that [`Client::from_fred`] reads, and the client behind
//! [`Client::fred`], for commands that purse has no word for.

mod client;
mod cluster;
mod command;
mod config;
mod connection;
mod core;
mod delivery;
mod error;
mod resp;
mod scan;
mod telemetry;
mod tracking;
mod util;

/// The version of fred that [`Client::from_fred`] and [`Client::fred`] use.
pub use fred;

pub use crate::core::Options;
pub use client::{Batch, Client, ClientBuilder, Op, Pending, Preset, Session};
pub use command::{Argument, Command, Effect, Pattern, Reply, Script};
pub use config::Credentials;
pub use connection::ReadFrom;
pub use delivery::{Pop, Taken};
pub use error::{Error, ErrorKind, Result};
pub use scan::{PageResult, Scan, prefetch_pages};
pub use telemetry::{Event, Stats};
pub use tracking::Watch;
