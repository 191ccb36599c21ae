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
//! # The text of floats
//!
//! [`Plain`] and [`Json`] write a float in one way, alone and in structures. This crate decides the
//! layout, so it does not change with a dependency: the shortest digits that read back as the same
//! float, with a point, and without an exponent if the first digit is between 10⁻⁵ and 10¹⁵ (for
//! `f32` between 10⁻⁶ and 10¹²).
//!
//! | number | text |
//! |---|---|
//! | 1, -1.5, 0.1 | `1.0`, `-1.5`, `0.1` |
//! | 10⁻⁵, 10⁻⁶, 10⁻⁷ | `0.00001`, `1e-6`, `1e-7` |
//! | 10¹⁵, 10¹⁶ | `1000000000000000.0`, `1e+16` |
//! | the highest and the lowest positive `f64` | `1.7976931348623157e+308`, `5e-324` |
//!
//! serde_json 1.0.154 and pydantic 2.14.4 write the same; serde_json 1.0.140 and pydantic 2.9.2 write
//! `1e16`. Python's `json.dumps` writes `1e-05` and `1e-07`, and all other `f64` as here. The layout
//! matters only where the server compares bytes, because each layout is read.
//!
//! # What is written can be read
//!
//! If only some values of a type cannot be decoded, they are an [`EncodeError`] and are not written.
//! The docs of each codec list them. Where the place of a value decides, the value is decoded once
//! after it is encoded. This is so for `i128`, `u128` and the keys of maps that are not strings in
//! `Plain` and `Json`, and for `i128`, `u128` and types with a binary form such as `Uuid` in
//! `MsgPack`. Other values are not decoded, and cost nothing more.
//!
//! In a build with debug assertions, each value that serde encodes is decoded once, so tests and
//! trials find all types that cannot decode what they encode. Strings, `Vec<u8>` and integers are
//! left out, because `Plain` does not ask serde for them.
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
//!   A number that a type cannot hold is a [`DecodeError`]. If a codec can return another value than
//!   it was given, its docs say so.

mod bounded;
mod codec;
mod error;
mod into_arg;
mod into_pair;
mod json;
mod lenient;
mod plain;
mod raw;
mod readable;
mod scratch_buffer;

#[cfg(feature = "bincode")]
mod bincode;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "validate")]
mod validated;

pub use crate::codec::{Codec, DecimalText};
pub use crate::error::{DecodeError, EncodeError};
pub use crate::into_arg::{IntoArg, encode, encode_into};
pub use crate::into_pair::IntoPair;
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
