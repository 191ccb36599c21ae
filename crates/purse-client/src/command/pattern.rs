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
    ///
    /// # Examples
    /// ```
    /// use purse::Pattern;
    ///
    /// let years = Pattern::glob("report:20[0-9][0-9]");
    /// # let _ = years;
    /// ```
    #[must_use]
    pub fn glob(pattern: impl Into<Bytes>) -> Self {
        Self(pattern.into())
    }

    /// Creates a pattern for text that starts with `prefix`, taken literally.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::{Command, Pattern};
    ///
    /// // What a user typed is not a pattern: the asterisk means itself.
    /// client.run(Command::write("SET").key("note:a*b:1").arg("x")).await?;
    /// client.run(Command::write("SET").key("note:aab:1").arg("x")).await?;
    /// let typed = "a*b";
    /// let pattern = Pattern::prefix(format!("note:{typed}:"));
    /// let keys: Vec<_> = client.scan_keys(Some(pattern), 100).try_concat().await?;
    /// assert_eq!(keys, ["note:a*b:1"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        let mut pattern = escape(prefix.as_ref());
        pattern.push(b'*');
        Self(pattern.into())
    }

    /// Creates a pattern for `text` alone, taken literally.
    ///
    /// # Examples
    /// ```
    /// use purse::Pattern;
    ///
    /// assert_eq!(Pattern::literal("100%?").as_bytes(), br"100%\?");
    /// ```
    #[must_use]
    pub fn literal(text: impl AsRef<[u8]>) -> Self {
        Self(escape(text.as_ref()).into())
    }

    /// Returns a pattern for text that starts with `prefix`, taken literally, and continues with
    /// what this pattern matches.
    ///
    /// # Examples
    /// ```
    /// use purse::Pattern;
    ///
    /// // The keys of a tenant that match a pattern of the tenant's own.
    /// let tenant = "acme*";
    /// let pattern = Pattern::glob("invoice:*").after(format!("{tenant}:"));
    /// assert_eq!(pattern.as_bytes(), br"acme\*:invoice:*");
    /// ```
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
