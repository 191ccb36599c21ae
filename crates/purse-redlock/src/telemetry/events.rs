//! Log events of locks; empty functions if the feature `tracing` is off.
#![cfg_attr(
    not(feature = "tracing"),
    expect(unused_variables, reason = "only the events use them")
)]

use std::time::Duration;

use bytes::Bytes;
use purse_client::Error;
use purse_lease::LostReason;

#[cfg(feature = "tracing")]
use crate::keys::DisplayKeys;

pub(crate) fn warn_even_masters(masters: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "purse_redlock",
        masters,
        "an even number of masters tolerates no more failures than one fewer"
    );
}

pub(crate) fn warn_one_server(server: &str, first: usize, second: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "purse_redlock",
        server,
        first,
        second,
        "two masters are databases of one server and fail together"
    );
}

pub(crate) fn warn_evicting(server: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "purse_redlock",
        server,
        "a master may evict locks before they expire; set maxmemory-policy noeviction"
    );
}

pub(crate) fn warn_unidentified(server: &str, error: &Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "purse_redlock",
        server,
        %error,
        "a master does not report its identity; it may be the same server as another master"
    );
}

pub(crate) fn warn_unreachable(server: &str, error: &Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "purse_redlock", server, %error, "a master is down; reconnecting in the background");
}

pub(crate) fn warn_incomparable(one: &str, other: &str, error: &Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "purse_redlock",
        one,
        other,
        %error,
        "two masters may be the same server, which cannot be checked"
    );
}

pub(crate) fn warn_duplicate_master(server: &str, of: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "purse_redlock",
        server,
        of,
        "a master is the same database of the same server as another master; it does not vote"
    );
}

pub(crate) fn warn_quarantined(server: &str, left: Duration) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "purse_redlock",
        server,
        ?left,
        "a master may have lost its data; it is in quarantine and does not vote"
    );
}

pub(crate) fn log_quarantine_over(server: &str) {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "purse_redlock", server, "the quarantine of a master is over; it votes again");
}

pub(crate) fn warn_left_to_expire(server: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "purse_redlock",
        server,
        "failed to release a lock in time; it expires with its ttl"
    );
}

pub(crate) fn log_extended(keys: &[Bytes], extensions: u32) {
    #[cfg(feature = "tracing")]
    tracing::debug!(target: "purse_redlock", keys = ?DisplayKeys(keys), extensions, "a lock was extended");
}

pub(crate) fn warn_not_extended(keys: &[Bytes], error: &crate::Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "purse_redlock", keys = ?DisplayKeys(keys), %error, "failed to extend a lock");
}

pub(crate) fn warn_lost(keys: &[Bytes], reason: LostReason) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "purse_redlock", keys = ?DisplayKeys(keys), %reason, "a lock was lost");
}
