//! The trait that every codec implements.

use std::any::type_name;
use std::error::Error;

use bytes::Bytes;

use crate::error::{DecodeError, EncodeError, shortened};

/// A conversion of values of type `T` to bytes and back.
///
/// The implementors are marker types without values: a codec is named and never created.
///
/// # Examples
///
/// A custom codec, for data that no built-in codec fits:
///
/// ```
/// use bytes::Bytes;
/// use purse::{Codec, DecodeError, EncodeError};
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
    /// The name of the codec in errors, such as `"Plain"`.
    const NAME: &'static str;

    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// If the codec cannot represent the value so that the same value is decoded.
    fn encode(value: &T) -> Result<Bytes, EncodeError>;

    /// Encodes a value and appends the bytes to `buffer`. It appends the bytes that
    /// [`encode`](Self::encode) returns. A caller that writes many values saves an allocation per
    /// value.
    ///
    /// # Errors
    ///
    /// The errors of [`encode`](Self::encode). The buffer may hold a part of the value then.
    fn encode_into(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        buffer.extend_from_slice(&Self::encode(value)?);
        Ok(())
    }

    /// Decodes a value.
    ///
    /// # Errors
    ///
    /// If the bytes are not exactly one encoded value of this type. The error holds the bytes.
    fn decode(bytes: &[u8]) -> Result<T, DecodeError>;
}

impl EncodeError {
    /// Creates the error of the codec `C` for a value of type `T`, with its cause.
    ///
    /// The text of the cause is cut after 512 bytes.
    #[must_use]
    pub fn new<T, C: Codec<T>>(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::with_source::<T, C>(shortened(cause.into()))
    }

    pub(crate) fn with_source<T, C: Codec<T>>(source: Box<dyn Error + Send + Sync>) -> Self {
        Self::named(type_name::<T>(), C::NAME, source)
    }
}

impl DecodeError {
    /// Creates the error of the codec `C` for `bytes` that are not a `T`, with its cause.
    ///
    /// The text of the cause is cut after 512 bytes.
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
