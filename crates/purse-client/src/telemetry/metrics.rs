//! Counters for the `metrics` crate; empty functions when the feature is off.

#[cfg(feature = "metrics")]
mod enabled {
    use crate::ErrorKind;

    pub(crate) fn sent(commands: usize, bytes: usize) {
        metrics::counter!("purse_commands_total").increment(commands as u64);
        metrics::counter!("purse_sent_bytes_total").increment(bytes as u64);
    }

    pub(crate) fn received(bytes: usize) {
        metrics::counter!("purse_received_bytes_total").increment(bytes as u64);
    }

    pub(crate) fn replies(replies: usize) {
        metrics::counter!("purse_replies_total").increment(replies as u64);
    }

    pub(crate) fn error(kind: ErrorKind) {
        let kind = format!("{kind:?}");
        metrics::counter!("purse_errors_total", "kind" => kind).increment(1);
    }

    pub(crate) fn timeouts(timeouts: usize) {
        metrics::counter!("purse_timeouts_total").increment(timeouts as u64);
    }

    pub(crate) fn reconnect() {
        metrics::counter!("purse_reconnects_total").increment(1);
    }

    pub(crate) fn connect_failure() {
        metrics::counter!("purse_connect_failures_total").increment(1);
    }

    pub(crate) fn redirect() {
        metrics::counter!("purse_redirects_total").increment(1);
    }
}

#[cfg(not(feature = "metrics"))]
mod disabled {
    use crate::ErrorKind;

    pub(crate) const fn sent(_: usize, _: usize) {}
    pub(crate) const fn received(_: usize) {}
    pub(crate) const fn replies(_: usize) {}
    pub(crate) const fn error(_: ErrorKind) {}
    pub(crate) const fn timeouts(_: usize) {}
    pub(crate) const fn reconnect() {}
    pub(crate) const fn connect_failure() {}
    pub(crate) const fn redirect() {}
}

#[cfg(not(feature = "metrics"))]
pub(super) use disabled::*;
#[cfg(feature = "metrics")]
pub(super) use enabled::*;
