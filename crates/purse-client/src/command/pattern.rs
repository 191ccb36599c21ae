//! Patterns of scans.

use bytes::Bytes;

/// A glob-style pattern of the server: `*`, `?`, `[abc]`, and `\` before a literal one.
///
/// Text from a user goes through [`literal`](Self::literal) or [`prefix`](Self::prefix), which
/// escape it.
///
/// # Examples
/// ```
/// use purse::Pattern;
///
/// assert_eq!(Pattern::glob("h?llo*").as_bytes(), b"h?llo*");
/// assert_eq!(Pattern::prefix("a*b").as_bytes(), br"a\*b*");
/// assert_eq!(Pattern::literal("[x]").as_bytes(), br"\[x\]");
/// assert_eq!(Pattern::glob("b?").after("a*").as_bytes(), br"a\*b?");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Bytes);

impl Pattern {
    /// Creates a pattern from its text, as the server reads it.
    #[must_use]
    pub fn glob(pattern: impl Into<Bytes>) -> Self {
        Self(pattern.into())
    }

    /// Creates a pattern for text that starts with `prefix`, taken literally.
    #[must_use]
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        let mut pattern = escape(prefix.as_ref());
        pattern.push(b'*');
        Self(pattern.into())
    }

    /// Creates a pattern for `text` alone, taken literally.
    #[must_use]
    pub fn literal(text: impl AsRef<[u8]>) -> Self {
        Self(escape(text.as_ref()).into())
    }

    /// Returns a pattern for text that starts with `prefix`, taken literally, and continues with
    /// what this pattern matches.
    #[must_use]
    pub fn after(&self, prefix: impl AsRef<[u8]>) -> Self {
        let mut pattern = escape(prefix.as_ref());
        pattern.extend_from_slice(&self.0);
        Self(pattern.into())
    }

    /// Returns the pattern as the server gets it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.0.clone()
    }
}

fn escape(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len() + 8);
    for &byte in text {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^' | b'-') {
            escaped.push(b'\\');
        }
        escaped.push(byte);
    }
    escaped
}
