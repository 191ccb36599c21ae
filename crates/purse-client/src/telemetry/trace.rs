//! Events for `tracing`; empty functions when the feature is off.

use std::time::Duration;

use super::Event;

#[cfg(feature = "tracing")]
pub(crate) fn log_event(event: &Event) {
    match event {
        Event::Connected { server, address } => {
            tracing::debug!(%server, %address, "connected");
        }
        Event::ConnectFailed { server, cause } => {
            let cause = cause_of(cause);
            tracing::warn!(%server, %cause, "cannot connect; trying again");
        }
        Event::Disconnected { server, cause } => {
            let cause = cause_of(cause);
            tracing::warn!(%server, %cause, "connection lost; reconnecting");
        }
        Event::Reconnected { server, address } => {
            tracing::info!(%server, %address, "reconnected");
        }
        Event::HalfOpen { server, address } => {
            tracing::warn!(
                %server, %address,
                "connection was half-open: the server answers on a new one only; replaced"
            );
        }
        Event::Redirected { server, slot, to } => {
            tracing::debug!(%server, slot, %to, "slot has another owner");
        }
        Event::Failover { server } => {
            tracing::info!(%server, "the primary has changed; reconnecting");
        }
    }
}

/// Returns the text of an error with its causes.
#[cfg(feature = "tracing")]
fn cause_of(error: &crate::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn log_event(_: &Event) {}

#[cfg(feature = "tracing")]
pub(crate) fn log_hook_panic(event: &Event) {
    tracing::error!(?event, "the hook for events panicked");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn log_hook_panic(_: &Event) {}

#[cfg(feature = "tracing")]
pub(crate) fn log_retry(server: &str, error: &crate::Error, again_in: Duration) {
    tracing::debug!(server, %error, ?again_in, "what follows a pop is not done yet");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn log_retry(_: &str, _: &crate::Error, _: Duration) {}

#[cfg(feature = "tracing")]
pub(crate) fn warn_not_requeued(server: &str, error: &crate::Error, receipt: &[u8]) {
    let receipt = receipt.escape_ascii();
    tracing::warn!(server, %error, %receipt, "a popped element nobody waits for cannot be put back");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn warn_not_requeued(_: &str, _: &crate::Error, _: &[u8]) {}

#[cfg(feature = "tracing")]
pub(crate) fn warn_receipt_left(server: &str, error: &crate::Error, receipt: &[u8]) {
    let receipt = receipt.escape_ascii();
    tracing::warn!(server, %error, %receipt, "the receipt of an element that was delivered stays until it expires");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn warn_receipt_left(_: &str, _: &crate::Error, _: &[u8]) {}
