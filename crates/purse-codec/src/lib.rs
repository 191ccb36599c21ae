//! Typed values as bytes for Redis and Valkey: the codecs of purse.
//!
//! Redis knows nothing but bytes. A [`Codec`] says how a Rust value becomes bytes and how it comes
//! back; it is a marker type, chosen once in the type of a collection, and costs nothing at run
//! time.
//!
//! | codec | a `String` | a `u64` or `f64` | a struct | when |
//! |---|---|---|---|---|
//! | [`Plain`] | its UTF-8 bytes | decimal text | compact JSON | the default: readable in `redis-cli`, `HINCRBY` works, shared with Python's redis-purse |
//! | [`Json`] | JSON, in quotes | decimal text | compact JSON | the other side expects JSON whatever the type |
#![cfg_attr(
    feature = "msgpack",
    doc = "| [`MsgPack`] | a MessagePack string | binary | a MessagePack map with field names | smaller than JSON, still read by any language (feature `msgpack`) |"
)]
#![cfg_attr(
    feature = "bincode",
    doc = "| [`Bincode`] | length and bytes | binary | the fields in order, nothing else | smallest, Rust only, every change of the type breaks old data (feature `bincode`; the crate behind it is unmaintained) |"
)]
//! | [`Raw`] | no | no | no | the value is bytes already: `Vec<u8>` or `bytes::Bytes` |
#![cfg_attr(
    feature = "validate",
    doc = "| [`Validated<C>`](Validated) | as `C` | as `C` | as `C` | values are checked with `garde` before they are sent and after they are read (feature `validate`) |"
)]
//!
//! ```
//! use purse_codec::{Codec, Json, Plain};
//!
//! let name = "Ada".to_owned();
//! assert_eq!(Plain::encode(&name)?, "Ada");
//! assert_eq!(Json::encode(&name)?, "\"Ada\"");
//!
//! let visits: u64 = Plain::decode(b"42")?;
//! assert_eq!(visits, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Equal values, equal bytes
//!
//! Sets, sorted sets, `contains`, `remove_value` and `index_of` compare encoded bytes on the server.
//! They find a value only if the codec is *canonical* for its type: equal values must encode to
//! equal bytes, always. Every codec here is canonical for types made of scalars, strings, sequences,
//! structs and enums. A type with a `HashMap` or `HashSet` inside is not: its order changes from one
//! value to the next, so a member that is there may not be found. Use `BTreeMap` and `BTreeSet`.
//! (Floats are the other trap: `0.0 == -0.0`, yet the two encode differently.)
//!
//! # What all codecs promise
//!
//! - Decoding never panics, whatever the bytes, and never allocates more than they justify: a
//!   claimed length is not believed before the bytes are there, and deep nesting is an error, not a
//!   stack overflow.
//! - Bytes left over after the value are an error.
//! - A [`DecodeError`] names the type and the codec, shows the first bytes, and carries all of them:
//!   what cannot be read is not lost.
//! - What JSON would not give back, such as a NaN, is an [`EncodeError`] and is never written. Where a
//!   codec gives back something else than it was given, its own page says so.

mod bounded;
mod codec;
mod error;
mod input;
mod json;
mod plain;
mod raw;
mod scratch;

#[cfg(feature = "bincode")]
mod bincode;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "validate")]
mod validated;

pub use crate::codec::Codec;
pub use crate::error::{DecodeError, EncodeError};
pub use crate::input::{IntoArg, encode, encode_into};
pub use crate::json::Json;
pub use crate::plain::Plain;
pub use crate::raw::Raw;

#[cfg(feature = "bincode")]
pub use crate::bincode::Bincode;
#[cfg(feature = "msgpack")]
pub use crate::msgpack::MsgPack;
#[cfg(feature = "validate")]
pub use crate::validated::Validated;
