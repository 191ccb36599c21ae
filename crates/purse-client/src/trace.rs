//! What the client tells `tracing`; empty functions when the feature is off.

use std::time::Duration;

#[cfg(feature = "tracing")]
pub(crate) fn unresponsive(server: &str, timeouts: usize) {
    tracing::warn!(server, timeouts, "no replies in a row; reconnecting");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn unresponsive(_: &str, _: usize) {}

#[cfg(feature = "tracing")]
pub(crate) fn give_back_failed(server: &str, error: &crate::Error, again_in: Duration) {
    tracing::error!(server, %error, ?again_in, "a popped element nobody waits for could not be put back yet");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn give_back_failed(_: &str, _: &crate::Error, _: Duration) {}

#[cfg(feature = "tracing")]
pub(crate) fn not_given_back(server: &str, error: &crate::Error, element: &crate::Reply) {
    tracing::error!(server, %error, ?element, "a popped element nobody waits for cannot be put back");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn not_given_back(_: &str, _: &crate::Error, _: &crate::Reply) {}
