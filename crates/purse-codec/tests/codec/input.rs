//! What may stand for a value.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use purse_codec::{Codec, Decoded, IntoArg, IntoPair, Json, Plain, Raw, encode, encode_into};
use serde::{Deserialize, Serialize};
use static_assertions::{assert_impl_all, assert_not_impl_any};

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

/// Returns the bytes that are written for a form of a `T`.
fn written<T, C: Codec<T>>(value: impl IntoArg<T> + Clone) -> Vec<u8> {
    let mut buffer = Vec::new();
    encode_into::<T, C>(value.clone(), &mut buffer).unwrap();
    assert_eq!(encode::<T, C>(value).unwrap(), buffer);
    buffer
}

fn check_forms<C>()
where
    C: Codec<String> + Codec<u64> + Codec<Option<String>> + Codec<Vec<u32>> + Codec<Vec<String>>,
{
    for text in ["", "a", "null", "x\"\\\u{1f600}", &"y".repeat(10_000)] {
        let owned = text.to_owned();
        let expected = C::encode(&owned).unwrap();
        for form in [
            written::<String, C>(text),
            written::<String, C>(&text),
            written::<String, C>(&&owned),
            written::<String, C>(Cow::Borrowed(text)),
            written::<String, C>(Cow::<str>::Owned(owned.clone())),
            written::<String, C>(&Cow::Borrowed(text)),
            written::<String, C>(&Cow::<str>::Owned(owned.clone())),
            written::<String, C>(Box::<str>::from(text)),
            written::<String, C>(&Box::<str>::from(text)),
            written::<String, C>(Rc::<str>::from(text)),
            written::<String, C>(&Rc::<str>::from(text)),
            written::<String, C>(Arc::<str>::from(text)),
            written::<String, C>(&Arc::<str>::from(text)),
            written::<String, C>(Box::new(owned.clone())),
            written::<String, C>(&Box::new(owned.clone())),
            written::<String, C>(Rc::new(owned.clone())),
            written::<String, C>(&Rc::new(owned.clone())),
            written::<String, C>(Arc::new(owned.clone())),
            written::<String, C>(&Arc::new(owned.clone())),
        ] {
            assert_eq!(form, expected, "{text:.9}");
        }
        let some = C::encode(&Some(owned)).unwrap();
        assert_eq!(written::<Option<String>, C>(Some(text)), some, "{text:.9}");
    }
    let none = C::encode(&None::<String>).unwrap();
    assert_eq!(written::<Option<String>, C>(None::<&str>), none);
    let number = <C as Codec<u64>>::encode(&7).unwrap();
    for form in [
        written::<u64, C>(7),
        written::<u64, C>(&&7),
        written::<u64, C>(Box::new(7)),
        written::<u64, C>(Rc::new(7)),
        written::<u64, C>(&Arc::new(7)),
    ] {
        assert_eq!(form, number);
    }
    let numbers = C::encode(&vec![1_u32, 2]).unwrap();
    for form in [
        written::<Vec<u32>, C>([1, 2]),
        written::<Vec<u32>, C>(&[1, 2]),
        written::<Vec<u32>, C>(&[1, 2][..]),
        written::<Vec<u32>, C>(&vec![1, 2]),
    ] {
        assert_eq!(form, numbers);
    }
    let empty = C::encode(&Vec::<String>::new()).unwrap();
    assert_eq!(written::<Vec<String>, C>([]), empty);
    assert_eq!(written::<Vec<String>, C>(&[] as &[String]), empty);
}

#[test]
fn every_form_is_written_as_the_owned_value() {
    check_forms::<Plain>();
    check_forms::<Json>();
    #[cfg(feature = "msgpack")]
    check_forms::<purse_codec::MsgPack>();
    #[cfg(feature = "bincode")]
    check_forms::<purse_codec::Bincode>();
    for form in [
        written::<Vec<u8>, Raw>(b"ab"),
        written::<Vec<u8>, Raw>(*b"ab"),
        written::<Vec<u8>, Raw>(&b"ab"[..]),
        written::<Vec<u8>, Raw>(Arc::new(b"ab".to_vec())),
        written::<Bytes, Raw>(Box::new(Bytes::from_static(b"ab"))),
    ] {
        assert_eq!(form, b"ab");
    }
}

#[test]
fn pairs_are_taken_apart_by_value_and_by_reference() {
    fn texts<P>(pairs: impl IntoIterator<Item = P>) -> Vec<(String, u32)>
    where
        P: IntoPair<First: IntoArg<String>, Second: IntoArg<u32>>,
    {
        let pairs = pairs.into_iter().map(IntoPair::into_pair);
        pairs.map(|(text, n)| (lend(text), lend(n))).collect()
    }
    let (borrowed, owned) = ([("a", 1)], [("a".to_owned(), 1)]);
    for form in [
        texts(borrowed),
        texts(&borrowed),
        texts(&owned),
        texts(owned.clone()),
    ] {
        assert_eq!(form, owned);
    }
    let map = std::collections::HashMap::from(owned.clone());
    assert_eq!(texts(&map), owned);
    assert_eq!(texts(map), owned);
}

assert_impl_all!(&str: IntoArg<String>, IntoArg<Decoded<String>>);
assert_impl_all!(Cow<'static, str>: IntoArg<String>);
assert_impl_all!(Arc<str>: IntoArg<String>);
assert_impl_all!(Arc<Vec<u32>>: IntoArg<Vec<u32>>);
assert_impl_all!(Option<&str>: IntoArg<Option<String>>);
assert_impl_all!([u32; 2]: IntoArg<Vec<u32>>);
assert_not_impl_any!(char: IntoArg<String>);
assert_not_impl_any!(&[u8]: IntoArg<String>);
assert_not_impl_any!(u32: IntoArg<u64>);
assert_not_impl_any!(Option<Arc<u32>>: IntoArg<Option<u32>>);
assert_not_impl_any!([&str; 2]: IntoPair);
