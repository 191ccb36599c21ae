//! Arguments of commands.

use std::borrow::Cow;

use bytes::Bytes;

use crate::resp::{put_bytes, put_double, put_int};

/// The longest text that an argument holds without an allocation.
const INLINE: usize = 30;

/// An argument or key of a command: text, bytes or a number.
///
/// Numbers are sent as decimal text; a float as the shortest text that reads back as the same
/// number, and infinities as `inf` and `-inf`.
///
/// # Examples
/// ```
/// use purse::Command;
///
/// let name = String::from("field");
/// let set = Command::write("HSET").key("hash").arg(name.as_str()).arg(1.5);
/// let push = Command::write("RPUSH").key("list").arg(name).arg(vec![1_u8, 2]).arg(7_u64);
/// # let _ = (set, push);
/// ```
#[derive(Debug, Clone)]
pub struct Argument(Form);

#[derive(Debug, Clone)]
enum Form {
    Bytes(Bytes),
    /// Short text, in place.
    Inline {
        text: [u8; INLINE],
        len: u8,
    },
    Int(i64),
    Double(f64),
}

impl Argument {
    /// Appends the argument as the server reads it.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Form::Bytes(bytes) => put_bytes(out, bytes),
            Form::Inline { text, len } => put_bytes(out, &text[..usize::from(*len)]),
            Form::Int(n) => put_int(out, *n),
            Form::Double(n) => put_double(out, *n),
        }
    }

    /// Returns the bytes of the argument.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self.0 {
            Form::Bytes(bytes) => bytes,
            Form::Inline { text, len } => Bytes::copy_from_slice(&text[..usize::from(len)]),
            Form::Int(n) => Bytes::from(n.to_string()),
            Form::Double(n) => Bytes::from(n.to_string()),
        }
    }
}

impl From<Bytes> for Argument {
    fn from(bytes: Bytes) -> Self {
        Self(Form::Bytes(bytes))
    }
}

impl From<&Bytes> for Argument {
    fn from(bytes: &Bytes) -> Self {
        Self(Form::Bytes(bytes.clone()))
    }
}

impl From<Vec<u8>> for Argument {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Form::Bytes(bytes.into()))
    }
}

impl From<&[u8]> for Argument {
    fn from(bytes: &[u8]) -> Self {
        let mut text = [0; INLINE];
        match (text.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(start), Ok(len)) => {
                start.copy_from_slice(bytes);
                Self(Form::Inline { text, len })
            }
            _ => Self(Form::Bytes(Bytes::copy_from_slice(bytes))),
        }
    }
}

impl<const N: usize> From<&[u8; N]> for Argument {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self(Form::Bytes(text.into()))
    }
}

impl From<&String> for Argument {
    fn from(text: &String) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<Cow<'_, str>> for Argument {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::from(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

impl From<i64> for Argument {
    fn from(n: i64) -> Self {
        Self(Form::Int(n))
    }
}

impl From<i32> for Argument {
    fn from(n: i32) -> Self {
        Self(Form::Int(n.into()))
    }
}

impl From<u32> for Argument {
    fn from(n: u32) -> Self {
        Self(Form::Int(n.into()))
    }
}

impl From<u64> for Argument {
    fn from(n: u64) -> Self {
        i64::try_from(n).map_or_else(|_| Self::from(n.to_string()), Self::from)
    }
}

impl From<usize> for Argument {
    fn from(n: usize) -> Self {
        Self::from(n as u64)
    }
}

impl From<f64> for Argument {
    fn from(n: f64) -> Self {
        Self(Form::Double(n))
    }
}
