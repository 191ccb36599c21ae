//! What locks tell `tracing`; empty functions when the feature is off.

#[cfg(feature = "tracing")]
mod log {
    use std::time::Duration;

    use bytes::Bytes;
    use purse_client::Error;

    use crate::error::LostReason;
    use crate::keys::Shown;

    pub(crate) fn even_masters(masters: usize) {
        tracing::warn!(
            target: "purse_redlock",
            masters,
            "an even number of masters bears no more failures than one less"
        );
    }

    pub(crate) fn one_server(server: &str, first: usize, second: usize) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            first,
            second,
            "two masters of a lock are databases of one server: they fail together"
        );
    }

    pub(crate) fn evicting(server: &str) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            "a master of a lock may evict keys before their time; set maxmemory-policy noeviction"
        );
    }

    pub(crate) fn unidentified(server: &str, error: &Error) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            %error,
            "a master of a lock does not tell who it is: it may be another one under a second name"
        );
    }

    pub(crate) fn unreachable(server: &str, error: &Error) {
        tracing::warn!(target: "purse_redlock", server, %error, "a master of a lock is down; connecting in the background");
    }

    pub(crate) fn incomparable(one: &str, other: &str, error: &Error) {
        tracing::warn!(
            target: "purse_redlock",
            one,
            other,
            %error,
            "two masters of a lock may be one server: it cannot be found out"
        );
    }

    pub(crate) fn duplicate_master(server: &str, of: &str) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            of,
            "a master of a lock is the same database of the same server as another: it does not vote"
        );
    }

    pub(crate) fn quarantined(server: &str, left: Duration) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            ?left,
            "a master of a lock may have lost its data: quarantine begins, its votes do not count"
        );
    }

    pub(crate) fn quarantine_over(server: &str) {
        tracing::info!(target: "purse_redlock", server, "quarantine ends: the votes of a master count again");
    }

    pub(crate) fn left_to_expire(server: &str) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            "a lock could not be released in time; left to its ttl"
        );
    }

    pub(crate) fn extended(keys: &[Bytes], extensions: u32) {
        tracing::debug!(target: "purse_redlock", keys = ?Shown(keys), extensions, "a lock was extended");
    }

    pub(crate) fn not_extended(keys: &[Bytes], error: &crate::Error) {
        tracing::warn!(target: "purse_redlock", keys = ?Shown(keys), %error, "a lock was not extended");
    }

    pub(crate) fn lost(keys: &[Bytes], reason: LostReason) {
        tracing::warn!(target: "purse_redlock", keys = ?Shown(keys), %reason, "a lock was lost");
    }
}

#[cfg(not(feature = "tracing"))]
mod log {
    use std::time::Duration;

    use bytes::Bytes;
    use purse_client::Error;

    use crate::error::LostReason;

    pub(crate) fn even_masters(_: usize) {}

    pub(crate) fn one_server(_: &str, _: usize, _: usize) {}

    pub(crate) fn evicting(_: &str) {}

    pub(crate) fn unidentified(_: &str, _: &Error) {}

    pub(crate) fn unreachable(_: &str, _: &Error) {}

    pub(crate) fn incomparable(_: &str, _: &str, _: &Error) {}

    pub(crate) fn duplicate_master(_: &str, _: &str) {}

    pub(crate) fn quarantined(_: &str, _: Duration) {}

    pub(crate) fn quarantine_over(_: &str) {}

    pub(crate) fn left_to_expire(_: &str) {}

    pub(crate) fn extended(_: &[Bytes], _: u32) {}

    pub(crate) fn not_extended(_: &[Bytes], _: &crate::Error) {}

    pub(crate) fn lost(_: &[Bytes], _: LostReason) {}
}

pub(crate) use log::{
    duplicate_master, even_masters, evicting, extended, incomparable, left_to_expire, lost,
    not_extended, one_server, quarantine_over, quarantined, unidentified, unreachable,
};
