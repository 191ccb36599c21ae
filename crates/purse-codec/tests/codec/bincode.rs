//! bincode on the wire.

use std::collections::BTreeMap;

use proptest::prelude::{Strategy, any};
use purse_codec::{Bincode, Codec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::binary::{Bits, Chain, Hint, Maps};
use crate::garbage::{check_garbage_for_all_types, check_trailing_bytes};
use crate::samples::{self, Name, Shape, Tree, check_round_trip, reason};

/// 2 to the power of 50, as bincode writes a length: more than any machine can allocate.
const CLAIM: [u8; 9] = [0xfd, 0, 0, 0, 0, 0, 0, 4, 0];

fn encode<T: Serialize + DeserializeOwned + 'static>(value: T) -> Vec<u8> {
    Bincode::encode(&value).unwrap().to_vec()
}

#[test]
fn scalars_come_back() {
    samples::check_scalars::<Bincode>();
}

#[test]
fn strings_come_back() {
    samples::check_strings::<Bincode>();
}

#[test]
fn structures_come_back() {
    samples::check_structures::<Bincode>();
}

#[test]
fn every_float_comes_back() {
    check_round_trip::<Bincode, Bits>(any::<u64>().prop_map(Bits));
    let bytes = Bincode::encode(&f64::NAN).unwrap();
    assert!(<Bincode as Codec<f64>>::decode(&bytes).unwrap().is_nan());
}

#[test]
fn the_bytes_are_those_of_the_standard_configuration() {
    assert_eq!(encode(5u64), [5]);
    assert_eq!(encode(251u64), [251, 251, 0]);
    assert_eq!(encode(-1i64), [1]);
    assert_eq!(encode(1.5f64), 1.5f64.to_le_bytes());
    assert_eq!(encode(Some(true)), [1, 1]);
    assert_eq!(encode(None::<bool>), [0]);
    assert_eq!(encode(Name("ab".into())), *b"\x02ab");
    assert_eq!(encode(vec![1u8, 2]), [2, 1, 2]);
    assert_eq!(encode(Uuid::nil()), [&[16][..], &[0; 16]].concat());
    assert_eq!(encode(BTreeMap::from([(1u8, false)])), [1, 1, 0]);
    assert_eq!(encode(Shape::Unit), [0]);
    assert_eq!(
        encode(Shape::Struct {
            size: Some(1),
            name: "a".into()
        }),
        *b"\x03\x01\x01\x01a"
    );
}

#[test]
fn garbage_does_not_panic() {
    check_garbage_for_all_types::<Bincode>();
}

#[test]
fn nothing_may_follow_a_value() {
    check_trailing_bytes::<Bincode, _>(&Shape::Unit);
    check_trailing_bytes::<Bincode, _>(&"text".to_owned());
    let error = <Bincode as Codec<u8>>::decode(&[1, 2]).unwrap_err();
    assert_eq!(reason(&error), "trailing bytes");
}

#[test]
fn claimed_length_is_bounded_by_the_bytes() {
    let error = <Bincode as Codec<String>>::decode(&CLAIM).unwrap_err();
    assert_eq!(reason(&error), "unexpected end of the bytes");
    <Bincode as Codec<bytes::Bytes>>::decode(&CLAIM).unwrap_err();
    <Bincode as Codec<serde_bytes::ByteBuf>>::decode(&CLAIM).unwrap_err();
    <Bincode as Codec<Vec<u8>>>::decode(&CLAIM).unwrap_err();
    <Bincode as Codec<Vec<[u64; 32]>>>::decode(&CLAIM).unwrap_err();
    <Bincode as Codec<BTreeMap<u8, u8>>>::decode(&CLAIM).unwrap_err();
    assert_eq!(Hint::from_codec::<Bincode>(&CLAIM), Some(CLAIM.len()));
}

