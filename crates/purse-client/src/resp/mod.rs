//! The Redis serialization protocol: commands are encoded, and replies are decoded.
//!
//! `encode` writes commands, `decode` cuts the bytes of a stream into frames, and `value` is the
//! data of a reply. The decoder reads RESP2 and RESP3, except the streamed types of RESP3, which no
//! server sends. It does no I/O.
//!
//! May import: nothing of this crate.

mod decode;
mod encode;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use decode::{Frame, Malformed, Parser};
pub(crate) use encode::{put_bytes, put_double, put_header, put_int};
pub(crate) use value::Value;
