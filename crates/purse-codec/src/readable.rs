//! The check that what is written can be read.

use std::cell::Cell;
use std::error::Error;

use crate::{Codec, EncodeError};

/// True in debug builds: every value is read again after it is written, and not only a doubtful one.
/// A debug build thereby finds types that cannot read what they write.
const IS_ALWAYS_CHECKED: bool = cfg!(debug_assertions);

const MESSAGE: &str = "the type cannot read the value that it writes";

/// Appends what `write` writes to `buffer`, and reads it again if that is in doubt.
///
/// `write` counts the doubts in its last argument. A doubt is something that serde reads in most
/// places and not in all: in an enum that is tagged inside or untagged, and next to a flattened
/// field, serde holds values in a buffer, which has no 128 bit integers and does not know the format.
#[inline]
pub(crate) fn check_readable<T, C: Codec<T>, E: Into<Box<dyn Error + Send + Sync>>>(
    value: &T,
    buffer: &mut Vec<u8>,
    write: impl Fn(&T, &mut Vec<u8>, &Cell<usize>) -> Result<(), E>,
) -> Result<(), EncodeError> {
    let start = buffer.len();
    let doubts = Cell::new(0);
    write(value, buffer, &doubts).map_err(EncodeError::new::<T, C>)?;
    if doubts.get() > 0 || IS_ALWAYS_CHECKED {
        read_again::<T, C, E>(&buffer[start..], doubts.get(), write)?;
    }
    Ok(())
}

/// Reads a written value. One with doubts is written again, because it may have become another one,
/// which has fewer of them.
#[cold]
fn read_again<T, C: Codec<T>, E>(
    bytes: &[u8],
    doubts: usize,
    write: impl Fn(&T, &mut Vec<u8>, &Cell<usize>) -> Result<(), E>,
) -> Result<(), EncodeError> {
    let value = C::decode(bytes).map_err(|error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        EncodeError::new::<T, C>(format!("{MESSAGE}: {cause}"))
    })?;
    if doubts > 0 {
        let again = Cell::new(0);
        let written = write(&value, &mut Vec::with_capacity(bytes.len()), &again);
        if written.is_err() || again.get() != doubts {
            return Err(EncodeError::new::<T, C>(format!(
                "{MESSAGE}: it becomes another one"
            )));
        }
    }
    Ok(())
}
