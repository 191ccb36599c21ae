//! What the client tells `tracing`; empty functions when the feature is off.

use std::time::Duration;

#[cfg(feature = "tracing")]
pub(crate) fn unresponsive(server: &str, timeouts: usize) {
    tracing::warn!(server, timeouts, "no replies in a row; reconnecting");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn unresponsive(_: &str, _: usize) {}

#[cfg(feature = "tracing")]
pub(crate) fn cut_off(node: &str) {
    tracing::warn!(
        node,
        "no replies, but on a new connection; connecting to all nodes anew"
    );
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn cut_off(_: &str) {}

#[cfg(feature = "tracing")]
pub(crate) fn not_settled_yet(server: &str, error: &crate::Error, again_in: Duration) {
    tracing::debug!(server, %error, ?again_in, "what follows a pop is not done yet");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn not_settled_yet(_: &str, _: &crate::Error, _: Duration) {}

#[cfg(feature = "tracing")]
pub(crate) fn not_put_back(server: &str, error: &crate::Error, receipt: &[u8]) {
    let receipt = receipt.escape_ascii();
    tracing::warn!(server, %error, %receipt, "a popped element nobody waits for cannot be put back");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn not_put_back(_: &str, _: &crate::Error, _: &[u8]) {}

#[cfg(feature = "tracing")]
pub(crate) fn receipt_left(server: &str, error: &crate::Error, receipt: &[u8]) {
    let receipt = receipt.escape_ascii();
    tracing::warn!(server, %error, %receipt, "the receipt of an element that was delivered stays until it expires");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn receipt_left(_: &str, _: &crate::Error, _: &[u8]) {}