#[test]
fn elements_without_bytes_are_counted() {
    let error = <Bincode as Codec<Vec<()>>>::decode(&CLAIM).unwrap_err();
    assert_eq!(reason(&error), "more elements than the bytes justify");
    <Bincode as Codec<BTreeMap<(), ()>>>::decode(&CLAIM).unwrap_err();
    // Each of the outer elements claims a great many inner ones.
    let claims = [&[200][..], &CLAIM.repeat(200)].concat();
    <Bincode as Codec<Vec<Vec<()>>>>::decode(&claims).unwrap_err();

    let many = vec![(); 1 << 16];
    let bytes = Bincode::encode(&many).unwrap();
    assert_eq!(<Bincode as Codec<Vec<()>>>::decode(&bytes).unwrap(), many);
    let one_more = [0xfc, 1, 0, 1, 0];
    <Bincode as Codec<Vec<()>>>::decode(&one_more).unwrap_err();
    // A longer form of the same length justifies no more.
    let long_form = [0xfd, 1, 0, 1, 0, 0, 0, 0, 0];
    <Bincode as Codec<Vec<()>>>::decode(&long_form).unwrap_err();
}

type Many = ((((), u8),), Vec<(bool, ())>, Option<()>);

#[test]
fn elements_with_bytes_are_not_limited() {
    let many: Vec<Many> = vec![((((), 1),), vec![(true, ())], None); 100_000];
    let bytes = Bincode::encode(&many).unwrap();
    assert_eq!(<Bincode as Codec<Vec<Many>>>::decode(&bytes).unwrap(), many);

    let maps: Vec<BTreeMap<u8, u8>> = vec![BTreeMap::new(); 100_000];
    let bytes = Bincode::encode(&maps).unwrap();
    <Bincode as Codec<Vec<BTreeMap<u8, u8>>>>::decode(&bytes).unwrap();
}

#[test]
fn value_of_any_writable_depth_is_readable() {
    let deepest = Tree::of_depth(128);
    let bytes = Bincode::encode(&deepest).unwrap();
    assert_eq!(<Bincode as Codec<Tree>>::decode(&bytes).unwrap(), deepest);
    let last_is_empty = Tree::above(Tree::List(Vec::new()), 127);
    let bytes = Bincode::encode(&last_is_empty).unwrap();
    assert_eq!(
        <Bincode as Codec<Tree>>::decode(&bytes).unwrap(),
        last_is_empty
    );
    let error = Bincode::encode(&Tree::of_depth(129)).unwrap_err();
    assert_eq!(reason(&error), "nested too deep");
}

#[test]
fn options_count_as_levels() {
    let mut links = [1; 64];
    <Bincode as Codec<Linked>>::decode(&links).unwrap_err();
    links[63] = 0;
    let longest: Linked = Bincode::decode(&links).unwrap();
    assert_eq!(Bincode::encode(&longest).unwrap(), links[..]);

    let longer = Linked {
        next: Some(Box::new(longest)),
    };
    assert_eq!(
        reason(&Bincode::encode(&longer).unwrap_err()),
        "nested too deep"
    );
    let error = <Bincode as Codec<Linked>>::decode(&[&[1], &links[..]].concat()).unwrap_err();
    assert_eq!(reason(&error), "nested too deep");
}

/// A list as one writes it by hand: two levels a link, the field and the option.
#[derive(Debug, Serialize, Deserialize)]
struct Linked {
    next: Option<Box<Self>>,
}

#[test]
fn deep_nesting_is_an_error() {
    const DEPTH: usize = 1 << 20;
    let error = <Bincode as Codec<Tree>>::decode(&[1].repeat(DEPTH)).unwrap_err();
    assert_eq!(reason(&error), "nested too deep");
    <Bincode as Codec<Tree>>::decode(&[2, 1].repeat(DEPTH)).unwrap_err();
    <Bincode as Codec<Chain>>::decode(&[1].repeat(DEPTH)).unwrap_err();
    <Bincode as Codec<Maps>>::decode(&[1, 0].repeat(DEPTH)).unwrap_err();
}

#[test]
fn types_that_need_to_see_the_data_say_so() {
    let error = <Bincode as Codec<serde_json::Value>>::decode(b"\x015").unwrap_err();
    assert_eq!(reason(&error), "Serde(AnyNotSupported)");
}
