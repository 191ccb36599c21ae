//! Guards that delay the close of a client, for deliveries and key watches in flight.

use tokio::sync::watch;

/// The number of deliveries and tracking connections that a client waits for when it closes.
#[derive(Debug, Clone)]
pub(crate) struct CloseBlockers(watch::Sender<usize>);

/// A guard that delays the close of the client until it is dropped, for a second at most.
#[derive(Debug)]
pub(crate) struct CloseGuard(watch::Sender<usize>);

impl Default for CloseBlockers {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl CloseBlockers {
    pub(crate) fn track(&self) -> CloseGuard {
        self.0.send_modify(|count| *count += 1);
        CloseGuard(self.0.clone())
    }

    /// Completes once nothing is in flight that the client waits for.
    pub(crate) async fn wait_idle(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for CloseGuard {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
