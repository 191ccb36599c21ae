//! The way to one master: its connection, the requests to it, and what it is known to hold.
//!
//! May import: `keys`, `config`, `runtime`, `telemetry`.

pub(crate) mod ask_order;
pub(crate) mod connection;
pub(crate) mod fan_out;
pub(crate) mod key_state;
pub(crate) mod remote;
pub(crate) mod request_queue;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod transport;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Semaphore;

use crate::config::settings::Settings;
use crate::master::transport::Transport;
use crate::runtime::clock::Clock;

/// So many requests may be under way at one master. What a burst sends beyond that only waits in
/// the queues of the client and the server, where it looks like silence and ends as a timeout.
const UNDER_WAY: usize = 32;

/// All masters, and what requests to them need.
pub(crate) struct Masters {
    pub(crate) posts: Vec<Post>,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One master, and who may ask it.
pub(crate) struct Post {
    pub(crate) master: Arc<dyn Transport>,
    /// Holds a permit for each request that may be in flight.
    pub(crate) gate: Arc<Semaphore>,
    /// Apart from the gate: a watch may take as long as connecting does, and votes cannot wait.
    pub(crate) watch_gate: Semaphore,
    /// Whether it did not answer when it was last asked.
    pub(crate) is_silent: AtomicBool,
}

impl Post {
    pub(crate) fn new(master: Arc<dyn Transport>) -> Self {
        Self {
            master,
            gate: Arc::new(Semaphore::new(UNDER_WAY)),
            watch_gate: Semaphore::const_new(UNDER_WAY),
            is_silent: AtomicBool::new(false),
        }
    }
}
