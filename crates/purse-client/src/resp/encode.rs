//! Writes commands: an array of bulk strings each.

use std::io::Write;

/// Writes the header of a command with this number of words, its name included.
pub(crate) fn put_header(out: &mut Vec<u8>, words: usize) {
    put_length(out, b'*', words);
}

/// Writes a word of a command.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Writes an integer as a word of a command.
pub(crate) fn put_int(out: &mut Vec<u8>, n: i64) {
    put_bytes(out, itoa::Buffer::new().format(n).as_bytes());
}

/// Writes a double as a word of a command, in the text of `f64`'s `Display`.
///
/// That text reads back as the same number. Infinity is `inf`.
pub(crate) fn put_double(out: &mut Vec<u8>, n: f64) {
    let start = out.len();
    // Writing to a vector cannot fail.
    let _ = write!(out, "{n}");
    let length = out.len() - start;
    // The length is known only after the text, so the header is written last and moved to the front.
    put_length(out, b'$', length);
    out[start..].rotate_left(length);
    out.extend_from_slice(b"\r\n");
}

fn put_length(out: &mut Vec<u8>, mark: u8, length: usize) {
    out.push(mark);
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}
