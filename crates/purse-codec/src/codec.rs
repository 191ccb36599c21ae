//! The trait that every codec implements.

use std::any::type_name;
use std::error::Error;

use bytes::Bytes;

use crate::error::{DecodeError, EncodeError, shorten};

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
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::{Codec, Plain};
    ///
    /// assert_eq!(Plain::encode(&-1.5_f64)?, "-1.5");
    /// assert_eq!(Plain::encode(&vec![1_u32, 2])?, "[1,2]");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn encode(value: &T) -> Result<Bytes, EncodeError>;

    /// Encodes a value and appends the bytes to `buffer`. It appends the bytes that
    /// [`encode`](Self::encode) returns. A caller that writes many values saves an allocation per
    /// value.
    ///
    /// # Errors
    ///
    /// The errors of [`encode`](Self::encode). The buffer may hold a part of the value then.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::{Codec, Plain};
    ///
    /// // One allocation for several values.
    /// let mut bytes = Vec::new();
    /// for n in [1_u32, 20, 300] {
    ///     Plain::encode_into(&n, &mut bytes)?;
    ///     bytes.push(b'\n');
    /// }
    /// assert_eq!(bytes, b"1\n20\n300\n");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn encode_into(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        buffer.extend_from_slice(&Self::encode(value)?);
        Ok(())
    }

    /// Decodes a value.
    ///
    /// # Errors
    ///
    /// If the bytes are not exactly one encoded value of this type. The error holds the bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::{Codec, Plain};
    ///
    /// let visits: u64 = Plain::decode(b"42")?;
    /// assert_eq!(visits, 42);
    /// let refused = <Plain as Codec<u64>>::decode(b"many").unwrap_err();
    /// assert_eq!(refused.bytes(), "many");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    fn decode(bytes: &[u8]) -> Result<T, DecodeError>;
}

/// A codec that writes a number as its decimal text, so that the server can add to it.
///
/// [`Plain`](crate::Plain) and [`Json`](crate::Json) do. Implement it for a codec of your own that
/// writes integers as `42` and floats as `1.5`, and reads each number that the server may make of
/// them. `Validated` does not implement it, because the server does not check the sum.
///
/// # Examples
///
/// ```
/// use purse::{Codec, DecimalText};
///
/// fn is_decimal<C: DecimalText + Codec<u64>>() -> bool {
///     C::encode(&42).is_ok_and(|text| text == "42")
/// }
/// assert!(is_decimal::<purse::Plain>() && is_decimal::<purse::Json>());
/// ```
#[diagnostic::on_unimplemented(
    message = "the codec `{Self}` does not write numbers as decimal text",
    note = "the server can add to numbers that `Plain` and `Json` write"
)]
pub trait DecimalText: 'static {}

impl EncodeError {
    /// Creates the error of the codec `C` for a value of type `T`, with its cause.
    ///
    /// The text of the cause is cut after 512 bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::error::Error as _;
    ///
    /// use purse::{EncodeError, Plain};
    ///
    /// let error = EncodeError::new::<u32, Plain>("the number is odd");
    /// assert_eq!(error.to_string(), "cannot encode u32 with Plain");
    /// assert_eq!(error.source().unwrap().to_string(), "the number is odd");
    /// ```
    #[must_use]
    pub fn new<T, C: Codec<T>>(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::with_source::<T, C>(shorten(cause.into()))
    }

    pub(crate) fn with_source<T, C: Codec<T>>(source: Box<dyn Error + Send + Sync>) -> Self {
        Self::from_parts(type_name::<T>(), C::NAME, source)
    }
}

impl DecodeError {
    /// Creates the error of the codec `C` for `bytes` that are not a `T`, with its cause.
    ///
    /// The text of the cause is cut after 512 bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::{DecodeError, Plain};
    ///
    /// let error = DecodeError::new::<u32, Plain>(b"7", "the number is odd");
    /// assert_eq!(error.to_string(), r#"cannot decode u32 with Plain from "7""#);
    /// assert_eq!(error.bytes(), "7");
    /// ```
    #[must_use]
    pub fn new<T, C: Codec<T>>(
        bytes: &[u8],
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::with_source::<T, C>(bytes, shorten(cause.into()))
    }

    pub(crate) fn with_source<T, C: Codec<T>>(
        bytes: &[u8],
        source: Box<dyn Error + Send + Sync>,
    ) -> Self {
        Self::from_parts(type_name::<T>(), C::NAME, bytes, source)
    }
}
