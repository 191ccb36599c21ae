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

/// How deep the binary formats nest, alike for writing and reading, so that what is written can be
/// read.
///
/// A debug build on the 2 MiB stack of a thread holds twice as many levels of a struct with a dozen
/// fields, and ten times as many of an enum.
#[cfg(any(feature = "bincode", feature = "msgpack"))]
const LEVELS: i16 = 128;

/// What a value says that is nested too deep.
const TOO_DEEP: &str = "nested too deep";

/// Anything of serde's, kept within the bounds of a scope.
pub(crate) struct Limited<S, X> {
    scope: S,
    inner: X,
}
