//! TCP relays in front of a server: the fault proxy, and what the TLS port shares with it.
//!
//! # Implementation details
//!
//! One thread serves all connections of a relay. It waits in `poll` and then takes a turn: it
//! locks the state and does all I/O that is possible without waiting. A method of the relay's
//! handle takes the same lock, so its effect starts exactly when it returns: not one byte is
//! forwarded between.
//!
//! May import: `process`.

mod listeners;
mod proxied_connection;
pub(crate) mod proxy_state;
mod relay_thread;

pub(crate) use listeners::{Listeners, connect};
pub(crate) use relay_thread::{RelayState, RelayThread, Wait};
