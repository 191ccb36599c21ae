//! Arguments that are a value, or a reference to one.

use bytes::Bytes;

use crate::scratch_buffer::with_scratch_string;
use crate::{Codec, EncodeError};

/// An argument that is a `T`, a `&T`, or a borrowed form of `T`.
///
/// The borrowed forms of `String` are `&str`, and `&&str`, which iterators over slices return.
/// Those of `Vec<u8>` are `&[u8]` and `&[u8; N]`.
///
/// # Examples
///
/// ```
/// use purse::IntoArg;
///
/// fn length(name: impl IntoArg<String>) -> usize {
///     name.with(|name| name.len())
/// }
///
/// let owned = "Ada".to_owned();
/// assert_eq!(length("Ada"), 3);
/// assert_eq!(length(&owned), 3);
/// assert_eq!(length(owned), 3);
/// assert_eq!(["Ada", "Grace"].iter().map(length).sum::<usize>(), 8);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed as a `{T}`",
    note = "pass a `{T}` or a `&{T}`"
)]
pub trait IntoArg<T> {
    /// Calls `f` with a reference to the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::IntoArg;
    ///
    /// fn initial(name: impl IntoArg<String>) -> Option<char> {
    ///     name.with(|name| name.chars().next())
    /// }
    /// assert_eq!(initial("Ada"), Some('A'));
    /// ```
    fn with<R>(self, f: impl FnOnce(&T) -> R) -> R;
}

impl<T> IntoArg<T> for T {
    fn with<R>(self, f: impl FnOnce(&T) -> R) -> R {
        f(&self)
    }
}

impl<T> IntoArg<T> for &T {
    fn with<R>(self, f: impl FnOnce(&T) -> R) -> R {
        f(self)
    }
}

impl IntoArg<String> for &str {
    fn with<R>(self, f: impl FnOnce(&String) -> R) -> R {
        with_scratch_string(self, f)
    }
}

impl IntoArg<String> for &&str {
    fn with<R>(self, f: impl FnOnce(&String) -> R) -> R {
        IntoArg::<String>::with(*self, f)
    }
}

impl IntoArg<Vec<u8>> for &[u8] {
    fn with<R>(self, f: impl FnOnce(&Vec<u8>) -> R) -> R {
        f(&self.to_vec())
    }
}

impl<const N: usize> IntoArg<Vec<u8>> for &[u8; N] {
    fn with<R>(self, f: impl FnOnce(&Vec<u8>) -> R) -> R {
        f(&self.to_vec())
    }
}

/// Encodes a `T`, or a borrowed form of it, with the codec `C`.
///
/// # Errors
///
/// The errors of [`Codec::encode`].
///
/// # Examples
///
/// ```
/// use purse::Plain;
/// use purse_codec::encode;
///
/// assert_eq!(encode::<String, Plain>("Ada")?, "Ada");
/// assert_eq!(encode::<u64, Plain>(&42)?, "42");
/// # Ok::<(), purse::EncodeError>(())
/// ```
pub fn encode<T, C: Codec<T>>(value: impl IntoArg<T>) -> Result<Bytes, EncodeError> {
    value.with(C::encode)
}

/// Encodes a `T`, or a borrowed form of it, with the codec `C`, and appends the bytes to `buffer`.
///
/// # Errors
///
/// The errors of [`Codec::encode_into`].
///
/// # Examples
///
/// ```
/// use purse::Plain;
/// use purse_codec::encode_into;
///
/// let mut buffer = Vec::new();
/// encode_into::<String, Plain>("Ada", &mut buffer)?;
/// encode_into::<u64, Plain>(&42, &mut buffer)?;
/// assert_eq!(buffer, b"Ada42");
/// # Ok::<(), purse::EncodeError>(())
/// ```
pub fn encode_into<T, C: Codec<T>>(
    value: impl IntoArg<T>,
    buffer: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    value.with(|value| C::encode_into(value, buffer))
}
