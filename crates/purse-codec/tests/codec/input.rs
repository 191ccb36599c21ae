//! What may stand for a value.

use bytes::Bytes;
use purse_codec::{Codec, IntoArg, Json, Plain, Raw, encode, encode_into};
use serde::{Deserialize, Serialize};

fn lend<T: Clone>(value: impl IntoArg<T>) -> T {
    value.with(T::clone)
}

#[test]
fn a_value_and_a_reference_to_it() {
    assert_eq!(lend::<u64>(5), 5);
    assert_eq!(lend::<u64>(&5), 5);
    assert_eq!(lend::<String>("a".to_owned()), "a");
    assert_eq!(lend::<String>(&"a".to_owned()), "a");
}

#[test]
fn str_and_slice_are_accepted_as_references() {
    assert_eq!(lend::<String>("a"), "a");
    assert_eq!(lend::<Vec<u8>>(b"ab"), b"ab");
    assert_eq!(lend::<Vec<u8>>(&b"ab"[..]), b"ab");
}

#[test]
fn every_kind_of_argument_encodes() {
    assert_eq!(encode::<String, Plain>("a").unwrap(), "a");
    assert_eq!(encode::<String, Json>("a").unwrap(), "\"a\"");
    assert_eq!(encode::<Vec<u8>, Raw>(b"ab").unwrap(), "ab");
    assert_eq!(
        encode::<Bytes, Raw>(Bytes::from_static(b"ab")).unwrap(),
        "ab"
    );
    assert_eq!(encode::<Vec<u32>, Plain>(vec![1]).unwrap(), "[1]");
}

#[test]
fn text_of_any_size_is_lent_even_when_nested() {
    let long = "x".repeat(100_000);
    let nested = "outer".with(|outer: &String| {
        let inner = [&long, "", "b"].map(lend::<String>);
        (outer.clone(), inner)
    });
    assert_eq!(nested.0, "outer");
    assert_eq!(nested.1, [&long, "", "b"]);
    assert_eq!(lend::<String>("c"), "c");
}

/// Text that is written as the JSON of it, so that a codec runs within a codec.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
struct Nested(String);

impl From<Nested> for String {
    fn from(nested: Nested) -> Self {
        let json = Json::encode(&vec![nested.0]).unwrap();
        Self::from_utf8(json.into()).unwrap()
    }
}

impl From<String> for Nested {
    fn from(json: String) -> Self {
        let texts: Vec<String> = Json::decode(json.as_bytes()).unwrap();
        Self(texts.concat())
    }
}

#[test]
fn a_value_may_encode_others_while_it_is_encoded() {
    for size in [1, 1_000, 100_000] {
        let value = (7, Nested("x".repeat(size)), 8);
        let encoded = Json::encode(&value).unwrap();
        let (before, nested, after): (u8, Nested, u8) = Json::decode(&encoded).unwrap();
        assert_eq!((before, nested.0.len(), after), (7, size, 8));
    }
}

#[test]
fn failed_encoding_leaves_nothing_in_the_buffer() {
    let unfinished = vec![Some(1.0), None, Some(f64::NAN)];
    assert!(Json::encode(&unfinished).is_err());
    assert_eq!(Json::encode(&vec![Some(1.0)]).unwrap(), "[1.0]");
}

#[test]
fn encode_into_appends() {
    let mut buffer = b"a".to_vec();
    encode_into::<String, Plain>("b", &mut buffer).unwrap();
    encode_into::<u64, Plain>(7, &mut buffer).unwrap();
    encode_into::<Vec<u8>, Raw>(b"c", &mut buffer).unwrap();
    assert_eq!(buffer, b"ab7c");
}
