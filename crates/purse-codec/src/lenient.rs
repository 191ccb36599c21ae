//! The codec that returns what it cannot decode as an error among the values.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;

use crate::{Codec, DecodeError, EncodeError, IntoArg, Plain};

/// A value, or the error of the bytes that could not be decoded: what [`Lenient`] decodes.
///
/// A `T` is accepted as an argument that is a `Decoded<T>`.
///
/// # Examples
///
/// ```
/// use purse::{Codec, Decoded, Lenient, Plain};
///
/// let numbers = ["1", "two", "3"].map(|text| Lenient::<Plain>::decode(text.as_bytes()));
/// let numbers = numbers.into_iter().collect::<Result<Vec<Decoded<u32>>, _>>()?;
/// assert_eq!(numbers.into_iter().filter_map(Decoded::ok).collect::<Vec<_>>(), [1, 3]);
/// # Ok::<(), purse::DecodeError>(())
/// ```
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Decoded<T> {
    /// The value.
    Value(T),
    /// The error, which holds the bytes.
    Undecodable(DecodeError),
}

impl<T> Decoded<T> {
    /// Returns the value; `None` if the bytes could not be decoded.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::{Codec, Decoded, Lenient, Plain};
    ///
    /// let decoded: Decoded<u32> = Lenient::<Plain>::decode(b"42")?;
    /// assert_eq!(decoded.ok(), Some(42));
    /// # Ok::<(), purse::DecodeError>(())
    /// ```
    #[must_use]
    pub fn ok(self) -> Option<T> {
        self.into_result().ok()
    }

    /// Converts it to a result.
    ///
    /// # Errors
    ///
    /// The error of bytes that could not be decoded.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::{Codec, Decoded, Lenient, Plain};
    ///
    /// let decoded: Decoded<u32> = Lenient::<Plain>::decode(b"many")?;
    /// assert_eq!(decoded.into_result().unwrap_err().bytes(), "many");
    /// # Ok::<(), purse::DecodeError>(())
    /// ```
    pub fn into_result(self) -> Result<T, DecodeError> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Undecodable(error) => Err(error),
        }
    }
}

/// A codec that encodes as `C` does, and never fails to decode: its values are [`Decoded`].
///
/// With it, one element that cannot be decoded does not hide the others of a reply. An error that is
/// written leaves its bytes unchanged. The method `lenient` of a collection returns a handle with
/// this codec.
///
/// # Examples
///
/// ```
/// use purse::{Codec, Decoded, Lenient, Plain};
///
/// let good: Decoded<u32> = Lenient::<Plain>::decode(b"42")?;
/// assert_eq!(good, Decoded::Value(42));
///
/// let bad: Decoded<u32> = Lenient::<Plain>::decode(b"many")?;
/// assert!(matches!(&bad, Decoded::Undecodable(error) if error.bytes() == "many"));
/// assert_eq!(Lenient::<Plain>::encode(&bad)?, "many");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Lenient<C> {
    never: Infallible,
    codec: PhantomData<C>,
}

impl<C> fmt::Debug for Lenient<C> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl<T, C: Codec<T>> Codec<Decoded<T>> for Lenient<C> {
    const NAME: &'static str = "Lenient";

    fn encode(value: &Decoded<T>) -> Result<Bytes, EncodeError> {
        match value {
            Decoded::Value(value) => C::encode(value),
            Decoded::Undecodable(error) => Ok(error.bytes().clone()),
        }
    }

    fn encode_into(value: &Decoded<T>, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        match value {
            Decoded::Value(value) => C::encode_into(value, buffer),
            Decoded::Undecodable(error) => {
                buffer.extend_from_slice(error.bytes());
                Ok(())
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Decoded<T>, DecodeError> {
        Ok(C::decode(bytes).map_or_else(Decoded::Undecodable, Decoded::Value))
    }
}

/// The fields of a hash are always `Plain`, so it is lenient for this type.
impl<T> Codec<Decoded<T>> for Plain
where
    Self: Codec<T>,
{
    const NAME: &'static str = "Plain";

    fn encode(value: &Decoded<T>) -> Result<Bytes, EncodeError> {
        Lenient::<Self>::encode(value)
    }

    fn encode_into(value: &Decoded<T>, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        Lenient::<Self>::encode_into(value, buffer)
    }

    fn decode(bytes: &[u8]) -> Result<Decoded<T>, DecodeError> {
        Lenient::<Self>::decode(bytes)
    }
}

impl<T> IntoArg<Decoded<T>> for T {
    fn with<R>(self, f: impl FnOnce(&Decoded<T>) -> R) -> R {
        f(&Decoded::Value(self))
    }
}

impl IntoArg<Decoded<String>> for &str {
    fn with<R>(self, f: impl FnOnce(&Decoded<String>) -> R) -> R {
        f(&Decoded::Value(self.to_owned()))
    }
}
