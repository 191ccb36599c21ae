//! `Lenient`: what cannot be decoded is an error among the values.

use std::collections::HashSet;

use purse_codec::{Codec, Decoded, Json, Lenient, Plain, encode};

type Number = Decoded<u32>;

#[test]
fn undecodable_bytes_are_a_value_and_are_written_back_unchanged() {
    for bytes in [&b"7"[..], b"x", b"", b"\xff\0"] {
        let value: Number = Lenient::<Json>::decode(bytes).unwrap();
        assert_eq!(value == Decoded::Value(7), bytes == b"7");
        assert_eq!(Lenient::<Json>::encode(&value).unwrap(), bytes);
        let mut buffer = b"a".to_vec();
        Lenient::<Json>::encode_into(&value, &mut buffer).unwrap();
        assert_eq!(buffer, [b"a", bytes].concat());
    }
}

#[test]
fn plain_is_lenient_for_decoded_values() {
    let bad: Number = Plain::decode(b"x").unwrap();
    assert_eq!(bad.into_result().unwrap_err().bytes(), "x");
    assert_eq!(encode::<Number, Plain>(7).unwrap(), "7");
    let text = encode::<Decoded<String>, Plain>("Ada").unwrap();
    assert_eq!(text, "Ada");
}

#[test]
fn errors_are_equal_if_their_bytes_are() {
    let values = [&b"x"[..], b"y", b"x"].map(|bytes| Lenient::<Plain>::decode(bytes).unwrap());
    let distinct: HashSet<Number> = values.into();
    assert_eq!(distinct.len(), 2);
}
