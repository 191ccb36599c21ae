//! The default codec: what Python's redis-purse writes.
//!
//! May import: `error`, `codec`, `scratch_buffer`, `readable`, `json`.

use std::any::{Any, TypeId};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::readable::check_readable;
use crate::scratch_buffer::with_scratch_buffer;
use crate::{Codec, DecimalText, DecodeError, EncodeError, json};

mod integer;
mod type_probe;
mod unquoted;

/// The default codec: it writes text and bytes unchanged, and all other types as JSON, as
/// redis-purse does.
///
/// | value | wire form |
/// |---|---|
/// | `String`, `char`, and what serde writes *and* reads as a string (`Uuid`, `IpAddr`, dates …) | its UTF-8 bytes, no quotes |
/// | `Vec<u8>`, and what serde writes and reads as bytes (`bytes::Bytes`, `serde_bytes::ByteBuf` …) | the bytes themselves |
/// | integers, `i128` and `u128` too | decimal text, so that `HINCRBY` works |
/// | floats | the shortest decimal text that reads back exactly, so that `HINCRBYFLOAT` works; see [the text of floats](crate#the-text-of-floats) |
/// | `bool`, `()`, structs, tuples, sequences, maps, `Option`, enums | compact JSON |
///
/// Only the outermost value is special. Inside a structure, strings are in quotes, and byte buffers
/// are arrays of numbers. A buffer that serde treats as a sequence and that is not exactly
/// `Vec<u8>`, such as `Box<[u8]>`, `[u8; 4]` or a newtype around `Vec<u8>`, is an array of numbers
/// too. Wrap it with `serde_bytes` to write the bytes themselves.
///
/// A type that can be text *or* something else keeps its quotes, because `"5"` and `5` would be the
/// same bytes otherwise: `Option<String>`, enums, and types that look at the data to choose a
/// variant (`serde_json::Value`, untagged enums).
///
/// It reads JSON with any whitespace, as Python's `json.dumps` writes it. A float may be the text
/// of an integer, as `HINCRBYFLOAT` leaves it; an integer may not be a fraction. Numbers beyond a
/// type, and values that could not be decoded, are errors, as [`Json`](crate::Json) says.
///
/// # Examples
///
/// ```
/// use purse::{Codec, Plain};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct User {
///     name: String,
///     age: u8,
/// }
///
/// let user = User { name: "Ada".into(), age: 36 };
/// assert_eq!(Plain::encode(&user)?, r#"{"name":"Ada","age":36}"#);
/// assert_eq!(Plain::encode(&user.name)?, "Ada");
/// assert_eq!(Plain::encode(&Some(user.name))?, "\"Ada\"");
/// assert_eq!(Plain::encode(&user.age)?, "36");
/// assert_eq!(Plain::encode(&vec![0u8, 255])?, &[0, 255][..]);
///
/// let from_python: User = Plain::decode(br#"{"name": "Grace", "age": 85}"#)?;
/// assert_eq!(from_python.name, "Grace");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum Plain {}

impl<T: Serialize + DeserializeOwned + 'static> Codec<T> for Plain {
    const NAME: &'static str = "Plain";

    fn encode(value: &T) -> Result<Bytes, EncodeError> {
        if let Some(bytes) = as_bytes(value) {
            return Ok(Bytes::copy_from_slice(bytes));
        }
        if let Some(text) = integer::write(value, Bytes::copy_from_slice) {
            return Ok(text);
        }
        with_scratch_buffer(|buffer| by_serde(value, buffer))
    }

    fn encode_into(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        if let Some(bytes) = as_bytes(value) {
            buffer.extend_from_slice(bytes);
            return Ok(());
        }
        if let Some(()) = integer::write(value, |text| buffer.extend_from_slice(text)) {
            return Ok(());
        }
        by_serde(value, buffer)
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        if let Some(buffer) = to_buffer(bytes) {
            return Ok(buffer);
        }
        if let Some(number) = integer::read(bytes) {
            return Ok(number);
        }
        let read = if type_probe::reads_bare::<T>() {
            unquoted::read(bytes)
        } else {
            json::read(bytes)
        };
        read.map_err(|cause| DecodeError::new::<T, Self>(bytes, cause))
    }
}

impl DecimalText for Plain {}

/// Returns the bytes of a `Vec<u8>`, which serde treats as a sequence, and of a `String`, for
/// speed.
fn as_bytes<T: 'static>(value: &T) -> Option<&[u8]> {
    let value: &dyn Any = value;
    if let Some(buffer) = value.downcast_ref::<Vec<u8>>() {
        return Some(buffer);
    }
    value.downcast_ref().map(String::as_bytes)
}

/// Returns a copy of the bytes if `T` is `Vec<u8>`.
fn to_buffer<T: 'static>(bytes: &[u8]) -> Option<T> {
    if TypeId::of::<T>() != TypeId::of::<Vec<u8>>() {
        return None;
    }
    cast(bytes.to_vec())
}

/// Returns the value if its type is `T`.
fn cast<V: 'static, T: 'static>(value: V) -> Option<T> {
    let mut value = Some(value);
    let value: &mut dyn Any = &mut value;
    value.downcast_mut::<Option<T>>()?.take()
}

fn by_serde<T>(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError>
where
    T: Serialize + DeserializeOwned + 'static,
{
    check_readable::<T, Plain, _>(value, buffer, |value, buffer, doubts| {
        if type_probe::reads_bare::<T>() {
            unquoted::write(value, buffer)
        } else {
            json::write(value, buffer, doubts)
        }
    })
}
