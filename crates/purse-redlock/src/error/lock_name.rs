//! The name of a lock, for errors.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// The maximum number of bytes of a key in a message.
const MAX_KEY: usize = 64;

/// The maximum number of keys that a message lists. Of more keys, it shows the first and a number.
const MAX_KEYS: usize = 4;

/// The name of a lock: its key on the masters, or several keys that are locked as one. Cheap to
/// clone.
///
/// `Display` escapes the keys and bounds their length. It shows one key as `"jobs"`, several as
/// `["a", "b"]`, and more than four as `["a" and 7 others]`.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::redlock::Redlock;
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let _guard = redlock.mutex("jobs").lock().await?;
/// let error = redlock.multi(["mail", "jobs"])?.try_lock().await.unwrap_err();
/// let lock = error.lock().expect("a lock that is held");
/// assert_eq!(lock.to_string(), r#"["jobs", "mail"]"#);
/// assert!(lock.keys().any(|key| key == b"mail"));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LockName(Arc<[Bytes]>);

impl LockName {
    /// Returns the name of the lock with these keys.
    pub(crate) fn of(keys: &Arc<[Bytes]>) -> Self {
        Self(keys.clone())
    }

    /// Returns the key of the lock on the masters; for several locks held as one, the first of
    /// [`keys`](Self::keys).
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.0.first().map_or(&[], AsRef::as_ref)
    }

    /// Returns the keys of all locks held as one, in order; for a single lock, its key.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            [key] => write!(f, "{}", KeyText(key)),
            [first, others @ ..] if others.len() >= MAX_KEYS => {
                write!(f, "[{} and {} others]", KeyText(first), others.len())
            }
            keys => f
                .debug_list()
                .entries(keys.iter().map(|key| KeyText(key)))
                .finish(),
        }
    }
}

impl fmt::Debug for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockName({self})")
    }
}

/// The start of a key as text, for messages.
pub(crate) struct KeyText<'a>(pub(crate) &'a [u8]);

impl fmt::Display for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.0[..self.0.len().min(MAX_KEY)];
        let rest = if self.0.len() > MAX_KEY { "…" } else { "" };
        write!(f, "\"{}{rest}\"", start.escape_ascii())
    }
}

impl fmt::Debug for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(keys: &[&str]) -> String {
        let keys: Arc<[Bytes]> = keys.iter().map(|key| key.to_string().into()).collect();
        LockName::of(&keys).to_string()
    }

    #[test]
    fn name_lists_few_keys_and_counts_many() {
        assert_eq!(name(&["a\n"]), r#""a\n""#);
        assert_eq!(name(&["a", "b"]), r#"["a", "b"]"#);
        assert_eq!(name(&["a", "b", "c", "d"]), r#"["a", "b", "c", "d"]"#);
        assert_eq!(name(&["a", "b", "c", "d", "e"]), r#"["a" and 4 others]"#);
    }

    #[test]
    fn name_with_long_keys_is_cut() {
        let long = "k".repeat(1 << 20);
        let cut = format!("\"{}…\"", "k".repeat(MAX_KEY));
        assert_eq!(name(&[&long]), cut);
        assert_eq!(name(&["a", &long]), format!("[\"a\", {cut}]"));
        let debug = format!("{:?}", LockName::of(&[long.into()].into()));
        assert_eq!(debug, format!("LockName({cut})"));
    }
}
