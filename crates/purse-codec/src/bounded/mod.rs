//! Limits for serde: nesting, claimed lengths, floats that JSON has no form for, and a note of what
//! serde does not read in every place.
//!
//! [`Limited`] goes around anything that serde hands from one side to the other (values and
//! serializers, seeds, deserializers, visitors and their accesses), so that every nested value
//! passes through it.
//!
//! May import: nothing of this crate.

use serde::de::Error;

#[cfg(any(feature = "bincode", feature = "msgpack"))]
mod access;
#[cfg(any(feature = "bincode", feature = "msgpack"))]
mod budget;
mod compound;
#[cfg(any(feature = "bincode", feature = "msgpack"))]
mod de;
mod ser;

#[cfg(any(feature = "bincode", feature = "msgpack"))]
pub(crate) use budget::InputBudget;
#[cfg(feature = "bincode")]
pub(crate) use ser::Bincode;
#[cfg(feature = "msgpack")]
pub(crate) use ser::MsgPack;
pub(crate) use ser::{Bounds, Json};

/// The maximal nesting of the binary formats. It is the same for writing and reading, so that each
/// written value can be read.
///
/// A debug build on the 2 MiB stack of a thread holds twice as many levels of a struct with a dozen
/// fields, and ten times as many of an enum.
#[cfg(any(feature = "bincode", feature = "msgpack"))]
const LEVELS: i16 = 128;

/// The message for a value that is nested too deep.
const TOO_DEEP: &str = "nested too deep";

/// A serde object that is limited by a scope.
pub(crate) struct Limited<S, X> {
    scope: S,
    inner: X,
}

/// Refuses a float that an `f32` would turn into an infinity.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float that this makes infinite is an error"
)]
pub(crate) fn check_f32<E: Error>(float: f64) -> Result<(), E> {
    if float.is_finite() && !(float as f32).is_finite() {
        return Err(E::custom(format_args!("{float:e} is beyond an f32")));
    }
    Ok(())
}
