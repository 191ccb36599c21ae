//! What URLs and the builder say takes effect on a live server, or is refused by name.

#[path = "../support/mod.rs"]
mod support;

mod builder;
mod handles;
mod passwords;
mod resp2;
mod rights;
mod sentinels;
#[cfg(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
))]
mod tls;
mod urls;

use std::collections::HashMap;
use std::error::Error as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use purse_client::{Client, Command, Error, ErrorKind};

/// Returns the texts of an error and of all its causes.
pub(crate) fn text_of(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Checks the kind of an error, which is not retryable, and that its chain contains `words`.
#[track_caller]
pub(crate) fn assert_permanent(error: &Error, kind: ErrorKind, words: &str) {
    let text = text_of(error);
    assert_eq!(error.kind(), kind, "{text}");
    assert!(!error.is_retryable() && !error.is_ambiguous(), "{text}");
    assert!(text.contains(words), "no {words:?} in {text}");
}

/// Returns what the server says about the connection of a client.
pub(crate) async fn info(client: &Client) -> HashMap<String, String> {
    let info = Command::read("CLIENT").arg("INFO");
    let reply = client.run(info).await.expect("CLIENT INFO");
    let text = reply.into_bytes().expect("text");
    let text = String::from_utf8(text.to_vec()).expect("UTF-8");
    let pairs = text.split_whitespace().filter_map(|w| w.split_once('='));
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Checks what `CLIENT INFO` says of `field`, which servers before Redis 7 do not tell.
pub(crate) fn assert_info(info: &HashMap<String, String>, field: &str, expected: &str) {
    if let Some(value) = info.get(field) {
        assert_eq!(value, expected, "{field}");
    }
}

pub(crate) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
