//! What a lock is of: one name, or several.

use std::fmt;

use bytes::Bytes;

/// Keys as text, for messages.
pub(crate) struct Shown<'a>(pub(crate) &'a [Bytes]);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |key: &Bytes| String::from_utf8_lossy(key).into_owned();
        f.debug_list().entries(self.0.iter().map(text)).finish()
    }
}
