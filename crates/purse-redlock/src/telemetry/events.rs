//! Log events of locks; empty functions if the feature `tracing` is off.

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
            "an even number of masters tolerates no more failures than one fewer"
        );
    }

    pub(crate) fn one_server(server: &str, first: usize, second: usize) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            first,
            second,
            "two masters are databases of one server and fail together"
        );
    }

    pub(crate) fn evicting(server: &str) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            "a master may evict locks before they expire; set maxmemory-policy noeviction"
        );
    }

    pub(crate) fn unidentified(server: &str, error: &Error) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            %error,
            "a master does not report its identity; it may be the same server as another master"
        );
    }

    pub(crate) fn unreachable(server: &str, error: &Error) {
        tracing::warn!(target: "purse_redlock", server, %error, "a master is down; reconnecting in the background");
    }

    pub(crate) fn incomparable(one: &str, other: &str, error: &Error) {
        tracing::warn!(
            target: "purse_redlock",
            one,
            other,
            %error,
            "two masters may be the same server, which cannot be checked"
        );
    }

    pub(crate) fn duplicate_master(server: &str, of: &str) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            of,
            "a master is the same database of the same server as another master; it does not vote"
        );
    }

    pub(crate) fn quarantined(server: &str, left: Duration) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            ?left,
            "a master may have lost its data; it is in quarantine and does not vote"
        );
    }

    pub(crate) fn quarantine_over(server: &str) {
        tracing::info!(target: "purse_redlock", server, "the quarantine of a master is over; it votes again");
    }

    pub(crate) fn left_to_expire(server: &str) {
        tracing::warn!(
            target: "purse_redlock",
            server,
            "failed to release a lock in time; it expires with its ttl"
        );
    }

    pub(crate) fn extended(keys: &[Bytes], extensions: u32) {
        tracing::debug!(target: "purse_redlock", keys = ?Shown(keys), extensions, "a lock was extended");
    }

    pub(crate) fn not_extended(keys: &[Bytes], error: &crate::Error) {
        tracing::warn!(target: "purse_redlock", keys = ?Shown(keys), %error, "failed to extend a lock");
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
