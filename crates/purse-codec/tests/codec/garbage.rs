//! Bytes that nobody wrote.

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
fn survives<C, T>()
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

pub(crate) fn every_type_survives<C: Full>() {
    survives::<C, bool>();
    survives::<C, u8>();
    survives::<C, i64>();
    survives::<C, i128>();
    survives::<C, u128>();
    survives::<C, f32>();
    survives::<C, f64>();
    survives::<C, char>();
    survives::<C, String>();
    survives::<C, ()>();
    survives::<C, Option<String>>();
    survives::<C, Vec<u8>>();
    survives::<C, Vec<String>>();
    survives::<C, bytes::Bytes>();
    survives::<C, Shape>();
    survives::<C, Record>();
    survives::<C, Tree>();
    survives::<C, Uuid>();
}

#[test]
fn plain_survives() {
    every_type_survives::<Plain>();
    survives::<Plain, Value>();
}

#[test]
fn json_survives() {
    every_type_survives::<Json>();
    survives::<Json, Value>();
}

#[test]
fn raw_survives() {
    survives::<Raw, Vec<u8>>();
    survives::<Raw, bytes::Bytes>();
}

/// Asserts that anything after an encoded value is an error.
pub(crate) fn nothing_may_follow<C: Codec<T>, T: Debug>(value: &T) {
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
    nothing_may_follow::<Plain, _>(&Shape::Unit);
    nothing_may_follow::<Json, _>(&Shape::Unit);
    nothing_may_follow::<Json, _>(&"text".to_owned());
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
