//! Memory that is used again: values are small and many.

use std::cell::Cell;

use bytes::Bytes;

thread_local! {
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
}

/// What has more than this is neither copied nor kept.
const MOST: usize = 1 << 12;

/// The bytes that `write` appends to a buffer.
///
/// Small ones are copied to where they fit exactly: [`Bytes`] takes a second allocation for what has
/// room left.
pub(crate) fn with_scratch_buffer<E>(
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Bytes, E> {
    // Taken, so that a codec within a codec has another one; a thread that ends has none to keep.
    let mut buffer = BYTES.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    buffer.reserve(128);
    let written = write(&mut buffer);
    if buffer.capacity() > MOST {
        return written.map(|()| buffer.into());
    }
    let bytes = written.map(|()| Bytes::copy_from_slice(&buffer));
    let _ = BYTES.try_with(|place| place.set(buffer));
    bytes
}

/// Lends `text` as a `String`.
pub(crate) fn with_scratch_string<R>(text: &str, f: impl FnOnce(&String) -> R) -> R {
    if text.len() > MOST {
        return f(&text.to_owned());
    }
    let mut owned = TEXT.try_with(Cell::take).unwrap_or_default();
    owned.clear();
    owned.push_str(text);
    let result = f(&owned);
    let _ = TEXT.try_with(|place| place.set(owned));
    result
}
