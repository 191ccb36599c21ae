//! The names of keys that purse keeps beside a key of the user.

use bytes::{BufMut, Bytes, BytesMut};

use super::key_slots::slot_of;

/// The text after the key, and after its hash tag, in the name of each sibling key.
const MARK: &[u8] = b":purse:";
/// The text before the id in the name of a receipt of an earlier version.
const RECEIPT_MARK: &[u8] = b":taken:";
const RECEIPT_ID: usize = 32;
/// The start of the names of the keys with which a lock asks what a server allows.
const PROBE: &[u8] = b"purse:probe:";

/// Returns the name of the key that purse keeps beside `key` under `name`: `key{key}:purse:name`,
/// or `key:purse:name` if the key has a hash tag of its own.
///
/// The name starts with `key`, so that access rules by prefix include it, and is in the same slot
/// of a cluster. A key that no hash tag can quote, such as `a{b`, costs a search for a number that
/// leads to the same slot: 16384 attempts on average. A key space does not return such names, so
/// `:purse:` after a hash tag is reserved.
///
/// # Examples
/// ```
/// use purse::sibling_key;
///
/// assert_eq!(sibling_key(b"jobs", "consumers"), "jobs{jobs}:purse:consumers");
/// assert_eq!(sibling_key(b"{user}jobs", "consumers"), "{user}jobs:purse:consumers");
/// ```
#[must_use]
pub fn sibling_key(key: &[u8], name: &str) -> Bytes {
    let open = key.iter().position(|&byte| byte == b'{');
    let close = open.and_then(|open| key[open..].iter().position(|&byte| byte == b'}'));
    match (open, close) {
        // The key has a hash tag.
        (Some(_), Some(2..)) => join(&[key, MARK, name.as_bytes()]),
        // The key can be a hash tag.
        (None, _) if !key.is_empty() && !key.contains(&b'}') => {
            join(&[key, b"{", key, b"}", MARK, name.as_bytes()])
        }
        // Empty braces are not a hash tag: the whole name counts.
        (Some(_), Some(_)) => {
            let name = join(&[key, MARK, name.as_bytes(), b":"]);
            let number = find_fitting(key, &name);
            join(&[&name, number.as_bytes()])
        }
        (Some(open), None) => {
            let number = find_fitting(key, &key[open + 1..]);
            join(&[key, number.as_bytes(), b"}", MARK, name.as_bytes()])
        }
        (None, _) => {
            let number = find_fitting(key, b"");
            join(&[key, b"{", number.as_bytes(), b"}", MARK, name.as_bytes()])
        }
    }
}

/// Returns whether purse keeps a key of this name for itself: beside another key ([`sibling_key`]),
/// as the receipt of a pop of an earlier version, or as the probe of a lock. Such a key is no entry
/// of a key space.
///
/// # Examples
/// ```
/// use purse_client::is_internal_key;
///
/// let consumers = "jobs{jobs}:purse:consumers";
/// assert!(is_internal_key(consumers.as_bytes()));
/// assert!(!is_internal_key(b"jobs"));
/// ```
#[must_use]
pub fn is_internal_key(name: &[u8]) -> bool {
    let is_receipt = name.len() > RECEIPT_ID && {
        let (start, id) = name.split_at(name.len() - RECEIPT_ID);
        start.ends_with(RECEIPT_MARK) && id.iter().all(u8::is_ascii_hexdigit)
    };
    let mut marks = name.windows(MARK.len()).enumerate();
    let is_sibling = marks.any(|(at, part)| part == MARK && name[..at].contains(&b'{'));
    is_receipt || is_sibling || name.starts_with(PROBE)
}

fn join(parts: &[&[u8]]) -> Bytes {
    let mut name = BytesMut::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| name.put_slice(part));
    name.freeze()
}

/// Returns the first number that, after `start`, makes a hash tag, or a name, of the slot of `key`.
/// One in 16384 does.
fn find_fitting(key: &[u8], start: &[u8]) -> String {
    let slot = slot_of(key);
    let fits = |number: &String| slot_of(&[start, number.as_bytes()].concat()) == slot;
    // That all of the 2^32 numbers miss is practically impossible.
    let mut numbers = (0..=u32::MAX).map(|number| number.to_string());
    numbers.find(fits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sibling_is_in_the_slot_of_its_key_and_starts_with_it() {
        for key in [
            "jobs",
            "{tag}jobs",
            "a{b}c{d}",
            "a{b",
            "a{",
            "{",
            "}",
            "a}b",
            "}{",
            "{}",
            "{}{a}",
            "a{}b",
            "",
            "{{a}}",
            "{{",
            "jobs{}",
            "\u{e9}{\u{e8}}",
            "}a{b}",
        ] {
            let key = key.as_bytes();
            let name = sibling_key(key, "pending:1");
            assert_eq!(slot_of(&name), slot_of(key), "{key:?}: {name:?}");
            assert!(name.starts_with(key), "{key:?}: {name:?}");
            assert_eq!(sibling_key(key, "pending:1"), name);
            assert_ne!(sibling_key(key, "pending:2"), name, "each its own");
            assert!(is_internal_key(&name), "{name:?}");
        }
    }

    #[test]
    fn names_of_users_are_not_internal() {
        let id = "0123456789abcdef0123456789abcdef";
        assert!(is_internal_key(
            format!("jobs{{jobs}}:taken:{id}").as_bytes()
        ));
        assert!(is_internal_key(format!("{{jobs}}:taken:{id}").as_bytes()));
        assert!(!is_internal_key(
            format!("jobs{{jobs}}:taken:{}", &id[1..]).as_bytes()
        ));
        for name in [
            "app:purse:config",
            ":purse:",
            "jobs{jobs}",
            "jobs",
            "a:purse:{b}",
        ] {
            assert!(!is_internal_key(name.as_bytes()), "{name}");
        }
    }
}
