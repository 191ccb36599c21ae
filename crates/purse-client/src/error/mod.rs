//! The error type of purse's client and collections.
//!
//! May import: nothing of this crate.

mod kind;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use kind::ErrorKind;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync>;

/// The error of an operation: why it failed, where, and whether it may have run.
///
/// `Display` names the command, the key and the server. It does not repeat the
/// [source](StdError::source), so a reporter that walks the chain prints each cause once.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::{Client, Command, ErrorKind};
///
/// let client = Client::connect(&url).await?;
/// client.run(Command::write("SET").key("name").arg("Ada")).await?;
/// let error = client.run(Command::write("LPUSH").key("name").arg("x")).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::WrongType);
/// assert!(error.to_string().starts_with("LPUSH on key \"name\""));
/// assert!(!error.is_ambiguous() && !error.is_retryable());
/// # Ok(())
/// # })
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    command: Option<&'static str>,
    key: Option<Bytes>,
    field: Option<Bytes>,
    index: Option<i64>,
    server: Option<Arc<str>>,
    bytes: Option<Bytes>,
    removed: Vec<Bytes>,
    done: usize,
    operation: Option<usize>,
    has_run_in_part: bool,
    source: Option<Source>,
    details: Option<Source>,
}

impl Error {
    /// Creates an error of `kind` with `message`.
    ///
    /// # Examples
    /// ```
    /// use purse::{Error, ErrorKind};
    ///
    /// fn parse_age(text: &str) -> purse::Result<u8> {
    ///     let invalid = |cause| Error::new(ErrorKind::InvalidInput, "not an age").with_source(cause);
    ///     text.parse().map_err(invalid)
    /// }
    /// assert_eq!(parse_age("old").unwrap_err().to_string(), "not an age");
    /// ```
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            command: None,
            key: None,
            field: None,
            index: None,
            server: None,
            bytes: None,
            removed: Vec::new(),
            done: 0,
            operation: None,
            has_run_in_part: false,
            source: None,
            details: None,
        }))
    }

    /// Creates an error of `kind` from another error type, such as that of a lock. It takes over the
    /// message and the source, so a reporter prints nothing twice. [`details`](Self::details) returns
    /// the other error.
    ///
    /// # Examples
    /// ```
    /// use std::num::ParseIntError;
    ///
    /// use purse_client::{Error, ErrorKind};
    ///
    /// let other = "x".parse::<u8>().unwrap_err();
    /// let error = Error::from_details(ErrorKind::InvalidInput, other.clone());
    /// assert_eq!(error.to_string(), other.to_string());
    /// assert_eq!(error.details::<ParseIntError>(), Some(&other));
    /// ```
    #[must_use]
    pub fn from_details(kind: ErrorKind, details: impl StdError + Send + Sync + 'static) -> Self {
        let mut error = Self::new(kind, details.to_string());
        error.0.details = Some(Box::new(details));
        error
    }

    /// Returns a copy of the error for another caller. Of its source, only the text is kept, and no
    /// details.
    #[must_use]
    #[doc(alias = "clone")]
    pub fn duplicate(&self) -> Self {
        let mut copy = Self::new(self.kind(), self.0.message.clone());
        copy.0.server.clone_from(&self.0.server);
        match self.source() {
            Some(source) => copy.with_source(source.to_string()),
            None => copy,
        }
    }

    /// Adds the source.
    ///
    /// # Examples
    /// ```
    /// use std::error::Error as _;
    ///
    /// use purse::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Config, "no password").with_source("the vault is sealed");
    /// assert_eq!(error.to_string(), "no password");
    /// assert_eq!(error.source().unwrap().to_string(), "the vault is sealed");
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the bytes that could not be decoded.
    #[must_use]
    pub fn with_bytes(mut self, bytes: Bytes) -> Self {
        self.0.bytes = Some(bytes);
        self
    }

    /// Adds the elements that the command removed from the collection, in the order of the reply.
    #[must_use]
    pub fn with_removed(mut self, removed: Vec<Bytes>) -> Self {
        self.0.removed = removed;
        self
    }

    /// Adds the number of elements that earlier commands of the same call processed.
    #[must_use]
    pub fn with_done(mut self, done: usize) -> Self {
        self.0.done = done;
        self
    }

    /// Adds the place of the operation in its group, and whether another one may have run.
    pub(crate) fn with_operation(mut self, place: usize, others_ran: bool) -> Self {
        self.0.operation = Some(place);
        self.0.has_run_in_part |= others_ran;
        self
    }

    /// Returns whether another operation of the same group may have changed something.
    pub(crate) fn has_run_in_part(&self) -> bool {
        self.0.has_run_in_part
    }

    /// Adds the command and its first key, unless they are known.
    #[must_use]
    pub fn with_command(mut self, name: &'static str, key: Option<Bytes>) -> Self {
        if self.0.command.is_none() {
            self.0.command = Some(name);
            self.0.key = key;
        }
        self
    }

    /// Adds the field of a hash, unless it is known.
    #[must_use]
    pub fn with_field(mut self, field: Bytes) -> Self {
        self.0.field.get_or_insert(field);
        self
    }

    /// Adds the index of an element of a list. Where the command
    /// [says at which index its reply starts](crate::Command::at_index), it is relative to that.
    #[must_use]
    pub fn with_index(mut self, index: i64) -> Self {
        self.0.index = Some(index);
        self
    }

    /// Adds to the index, if there is one.
    pub(crate) fn shift_index(mut self, by: i64) -> Self {
        self.0.index = self.0.index.map(|index| index.saturating_add(by));
        self
    }

    /// Adds the server, unless it is known.
    #[must_use]
    pub fn with_server(mut self, server: Arc<str>) -> Self {
        self.0.server.get_or_insert(server);
        self
    }

    /// Returns the message without what `Display` adds to it.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the kind of the error.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, ErrorKind};
    ///
    /// client.run(Command::write("SET").key("name").arg("Ada")).await?;
    /// let error = client.run(Command::read("LLEN").key("name")).await.unwrap_err();
    /// match error.kind() {
    ///     ErrorKind::WrongType => {}
    ///     ErrorKind::NotSent | ErrorKind::Timeout => panic!("the server is away: {error}"),
    ///     _ => panic!("{error}"),
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether the operation may have run although it failed.
    ///
    /// If this is `false`, nothing changed on the server, with three exceptions: the first
    /// [`done`](Self::done) elements of a call that takes several commands, a
    /// [`Decode`](ErrorKind::Decode) error of an operation that removes or replaces a value, which
    /// [`bytes`](Self::bytes) returns, and the other operations of a [`Batch`](crate::Batch).
    ///
    /// # Examples
    /// ```
    /// use purse::{Client, Command};
    ///
    /// /// Counts a visit; says so if the count may be one too low or too high.
    /// async fn count(client: &Client) -> purse::Result<bool> {
    ///     match client.run(Command::write("INCR").key("visits")).await {
    ///         Ok(_) => Ok(true),
    ///         Err(error) if error.is_ambiguous() => Ok(false),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.0.kind == ErrorKind::Ambiguous
    }

    /// Returns whether the same call may succeed later, and is safe to repeat.
    ///
    /// # Examples
    /// ```
    /// use purse::{Client, Command, Reply};
    ///
    /// /// Runs a command twice if the first failure did nothing.
    /// async fn run(client: &Client, command: Command) -> purse::Result<Reply> {
    ///     match client.run(command.clone()).await {
    ///         Err(error) if error.is_retryable() => client.run(command).await,
    ///         result => result,
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            _ if self.0.done > 0 || self.0.has_run_in_part => false,
            ErrorKind::NotSent
            | ErrorKind::Timeout
            | ErrorKind::ScanInvalidated
            | ErrorKind::Held => true,
            ErrorKind::Server => matches!(
                self.code(),
                Some(
                    "LOADING"
                        | "BUSY"
                        | "TRYAGAIN"
                        | "CLUSTERDOWN"
                        | "MASTERDOWN"
                        | "NOREPLICAS"
                        | "READONLY"
                )
            ),
            _ => false,
        }
    }

    /// Returns the number of elements that earlier commands of the same call added, set or removed.
    ///
    /// They are the first elements that were passed to the call; of a call that is passed none, such
    /// as one that clears, they are the elements that are gone. It is 0 if the call takes one command,
    /// and for reads, which change nothing.
    #[must_use]
    pub fn done(&self) -> usize {
        self.0.done
    }

    /// Returns the place of the operation in the tuple or vector that was given to
    /// [`Batch::run`](crate::Batch::run), from 0.
    #[must_use]
    pub fn operation(&self) -> Option<usize> {
        self.0.operation
    }

    /// Returns the first word of a server's error reply, such as `OOM` or `READONLY`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, ErrorKind};
    ///
    /// let restore = Command::write("RESTORE").key("copy").arg(0).arg("no dump");
    /// let error = client.run(restore).await.unwrap_err();
    /// assert_eq!((error.kind(), error.code()), (ErrorKind::Server, Some("ERR")));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        let word = self.0.message.split_whitespace().next()?;
        let is_code = self.0.kind == ErrorKind::Server
            && word
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        is_code.then_some(word)
    }

    /// Returns the address of the server, or of the first server that the client knows.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// client.run(Command::write("SET").key("name").arg("Ada")).await?;
    /// let error = client.run(Command::read("LLEN").key("name")).await.unwrap_err();
    /// assert_eq!(error.server(), Some(client.server()));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.0.server.as_deref()
    }

    /// Returns the error that this one was created from, if it is a `T`: see
    /// [`from_details`](Self::from_details).
    #[must_use]
    pub fn details<T: StdError + 'static>(&self) -> Option<&T> {
        self.0.details.as_deref()?.downcast_ref()
    }

    /// Returns the name of the command or script.
    #[must_use]
    pub fn command(&self) -> Option<&'static str> {
        self.0.command
    }

    /// Returns the key; of a command on several keys, the one that the error is about or the first.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, String> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", "unknown").await?;
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// let error = ages.to_map().await.unwrap_err();
    /// assert_eq!(error.command(), Some("HGETALL"));
    /// assert_eq!(error.key().unwrap(), "ages");
    /// assert_eq!(error.field().unwrap(), "Ada");
    /// assert_eq!(error.bytes().unwrap(), "unknown");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn key(&self) -> Option<&Bytes> {
        self.0.key.as_ref()
    }

    /// Returns the field of the hash that the error is about, as it is stored.
    #[must_use]
    pub fn field(&self) -> Option<&Bytes> {
        self.0.field.as_ref()
    }

    /// Returns the index of the element of a list that the error is about. It is negative if the
    /// element was asked for by its distance from the end.
    #[must_use]
    pub fn index(&self) -> Option<i64> {
        self.0.index
    }

    /// Returns the bytes that could not be decoded.
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        self.0.bytes.as_ref()
    }

    /// Returns the encoded elements that the failed operation removed from the collection, in order.
    ///
    /// It is empty unless the kind is [`Decode`](ErrorKind::Decode) and the operation removes elements.
    /// It includes the elements that could be decoded, so that none is lost.
    #[must_use]
    pub fn removed(&self) -> &[Bytes] {
        &self.0.removed
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            message,
            command,
            key,
            field,
            index,
            server,
            removed,
            done,
            operation,
            ..
        } = &*self.0;
        if let Some(command) = command {
            write!(f, "{command}")?;
            if let Some(key) = key {
                write!(f, " on key \"{}\"", Excerpt(key))?;
            }
            if let Some(field) = field {
                write!(f, ", field \"{}\"", Excerpt(field))?;
            }
            if let Some(index) = index {
                write!(f, ", index {index}")?;
            }
            if let Some(server) = server {
                write!(f, " at {server}")?;
            }
            f.write_str(": ")?;
        } else if let Some(server) = server {
            write!(f, "{server}: ")?;
        }
        f.write_str(message)?;
        if !removed.is_empty() {
            f.write_str("; it was removed, and the error holds its bytes")?;
        }
        if *done > 0 {
            write!(f, " (the first {done} elements were processed before)")?;
        }
        if let Some(place) = operation {
            write!(f, " (the operation at index {place} of the batch)")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &format_args!("{self}"))
            .field("bytes", &self.0.bytes.as_ref().map(Bytes::len))
            .field("removed", &self.0.removed.len())
            .field("source", &self.0.source)
            .field("details", &self.0.details)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match (&self.0.source, &self.0.details) {
            (Some(source), _) => Some(&**source),
            (None, Some(details)) => details.source(),
            (None, None) => None,
        }
    }
}

