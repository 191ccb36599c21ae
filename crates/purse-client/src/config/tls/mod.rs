//! TLS: the connectors of rustls and native-tls behind one type, [`Tls`].
//!
//! `enabled.rs` holds [`Tls`] if a TLS feature is on; `with_rustls.rs` and `with_native.rs` are the
//! two libraries. `disabled.rs` stands in for them if no TLS feature is on: its [`Tls`] has no value.

#[cfg(not(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
)))]
mod disabled;
#[cfg(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
))]
mod enabled;
#[cfg(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
))]
mod stream;
#[cfg(feature = "tls-native")]
mod with_native;
#[cfg(any(feature = "tls-rustls", feature = "tls-rustls-ring"))]
mod with_rustls;

#[cfg(not(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
)))]
pub(crate) use disabled::{Tls, TlsStream};
#[cfg(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
))]
pub(crate) use enabled::Tls;
#[cfg(all(test, feature = "tls-rustls-ring"))]
pub(crate) use stream::Encrypted;
#[cfg(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
))]
pub(crate) use stream::TlsStream;
