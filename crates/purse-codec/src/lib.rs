//! Typed values as bytes for Redis and Valkey: the codecs of purse.
//!
//! Redis stores bytes. A [`Codec`] converts Rust values to bytes and back. It is a marker type,
//! which is chosen once in the type of a collection, and has no cost at run time.
//!
//! | codec | a `String` | a `u64` or `f64` | a struct | when |
//! |---|---|---|---|---|
//! | [`Plain`] | its UTF-8 bytes | decimal text | compact JSON | the default: readable in `redis-cli`, `HINCRBY` works, shared with Python's redis-purse |
//! | [`Json`] | JSON, in quotes | decimal text | compact JSON | other programs expect JSON for every type |
#![cfg_attr(
    feature = "msgpack",
    doc = "| [`MsgPack`] | a MessagePack string | binary | a MessagePack map with field names | smaller than JSON, and every language can read it (feature `msgpack`) |"
)]
#![cfg_attr(
    feature = "bincode",
    doc = "| [`Bincode`] | length and bytes | binary | the fields in order | the smallest; for Rust only; every change of the type breaks old data (feature `bincode`; the crate behind it is unmaintained) |"
)]
//! | [`Raw`] | no | no | no | the value is bytes: `Vec<u8>` or `bytes::Bytes` |
//! | [`Lenient<C>`](Lenient) | as `C` | as `C` | as `C` | what cannot be decoded is an error among the values |
#![cfg_attr(
    feature = "validate",
    doc = "| [`Validated<C>`](Validated) | as `C` | as `C` | as `C` | values must be valid: `garde` checks them before they are sent and after they are read (feature `validate`) |"
)]
//!
//! ```
//! use purse::{Codec, Json, Plain};
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
//! Examples import `purse`, the crate that most programs depend on. It re-exports this one.
//!
//! # Equal values, equal bytes
//!
//! Sets, sorted sets, `contains`, `remove_value` and `index_of` compare encoded bytes on the
//! server. They find a value only if the codec is *canonical* for its type: equal values must
//! encode to equal bytes, always. Every codec here is canonical for types made of scalars, strings,
//! sequences, structs and enums. No codec is canonical for a type that contains a `HashMap` or
//! `HashSet`: the order of its elements differs between equal values, so the server may not find a
//! member that it has. Use `BTreeMap` and `BTreeSet`. Floats have one exception: `0.0 == -0.0`, but
//! the two encode differently.
//!
//! # Guarantees of all codecs
//!
//! - Decoding does not panic, and does not allocate more memory than the length of the bytes
//!   justifies. A length in the bytes is not trusted before that many bytes are available. Deep
//!   nesting is an error instead of a stack overflow.
//! - Bytes after the end of the value are an error.
//! - A [`DecodeError`] names the type and the codec, shows the first bytes, and holds all of them,
//!   so that no data is lost.
//! - A value that JSON cannot represent, such as NaN, is an [`EncodeError`] and is never written.
//!   If a codec can return another value than it was given, its docs say so.

mod bounded;
mod codec;
mod error;
mod into_arg;
mod json;
mod lenient;
mod plain;
mod raw;
mod scratch_buffer;

#[cfg(feature = "bincode")]
mod bincode;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "validate")]
mod validated;

pub use crate::codec::Codec;
pub use crate::error::{DecodeError, EncodeError};
pub use crate::into_arg::{IntoArg, encode, encode_into};
pub use crate::json::Json;
pub use crate::lenient::{Decoded, Lenient};
pub use crate::plain::Plain;
pub use crate::raw::Raw;

#[cfg(feature = "bincode")]
pub use crate::bincode::Bincode;
#[cfg(feature = "msgpack")]
pub use crate::msgpack::MsgPack;
#[cfg(feature = "validate")]
pub use crate::validated::Validated;
