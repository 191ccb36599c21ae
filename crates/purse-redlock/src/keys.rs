//! The keys of a lock: one name, or several.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::lock_name::KeyText;
use crate::error::{Error, Result};

/// The suffix of the key of a lock's fence counter.
const COUNTER: &[u8] = b":fence";

/// The suffix of the key of an election record.
const LEADER: &[u8] = b":leader";

/// Returns one name as a list of one key.
pub(crate) fn single(name: impl AsRef<[u8]>) -> Arc<[Bytes]> {
    [Bytes::copy_from_slice(name.as_ref())].into()
}

/// Returns names as a sorted list of keys, so that all clients that lock the same names request the
/// same keys.
pub(crate) fn several<K: AsRef<[u8]>>(names: impl IntoIterator<Item = K>) -> Result<Arc<[Bytes]>> {
    let bytes = |name: K| Bytes::copy_from_slice(name.as_ref());
    let mut keys: Vec<_> = names.into_iter().map(bytes).collect();
    keys.sort_unstable();
    let twice = keys.windows(2).find(|pair| pair[0] == pair[1]);
    match (keys.first(), twice) {
        (None, _) => Err(Error::config(
            "a lock on several names requires at least one name, but no name is given",
        )),
        (Some(first), _) if first.is_empty() => Err(Error::config(
            "a lock on several names must not contain an empty name",
        )),
        (_, Some(pair)) => Err(Error::config(format!(
            "a lock on several names contains {} twice",
            name(&pair[0])
        ))),
        _ => Ok(keys.into()),
    }
}

/// Fails if one of the locks is the key in which another lock's fence is counted.
pub(crate) fn check_counters(keys: &[Bytes]) -> Result<()> {
    for key in keys {
        let counter = counter(key);
        if keys.binary_search(&counter).is_ok() {
            return Err(Error::config(format!(
                "the fence of {} is counted in {}, so both cannot be locked together",
                name(key),
                name(&counter)
            )));
        }
    }
    Ok(())
}

/// Returns the key in which the fence of a lock is counted.
pub(crate) fn counter(key: &[u8]) -> Bytes {
    [key, COUNTER].concat().into()
}

/// Returns the key of the election record, which names the holder of an election's lock.
pub(crate) fn leader(key: &[u8]) -> Bytes {
    [key, LEADER].concat().into()
}

/// Returns the start of a key as text, for messages.
pub(crate) fn name(key: &[u8]) -> String {
    KeyText(key).to_string()
}

/// A list of keys as text, for logs and `Debug`.
pub(crate) struct DisplayKeys<'a>(pub(crate) &'a [Bytes]);

impl fmt::Debug for DisplayKeys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| DisplayKey(key)))
            .finish()
    }
}

/// A key as text, written as the servers' own tools write it.
pub(crate) struct DisplayKey<'a>(pub(crate) &'a [u8]);

impl fmt::Debug for DisplayKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_order_are_sorted() {
        let keys = several(["b", "a", "ab"]).unwrap();
        assert_eq!(*keys, ["a", "ab", "b"].map(Bytes::from));
        assert_eq!(several(vec![b"\xff".to_vec()]).unwrap().len(), 1);
    }

    #[test]
    fn conflicting_names_are_rejected_by_name() {
        let error = |names: &[&str]| several(names).unwrap_err().to_string();
        assert!(error(&[]).contains("no name"));
        assert!(error(&["a", ""]).contains("empty"));
        assert!(error(&["twice", "a", "twice"]).contains("\"twice\""));

        let error = check_counters(&several(["a:fence", "b", "a"]).unwrap()).unwrap_err();
        assert!(matches!(error, Error::Config { .. }), "{error}");
        assert!(error.to_string().contains("\"a:fence\""), "{error}");
        check_counters(&several(["a:fence", "b"]).unwrap()).unwrap();
    }
}
