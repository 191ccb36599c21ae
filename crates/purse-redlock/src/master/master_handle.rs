//! The masters, with the permits that limit the requests in flight at each.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use purse_lease::Clock;
use tokio::sync::Semaphore;

use super::Transport;
use crate::config::settings::Settings;

/// The maximum number of requests in flight at one master. In a burst, further requests would only
/// wait in the queues of the client and the server, where the wait looks like a silent server and
/// ends as a timeout.
const MAX_IN_FLIGHT: usize = 128;

/// All masters, and what requests to them need.
pub(crate) struct Masters {
    pub(crate) handles: Vec<MasterHandle>,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One master, and the permits that bound how many requests are in flight at it.
pub(crate) struct MasterHandle {
    pub(crate) master: Arc<dyn Transport>,
    /// Contains a permit for each request that may be in flight.
    pub(crate) permits: Arc<Semaphore>,
    /// Contains a permit for each watch. Watches have permits of their own, because a watch may
    /// take as long as connecting does, and votes cannot wait for it.
    pub(crate) watch_permits: Semaphore,
    /// True if the master did not answer the last request.
    pub(crate) is_silent: AtomicBool,
}

impl MasterHandle {
    pub(crate) fn new(master: Arc<dyn Transport>) -> Self {
        Self {
            master,
            permits: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            watch_permits: Semaphore::const_new(MAX_IN_FLIGHT),
            is_silent: AtomicBool::new(false),
        }
    }
}
