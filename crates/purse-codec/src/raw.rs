//! The codec for values that are bytes.

use bytes::Bytes;

use crate::{Codec, DecodeError, EncodeError};

/// A codec that does not change bytes, for `Vec<u8>` and `bytes::Bytes` only.
///
/// For a `String` use [`Plain`](crate::Plain), which writes the same bytes, and checks that they
/// are UTF-8 when it reads. `Plain` does not change the two byte types either; `Raw` shows that in
/// the type, and does not compile with other types.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use purse::{Codec, Raw};
///
/// let image = Bytes::from_static(b"\x89PNG\r\n");
/// assert_eq!(Raw::encode(&image)?, image);
///
/// let back: Vec<u8> = Raw::decode(&image)?;
/// assert_eq!(back, image);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum Raw {}

impl Codec<Vec<u8>> for Raw {
    const NAME: &'static str = "Raw";

    fn encode(value: &Vec<u8>) -> Result<Bytes, EncodeError> {
        Ok(Bytes::copy_from_slice(value))
    }

    fn encode_into(value: &Vec<u8>, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        buffer.extend_from_slice(value);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        Ok(bytes.to_vec())
    }
}

impl Codec<Bytes> for Raw {
    const NAME: &'static str = "Raw";

    fn encode(value: &Bytes) -> Result<Bytes, EncodeError> {
        Ok(value.clone())
    }

    fn encode_into(value: &Bytes, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        buffer.extend_from_slice(value);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Bytes, DecodeError> {
        Ok(Bytes::copy_from_slice(bytes))
    }
}
