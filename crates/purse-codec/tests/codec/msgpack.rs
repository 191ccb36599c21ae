//! MessagePack on the wire.

use std::collections::BTreeMap;

use proptest::prelude::{Strategy, any};
use purse_codec::{Codec, MsgPack};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::binary::{Bits, Chain, Hint, Maps};
use crate::garbage::{check_garbage_for_all_types, check_trailing_bytes};
use crate::samples::{self, Name, Shape, Tree, check_round_trip, reason};

fn encode<T: Serialize + DeserializeOwned + 'static>(value: T) -> Vec<u8> {
    MsgPack::encode(&value).unwrap().to_vec()
}

#[test]
fn scalars_come_back() {
    samples::check_scalars::<MsgPack>();
}

#[test]
fn strings_come_back() {
    samples::check_strings::<MsgPack>();
}

#[test]
fn structures_come_back() {
    samples::check_structures::<MsgPack>();
}

#[test]
fn every_float_comes_back() {
    check_round_trip::<MsgPack, Bits>(any::<u64>().prop_map(Bits));
    let bytes = MsgPack::encode(&f64::NAN).unwrap();
    assert!(<MsgPack as Codec<f64>>::decode(&bytes).unwrap().is_nan());
}

#[test]
fn types_that_look_at_the_data_come_back() {
    for value in [
        json!("5"),
        json!(5),
        json!(null),
        json!({"a": [1.5, {"b": false}]}),
    ] {
        let bytes = MsgPack::encode(&value).unwrap();
        assert_eq!(<MsgPack as Codec<Value>>::decode(&bytes).unwrap(), value);
    }
}

#[test]
fn the_bytes_are_those_of_the_format() {
    assert_eq!(encode(5u64), [5]);
    assert_eq!(encode(-1i64), [0xff]);
    assert_eq!(encode(1.5f64), [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
    assert_eq!(encode(true), [0xc3]);
    assert_eq!(encode(None::<u8>), [0xc0]);
    assert_eq!(encode(Name("ab".into())), *b"\xa2ab");
    assert_eq!(encode(bytes::Bytes::from_static(b"ab")), *b"\xc4\x02ab");
    assert_eq!(encode(vec![1u8, 2]), [0x92, 1, 2]);
    assert_eq!(encode(Uuid::nil())[..2], [0xc4, 16]);
    assert_eq!(encode(BTreeMap::from([(1u8, false)])), [0x81, 1, 0xc2]);
}

#[test]
fn structures_have_names() {
    assert_eq!(encode(Shape::Unit), *b"\xa4Unit");
    assert_eq!(encode(Shape::Newtype("a".into())), *b"\x81\xa7Newtype\xa1a");
    assert_eq!(
        encode(Shape::Struct {
            size: Some(1),
            name: "a".into()
        }),
        *b"\x81\xa6Struct\x82\xa4size\x01\xa4name\xa1a"
    );
}

#[test]
fn garbage_does_not_panic() {
    check_garbage_for_all_types::<MsgPack>();
}

#[test]
fn nothing_may_follow_a_value() {
    check_trailing_bytes::<MsgPack, _>(&Shape::Unit);
    check_trailing_bytes::<MsgPack, _>(&7u64);
    check_trailing_bytes::<MsgPack, _>(&Some("text".to_owned()));
    let error = <MsgPack as Codec<u8>>::decode(&[1, 0xdb]).unwrap_err();
    assert_eq!(reason(&error), "trailing bytes");
}

#[test]
fn claimed_length_is_bounded_by_the_bytes() {
    const CLAIM: [u8; 4] = [0xff; 4];
    let claim = |marker: u8| [&[marker][..], &CLAIM].concat();
    <MsgPack as Codec<String>>::decode(&claim(0xdb)).unwrap_err();
    <MsgPack as Codec<bytes::Bytes>>::decode(&claim(0xc6)).unwrap_err();
    <MsgPack as Codec<Vec<[u64; 32]>>>::decode(&claim(0xdd)).unwrap_err();
    <MsgPack as Codec<BTreeMap<u8, u8>>>::decode(&claim(0xdf)).unwrap_err();
    assert_eq!(Hint::from_codec::<MsgPack>(&claim(0xdd)), Some(5));
    assert_eq!(Hint::from_codec::<MsgPack>(&claim(0xdf)), Some(5));
}

#[test]
fn value_of_any_writable_depth_is_readable() {
    let deepest = Tree::of_depth(128);
    let bytes = MsgPack::encode(&deepest).unwrap();
    assert_eq!(<MsgPack as Codec<Tree>>::decode(&bytes).unwrap(), deepest);
    let last_is_empty = Tree::above(Tree::List(Vec::new()), 127);
    let bytes = MsgPack::encode(&last_is_empty).unwrap();
    assert_eq!(
        <MsgPack as Codec<Tree>>::decode(&bytes).unwrap(),
        last_is_empty
    );
    let error = MsgPack::encode(&Tree::of_depth(129)).unwrap_err();
    assert_eq!(reason(&error), "nested too deep");
}

#[test]
fn deep_nesting_is_an_error() {
    const DEPTH: usize = 1 << 20;
    let error = <MsgPack as Codec<Tree>>::decode(&b"\x81\xa4Node".repeat(DEPTH)).unwrap_err();
    assert_eq!(reason(&error), "nested too deep");
    <MsgPack as Codec<Tree>>::decode(&b"\x81\xa4List\x91".repeat(DEPTH)).unwrap_err();
    <MsgPack as Codec<Value>>::decode(&vec![0x91; DEPTH]).unwrap_err();
    <MsgPack as Codec<Maps>>::decode(&[0x81, 0].repeat(DEPTH)).unwrap_err();
    // Each of its options is looked for in the same byte.
    <MsgPack as Codec<Chain>>::decode(&[1]).unwrap_err();
}
