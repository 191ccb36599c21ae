//! The errors of encoding and decoding.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};

use bytes::Bytes;

/// The maximal number of bytes of a payload in a message.
const EXCERPT: usize = 32;

/// The maximal number of bytes of a cause's text, because serde quotes whole payloads in its
/// messages.
const CAUSE: usize = 512;

/// An error for a value that its codec cannot represent.
///
/// [`source`](Error::source) is the cause.
///
/// # Examples
///
/// ```
/// use purse::{Codec, Json};
///
/// let error = Json::encode(&f64::NAN).unwrap_err();
/// assert_eq!((error.codec(), error.type_name()), ("Json", "f64"));
/// assert_eq!(error.to_string(), "cannot encode f64 with Json");
/// ```
#[derive(thiserror::Error)]
#[error("cannot encode {type_name} with {codec}")]
pub struct EncodeError {
    type_name: &'static str,
    codec: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl EncodeError {
    /// Creates the error for a value from the names of its type and its codec.
    pub(crate) fn from_parts(
        type_name: &'static str,
        codec: &'static str,
        source: Box<dyn Error + Send + Sync>,
    ) -> Self {
        Self {
            type_name,
            codec,
            source,
        }
    }

    /// Returns the name of the value's type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Returns the name of the codec.
    #[must_use]
    pub fn codec(&self) -> &'static str {
        self.codec
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodeError")
            .field("type_name", &self.type_name)
            .field("codec", &self.codec)
            .field("source", &Head::of(&self.source).text)
            .finish()
    }
}

/// An error for bytes that are not an encoded value of the requested type.
///
/// The error holds all bytes, so that no data is lost. `Display` and `Debug` show the first 32 of
/// them. [`source`](Error::source) is the cause.
///
/// # Examples
///
/// ```
/// use purse::{Codec, Plain};
///
/// let error = <Plain as Codec<u64>>::decode(b"many").unwrap_err();
/// assert_eq!(error.to_string(), r#"cannot decode u64 with Plain from "many""#);
/// assert_eq!(error.into_bytes(), "many");
/// ```
#[derive(thiserror::Error)]
#[error("cannot decode {type_name} with {codec} from \"{}\"", excerpt(.bytes))]
pub struct DecodeError {
    type_name: &'static str,
    codec: &'static str,
    bytes: Bytes,
    source: Box<dyn Error + Send + Sync>,
}

impl DecodeError {
    /// Creates the error for bytes from the names of the type and the codec.
    pub(crate) fn from_parts(
        type_name: &'static str,
        codec: &'static str,
        bytes: &[u8],
        source: Box<dyn Error + Send + Sync>,
    ) -> Self {
        Self {
            type_name,
            codec,
            bytes: Bytes::copy_from_slice(bytes),
            source,
        }
    }

    /// Returns the name of the requested type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Returns the name of the codec.
    #[must_use]
    pub fn codec(&self) -> &'static str {
        self.codec
    }

    /// Returns all bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::{Codec, Plain};
    ///
    /// // Nothing is lost: the bytes can be repaired, or kept elsewhere.
    /// let error = <Plain as Codec<u64>>::decode(b"1 000").unwrap_err();
    /// let repaired = String::from_utf8_lossy(error.bytes()).replace(' ', "");
    /// assert_eq!(repaired.parse(), Ok(1_000_u64));
    /// ```
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Converts the error to its bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::{Codec, Plain};
    ///
    /// let error = <Plain as Codec<u64>>::decode(b"many").unwrap_err();
    /// assert_eq!(error.into_bytes(), "many");
    /// ```
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// Two errors are equal if they are about the same bytes, type and codec.
impl PartialEq for DecodeError {
    fn eq(&self, other: &Self) -> bool {
        (&self.bytes, self.type_name, self.codec) == (&other.bytes, other.type_name, other.codec)
    }
}

impl Eq for DecodeError {}

impl Hash for DecodeError {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeError")
            .field("type_name", &self.type_name)
            .field("codec", &self.codec)
            .field("excerpt", &format_args!("\"{}\"", excerpt(&self.bytes)))
            .field("len", &self.bytes.len())
            .field("source", &Head::of(&self.source).text)
            .finish()
    }
}

/// Formats the first bytes as printable ASCII, with an ellipsis if there are more.
fn excerpt(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(EXCERPT)];
    let ellipsis = if shown.len() < bytes.len() { "…" } else { "" };
    format!("{}{ellipsis}", shown.escape_ascii())
}

/// Returns the cause, or the beginning of its text if that is so long that it may contain a
/// payload.
pub(crate) fn shorten(cause: Box<dyn Error + Send + Sync>) -> Box<dyn Error + Send + Sync> {
    let head = Head::of(&cause);
    if head.cut { head.text.into() } else { cause }
}

/// The beginning of the text of a value, which is formatted no further.
#[derive(Default)]
struct Head {
    text: String,
    cut: bool,
}

impl Head {
    fn of(shown: &dyn fmt::Display) -> Self {
        let mut head = Self::default();
        // An error means that the text is cut, or that `Display` failed. Both leave the text so
        // far.
        let _ = write!(head, "{shown}");
        head
    }
}

impl fmt::Write for Head {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        let mut end = text.len().min(CAUSE - self.text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&text[..end]);
        if end == text.len() {
            return Ok(());
        }
        self.text.push('…');
        self.cut = true;
        Err(fmt::Error)
    }
}
