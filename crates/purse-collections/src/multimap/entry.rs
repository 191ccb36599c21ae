//! The bytes of an entry: the length of the encoded key, the key, and the value, as in `3:tag:rust`.
//!
//! No two entries have equal bytes, because the length says where the key ends. All entries of a key
//! start with the same text, and no other entry does, so they are a range of the server's order.

use std::io::Write;

use bytes::Bytes;
use purse_client::{Command, Reply, Result};
use purse_codec::{Codec, IntoArg, Plain};

use crate::conversion::{decode_bytes, encode, encode_into, malformed};

/// Writes the text before the values of the entries of `key`.
fn write_prefix<K>(key: impl IntoArg<K>, buffer: &mut Vec<u8>) -> Result<()>
where
    Plain: Codec<K>,
{
    let key = encode::<K, Plain>(key)?;
    // Writing to a vector does not fail.
    let _ = write!(buffer, "{}:", key.len());
    buffer.extend_from_slice(&key);
    buffer.push(b':');
    Ok(())
}

/// Writes an entry.
pub(super) fn write_entry<K, V, C: Codec<V>>(
    key: impl IntoArg<K>,
    value: impl IntoArg<V>,
    buffer: &mut Vec<u8>,
) -> Result<()>
where
    Plain: Codec<K>,
{
    write_prefix(key, buffer)?;
    encode_into::<V, C>(value, buffer)
}

/// A range of entries, as the bounds of ZRANGEBYLEX.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) lower: Bytes,
    pub(super) upper: Bytes,
    /// The length of the text before the values.
    pub(super) prefix: usize,
}

impl Bounds {
    /// Returns the range of all entries.
    pub(super) const fn all() -> Self {
        Self {
            lower: Bytes::from_static(b"-"),
            upper: Bytes::from_static(b"+"),
            prefix: 0,
        }
    }

    /// Returns the range of the entries of `key`.
    pub(super) fn of_key<K>(key: impl IntoArg<K>) -> Result<Self>
    where
        Plain: Codec<K>,
    {
        let mut lower = vec![b'['];
        write_prefix(key, &mut lower)?;
        let mut upper = lower.clone();
        upper[0] = b'(';
        // The byte after the colon that ends the prefix.
        if let Some(last) = upper.last_mut() {
            *last += 1;
        }
        Ok(Self {
            prefix: lower.len() - 1,
            lower: lower.into(),
            upper: upper.into(),
        })
    }

    /// Adds the bounds to a command.
    pub(super) fn on(self, command: Command) -> Command {
        command.arg(self.lower).arg(self.upper)
    }
}

/// Returns the lower bound of the entries after `entry`.
pub(super) fn bound_after(entry: &[u8]) -> Bytes {
    [b"(", entry].concat().into()
}

/// Returns the bytes of the key and of the value of an entry.
pub(super) fn split(entry: Bytes) -> Result<(Bytes, Bytes)> {
    let parts = || {
        let colon = entry.iter().position(|&byte| byte == b':')?;
        let length: usize = str::from_utf8(&entry[..colon]).ok()?.parse().ok()?;
        let end = (colon + 1).checked_add(length)?;
        let is_written_so = length.to_string().len() == colon && entry.get(end) == Some(&b':');
        is_written_so.then(|| (entry.slice(colon + 1..end), entry.slice(end + 1..)))
    };
    match parts() {
        Some(parts) => Ok(parts),
        None => Err(malformed(
            "the element is not an entry of a multimap",
            entry,
        )),
    }
}

/// Decodes an entry. An error of the value names the key.
pub(super) fn decode_entry<K, V, C: Codec<V>>(entry: Reply) -> Result<(K, V)>
where
    Plain: Codec<K>,
{
    let (key, value) = split(entry.into_bytes()?)?;
    Ok((
        decode_key_bytes(key.clone())?,
        value_of::<V, C>(key, value)?,
    ))
}

/// Decodes the key of an entry, or of the text before the values of entries.
pub(super) fn decode_key<K>(entry: Reply) -> Result<K>
where
    Plain: Codec<K>,
{
    decode_key_bytes(split(entry.into_bytes()?)?.0)
}

/// Decodes the value of an entry. An error names the key.
pub(super) fn decode_value<V, C: Codec<V>>(entry: Reply) -> Result<V> {
    let (key, value) = split(entry.into_bytes()?)?;
    value_of::<V, C>(key, value)
}

fn decode_key_bytes<K>(key: Bytes) -> Result<K>
where
    Plain: Codec<K>,
{
    decode_bytes::<K, Plain>(key.clone()).map_err(|error| error.with_field(key))
}

fn value_of<V, C: Codec<V>>(key: Bytes, value: Bytes) -> Result<V> {
    decode_bytes::<V, C>(value).map_err(|error| error.with_field(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &[u8], value: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::new();
        write_entry::<Vec<u8>, Vec<u8>, Plain>(key, value, &mut buffer).expect("bytes");
        buffer
    }

    #[test]
    fn entries_are_split_into_what_they_were_made_of() {
        assert_eq!(entry(b"tag", b"rust"), b"3:tag:rust");
        for key in [
            &b""[..],
            b":",
            b"1:",
            b"tag",
            b"3:tag:",
            b"\xff\0",
            &[b'x'; 200],
        ] {
            for value in [&b""[..], b":", b"1:a:", b"\xff"] {
                let parts = split(entry(key, value).into()).expect("an entry");
                assert_eq!((&*parts.0, &*parts.1), (key, value));
            }
        }
    }

    #[test]
    fn bounds_hold_the_entries_of_one_key() {
        let keys = [
            &b""[..],
            b"a",
            b"a:",
            b"a;",
            b"ab",
            b"b",
            b"\xff",
            &[b'a'; 11],
        ];
        for key in keys {
            let bounds = Bounds::of_key::<Vec<u8>>(key).expect("bytes");
            for other in keys {
                for value in [&b""[..], b"\0", b"a", b"\xff\xff"] {
                    let entry = entry(other, value);
                    let entry = entry.as_slice();
                    let is_within = *entry >= bounds.lower[1..] && *entry < bounds.upper[1..];
                    assert_eq!(is_within, key == other, "{key:?} {other:?} {value:?}");
                }
            }
        }
    }

    #[test]
    fn other_elements_are_refused() {
        for element in [
            "",
            "3",
            "3:",
            "3:tag",
            "3:tagrust",
            "03:tag:x",
            "+3:tag:x",
            "-1:a:",
            "x:a:",
            "4:tag:",
            "99999999999999999999:a:",
            "18446744073709551615:a:",
        ] {
            let error = split(element.into()).expect_err(element);
            assert_eq!(error.kind(), purse_client::ErrorKind::Decode, "{element}");
            assert_eq!(
                error.bytes().map(|bytes| &**bytes),
                Some(element.as_bytes())
            );
        }
    }
}
