//! A count of the deliveries and key watches that end before a client closes.

use tokio::sync::watch;

/// The number of deliveries and tracking connections that a client waits for when it closes.
#[derive(Debug)]
pub(crate) struct InFlight(watch::Sender<usize>);

/// A guard that delays the close of the client until it is dropped, for a second at most.
#[derive(Debug)]
pub(crate) struct InFlightGuard(watch::Sender<usize>);

impl Default for InFlight {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl InFlight {
    pub(crate) fn track(&self) -> InFlightGuard {
        self.0.send_modify(|count| *count += 1);
        InFlightGuard(self.0.clone())
    }

    /// Completes once nothing is in flight that the client waits for.
    pub(crate) async fn wait_idle(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
