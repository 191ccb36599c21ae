//! A count of what has to end before a client closes.

use tokio::sync::watch;

/// The deliveries and the like that a client waits for when it closes.
#[derive(Debug)]
pub(crate) struct InFlight(watch::Sender<usize>);

/// Keeps the client from closing until it is dropped, or for a second.
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
