//! What a server answers.

use std::fmt;

/// A server's answer to [`Server::command`](crate::Server::command).
///
/// ```
/// use purse_testkit::{Reply, Server};
///
/// let server = Server::start()?;
/// assert_eq!(server.command(&["RPUSH", "list", "a", "b"])?, Reply::Int(2));
/// assert_eq!(server.command(&["GET", "missing"])?, Reply::Nil);
/// let elements = server.command(&["LRANGE", "list", "0", "-1"])?;
/// assert_eq!(elements, Reply::Array(vec![Reply::Bulk(b"a".into()), Reply::Bulk(b"b".into())]));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A status, such as `OK`.
    Simple(String),
    /// A number.
    Int(i64),
    /// A value, which need not be text.
    Bulk(Vec<u8>),
    /// No value.
    Nil,
    /// Several replies.
    Array(Vec<Self>),
    /// A refusal, such as `WRONGTYPE Operation against …`.
    Error(String),
}

impl Reply {
    /// The text of a status, or of a value that is UTF-8.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let reply = Server::shared().command(&["PING"])?;
    /// assert_eq!(reply.text(), Some("PONG"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Simple(text) => Some(text),
            Self::Bulk(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The bytes of a value.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// server.command(&[b"SET".as_slice(), b"raw", b"\xff\x00"])?;
    /// assert_eq!(server.command(&["GET", "raw"])?.bytes(), Some(b"\xff\x00".as_slice()));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bulk(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// assert_eq!(server.command(&["INCR", "visits"])?.int(), Some(1));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The replies in an array; none for anything else.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// server.command(&["RPUSH", "list", "a", "b"])?;
    /// let reply = server.command(&["LRANGE", "list", "0", "-1"])?;
    /// let elements: Vec<_> = reply.items().iter().filter_map(|item| item.text()).collect();
    /// assert_eq!(elements, ["a", "b"]);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// The text of a refusal.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let reply = Server::shared().command(&["NOSUCHCOMMAND"])?;
    /// assert!(reply.error().is_some_and(|error| error.starts_with("ERR unknown command")));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Error(text) => Some(text),
            _ => None,
        }
    }
}

/// For messages: text as it is, bytes that are not text as replacement characters.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(text) | Self::Error(text) => f.write_str(text),
            Self::Int(number) => number.fmt(f),
            Self::Bulk(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Self::Nil => f.write_str("(nil)"),
            Self::Array(items) => f.debug_list().entries(items).finish(),
        }
    }
}
