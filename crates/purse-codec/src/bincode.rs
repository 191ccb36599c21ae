//! The bincode codec.

use std::marker::PhantomData;

use ::bincode::config::{Configuration, standard};
use ::bincode::enc::write::Writer;
use ::bincode::error;
use ::bincode::serde::{encode_into_writer, seed_decode_from_slice};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bounded::{Bounds, InputBudget, Limited};
use crate::scratch_buffer::with_scratch_buffer;
use crate::{Codec, DecodeError, EncodeError};

/// A codec for bincode 2 with its standard configuration: the smallest form, for Rust only.
///
/// <div class="warning">
///
/// The bincode crate is unmaintained (RUSTSEC-2025-0141) and pinned to 2.0.1, its last real
/// release. It is for existing data. For new data use `MsgPack` (feature `msgpack`).
///
/// </div>
///
/// The bytes hold the fields in order, without names or types. Therefore a type may never gain,
/// lose or reorder fields or variants. Types that look at the data to choose a variant
/// (`serde_json::Value`, enums that are untagged or internally tagged) can be encoded but not
/// decoded. `skip_serializing_if` and `flatten` do not work.
///
/// Structures nest up to 128 levels; an `Option` and a newtype count as one. A value may contain up
/// to 65,536 elements that have no bytes, as in `Vec<()>`, because the length of the input does not
/// justify more.
///
/// # Examples
///
/// ```
/// use purse::{Bincode, Codec};
///
/// let bytes = Bincode::encode(&(1u8, "Ada".to_owned()))?;
/// assert_eq!(bytes, &b"\x01\x03Ada"[..]);
///
/// let back: (u8, String) = Bincode::decode(&bytes)?;
/// assert_eq!(back.1, "Ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum Bincode {}

/// A configuration without bincode's own limit, which is a constant; [`InputBudget`] depends on the
/// input.
const CONFIG: Configuration = standard();

impl<T: Serialize + DeserializeOwned + 'static> Codec<T> for Bincode {
    const NAME: &'static str = "Bincode";

    fn encode(value: &T) -> Result<Bytes, EncodeError> {
        with_scratch_buffer(|buffer| Self::encode_into(value, buffer))
    }

    fn encode_into(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        let value = Limited::bounds(value, Bounds::BINARY);
        encode_into_writer(value, Buffer(buffer), CONFIG)
            .map_err(|cause| EncodeError::new::<T, Self>(cannot_write(cause)))
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        let budget = InputBudget::of(bytes);
        let seed = Limited::budget(PhantomData::<T>, &budget);
        let (value, read) = seed_decode_from_slice(seed, bytes, CONFIG)
            .map_err(|cause| DecodeError::new::<T, Self>(bytes, cannot_read(cause)))?;
        if read != bytes.len() {
            return Err(DecodeError::new::<T, Self>(bytes, "trailing bytes"));
        }
        Ok(value)
    }
}

/// A writer that appends to a buffer.
struct Buffer<'a>(&'a mut Vec<u8>);

impl Writer for Buffer<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), error::EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Describes an error in words, because bincode displays its errors as `Debug` does.
fn cannot_write(cause: error::EncodeError) -> String {
    match cause {
        error::EncodeError::OtherString(text) => text,
        cause => format!("{cause:?}"),
    }
}

/// Describes an error in words, because bincode displays its errors as `Debug` does.
fn cannot_read(cause: error::DecodeError) -> String {
    match cause {
        error::DecodeError::OtherString(text) => text,
        error::DecodeError::UnexpectedEnd { .. } => "unexpected end of the bytes".to_owned(),
        cause => format!("{cause:?}"),
    }
}
