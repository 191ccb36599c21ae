//! The MessagePack codec.

use bytes::Bytes;
use rmp_serde::decode::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bounded::{self, Bounds, InputBudget, Limited};
use crate::readable::check_readable;
use crate::scratch_buffer::with_scratch_buffer;
use crate::{Codec, DecodeError, EncodeError};

/// A codec for MessagePack, in which structs are maps with field names.
///
/// It is smaller than JSON, represents every float, and can be read by any language. Because of the
/// names, a type may gain, lose and reorder fields as in JSON. Types that have a form for people
/// and one for machines, such as `Uuid`, use their binary form.
///
/// Structures nest up to 128 levels; an `Option` and a newtype count as one. MessagePack has one
/// nil, so `Some(None)` and `Some(())` are decoded as `None`.
///
/// # What is refused
///
/// A value that could not be decoded is an [`EncodeError`] and is not written. Where serde holds a
/// value in a buffer before it knows its type (in an enum that is internally tagged or untagged, and
/// in a flattened field), these are such values: an `i128` or `u128`, even a small one, and a type
/// whose binary form is not understood there, such as `IpAddr`, `Ipv4Addr` and `SocketAddr`. `Uuid`
/// is understood. Other types that cannot decode what they encode are found [in debug
/// builds](crate#what-is-written-can-be-read).
///
/// A finite number beyond the range of an `f32` is a [`DecodeError`], except in that buffer.
///
/// # Examples
///
/// ```
/// use purse::{Codec, MsgPack};
///
/// let bytes = MsgPack::encode(&(1u8, "Ada".to_owned()))?;
/// assert_eq!(bytes, &b"\x92\x01\xa3Ada"[..]);
///
/// let back: (u8, String) = MsgPack::decode(&bytes)?;
/// assert_eq!(back.1, "Ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum MsgPack {}

impl<T: Serialize + DeserializeOwned + 'static> Codec<T> for MsgPack {
    const NAME: &'static str = "MsgPack";

    fn encode(value: &T) -> Result<Bytes, EncodeError> {
        with_scratch_buffer(|buffer| Self::encode_into(value, buffer))
    }

    fn encode_into(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        check_readable::<T, Self, _>(value, buffer, |value, buffer, doubts| {
            let mut serializer = rmp_serde::Serializer::new(buffer).with_struct_map();
            // Only the text of the cause is kept, here and below: it quotes its own source already.
            Limited::bounds(value, Bounds::<bounded::MsgPack>::new(doubts))
                .serialize(&mut serializer)
                .map_err(|cause| cause.to_string())
        })
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        let budget = InputBudget::of(bytes);
        let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
        let value = T::deserialize(Limited::budget(&mut deserializer, &budget))
            .map_err(|cause| DecodeError::new::<T, Self>(bytes, cause.to_string()))?;
        // Asks for one more value. The input is a slice, so there is not even its first byte to be
        // read only at the end. (rmp-serde does not tell how far it read.)
        match bool::deserialize(&mut deserializer) {
            Err(Error::InvalidMarkerRead(_)) => Ok(value),
            _ => Err(DecodeError::new::<T, Self>(bytes, "trailing bytes")),
        }
    }
}
