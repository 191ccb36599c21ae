//! Checks that the frames of a stream do not depend on the pieces in which the stream arrives.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use resp::Parser;

#[path = "../../src/resp/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the target does not encode")]
mod resp;

/// Parses pieces as they arrive, and returns the text of all frames and of the end: the number of
/// bytes that are left, or the error. The text is compared because NaN is not equal to itself.
fn parse<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let (mut read, mut parser, mut frames) = (BytesMut::new(), Parser::default(), Vec::new());
    for piece in pieces {
        read.extend_from_slice(piece);
        loop {
            match parser.next(&mut read) {
                Ok(Some(frame)) => frames.push(format!("{frame:?}")),
                Ok(None) => break,
                Err(error) => {
                    frames.push(error.to_string());
                    return frames;
                }
            }
        }
    }
    frames.push(format!("{} bytes are left", read.len()));
    frames
}

// The first bytes are the lengths of the pieces, which are used again and again.
fuzz_target!(|input: ([u8; 4], &[u8])| {
    let (lengths, mut data) = input;
    let whole = parse([data].into_iter());
    let single = parse(data.chunks(1));
    let pieces = parse(lengths.iter().cycle().map_while(|length| {
        let length = data.len().min(1 + usize::from(*length));
        data.split_off(..length).filter(|piece| !piece.is_empty())
    }));
    assert_eq!(single, whole);
    assert_eq!(pieces, whole);
});
