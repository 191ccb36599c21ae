//! Arguments that are a value, or another form of one.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use crate::scratch_buffer::with_scratch_string;
use crate::{Codec, EncodeError};

/// An argument that is a `T`, a `&T`, or another form of `T`. The bytes that are written are those of
/// the `T`.
///
/// | for | also |
/// |---|---|
/// | any `T` | `&&T`; `Box<T>`, `Rc<T>`, `Arc<T>`, and references to them |
/// | `String` | `&str`, `&&str`; `Cow<str>`, `Box<str>`, `Rc<str>`, `Arc<str>`, and references to them |
/// | `Option<String>` | `Option<&str>` |
/// | `Vec<T>` | `[T; N]`; if `T` is `Clone`, `&[T]` and `&[T; N]`, which are copied |
///
/// # Examples
///
/// ```
/// use std::borrow::Cow;
/// use std::sync::Arc;
///
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
/// assert_eq!(length(Cow::from("Ada")), 3);
/// assert_eq!(length(Arc::<str>::from("Ada")), 3);
/// assert_eq!(["Ada", "Grace"].iter().map(length).sum::<usize>(), 8);
/// ```
///
/// A form that is not in the table is refused. A `char` is not a text here:
///
/// ```compile_fail,E0277
/// # use purse::IntoArg;
/// # fn length(name: impl IntoArg<String>) -> usize {
/// #     name.with(|name| name.len())
/// # }
/// length('a');
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

impl<T> IntoArg<T> for &&T {
    fn with<R>(self, f: impl FnOnce(&T) -> R) -> R {
        f(self)
    }
}

/// Implements `IntoArg` for pointers to a value.
macro_rules! pointers {
    ($($pointer:ident)*) => {$(
        impl<T> IntoArg<T> for $pointer<T> {
            fn with<R>(self, f: impl FnOnce(&T) -> R) -> R {
                f(&*self)
            }
        }

        impl<T> IntoArg<T> for &$pointer<T> {
            fn with<R>(self, f: impl FnOnce(&T) -> R) -> R {
                f(&**self)
            }
        }
    )*};
}

pointers! { Box Rc Arc }

/// Implements `IntoArg<String>` for types that dereference to text, and for references to them.
macro_rules! texts {
    ($($text:ty)*) => {$(
        impl IntoArg<String> for $text {
            fn with<R>(self, f: impl FnOnce(&String) -> R) -> R {
                with_scratch_string(&self, f)
            }
        }

        impl IntoArg<String> for &$text {
            fn with<R>(self, f: impl FnOnce(&String) -> R) -> R {
                with_scratch_string(self, f)
            }
        }
    )*};
}

texts! { &str Box<str> Rc<str> Arc<str> }

impl IntoArg<String> for Cow<'_, str> {
    fn with<R>(self, f: impl FnOnce(&String) -> R) -> R {
        match self {
            Cow::Borrowed(text) => with_scratch_string(text, f),
            Cow::Owned(text) => f(&text),
        }
    }
}

impl IntoArg<String> for &Cow<'_, str> {
    fn with<R>(self, f: impl FnOnce(&String) -> R) -> R {
        match self {
            Cow::Borrowed(text) => with_scratch_string(text, f),
            Cow::Owned(text) => f(text),
        }
    }
}

impl IntoArg<Option<String>> for Option<&str> {
    fn with<R>(self, f: impl FnOnce(&Option<String>) -> R) -> R {
        f(&self.map(str::to_owned))
    }
}

impl<T: Clone> IntoArg<Vec<T>> for &[T] {
    fn with<R>(self, f: impl FnOnce(&Vec<T>) -> R) -> R {
        f(&self.to_vec())
    }
}

impl<T: Clone, const N: usize> IntoArg<Vec<T>> for &[T; N] {
    fn with<R>(self, f: impl FnOnce(&Vec<T>) -> R) -> R {
        f(&self.to_vec())
    }
}

impl<T, const N: usize> IntoArg<Vec<T>> for [T; N] {
    fn with<R>(self, f: impl FnOnce(&Vec<T>) -> R) -> R {
        f(&Vec::from(self))
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