/// The start of some bytes, escaped, for a message.
struct Excerpt<'a>(&'a [u8]);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX: usize = 64;
        let cut = &self.0[..self.0.len().min(MAX)];
        write!(f, "{}", cut.escape_ascii())?;
        if self.0.len() > MAX {
            f.write_str("…")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_command_key_and_server_without_cause() {
        let error = Error::new(ErrorKind::Decode, "the value is not what the codec expects")
            .with_source("invalid digit")
            .with_command("LINDEX", Some(Bytes::from_static(b"a\xffb")))
            .with_server("127.0.0.1:6379".into());
        assert_eq!(
            error.to_string(),
            "LINDEX on key \"a\\xffb\" at 127.0.0.1:6379: the value is not what the codec expects"
        );
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("invalid digit")
        );
    }

    #[test]
    fn error_from_details_has_their_message_and_source() {
        let inner = Error::new(ErrorKind::NotSent, "not connected").with_source("refused");
        let error = Error::from_details(ErrorKind::Timeout, inner);
        let copy = error.duplicate();
        for error in [&error, &copy] {
            assert_eq!(error.kind(), ErrorKind::Timeout);
            assert_eq!(error.to_string(), "not connected");
            let source = error.source().map(ToString::to_string);
            assert_eq!(source.as_deref(), Some("refused"));
        }
        let details: Option<&Error> = error.details();
        assert_eq!(details.map(Error::kind), Some(ErrorKind::NotSent));
        assert!(error.details::<fmt::Error>().is_none() && copy.details::<Error>().is_none());
    }

    #[test]
    fn a_long_key_is_cut() {
        let error = Error::new(ErrorKind::Server, "OOM no memory")
            .with_command("SET", Some(Bytes::from(vec![b'k'; 1000])));
        assert!(error.to_string().len() < 120, "{error}");
        assert!(error.to_string().contains('…'));
    }

    #[test]
    fn only_server_errors_have_a_code() {
        assert_eq!(
            Error::new(ErrorKind::Server, "OOM command not allowed").code(),
            Some("OOM")
        );
        assert_eq!(Error::new(ErrorKind::Server, "something odd").code(), None);
        assert_eq!(Error::new(ErrorKind::Config, "OOM").code(), None);
    }

    #[test]
    fn retryable_kinds_and_codes() {
        for (kind, message, retry) in [
            (ErrorKind::NotSent, "", true),
            (ErrorKind::Timeout, "", true),
            (ErrorKind::ScanInvalidated, "", true),
            (ErrorKind::Held, "", true),
            (ErrorKind::Lost, "", false),
            (ErrorKind::Server, "LOADING dataset", true),
            (ErrorKind::Server, "READONLY replica", true),
            (ErrorKind::Server, "NOREPLICAS Not enough", true),
            (ErrorKind::Server, "OOM no", false),
            (ErrorKind::WrongType, "", false),
        ] {
            assert_eq!(
                Error::new(kind, message).is_retryable(),
                retry,
                "{kind:?} {message}"
            );
        }
    }

    #[test]
    fn debug_does_not_dump_payloads() {
        let error = Error::new(ErrorKind::Decode, "bad")
            .with_bytes(Bytes::from(vec![b'x'; 1 << 20]))
            .with_removed(vec![Bytes::from(vec![b'x'; 1 << 20])]);
        assert!(format!("{error:?}").len() < 200);
    }
}
