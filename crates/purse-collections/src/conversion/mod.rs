//! Conversion between values and the bytes of arguments and replies. All errors that codecs cause
//! are created here.
//!
//! May import: nothing of this crate.

mod arg_buffer;

use bytes::Bytes;
use purse_client::{Error, ErrorKind, Reply, Result};
use purse_codec::{Codec, DecodeError, EncodeError, IntoArg, Plain};

pub(crate) use arg_buffer::{ArgBuffer, encode_one};

/// Encodes an argument.
pub(crate) fn encode<T, C: Codec<T>>(value: impl IntoArg<T>) -> Result<Bytes> {
    purse_codec::encode::<T, C>(value).map_err(encode_error)
}

/// Encodes an argument, or a part of one, and appends it.
pub(crate) fn encode_into<T, C: Codec<T>>(
    value: impl IntoArg<T>,
    buffer: &mut Vec<u8>,
) -> Result<()> {
    purse_codec::encode_into::<T, C>(value, buffer).map_err(encode_error)
}

fn encode_error(cause: EncodeError) -> Error {
    Error::new(ErrorKind::Encode, "the value cannot be encoded").with_source(cause)
}

/// Decodes one stored value.
pub(crate) fn decode<T, C: Codec<T>>(reply: Reply) -> Result<T> {
    decode_bytes::<T, C>(reply.into_bytes()?)
}

/// Decodes the bytes of a stored value.
pub(crate) fn decode_bytes<T, C: Codec<T>>(bytes: Bytes) -> Result<T> {
    C::decode(&bytes).map_err(|cause| decode_error(cause, bytes))
}

/// Decodes the key of an entry of a key space. The key is a part of a whole page of keys, so an error
/// holds a copy.
pub(crate) fn decode_key<K>(key: &[u8]) -> Result<K>
where
    Plain: Codec<K>,
{
    Plain::decode(key).map_err(|cause| {
        Error::new(ErrorKind::Decode, "the key cannot be decoded")
            .with_source(cause)
            .with_bytes(Bytes::copy_from_slice(key))
    })
}

/// Decodes a stored value that may be absent.
pub(crate) fn decode_option<T, C: Codec<T>>(reply: Reply) -> Result<Option<T>> {
    reply.non_nil().map(decode::<T, C>).transpose()
}

/// Decodes the elements of an array.
pub(crate) fn decode_list<T, C: Codec<T>>(reply: Reply) -> Result<Vec<T>> {
    reply.into_list()?.into_iter().map(decode::<T, C>).collect()
}

/// Decodes a value that the command has removed; `None` if there was none.
pub(crate) fn decode_removed<T, C: Codec<T>>(reply: Reply) -> Result<Option<T>> {
    let Some(reply) = reply.non_nil() else {
        return Ok(None);
    };
    let bytes = reply.into_bytes()?;
    C::decode(&bytes)
        .map(Some)
        .map_err(|cause| decode_error_after_removal(cause, bytes.clone(), vec![bytes]))
}

/// Decodes the values that the command has removed. If one fails, the error holds all of them.
pub(crate) fn decode_removed_list<T, C: Codec<T>>(reply: Reply) -> Result<Vec<T>> {
    let Some(reply) = reply.non_nil() else {
        return Ok(Vec::new());
    };
    let removed: Vec<Bytes> = reply
        .into_list()?
        .into_iter()
        .map(Reply::into_bytes)
        .collect::<Result<_>>()?;
    let mut values = Vec::with_capacity(removed.len());
    for bytes in &removed {
        match C::decode(bytes) {
            Ok(value) => values.push(value),
            Err(cause) => return Err(decode_error_after_removal(cause, bytes.clone(), removed)),
        }
    }
    Ok(values)
}

/// Decodes the elements that the command has removed with their scores. If one fails, the error
/// holds all of them, each followed by its score.
pub(crate) fn decode_removed_scored<T, C: Codec<T>>(
    removed: Vec<(Reply, Reply)>,
) -> Result<Vec<(T, f64)>> {
    let mut values = Vec::with_capacity(removed.len());
    let mut bytes = Vec::with_capacity(2 * removed.len());
    let mut failed = None;
    for (element, score) in removed {
        let element = element.into_bytes()?;
        bytes.extend([element.clone(), score.clone().into_bytes()?]);
        match C::decode(&element) {
            Ok(value) => values.push((value, score.into_float()?)),
            Err(cause) => {
                failed.get_or_insert((cause, element));
            }
        }
    }
    match failed {
        None => Ok(values),
        Some((cause, element)) => Err(decode_error_after_removal(cause, element, bytes)),
    }
}

/// Accepts a reply that only says that the command succeeded.
pub(crate) fn ok(_: Reply) -> Result<()> {
    Ok(())
}

/// Returns the error about stored bytes that do not have the layout of the collection.
pub(crate) fn malformed(message: &'static str, bytes: Bytes) -> Error {
    Error::new(ErrorKind::Decode, message).with_bytes(bytes)
}

fn decode_error(cause: DecodeError, bytes: Bytes) -> Error {
    Error::new(ErrorKind::Decode, "the stored bytes cannot be decoded")
        .with_source(cause)
        .with_bytes(bytes)
}

fn decode_error_after_removal(cause: DecodeError, bytes: Bytes, removed: Vec<Bytes>) -> Error {
    decode_error(cause, bytes).with_removed(removed)
}
