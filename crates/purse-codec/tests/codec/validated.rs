//! Values checked on their way in and out.

use std::error::Error;

use garde::{Report, Validate};
use proptest::prelude::Strategy;
use purse_codec::{Codec, Plain, Validated};
use serde::{Deserialize, Serialize};

use crate::samples::check_round_trip;

#[derive(Debug, PartialEq, Serialize, Deserialize, Validate)]
struct User {
    #[garde(length(min = 1))]
    name: String,
    #[garde(range(max = 150))]
    age: u8,
}

fn report(error: &impl Error) -> String {
    let report = error.source().unwrap().downcast_ref::<Report>();
    report.expect("not garde's report").to_string()
}

#[test]
fn valid_values_come_back() {
    check_round_trip::<Validated<Plain>, _>(
        ("[a-z]{1,9}", 0u8..=150).prop_map(|(name, age)| User { name, age }),
    );
}

#[test]
fn the_form_is_that_of_the_inner_codec() {
    let user = User {
        name: "Ada".into(),
        age: 36,
    };
    assert_eq!(
        Validated::<Plain>::encode(&user).unwrap(),
        Plain::encode(&user).unwrap()
    );
}

#[test]
fn invalid_value_is_not_sent() {
    let user = User {
        name: String::new(),
        age: 36,
    };
    let error = Validated::<Plain>::encode(&user).unwrap_err();
    assert_eq!(report(&error), "name: length is lower than 1\n");
    assert_eq!(error.codec(), "Validated");
    assert!(
        error.to_string().ends_with("User with Validated"),
        "{error}"
    );
}

#[test]
fn invalid_stored_value_is_an_error_with_its_bytes() {
    let bytes = br#"{"name": "Ada", "age": 200}"#;
    let error = <Validated<Plain> as Codec<User>>::decode(bytes).unwrap_err();
    assert_eq!(report(&error), "age: greater than 150\n");
    assert_eq!(error.into_bytes(), bytes[..]);
}

#[test]
fn undecodable_value_is_the_inner_codecs_error() {
    let error = <Validated<Plain> as Codec<User>>::decode(b"[").unwrap_err();
    assert_eq!(error.codec(), "Plain");
    assert_eq!(error.into_bytes(), "[");
}
