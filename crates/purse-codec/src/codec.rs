//! The trait that every codec implements.

use std::any::type_name;
use std::error::Error;

use bytes::Bytes;

use crate::error::{DecodeError, EncodeError, shortened};

/// How values of type `T` become bytes, and come back.
///
/// The implementors are marker types without values: a codec is named, never made.
///
/// # Examples
///
/// A codec of your own, for the day when the built-in ones do not fit:
///
/// ```
/// use bytes::Bytes;
/// use purse_codec::{Codec, DecodeError, EncodeError};
///
/// /// Numbers as eight bytes, so that they sort as numbers.
/// enum BigEndian {}
///
/// impl Codec<u64> for BigEndian {
///     const NAME: &'static str = "BigEndian";
///
///     fn encode(value: &u64) -> Result<Bytes, EncodeError> {
///         Ok(Bytes::copy_from_slice(&value.to_be_bytes()))
///     }
///
///     fn decode(bytes: &[u8]) -> Result<u64, DecodeError> {
///         let array = bytes
///             .try_into()
///             .map_err(|cause: std::array::TryFromSliceError| {
///                 DecodeError::new::<u64, Self>(bytes, cause)
///             })?;
///         Ok(u64::from_be_bytes(array))
///     }
/// }
///
/// let bytes = BigEndian::encode(&7)?;
/// assert_eq!(BigEndian::decode(&bytes)?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the codec `{Self}` cannot carry values of type `{T}`",
    note = "`Plain`, `Json`, `MsgPack` and `Bincode` carry what is `Serialize + DeserializeOwned + 'static`",
    note = "`Raw` carries `Vec<u8>` and `bytes::Bytes`; `Validated<C>` also needs `garde::Validate`"
)]
pub trait Codec<T>: 'static {
    /// The name that errors show, such as `"Plain"`.
    const NAME: &'static str;

    /// Turns a value into bytes.
    ///
    /// # Errors
    ///
    /// When the codec has no form for the value that would read back as the same value.
    fn encode(value: &T) -> Result<Bytes, EncodeError>;

    /// Appends to `buffer` the bytes that [`encode`](Self::encode) gives: what writes many values
    /// needs no memory of its own for each.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode). The buffer may then hold a part of the value.
    fn encode_into(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        buffer.extend_from_slice(&Self::encode(value)?);
        Ok(())
    }

    /// Turns bytes back into a value.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one encoded value of this type. The error carries the bytes.
    fn decode(bytes: &[u8]) -> Result<T, DecodeError>;
}

impl EncodeError {
    /// Says that `C` cannot encode a `T`, and why.
    ///
    /// Only the beginning of a very long cause is kept.
    #[must_use]
    pub fn new<T, C: Codec<T>>(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::with_source::<T, C>(shortened(cause.into()))
    }

    pub(crate) fn with_source<T, C: Codec<T>>(source: Box<dyn Error + Send + Sync>) -> Self {
        Self::named(type_name::<T>(), C::NAME, source)
    }
}

impl DecodeError {
    /// Says that `C` cannot decode a `T` from `bytes`, and why.
    ///
    /// Only the beginning of a very long cause is kept.
    #[must_use]
    pub fn new<T, C: Codec<T>>(
        bytes: &[u8],
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::with_source::<T, C>(bytes, shortened(cause.into()))
    }

    pub(crate) fn with_source<T, C: Codec<T>>(
        bytes: &[u8],
        source: Box<dyn Error + Send + Sync>,
    ) -> Self {
        Self::named(type_name::<T>(), C::NAME, bytes, source)
    }
}
