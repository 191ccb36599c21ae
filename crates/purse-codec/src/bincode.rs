//! The bincode codec.

use std::marker::PhantomData;

use ::bincode::config::{Configuration, standard};
use ::bincode::enc::write::Writer;
use ::bincode::error;
use ::bincode::serde::{encode_into_writer, seed_decode_from_slice};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bounded::{self, Bounds, InputBudget, Limited};
use crate::readable::check_readable;
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
/// lose or reorder fields or variants.
///
/// Structures nest up to 128 levels; an `Option` and a newtype count as one. A value may contain up
/// to 65,536 elements that have no bytes, as in `Vec<()>`, because the length of the input does not
/// justify more.
///
/// # What is refused
///
/// A value that could not be decoded is an [`EncodeError`] and is not written, if the value shows it:
/// a field that `skip_serializing_if` leaves out, a type with `flatten`, more elements without bytes
/// than 65,536.
///
/// Types that look at the data to choose a variant (`serde_json::Value`, and enums that are untagged,
/// internally tagged or adjacently tagged) cannot be decoded, and no value shows it. A [debug
/// build](crate#what-is-written-can-be-read) refuses to encode them; a release build encodes them,
/// and they are a [`DecodeError`] when they are read.
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
        check_readable::<T, Self, _>(value, buffer, |value, buffer, doubts| {
            let value = Limited::bounds(value, Bounds::<bounded::Bincode>::new(doubts));
            encode_into_writer(value, Buffer(buffer), CONFIG).map_err(cannot_write)
        })
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
