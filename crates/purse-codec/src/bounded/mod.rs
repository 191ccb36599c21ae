//! Limits for serde: nesting, claimed lengths, and floats that JSON has no form for.
//!
//! [`Limited`] goes around anything that serde hands from one side to the other (values and
//! serializers, seeds, deserializers, visitors and their accesses), so that every nested value
//! passes through it.
//!
//! May import: nothing of this crate.

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
pub(crate) use ser::Bounds;

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
