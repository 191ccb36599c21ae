//! The connections of purse: commands, scripts, scans, deliveries and key watches.
//!
//! Everything that purse sends to a server goes through a [`Client`]. Most programs use it through the
//! crate `purse`; use this crate alone to build types of your own.
//!
//! | for | use |
//! |---|---|
//! | one command or script | [`Client::run`], [`Client::op`] with a [`Command`] |
//! | one that is sent again after a lost reply | [`Client::run_repeatable`], [`Client::run_exactly_once`] |
//! | several operations in one round trip, or atomically | [`Batch`], [`Operation`] |
//! | the elements of a collection, or all keys | [`Client::scan`], [`Client::scan_keys`], [`prefetch_pages`] |
//! | a pop that loses no element | [`Client::take`], [`Client::take_wait`] |
//! | changes of a key | [`Client::watch`] |
//! | a dedicated connection, which is never made again | [`Session`] |
//!
//! Examples import `purse`, which re-exports this crate.
//!
//! # Contract
//!
//! - Every operation has a time limit. A write is sent at most once, unless it is
//!   [repeatable](Client::run_repeatable).
//! - Every failure says whether the operation may have run: [`Error::kind`], [`Error::is_ambiguous`].
//! - An operation is sent when it is first polled. If it is dropped later, the command may run or not, and
//!   its reply is discarded. A dropped stream or wait leaves nothing running.
//! - Commands of one client to one server run in the order in which they are first polled.
//! - When the last handle of a client is dropped, its connections are closed.
//!
//! fred provides the configuration that [`Client::from_fred`] reads, and the client behind
//! [`Client::fred`], for commands that purse has no method for.

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

pub use crate::core::OperationOptions;
pub use client::{Batch, Client, ClientBuilder, Op, Operation, Pending, Preset, Session};
pub use command::{
    Argument, Command, Effect, Pattern, Reply, Script, is_internal_key, sibling_key,
};
pub use config::Credentials;
pub use connection::ReadFrom;
pub use delivery::{Delivery, InHand, Pop};
pub use error::{Error, ErrorKind, Result};
pub use scan::{PageResult, Scan, prefetch_pages};
pub use telemetry::{Event, Stats};
pub use tracking::Watch;
pub use util::backoff::Backoff;
