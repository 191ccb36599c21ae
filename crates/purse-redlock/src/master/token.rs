//! The token that proves the ownership of a lock.

use bytes::Bytes;
use uuid::Uuid;

/// The number of the token's first bytes that must not be shown.
const REVEALING_PREFIX: usize = 4;

/// A secret of one attempt: 122 random bits as text, in the form that Python's redis-purse uses.
///
/// It is never shown, because a client that knows it can release the lock. Therefore it implements
/// neither `Debug` nor `Display`.
#[derive(Clone)]
pub(crate) struct Token(Bytes);

impl Token {
    pub(crate) fn generate() -> Self {
        Self(Bytes::from(Uuid::new_v4().hyphenated().to_string()))
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// Returns whether `text` contains the token or its beginning, because servers cut off the
    /// arguments that they repeat.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let start = &self.0[..REVEALING_PREFIX];
        text.as_bytes()
            .windows(REVEALING_PREFIX)
            .any(|window| window == start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_a_unique_uuid() {
        let (a, b) = (Token::generate(), Token::generate());
        assert_ne!(a.to_bytes(), b.to_bytes());
        let text = String::from_utf8(a.to_bytes().to_vec()).unwrap();
        assert_eq!(Uuid::try_parse(&text).unwrap().get_version_num(), 4);
        assert_eq!(text.len(), 36);
        assert!(a.is_in(&format!("unknown command, args: '{text}'")));
        assert!(a.is_in(&format!("unknown command, args: '{}", &text[..4])));
        assert!(!a.is_in(&format!("unknown command, args: '{}", &text[..3])));
        assert!(!b.is_in("unknown command, args: ''"));
    }
}
