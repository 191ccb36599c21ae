//! What is written can be read: types that serde holds in a buffer before it knows what they are.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use purse_codec::{Codec, Json, Plain};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::samples::reason;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Event {
    Paid { amount: u128 },
    Owed { amount: i128 },
    Seen { by_user: BTreeMap<u64, u8> },
    Flags { by_flag: BTreeMap<bool, u8> },
    Named { by_name: BTreeMap<String, u8> },
    Initials { by_letter: BTreeMap<char, u8> },
    From { ip: IpAddr },
    Via { ip: Ipv4Addr, to: SocketAddr },
    By { id: Uuid },
    Count { n: u64 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Paid(u128),
    Seen { by_user: BTreeMap<i8, u8> },
    From { ip: IpAddr },
    Text(String),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "content")]
enum Adjacent {
    Paid(u128),
    Seen(BTreeMap<u64, u8>),
    Count(u8),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Amount {
    amount: i128,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u32,
    #[serde(flatten)]
    amount: Amount,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Counts {
    id: u32,
    #[serde(flatten)]
    counts: BTreeMap<u32, u32>,
}

/// The same in a place where serde needs no buffer.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Direct {
    amount: u128,
    by_user: BTreeMap<u64, u8>,
    by_flag: BTreeMap<bool, u8>,
    ip: IpAddr,
    to: SocketAddr,
    id: Uuid,
}

fn direct() -> Direct {
    Direct {
        amount: u128::MAX,
        by_user: BTreeMap::from([(7, 1)]),
        by_flag: BTreeMap::from([(true, 1)]),
        ip: [1, 2, 3, 4].into(),
        to: ([1, 2, 3, 4], 80).into(),
        id: Uuid::nil(),
    }
}

/// Asserts that a value comes back, or is not written.
fn check<C: Codec<T>, T: Debug + PartialEq>(value: T, is_readable: bool) {
    match C::encode(&value) {
        Ok(bytes) => {
            assert!(is_readable, "{} wrote {value:?}", C::NAME);
            assert_eq!(C::decode(&bytes).unwrap(), value);
        }
        Err(error) => {
            let reason = reason(&error);
            assert!(!is_readable, "{} refused {value:?}: {reason}", C::NAME);
            assert!(
                reason.starts_with("the type cannot read the value that it writes"),
                "{reason}"
            );
            let mut buffer = Vec::new();
            C::encode_into(&value, &mut buffer).unwrap_err();
        }
    }
}

trait All:
    Codec<Event> + Codec<Loose> + Codec<Adjacent> + Codec<Order> + Codec<Counts> + Codec<Direct>
{
}

impl<C> All for C where
    C: Codec<Event> + Codec<Loose> + Codec<Adjacent> + Codec<Order> + Codec<Counts> + Codec<Direct>
{
}

fn check_all<C: All>(is_text: bool) {
    check::<C, _>(Event::Paid { amount: 7 }, false);
    check::<C, _>(Event::Owed { amount: -7 }, false);
    let by_user = || BTreeMap::from([(1, 1)]);
    check::<C, _>(Event::Seen { by_user: by_user() }, !is_text);
    let by_flag = BTreeMap::from([(true, 1)]);
    check::<C, _>(Event::Flags { by_flag }, !is_text);
    let by_name = BTreeMap::from([("1".to_owned(), 1)]);
    check::<C, _>(Event::Named { by_name }, true);
    let by_letter = BTreeMap::from([('1', 1)]);
    check::<C, _>(Event::Initials { by_letter }, true);
    let ip = || IpAddr::from([1, 2, 3, 4]);
    check::<C, _>(Event::From { ip: ip() }, is_text);
    let to = ([1, 2, 3, 4], 80).into();
    let ip4 = Ipv4Addr::LOCALHOST;
    check::<C, _>(Event::Via { ip: ip4, to }, is_text);
    check::<C, _>(Event::By { id: Uuid::nil() }, true);
    check::<C, _>(Event::Count { n: 7 }, true);

    check::<C, _>(Loose::Paid(7), false);
    let by_key = BTreeMap::from([(-1, 1)]);
    check::<C, _>(Loose::Seen { by_user: by_key }, !is_text);
    check::<C, _>(Loose::From { ip: ip() }, is_text);
    check::<C, _>(Loose::Text("7".into()), true);

    check::<C, _>(Adjacent::Paid(7), true);
    check::<C, _>(Adjacent::Seen(by_user()), true);
    check::<C, _>(Adjacent::Count(7), true);

    let amount = Amount { amount: 5 };
    check::<C, _>(Order { id: 1, amount }, false);
    let counts = BTreeMap::from([(5, 6)]);
    check::<C, _>(Counts { id: 1, counts }, !is_text);
    check::<C, _>(direct(), true);
}

#[test]
fn plain_reads_what_it_writes() {
    check_all::<Plain>(true);
}

#[test]
fn json_reads_what_it_writes() {
    check_all::<Json>(true);
}

#[cfg(feature = "msgpack")]
#[test]
fn msgpack_reads_what_it_writes() {
    check_all::<purse_codec::MsgPack>(false);
}

#[cfg(feature = "bincode")]
mod bincode {
    use purse_codec::Bincode;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sparse {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        nickname: Option<String>,
        age: u8,
    }

    #[test]
    fn direct_values_come_back() {
        check::<Bincode, _>(direct(), true);
    }

    #[test]
    fn skipped_field_is_refused() {
        let sparse = |nickname| Sparse { nickname, age: 36 };
        check::<Bincode, _>(sparse(Some("Ada".into())), true);
        let error = Bincode::encode(&sparse(None)).unwrap_err();
        assert_eq!(
            reason(&error),
            "the field `nickname` is skipped, and fields without names cannot be left out"
        );
    }

    #[test]
    fn more_elements_without_bytes_than_are_read_are_refused() {
        check::<Bincode, _>(vec![(); 1 << 16], true);
        check::<Bincode, _>(vec![(); (1 << 16) + 1], false);
        check::<Bincode, _>(vec![[0_u8; 0]; (1 << 16) + 1], false);
    }

    /// Nothing in their values shows that they cannot be read, so a release build writes them.
    #[cfg(debug_assertions)]
    #[test]
    fn types_that_look_at_the_data_are_refused_in_debug_builds() {
        check::<Bincode, _>(serde_json::json!("5"), false);
        check::<Bincode, _>(Event::Count { n: 7 }, false);
        check::<Bincode, _>(Loose::Text("7".into()), false);
        check::<Bincode, _>(Adjacent::Count(7), false);
        Bincode::encode(&Order {
            id: 1,
            amount: Amount { amount: 5 },
        })
        .unwrap_err();
    }
}

#[cfg(debug_assertions)]
mod debug {
    use super::*;

    /// A type that writes a number and reads a list.
    #[derive(Debug, PartialEq, Deserialize)]
    struct Crossed(Vec<u8>);

    impl Serialize for Crossed {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u64(7)
        }
    }

    #[test]
    fn debug_builds_read_all_that_they_write() {
        check::<Plain, _>(Crossed(vec![7]), false);
        check::<Json, _>(Crossed(vec![7]), false);
    }
}
