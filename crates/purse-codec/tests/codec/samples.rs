//! Types of every kind, and the round trip that every codec must hold for them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::net::IpAddr;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::TestRunner;
use purse_codec::Codec;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use uuid::Uuid;

/// An enum with all four shapes of variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shape {
    Unit,
    Newtype(String),
    Tuple(i8, f64),
    Struct { size: Option<u32>, name: String },
}

/// A struct with a field of every kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: u128,
    pub(crate) balance: i128,
    pub(crate) ratio: f32,
    pub(crate) initial: char,
    pub(crate) name: String,
    pub(crate) nickname: Option<String>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) counts: BTreeMap<u16, (bool, i64)>,
    pub(crate) buffer: Vec<u8>,
    pub(crate) nothing: (),
}

/// A type that may hold itself, so that its depth is the input's claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Tree {
    Leaf,
    Node(Box<Self>),
    List(Vec<Self>),
}

impl Tree {
    /// Returns a leaf under `depth` nodes.
    pub(crate) fn of_depth(depth: usize) -> Self {
        Self::above(Self::Leaf, depth)
    }

    /// Returns a tree under `depth` nodes.
    pub(crate) fn above(tree: Self, depth: usize) -> Self {
        (0..depth).fold(tree, |tree, _| Self::Node(Box::new(tree)))
    }
}

/// Names around a string and a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Name(pub(crate) String);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Count(pub(crate) u64);

/// A codec for all of these, which any codec driven by serde is.
pub(crate) trait Full:
    Codec<bool>
    + Codec<i8>
    + Codec<u8>
    + Codec<i64>
    + Codec<u64>
    + Codec<i128>
    + Codec<u128>
    + Codec<f32>
    + Codec<f64>
    + Codec<char>
    + Codec<String>
    + Codec<Name>
    + Codec<Count>
    + Codec<()>
    + Codec<Option<String>>
    + Codec<Option<u64>>
    + Codec<Vec<u8>>
    + Codec<Vec<String>>
    + Codec<Bytes>
    + Codec<ByteBuf>
    + Codec<BTreeMap<String, f64>>
    + Codec<Shape>
    + Codec<Record>
    + Codec<Tree>
    + Codec<Uuid>
    + Codec<IpAddr>
{
}

impl<C> Full for C where
    C: Codec<bool>
        + Codec<i8>
        + Codec<u8>
        + Codec<i64>
        + Codec<u64>
        + Codec<i128>
        + Codec<u128>
        + Codec<f32>
        + Codec<f64>
        + Codec<char>
        + Codec<String>
        + Codec<Name>
        + Codec<Count>
        + Codec<()>
        + Codec<Option<String>>
        + Codec<Option<u64>>
        + Codec<Vec<u8>>
        + Codec<Vec<String>>
        + Codec<Bytes>
        + Codec<ByteBuf>
        + Codec<BTreeMap<String, f64>>
        + Codec<Shape>
        + Codec<Record>
        + Codec<Tree>
        + Codec<Uuid>
        + Codec<IpAddr>
{
}

/// Asserts that values come back as they were, and that equal values have equal bytes.
pub(crate) fn check_round_trip<C, T>(values: impl Strategy<Value = T>)
where
    C: Codec<T>,
    T: Debug + PartialEq,
{
    TestRunner::default()
        .run(&values, |value| {
            let bytes = C::encode(&value)?;
            let mut appended = b"before".to_vec();
            C::encode_into(&value, &mut appended)?;
            assert_eq!(appended.strip_prefix(b"before"), Some(&*bytes));
            let back = C::decode(&bytes)?;
            assert_eq!(C::encode(&back)?, bytes);
            assert_eq!(back, value);
            Ok(())
        })
        .unwrap();
}

/// Asserts the round trip of scalars.
pub(crate) fn check_scalars<C: Full>() {
    check_round_trip::<C, _>(any::<bool>());
    check_round_trip::<C, _>(any::<i8>());
    check_round_trip::<C, _>(any::<u8>());
    check_round_trip::<C, _>(any::<i64>());
    check_round_trip::<C, _>(any::<u64>());
    check_round_trip::<C, _>(any::<i128>());
    check_round_trip::<C, _>(any::<u128>());
    check_round_trip::<C, _>(any::<f32>());
    check_round_trip::<C, _>(any::<f64>());
    check_round_trip::<C, _>(any::<char>());
    check_round_trip::<C, _>(any::<u64>().prop_map(Count));
    check_round_trip::<C, _>(Just(()));
}

/// Asserts the round trip of strings, byte buffers, and what is written as such.
pub(crate) fn check_strings<C: Full>() {
    check_round_trip::<C, _>(text());
    check_round_trip::<C, _>(text().prop_map(Name));
    check_round_trip::<C, _>(option::of(text()));
    check_round_trip::<C, _>(vec(any::<u8>(), 0..64));
    check_round_trip::<C, _>(vec(any::<u8>(), 0..64).prop_map(Bytes::from));
    check_round_trip::<C, _>(vec(any::<u8>(), 0..64).prop_map(ByteBuf::from));
    check_round_trip::<C, _>(any::<u128>().prop_map(Uuid::from_u128));
    check_round_trip::<C, _>(any::<IpAddr>());
}

/// Asserts the round trip of structures.
pub(crate) fn check_structures<C: Full>() {
    check_round_trip::<C, _>(option::of(any::<u64>()));
    check_round_trip::<C, _>(vec(text(), 0..8));
    check_round_trip::<C, _>(btree_map(text(), any::<f64>(), 0..8));
    check_round_trip::<C, _>(shape());
    check_round_trip::<C, _>(record());
    check_round_trip::<C, _>(tree());
}

/// Text with characters of every class: ASCII, control characters, quotes, up to four bytes long.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        proptest::char::range('\0', '\x7f'),
        proptest::sample::select(&['"', '\\', '/', '\n', '\u{7f}', '\u{2028}', 'é', '🦀'][..]),
    ];
    vec(character, 0..24).prop_map(|text| text.into_iter().collect())
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Unit),
        text().prop_map(Shape::Newtype),
        (any::<i8>(), any::<f64>()).prop_map(|(a, b)| Shape::Tuple(a, b)),
        (option::of(any::<u32>()), text()).prop_map(|(size, name)| Shape::Struct { size, name }),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let scalars = (
        any::<u128>(),
        any::<i128>(),
        any::<f32>(),
        any::<char>(),
        text(),
        option::of(text()),
    );
    let collections = (
        vec(shape(), 0..4),
        btree_map(any::<u16>(), any::<(bool, i64)>(), 0..4),
        vec(any::<u8>(), 0..16),
    );
    (scalars, collections).prop_map(
        |((id, balance, ratio, initial, name, nickname), (shapes, counts, buffer))| Record {
            id,
            balance,
            ratio,
            initial,
            name,
            nickname,
            shapes,
            counts,
            buffer,
            nothing: (),
        },
    )
}

fn tree() -> impl Strategy<Value = Tree> {
    Just(Tree::Leaf).prop_recursive(8, 64, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::Node(Box::new(tree))),
            vec(inner, 0..4).prop_map(Tree::List),
        ]
    })
}

/// Returns the text of an error's source, and checks that the source has no source of its own.
pub(crate) fn reason(error: &impl Error) -> String {
    let source = error.source().expect("an error without its cause");
    assert!(source.source().is_none(), "{source:?}");
    source.to_string()
}
