//! The JSON codec, and the JSON of the `Plain` codec.
//!
//! May import: `error`, `codec`, `scratch_buffer`, `readable`, `bounded`.

use std::cell::Cell;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bounded::{self, Bounds, Limited};
use crate::readable::check_readable;
use crate::scratch_buffer::with_scratch_buffer;
use crate::{Codec, DecimalText, DecodeError, EncodeError};

mod exact;
mod float;
mod format;

pub(crate) use float::{write_f32, write_f64};

/// A codec that writes JSON for all types; strings are in quotes.
///
/// It writes compact JSON, and reads JSON with any whitespace. Byte buffers are arrays of numbers.
/// JSON has one `null`, so `Some(None)` and `Some(())` are decoded as `None`.
///
/// # What is refused
///
/// A value that could not be decoded is an [`EncodeError`] and is not written:
///
/// - a float that is not finite,
/// - arrays and objects that nest deeper than 127,
/// - a map whose keys are neither strings nor scalars,
/// - where serde holds a value in a buffer before it knows its type (in an enum that is internally
///   tagged or untagged, and in a flattened field): an `i128` or `u128`, even a small one, and a map
///   whose keys are integers, floats or `bool`.
///
/// Other types that cannot decode what they encode are found [in debug
/// builds](crate#what-is-written-can-be-read), such as a `serde_json::value::RawValue` in an
/// internally tagged enum.
///
/// Numbers that a type cannot hold are a [`DecodeError`]:
///
/// - an integer beyond 64 bits in a type that takes any number (`serde_json::Value`, enums that are
///   internally tagged or untagged, flattened fields), because serde_json turns it into a float that
///   has fewer digits; it is read if the float is exactly the integer, and always as `i128`, `u128`,
///   `f64` or `f32`,
/// - a finite number beyond the range of the float that is asked for. An `f32` in serde's buffer is
///   the exception: it becomes an infinity.
///
/// A type that is only an option of itself, `struct Chain(Option<Box<Chain>>)`, has no form in JSON,
/// and is refused.
///
/// # Examples
///
/// ```
/// use purse::{Codec, Json};
///
/// assert_eq!(Json::encode(&("Ada".to_owned(), Some(36)))?, r#"["Ada",36]"#);
/// assert_eq!(<Json as Codec<String>>::decode(b"\"Ada\"")?, "Ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum Json {}

impl<T: Serialize + DeserializeOwned + 'static> Codec<T> for Json {
    const NAME: &'static str = "Json";

    fn encode(value: &T) -> Result<Bytes, EncodeError> {
        with_scratch_buffer(|buffer| Self::encode_into(value, buffer))
    }

    fn encode_into(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        check_readable::<T, Self, _>(value, buffer, write)
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        read(bytes).map_err(|cause| DecodeError::new::<T, Self>(bytes, cause))
    }
}

impl DecimalText for Json {}

/// Writes compact JSON, and counts what serde does not read in every place.
pub(crate) fn write<T: Serialize>(
    value: &T,
    text: &mut Vec<u8>,
    doubts: &Cell<usize>,
) -> serde_json::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(text, format::Compact::default());
    Limited::bounds(value, Bounds::<bounded::Json>::new(doubts)).serialize(&mut serializer)
}

/// Reads a value from exactly these bytes.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    exact::read(text)
}
