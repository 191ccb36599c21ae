//! The one error type of purse's client and collections.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync>;

/// What went wrong, as far as a program may want to tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration or URL cannot work, whatever the server does.
    Config,
    /// The command surely did not reach a server; nothing changed.
    NotSent,
    /// The command may change data and its reply never came: it may have run, or not.
    Ambiguous,
    /// No reply within the time allowed to what changes nothing or is undone by itself, or no
    /// connection.
    Timeout,
    /// The client was closed.
    Closed,
    /// The server refused the credentials, or wants some.
    Auth,
    /// The key holds a value of another type; nothing changed.
    WrongType,
    /// The server is too old for the command, or does not have it; nothing changed.
    Unsupported,
    /// There is no such key; nothing changed.
    NotFound,
    /// An index lies outside the collection; nothing changed.
    OutOfRange,
    /// An argument cannot be used (a zero TTL, say); nothing was sent.
    InvalidInput,
    /// A value could not be encoded; nothing was sent.
    Encode,
    /// Stored bytes could not be decoded; [`Error::bytes`] has them.
    Decode,
    /// Keys of one operation live in different cluster slots; nothing changed.
    CrossSlot,
    /// The server answered with an error of its own; [`Error::code`] has its first word.
    Server,
    /// The server answered something the command never answers.
    Protocol,
    /// A scan met another server process on its way, which was started anew or took over; what was
    /// not seen is not known, and it must begin again.
    Interrupted,
}

/// Why an operation failed, where, and whether it may have happened all the same.
///
/// `Display` names the command, the key and the server; it does not repeat the
/// [source](StdError::source), so a reporter that walks the chain prints each cause once.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    command: Option<&'static str>,
    key: Option<Bytes>,
    server: Option<Arc<str>>,
    bytes: Option<Bytes>,
    removed: Vec<Bytes>,
    done: usize,
    source: Option<Source>,
}

impl Error {
    /// Makes an error of `kind` that says `message`.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            command: None,
            key: None,
            server: None,
            bytes: None,
            removed: Vec::new(),
            done: 0,
            source: None,
        }))
    }

    /// Returns the same failure for another caller that shares it; of its cause only the words are
    /// left.
    #[must_use]
    pub fn again(&self) -> Self {
        let mut again = Self::new(self.kind(), self.0.message.clone());
        again.0.server.clone_from(&self.0.server);
        match &self.0.source {
            Some(source) => again.with_source(source.to_string()),
            None => again,
        }
    }

    /// Adds the cause.
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

    /// Adds every element that the command took out of the collection, in reply order.
    #[must_use]
    pub fn with_removed(mut self, removed: Vec<Bytes>) -> Self {
        self.0.removed = removed;
        self
    }

    /// Adds how many elements earlier commands of the same call had dealt with.
    #[must_use]
    pub fn with_done(mut self, done: usize) -> Self {
        self.0.done = done;
        self
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

    /// Adds the server, unless it is known.
    #[must_use]
    pub fn with_server(mut self, server: Arc<str>) -> Self {
        self.0.server.get_or_insert(server);
        self
    }

    /// Returns the message, without what `Display` adds to it.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the operation may have taken place although it failed.
    ///
    /// Where this is `false`, nothing changed on the server, with two exceptions:
    /// [`done`](Self::done) elements, where one call takes several commands; and a
    /// [`Decode`](ErrorKind::Decode) error of an operation that takes a value out or replaces it,
    /// which [`bytes`](Self::bytes) then hands over.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.0.kind == ErrorKind::Ambiguous
    }

    /// Whether the same call may succeed later and is safe to repeat.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            _ if self.0.done > 0 => false,
            ErrorKind::NotSent | ErrorKind::Timeout | ErrorKind::Interrupted => true,
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

    /// How many elements earlier commands of the same call had added, set or removed, where one
    /// call takes several; they are the first ones it was given.
    #[must_use]
    pub fn done(&self) -> usize {
        self.0.done
    }

    /// The first word of a server's error reply, such as `OOM` or `READONLY`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        let word = self.0.message.split_whitespace().next()?;
        let is_code = self.0.kind == ErrorKind::Server
            && word
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        is_code.then_some(word)
    }

    /// The server (or first server) that the client talks to.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.0.server.as_deref()
    }

    /// The bytes that could not be decoded, whole.
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        self.0.bytes.as_ref()
    }

    /// Every element that the failed operation took out of the collection, raw and in order.
    ///
    /// Empty unless the kind is [`Decode`](ErrorKind::Decode) and the operation removes: then it
    /// holds the elements that did decode, too, so that none is lost.
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
            server,
            done,
            ..
        } = &*self.0;
        if let Some(command) = command {
            write!(f, "{command}")?;
            if let Some(key) = key {
                write!(f, " on key \"{}\"", Excerpt(key))?;
            }
            if let Some(server) = server {
                write!(f, " at {server}")?;
            }
            f.write_str(": ")?;
        } else if let Some(server) = server {
            write!(f, "{server}: ")?;
        }
        f.write_str(message)?;
        if *done > 0 {
            write!(f, " (after the first {done} elements, which are done)")?;
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
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The start of some bytes, escaped, for a message.
struct Excerpt<'a>(&'a [u8]);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 64;
        let cut = &self.0[..self.0.len().min(MOST)];
        write!(f, "{}", cut.escape_ascii())?;
        if self.0.len() > MOST {
            f.write_str("…")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_command_key_and_server_and_leaves_the_cause_to_source() {
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
    fn what_may_be_repeated() {
        for (kind, message, retry) in [
            (ErrorKind::NotSent, "", true),
            (ErrorKind::Timeout, "", true),
            (ErrorKind::Interrupted, "", true),
            (ErrorKind::Ambiguous, "", false),
            (ErrorKind::Server, "LOADING dataset", true),
            (ErrorKind::Server, "READONLY replica", true),
            (
                ErrorKind::Server,
                "NOREPLICAS Not enough good replicas",
                true,
            ),
            (ErrorKind::Server, "OOM no", false),
            (ErrorKind::WrongType, "", false),
            (ErrorKind::Ambiguous, "", false),
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
