//! What errors tell, carry, and keep to themselves.

use std::error::Error;

use purse_codec::{Codec, DecodeError, EncodeError, Json, Plain};
use static_assertions::assert_impl_all;

use crate::samples::reason;

assert_impl_all!(DecodeError: Error, Send, Sync);
assert_impl_all!(EncodeError: Error, Send, Sync);

fn decode_error<T, C: Codec<T>>(bytes: &[u8]) -> DecodeError {
    C::decode(bytes).err().expect("decoded what it must not")
}

#[test]
fn decode_error_names_type_codec_excerpt_and_cause() {
    let error = decode_error::<u64, Plain>(b"12 monkeys");
    assert_eq!(
        error.to_string(),
        r#"cannot decode u64 with Plain from "12 monkeys""#
    );
    assert_eq!(error.type_name(), "u64");
    assert_eq!(error.codec(), "Plain");
    assert_eq!(reason(&error), "trailing characters at line 1 column 4");
    assert_eq!(
        format!("{error:?}"),
        r#"DecodeError { type_name: "u64", codec: "Plain", excerpt: "12 monkeys", len: 10, source: "trailing characters at line 1 column 4" }"#
    );
    assert_eq!(decode_error::<u64, Json>(b"x").codec(), "Json");
}

#[test]
fn a_decode_error_carries_the_bytes() {
    let bytes = [0xff; 1000];
    let error = decode_error::<String, Plain>(&bytes);
    assert_eq!(error.bytes()[..], bytes);
    assert_eq!(error.into_bytes(), bytes[..]);
}

#[test]
fn the_excerpt_is_safe_and_short() {
    let error = decode_error::<u64, Plain>(b"\"\\\n\0\xc3\xa9");
    assert_eq!(
        error.to_string(),
        r#"cannot decode u64 with Plain from "\"\\\n\x00\xc3\xa9""#
    );
    let fits = decode_error::<u64, Plain>(&[b'a'; 32]).to_string();
    assert!(fits.ends_with(&format!("\"{}\"", "a".repeat(32))), "{fits}");
    let cut = decode_error::<u64, Plain>(&[b'a'; 33]).to_string();
    assert!(cut.ends_with(&format!("\"{}…\"", "a".repeat(32))), "{cut}");
}

#[test]
fn no_part_of_an_error_dumps_the_payload() {
    // serde quotes the string that it did not want: here a megabyte of it, of characters of two bytes
    // that start at an even and at an odd place.
    for start in ["", "a"] {
        let payload = format!("\"{start}{}\"", "é".repeat(1 << 19));
        let error = decode_error::<u64, Plain>(payload.as_bytes());
        assert_eq!(error.bytes().len(), payload.len());
        assert!(error.to_string().len() < 300);
        assert!(format!("{error:?}").len() < 1500);
        let reason = reason(&error);
        assert!(
            reason.starts_with(&format!("invalid type: string \"{start}éé")),
            "{reason}"
        );
        assert!(reason.ends_with("é…"), "{reason}");
        assert!(reason.len() < 600);
    }
}

#[test]
fn a_short_cause_keeps_its_type() {
    let error = decode_error::<u64, Plain>(b"12 monkeys");
    let source = error.source().unwrap();
    assert_eq!(
        source.downcast_ref::<serde_json::Error>().unwrap().column(),
        4
    );
}

#[test]
fn encode_error_names_type_codec_and_cause() {
    let error = Plain::encode(&vec![f64::NAN]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot encode alloc::vec::Vec<f64> with Plain"
    );
    assert_eq!(error.type_name(), "alloc::vec::Vec<f64>");
    assert_eq!(error.codec(), "Plain");
    assert_eq!(reason(&error), "JSON has no form for the float NaN");
    assert_eq!(
        format!("{error:?}"),
        r#"EncodeError { type_name: "alloc::vec::Vec<f64>", codec: "Plain", source: "JSON has no form for the float NaN" }"#
    );
}

#[test]
fn a_long_cause_is_cut_when_encoding_too() {
    let error = EncodeError::new::<String, Plain>("x".repeat(1 << 20));
    assert!(format!("{error:?}").len() < 700);
    assert_eq!(reason(&error), format!("{}…", "x".repeat(512)));
}
