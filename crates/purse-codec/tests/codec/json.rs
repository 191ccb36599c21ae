//! JSON on the wire.

use std::collections::BTreeMap;

use proptest::prelude::{Strategy, any};
use purse_codec::{Codec, Json};
use serde_json::{Value, json};

use crate::samples::{self, Count, Name, Shape, Tree, reason};

#[test]
fn scalars_come_back() {
    samples::check_scalars::<Json>();
}

#[test]
fn strings_come_back() {
    samples::check_strings::<Json>();
}

#[test]
fn structures_come_back() {
    samples::check_structures::<Json>();
}

#[test]
fn numbers_with_arbitrary_bits_come_back() {
    samples::check_round_trip::<Json, f64>(
        any::<u64>()
            .prop_map(f64::from_bits)
            .prop_filter("JSON has finite numbers only", |float| float.is_finite()),
    );
}

#[test]
fn strings_are_quoted() {
    assert_eq!(Json::encode(&"a\"b\n".to_owned()).unwrap(), r#""a\"b\n""#);
    assert_eq!(Json::encode(&'x').unwrap(), "\"x\"");
    assert_eq!(Json::encode(&Name("Ada".into())).unwrap(), "\"Ada\"");
    assert_eq!(Json::encode(&Some("5".to_owned())).unwrap(), "\"5\"");
}

#[test]
fn buffers_are_arrays() {
    assert_eq!(Json::encode(&vec![0u8, 255]).unwrap(), "[0,255]");
    let buffer = bytes::Bytes::from_static(&[0, 255]);
    assert_eq!(Json::encode(&buffer).unwrap(), "[0,255]");
}

#[test]
fn everything_else_is_compact() {
    assert_eq!(Json::encode(&Count(5)).unwrap(), "5");
    assert_eq!(Json::encode(&Shape::Unit).unwrap(), "\"Unit\"");
    assert_eq!(
        Json::encode(&vec![
            Shape::Tuple(-1, 0.5),
            Shape::Struct {
                size: None,
                name: "n".into()
            },
        ])
        .unwrap(),
        r#"[{"Tuple":[-1,0.5]},{"Struct":{"size":null,"name":"n"}}]"#
    );
}

#[test]
fn floats_that_are_not_finite_are_refused_everywhere() {
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = Json::encode(&float).unwrap_err();
        assert_eq!(
            reason(&error),
            format!("JSON has no form for the float {float}")
        );
        Json::encode(&(float as f32)).unwrap_err();
        Json::encode(&vec![1.0, float]).unwrap_err();
        Json::encode(&Some(float)).unwrap_err();
        Json::encode(&(1, float)).unwrap_err();
        Json::encode(&BTreeMap::from([(1, Some(vec![float]))])).unwrap_err();
        Json::encode(&Shape::Tuple(1, float)).unwrap_err();
        Json::encode(&Newtype(float)).unwrap_err();
        Json::encode(&Tagged { float }).unwrap_err();
        Json::encode(&Variant::Newtype(float)).unwrap_err();
        Json::encode(&Variant::Struct { float }).unwrap_err();
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Newtype(f64);

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(tag = "type")]
struct Tagged {
    float: f64,
}

#[derive(serde::Serialize, serde::Deserialize)]
enum Variant {
    Newtype(f64),
    Struct { float: f64 },
}

#[test]
fn value_of_any_writable_depth_is_readable() {
    let nested = |depth| (0..depth).fold(json!(1), |value, _| Value::Array(vec![value]));
    let deepest = nested(127);
    let bytes = Json::encode(&deepest).unwrap();
    assert_eq!(<Json as Codec<Value>>::decode(&bytes).unwrap(), deepest);
    let error = Json::encode(&nested(128)).unwrap_err();
    assert_eq!(reason(&error), "nested too deep to be read back");

    let deepest = Tree::of_depth(127);
    let bytes = Json::encode(&deepest).unwrap();
    assert_eq!(<Json as Codec<Tree>>::decode(&bytes).unwrap(), deepest);
    Json::encode(&Tree::of_depth(128)).unwrap_err();
}

#[test]
fn depth_counts_what_is_open_not_what_was() {
    let wide = Value::Array(vec![json!({"a": []}); 1000]);
    let bytes = Json::encode(&wide).unwrap();
    assert_eq!(<Json as Codec<Value>>::decode(&bytes).unwrap(), wide);
}

#[test]
fn non_scalar_keys_are_refused() {
    let error = Json::encode(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
    assert_eq!(reason(&error), "key must be a string");
}
