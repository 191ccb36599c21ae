//! Buffers that are reused, because most values are small.

use std::cell::Cell;

use bytes::Bytes;

thread_local! {
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
}

/// A buffer with a larger capacity is neither copied nor kept.
const MAX_KEPT: usize = 1 << 12;

/// Returns the bytes that `write` appends to a buffer.
///
/// A small result is copied to an allocation of its size, because [`Bytes`] needs a second
/// allocation for a vector with spare capacity.
pub(crate) fn with_scratch_buffer<E>(
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Bytes, E> {
    // The buffer is taken, so a codec inside a codec uses another one. A thread that ends has none.
    let mut buffer = BYTES.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    buffer.reserve(128);
    let written = write(&mut buffer);
    if buffer.capacity() > MAX_KEPT {
        return written.map(|()| buffer.into());
    }
    let bytes = written.map(|()| Bytes::copy_from_slice(&buffer));
    let _ = BYTES.try_with(|place| place.set(buffer));
    bytes
}

/// Calls `f` with `text` as a `String`.
pub(crate) fn with_scratch_string<R>(text: &str, f: impl FnOnce(&String) -> R) -> R {
    if text.len() > MAX_KEPT {
        return f(&text.to_owned());
    }
    let mut owned = TEXT.try_with(Cell::take).unwrap_or_default();
    owned.clear();
    owned.push_str(text);
    let result = f(&owned);
    let _ = TEXT.try_with(|place| place.set(owned));
    result
}
