//! Numbers: the one text of a float, and what has no exact form in the type that is read.

use std::collections::BTreeMap;

use proptest::prelude::{Strategy, any};
use purse_codec::{Codec, Json, Plain};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::samples::{check_round_trip, reason};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Both {
    wide: f64,
    narrow: f32,
}

/// Asserts that a float has this text, with both codecs, alone and in every place.
fn check_text<F>(float: F, text: &str)
where
    F: Serialize + DeserializeOwned + Copy + Into<f64> + 'static,
{
    assert_eq!(Plain::encode(&float).unwrap(), text);
    assert_eq!(Json::encode(&float).unwrap(), text);
    assert_eq!(Plain::encode(&Some(float)).unwrap(), text);
    assert_eq!(Json::encode(&vec![float]).unwrap(), format!("[{text}]"));
    let map = BTreeMap::from([("a".to_owned(), (1, float))]);
    let expected = format!("{{\"a\":[1,{text}]}}");
    assert_eq!(Plain::encode(&map).unwrap(), expected);
    assert_eq!(Json::encode(&map).unwrap(), expected);
    let back: F = Plain::decode(text.as_bytes()).unwrap();
    assert_eq!(back.into().to_bits(), float.into().to_bits(), "{text}");
}

#[test]
fn every_float_has_one_text() {
    for (float, text) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (0.30000000000000004, "0.30000000000000004"),
        (100.0, "100.0"),
        (123456.789, "123456.789"),
        (1e-4, "0.0001"),
        (1e-5, "0.00001"),
        (1.25e-5, "0.0000125"),
        (9.999e-6, "9.999e-6"),
        (1e-6, "1e-6"),
        (-1e-9, "-1e-9"),
        (1e-10, "1e-10"),
        (1e15, "1000000000000000.0"),
        (9007199254740993.0, "9007199254740992.0"),
        (9999999999999998.0, "9999999999999998.0"),
        (1e16, "1e+16"),
        (-1e16, "-1e+16"),
        (1.5e16, "1.5e+16"),
        (12345678901234567890.0, "1.2345678901234567e+19"),
        (1e20, "1e+20"),
        (1e21, "1e+21"),
        (1e22, "1e+22"),
        (1e23, "1e+23"),
        (1e100, "1e+100"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::MIN, "-1.7976931348623157e+308"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (5e-324, "5e-324"),
        (f64::EPSILON, "2.220446049250313e-16"),
    ] {
        check_text::<f64>(float, text);
        assert_eq!(Plain::encode(&json!(float)).unwrap(), text);
    }
    for (float, text) in [
        (0.0_f32, "0.0"),
        (0.1, "0.1"),
        (0.3, "0.3"),
        (16777216.0, "16777216.0"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1e12, "1000000000000.0"),
        (1e13, "1e+13"),
        (f32::MAX, "3.4028235e+38"),
        (f32::MIN_POSITIVE, "1.1754944e-38"),
        (1e-45, "1e-45"),
    ] {
        check_text::<f32>(float, text);
    }
    let keys = BTreeMap::from([(Key(1e16), 1)]);
    assert_eq!(Json::encode(&keys).unwrap(), "{\"1e+16\":1}");
}

/// A float that is the key of a map.
#[derive(Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
struct Key(f64);

impl Eq for Key {}

#[expect(clippy::derive_ord_xor_partial_ord, reason = "no key is NaN")]
impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[test]
fn every_float_comes_back_at_any_depth() {
    let floats = (any::<u64>(), any::<u32>()).prop_map(|(wide, narrow)| Both {
        wide: f64::from_bits(wide),
        narrow: f32::from_bits(narrow),
    });
    let floats = floats
        .prop_filter("JSON has finite numbers only", |both| {
            both.wide.is_finite() && both.narrow.is_finite()
        })
        .boxed();
    check_round_trip::<Plain, _>(floats.clone());
    check_round_trip::<Json, _>(floats);
}

#[test]
fn text_of_a_float_is_what_rust_reads_as_the_shortest() {
    let finite = any::<u64>()
        .prop_map(f64::from_bits)
        .prop_filter("JSON has finite numbers only", |float| float.is_finite());
    proptest::test_runner::TestRunner::default()
        .run(&finite, |float| {
            let text = Plain::encode(&float)?;
            let text = str::from_utf8(&text)?;
            assert_eq!(text.parse::<f64>()?.to_bits(), float.to_bits());
            let digits = |text: &str| {
                let mantissa = text.split('e').next().expect("a mantissa");
                let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
                digits.trim_matches('0').to_owned()
            };
            assert_eq!(digits(text), digits(&format!("{float:e}")));
            Ok(())
        })
        .unwrap();
}

