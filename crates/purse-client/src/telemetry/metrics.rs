//! Counters for the `metrics` crate; empty functions when the feature is off.

use crate::ErrorKind;

/// Adds `n` to the counter `name`.
#[cfg(feature = "metrics")]
pub(super) fn count(name: &'static str, n: usize) {
    metrics::counter!(name).increment(n as u64);
}

#[cfg(not(feature = "metrics"))]
pub(super) const fn count(_: &'static str, _: usize) {}

/// Counts an error of `kind`.
#[cfg(feature = "metrics")]
pub(super) fn error(kind: ErrorKind) {
    let kind = format!("{kind:?}");
    metrics::counter!("purse_errors_total", "kind" => kind).increment(1);
}

#[cfg(not(feature = "metrics"))]
pub(super) const fn error(_: ErrorKind) {}
