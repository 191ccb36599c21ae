//! One master: its connection, the requests to it, and the keys that it holds.
//!
//! May import: `keys`, `config`, `telemetry`.

pub(crate) mod ask_order;
pub(crate) mod commands;
pub(crate) mod current_session;
pub(crate) mod lease_queues;
mod master_handle;
pub(crate) mod request_queue;
pub(crate) mod session_transport;
pub(crate) mod status;
pub(crate) mod token;
mod transport;
pub(crate) mod watch_requests;

pub(crate) use master_handle::{MasterHandle, Masters};
pub(crate) use transport::{
    Action, Answer, ChangeFuture, ElectionRecord, KeyState, RecordFuture, Request, RequestFuture,
    Transport, WatchFuture,
};
