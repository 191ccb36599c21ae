//! Bytes that no codec wrote.

use std::fmt::Debug;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::TestRunner;
use purse_codec::{Codec, Json, Plain, Raw};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::samples::{Full, Record, Shape, Tree};

/// Bytes that look a little like what a codec writes, so that some of them are read for a while.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let json = proptest::sample::select(&br#"{}[]",:\-0123456789.eEtruefalsn "#[..]);
    prop_oneof![
        vec(any::<u8>(), 0..64),
        vec(0u8..8, 0..64),
        vec(prop_oneof![0x80u8..0xa8, 0xc0u8..0xe0], 0..64),
        vec(json, 0..64),
    ]
}

/// Asserts that what can be read at all is a value as good as any: it can be written, and read again.
fn check_garbage<C, T>()
where
    C: Codec<T>,
    T: Debug,
{
    TestRunner::default()
        .run(&bytes(), |bytes| {
            match C::decode(&bytes) {
                Ok(value) => {
                    let again = C::decode(&C::encode(&value)?)?;
                    assert_eq!(format!("{again:?}"), format!("{value:?}"));
                }
                Err(error) => assert_eq!(error.into_bytes(), bytes),
            }
            Ok(())
        })
        .unwrap();
}

pub(crate) fn check_garbage_for_all_types<C: Full>() {
    check_garbage::<C, bool>();
    check_garbage::<C, u8>();
    check_garbage::<C, i64>();
    check_garbage::<C, i128>();
    check_garbage::<C, u128>();
    check_garbage::<C, f32>();
    check_garbage::<C, f64>();
    check_garbage::<C, char>();
    check_garbage::<C, String>();
    check_garbage::<C, ()>();
    check_garbage::<C, Option<String>>();
    check_garbage::<C, Vec<u8>>();
    check_garbage::<C, Vec<String>>();
    check_garbage::<C, bytes::Bytes>();
    check_garbage::<C, Shape>();
    check_garbage::<C, Record>();
    check_garbage::<C, Tree>();
    check_garbage::<C, Uuid>();
}

#[test]
fn plain_survives() {
    check_garbage_for_all_types::<Plain>();
    check_garbage::<Plain, Value>();
}

#[test]
fn json_survives() {
    check_garbage_for_all_types::<Json>();
    check_garbage::<Json, Value>();
}

#[test]
fn raw_survives() {
    check_garbage::<Raw, Vec<u8>>();
    check_garbage::<Raw, bytes::Bytes>();
}

/// Asserts that anything after an encoded value is an error.
pub(crate) fn check_trailing_bytes<C: Codec<T>, T: Debug>(value: &T) {
    let encoded = C::encode(value).unwrap();
    for extra in 0..=u8::MAX {
        if extra.is_ascii_whitespace() {
            continue;
        }
        let longer = [&encoded, &[extra][..]].concat();
        C::decode(&longer).unwrap_err();
    }
}

#[test]
fn nothing_may_follow_json() {
    check_trailing_bytes::<Plain, _>(&Shape::Unit);
    check_trailing_bytes::<Json, _>(&Shape::Unit);
    check_trailing_bytes::<Json, _>(&"text".to_owned());
}

fn read<T: Serialize + DeserializeOwned + 'static>(text: &str) -> Result<T, impl Debug> {
    Plain::decode(text.as_bytes())
}

#[test]
fn deep_nesting_is_an_error() {
    const DEPTH: usize = 1 << 20;
    read::<Value>(&"[".repeat(DEPTH)).unwrap_err();
    read::<Value>(&"{\"a\":".repeat(DEPTH)).unwrap_err();
    read::<Tree>(&"{\"Node\":".repeat(DEPTH)).unwrap_err();
    read::<Tree>(&"{\"List\":[".repeat(DEPTH)).unwrap_err();
}

#[test]
fn numbers_out_of_range_are_errors() {
    read::<f64>("1e999").unwrap_err();
    read::<u128>(&"9".repeat(40)).unwrap_err();
    read::<u64>(&"9".repeat(1 << 20)).unwrap_err();
    read::<Duration>(r#"{"secs":18446744073709551615,"nanos":4294967295}"#).unwrap_err();
}
