//! What all fuzz targets of purse-codec check.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;

use bytes::Bytes;
use purse_codec::Codec;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An enum with all four shapes of variants, which may hold itself.
#[derive(Debug, Serialize, Deserialize)]
pub enum Tree {
    /// No data.
    Unit,
    /// One value.
    Newtype(Box<Tree>),
    /// Two values.
    Tuple(i128, Option<Box<Tree>>),
    /// Values with names.
    Struct {
        /// A scalar that may be missing.
        size: Option<u32>,
        /// More of these.
        list: Vec<Tree>,
    },
}

/// A struct with a field of every kind.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    id: Uuid,
    count: u128,
    ratio: f64,
    small: f32,
    initial: char,
    name: Option<String>,
    buffer: Bytes,
    map: BTreeMap<u16, (bool, i64, ())>,
}

/// Decodes the data as values of every kind, and checks those that can be read at all.
pub fn check_all<C>(data: &[u8])
where
    C: Codec<bool>
        + Codec<i64>
        + Codec<u128>
        + Codec<f32>
        + Codec<f64>
        + Codec<char>
        + Codec<String>
        + Codec<Option<String>>
        + Codec<Vec<u8>>
        + Codec<Bytes>
        + Codec<Vec<()>>
        + Codec<IpAddr>
        + Codec<Uuid>
        + Codec<Tree>
        + Codec<Record>,
{
    check::<C, bool>(data);
    check::<C, i64>(data);
    check::<C, u128>(data);
    check::<C, f32>(data);
    check::<C, f64>(data);
    check::<C, char>(data);
    check::<C, String>(data);
    check::<C, Option<String>>(data);
    check::<C, Vec<u8>>(data);
    check::<C, Bytes>(data);
    check::<C, Vec<()>>(data);
    check::<C, IpAddr>(data);
    check::<C, Uuid>(data);
    check::<C, Tree>(data);
    check::<C, Record>(data);
}

/// Checks that what can be read is written so that it is read again as the same value.
///
/// # Panics
///
/// If it is not.
pub fn check<C: Codec<T>, T: Debug>(data: &[u8]) {
    let value = match C::decode(data) {
        Ok(value) => value,
        Err(error) => {
            assert!(format!("{error:?} {error}").len() < 4096);
            assert_eq!(error.into_bytes(), data);
            return;
        }
    };
    let bytes = C::encode(&value).expect("a value that was read cannot be written");
    let again = C::decode(&bytes).expect("a value that was written cannot be read");
    // The text, since a NaN is not equal to itself.
    assert_eq!(format!("{again:?}"), format!("{value:?}"));
    assert_eq!(C::encode(&again).expect("written before"), bytes);
}
