//! The JSON codec.

use std::io;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::Formatter;

use crate::bounded::{Bounds, Limited};
use crate::scratch_buffer::with_scratch_buffer;
use crate::{Codec, DecodeError, EncodeError};

/// A codec that writes JSON for all types; strings are in quotes.
///
/// It writes compact JSON, and reads JSON with any whitespace. Byte buffers are arrays of numbers.
/// A value that could not be decoded is an error and is not written: a float that is not finite,
/// arrays and objects that nest deeper than 127, a map whose keys are neither strings nor scalars.
/// JSON has one `null`, so `Some(None)` and `Some(())` are decoded as `None`. For that reason a
/// type that is only an option of itself, `struct Chain(Option<Box<Chain>>)`, has no form in JSON.
/// It must not be decoded, because serde_json would look for it in the same byte until the stack
/// overflows.
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
        write(value, buffer).map_err(EncodeError::new::<T, Self>)
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        serde_json::from_slice(bytes).map_err(|cause| DecodeError::new::<T, Self>(bytes, cause))
    }
}

/// Writes compact JSON that can be read back.
pub(crate) fn write<T: Serialize>(value: &T, text: &mut Vec<u8>) -> serde_json::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(text, Nesting::default());
    Limited::bounds(value, Bounds::JSON).serialize(&mut serializer)
}

/// Compact JSON, no deeper than serde_json reads.
#[derive(Default)]
struct Nesting {
    depth: u8,
}

impl Nesting {
    /// serde_json refuses to read the 128th level.
    const DEEPEST: u8 = 127;

    fn open<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        if self.depth == Self::DEEPEST {
            return Err(io::Error::other("nested too deep to be read back"));
        }
        self.depth += 1;
        writer.write_all(bracket)
    }

    fn close<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(bracket)
    }
}

impl Formatter for Nesting {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }
}
