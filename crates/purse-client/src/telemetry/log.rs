//! Events for `tracing`; empty functions when the feature is off.
#![cfg_attr(
    not(feature = "tracing"),
    expect(unused_variables, reason = "only the events use them")
)]

use std::time::Duration;

use super::Event;

pub(crate) fn log_event(event: &Event) {
    #[cfg(feature = "tracing")]
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

pub(crate) fn log_hook_panic(event: &Event) {
    #[cfg(feature = "tracing")]
    tracing::error!(?event, "the hook for events panicked");
}

pub(crate) fn log_retry(server: &str, error: &crate::Error, again_in: Duration) {
    #[cfg(feature = "tracing")]
    tracing::debug!(server, %error, ?again_in, "a command that follows a pop failed; trying again");
}

pub(crate) fn warn_not_requeued(server: &str, error: &crate::Error, receipt: &[u8]) {
    #[cfg(feature = "tracing")]
    let receipt = receipt.escape_ascii();
    #[cfg(feature = "tracing")]
    tracing::warn!(server, %error, %receipt, "failed to requeue an abandoned element");
}

pub(crate) fn warn_receipt_left(server: &str, error: &crate::Error, receipt: &[u8]) {
    #[cfg(feature = "tracing")]
    let receipt = receipt.escape_ascii();
    #[cfg(feature = "tracing")]
    tracing::warn!(server, %error, %receipt, "failed to remove the receipt of a delivered element; it expires with its time to live");
}

pub(crate) fn debug_receipt_expires(server: &str, error: &crate::Error, receipt: &[u8]) {
    #[cfg(feature = "tracing")]
    let receipt = receipt.escape_ascii();
    #[cfg(feature = "tracing")]
    tracing::debug!(server, %error, %receipt, "failed to remove the receipt of a script; it expires with its time to live");
}
