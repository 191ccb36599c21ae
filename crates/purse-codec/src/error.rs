//! What goes wrong between values and bytes.

use std::error::Error;
use std::fmt::{self, Write as _};

use bytes::Bytes;

/// How many bytes of a payload a message may show.
const EXCERPT: usize = 32;

/// How many bytes of a cause's text are kept: serde quotes whole payloads in its messages.
const CAUSE: usize = 512;

/// A value that its codec has no form for.
///
/// [`source`](Error::source) tells why.
#[derive(thiserror::Error)]
#[error("cannot encode {type_name} with {codec}")]
pub struct EncodeError {
    type_name: &'static str,
    codec: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl EncodeError {
    /// The error for a value of the type and the codec with these names.
    pub(crate) fn named(
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

    /// The type of the value.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The name of the codec.
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

/// Bytes that are not an encoded value of the type that was asked for.
///
/// The error carries the bytes, so that what cannot be read is not lost, but neither `Display` nor
/// `Debug` shows more than the first 32 of them. [`source`](Error::source) tells what is wrong
/// with them.
///
/// # Examples
///
/// ```
/// use purse_codec::{Codec, Plain};
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
    /// The error for bytes, and for the type and the codec with these names.
    pub(crate) fn named(
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

    /// The type that was asked for.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The name of the codec.
    #[must_use]
    pub fn codec(&self) -> &'static str {
        self.codec
    }

    /// The bytes, all of them.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Gives the bytes back, all of them.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
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

/// The first bytes in printable ASCII, with an ellipsis where some are left out.
fn excerpt(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(EXCERPT)];
    let ellipsis = if shown.len() < bytes.len() { "…" } else { "" };
    format!("{}{ellipsis}", shown.escape_ascii())
}

/// The cause itself, unless its text is so long that it may well hold a whole payload.
pub(crate) fn shortened(cause: Box<dyn Error + Send + Sync>) -> Box<dyn Error + Send + Sync> {
    let head = Head::of(&cause);
    if head.cut { head.text.into() } else { cause }
}

/// The beginning of what something displays, found without building the rest.
#[derive(Default)]
struct Head {
    text: String,
    cut: bool,
}

impl Head {
    fn of(shown: &dyn fmt::Display) -> Self {
        let mut head = Self::default();
        // An error means that the text is cut or that the Display itself failed: either way the
        // text so far is all there is.
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
