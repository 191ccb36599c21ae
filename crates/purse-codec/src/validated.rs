//! The codec that checks values on their way in and out.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use garde::Validate;

use crate::{Codec, DecodeError, EncodeError};

/// A codec that encodes as `C` does, and lets `garde` check every value before it is encoded and
/// after it is decoded.
///
/// The source of the error for an invalid value is a `garde::Report`. When a value is decoded, the
/// error holds the bytes.
///
/// # Examples
///
/// ```
/// use std::error::Error;
///
/// use garde::Validate;
/// use purse::{Codec, Plain, Validated};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Validate)]
/// struct User {
///     #[garde(length(min = 1))]
///     name: String,
/// }
///
/// let nobody = User { name: String::new() };
/// let error = Validated::<Plain>::encode(&nobody).unwrap_err();
/// assert!(error.source().is_some_and(|source| source.is::<garde::Report>()));
///
/// let ada: User = Validated::<Plain>::decode(br#"{"name":"Ada"}"#)?;
/// assert_eq!(ada.name, "Ada");
/// # Ok::<(), Box<dyn Error>>(())
/// ```
pub struct Validated<C> {
    never: Infallible,
    codec: PhantomData<C>,
}

impl<C> fmt::Debug for Validated<C> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl<C> Validated<C> {
    fn check<T: Validate<Context: Default>>(value: &T) -> Result<(), EncodeError>
    where
        C: Codec<T>,
    {
        value
            .validate()
            .map_err(|report| EncodeError::with_source::<T, Self>(report.into()))
    }
}

impl<T, C> Codec<T> for Validated<C>
where
    T: Validate<Context: Default>,
    C: Codec<T>,
{
    const NAME: &'static str = "Validated";

    fn encode(value: &T) -> Result<Bytes, EncodeError> {
        Self::check(value)?;
        C::encode(value)
    }

    fn encode_into(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        Self::check(value)?;
        C::encode_into(value, buffer)
    }

    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        let value = C::decode(bytes)?;
        value
            .validate()
            .map_err(|report| DecodeError::with_source::<T, Self>(bytes, report.into()))?;
        Ok(value)
    }
}