fn read<T: Serialize + DeserializeOwned + 'static>(text: &str) -> Result<T, String> {
    let plain = <Plain as Codec<T>>::decode(text.as_bytes());
    let json = <Json as Codec<T>>::decode(text.as_bytes());
    assert_eq!(plain.is_ok(), json.is_ok(), "{text}");
    plain.map_err(|error| reason(&error))
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Integer(i64),
    Float(f64),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    Paid { amount: f64 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: i128,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[test]
fn integers_that_would_lose_digits_are_errors() {
    for text in [
        "18446744073709551617",
        "-9223372036854775809",
        "[1, 18446744073709551617]",
        r#"{"n": 18446744073709551617}"#,
        r#"{"a": {"b": [{"c": -18446744073709551617}]}}"#,
        r#"{"\"": "\\", "n": 18446744073709551617}"#,
        "340282366920938463463374607431768211455",
    ] {
        let message = read::<Value>(text).unwrap_err();
        assert!(message.contains("would lose digits"), "{text}: {message}");
    }
    read::<Loose>("18446744073709551617").unwrap_err();
    read::<Tagged>(r#"{"type": "Paid", "amount": 18446744073709551617}"#).unwrap_err();
    read::<Flat>(r#"{"id": 1, "n": 18446744073709551617}"#).unwrap_err();
    read::<Vec<Option<Value>>>("[null, 18446744073709551617]").unwrap_err();
}

#[test]
fn exact_integers_are_read() {
    assert_eq!(read("18446744073709551615"), Ok(json!(u64::MAX)));
    assert_eq!(read("-9223372036854775808"), Ok(json!(i64::MIN)));
    // Two to the power of 64, and ten to the power of 20: floats that are these integers.
    assert_eq!(
        read("18446744073709551616"),
        Ok(json!(18446744073709551616.0))
    );
    assert_eq!(read("100000000000000000000"), Ok(json!(1e20)));
    assert_eq!(read("100000000000000000000"), Ok(Loose::Float(1e20)));
    assert_eq!(
        read("1.8446744073709552e19"),
        Ok(json!(1.8446744073709552e19))
    );
    assert_eq!(read("18446744073709551617"), Ok(18446744073709551617_i128));
    assert_eq!(read("18446744073709551617"), Ok(18446744073709551617_f64));
    let text = r#"{"id": 18446744073709551617, "text": "18446744073709551617", "n": 1e30}"#;
    let flat: Flat = read(text.replace("18446744073709551617", "7").as_str()).unwrap();
    assert_eq!(flat.rest["n"], json!(1e30));
    let typed: (i128, Value) = read("[18446744073709551617, 1e30]").unwrap();
    assert_eq!(typed, (18446744073709551617, json!(1e30)));
    let text = r#"[1e30, "18446744073709551617 \" 18446744073709551617"]"#;
    assert!(read::<Value>(text).is_ok());
}

#[test]
fn many_large_floats_are_read_in_time() {
    let text = format!("[{}1]", "1e30,".repeat(200_000));
    assert!(read::<Value>(&text).is_ok());
}

#[test]
fn floats_beyond_the_type_are_errors() {
    for text in ["1e39", "-1e39", "3.5e38", &format!("1{}", "0".repeat(39))] {
        read::<f32>(text).unwrap_err();
        read::<Option<f32>>(text).unwrap_err();
        read::<Vec<f32>>(&format!("[{text}]")).unwrap_err();
        read::<Both>(&format!(r#"{{"wide": 1.0, "narrow": {text}}}"#)).unwrap_err();
        assert!(read::<f64>(text).is_ok());
    }
    read::<f64>("1e309").unwrap_err();
    read::<Value>("1e309").unwrap_err();
    assert_eq!(read("3.4028235e38"), Ok(f32::MAX));
}

/// A type that is only an option of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Chain(Option<Box<Self>>);

#[test]
fn type_that_is_only_an_option_of_itself_is_refused() {
    for text in ["1", "[]", "\"a\""] {
        assert_eq!(read::<Chain>(text).unwrap_err(), "nested too deep");
    }
}
