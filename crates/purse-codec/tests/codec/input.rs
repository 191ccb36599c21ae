//! What may stand for a value.

use bytes::Bytes;
use purse_codec::{Input, Json, Plain, Raw, encode};

fn lent<T: Clone>(value: impl Input<T>) -> T {
    value.with(T::clone)
}

#[test]
fn a_value_and_a_reference_to_it() {
    assert_eq!(lent::<u64>(5), 5);
    assert_eq!(lent::<u64>(&5), 5);
    assert_eq!(lent::<String>("a".to_owned()), "a");
    assert_eq!(lent::<String>(&"a".to_owned()), "a");
}

#[test]
fn what_is_as_good_as_a_reference() {
    assert_eq!(lent::<String>("a"), "a");
    assert_eq!(lent::<Vec<u8>>(b"ab"), b"ab");
    assert_eq!(lent::<Vec<u8>>(&b"ab"[..]), b"ab");
}

#[test]
fn all_of_them_encode() {
    assert_eq!(encode::<String, Plain>("a").unwrap(), "a");
    assert_eq!(encode::<String, Json>("a").unwrap(), "\"a\"");
    assert_eq!(encode::<Vec<u8>, Raw>(b"ab").unwrap(), "ab");
    assert_eq!(
        encode::<Bytes, Raw>(Bytes::from_static(b"ab")).unwrap(),
        "ab"
    );
    assert_eq!(encode::<Vec<u32>, Plain>(vec![1]).unwrap(), "[1]");
}
