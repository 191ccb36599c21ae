//! The data of a reply.

use bytes::Bytes;

/// A value that a server replied with, in RESP2 or RESP3.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A null, or a null string or array of RESP2.
    Nil,
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// A boolean.
    Bool(bool),
    /// A simple string, such as `OK`, or the digits of a big number.
    Status(Bytes),
    /// A bulk string, or the text of a verbatim string without its format.
    Bytes(Bytes),
    /// An array, a set, or a map (as key, value, key, value).
    List(Vec<Self>),
    /// An error inside an array. A top-level error is a [`Frame::Error`](super::Frame::Error).
    Error(Bytes),
}

impl Value {
    /// Returns the kind of the value with its article, for error messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Int(_) => "an integer",
            Self::Double(_) => "a double",
            Self::Bool(_) => "a boolean",
            Self::Status(_) => "a simple string",
            Self::Bytes(_) => "a string",
            Self::List(_) => "an array",
            Self::Error(_) => "an error",
        }
    }
}
