//! The kinds of errors.

use std::fmt;

/// The kind of an [`Error`](super::Error), as far as a program may want to distinguish it.
///
/// `Display` writes a short description, such as "not sent".
///
/// # Examples
/// ```
/// use purse::ErrorKind;
///
/// assert_eq!(ErrorKind::NotSent.to_string(), "not sent");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration or the URL cannot work with any server.
    Config,
    /// The command did not reach a server. It did not run, and nothing changed.
    NotSent,
    /// The command may change data, and its reply did not arrive. It may have run.
    Ambiguous,
    /// The reply to a command that changes nothing did not arrive in time, or no connection was made in
    /// time. A change that is rolled back automatically counts as none.
    Timeout,
    /// The client was closed, or its runtime has ended.
    Closed,
    /// The server refused the credentials, requires some, or denies the right to run the command.
    Auth,
    /// The key holds a value of another type. Nothing changed.
    WrongType,
    /// The server does not know the command or an option of it. Nothing changed.
    Unsupported,
    /// The key does not exist. Nothing changed.
    NotFound,
    /// An index lies outside of the collection. Nothing changed.
    OutOfRange,
    /// An argument cannot be used, such as a time to live of zero. Nothing was sent.
    InvalidInput,
    /// A value could not be encoded. Nothing was sent.
    Encode,
    /// Stored bytes could not be decoded. [`Error::bytes`](super::Error::bytes) returns them.
    Decode,
    /// The keys of one operation belong to different slots of a cluster. Nothing changed.
    CrossSlot,
    /// The server replied with another error. [`Error::code`](super::Error::code) returns its first word.
    Server,
    /// The server replied with something that the command never returns.
    Protocol,
    /// A scan met another server process, because the server restarted or another node took over.
    /// Elements may be missing, so the scan must start again.
    ScanInvalidated,
    /// Another client holds the lock.
    Held,
    /// The lock does not belong to its holder any more.
    Lost,
    /// A limit that the program has set is reached.
    Limit,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "configuration",
            Self::NotSent => "not sent",
            Self::Ambiguous => "ambiguous",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Auth => "authentication or rights",
            Self::WrongType => "wrong type",
            Self::Unsupported => "unsupported by the server",
            Self::NotFound => "not found",
            Self::OutOfRange => "out of range",
            Self::InvalidInput => "invalid input",
            Self::Encode => "encoding",
            Self::Decode => "decoding",
            Self::CrossSlot => "keys of several slots",
            Self::Server => "server error",
            Self::Protocol => "protocol",
            Self::ScanInvalidated => "scan invalidated",
            Self::Held => "lock held",
            Self::Lost => "lock lost",
            Self::Limit => "limit reached",
        })
    }
}
