//! Bytes as they are.

use bytes::Bytes;
use proptest::prelude::{Strategy, any};
use purse_codec::{Codec, Raw};

use crate::samples::check_round_trip;

#[test]
fn bytes_come_back() {
    check_round_trip::<Raw, Vec<u8>>(any::<Vec<u8>>());
    check_round_trip::<Raw, Bytes>(any::<Vec<u8>>().prop_map(Bytes::from));
}

#[test]
fn bytes_are_themselves() {
    assert_eq!(Raw::encode(&vec![0u8, 0xff]).unwrap(), &[0, 0xff][..]);
    let shared = Bytes::from(vec![1u8; 1000]);
    let encoded = Raw::encode(&shared).unwrap();
    assert_eq!(encoded.as_ptr(), shared.as_ptr(), "copied for nothing");
}
