//! The forms of Python's redis-purse on the wire.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;
use proptest::prelude::{Strategy, any, prop_oneof};
use purse_codec::{Codec, DecodeError, Plain};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteArray, ByteBuf};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::samples::{self, Count, Name, Shape, Tree, check_round_trip, reason};

fn encode<T: Serialize + DeserializeOwned + 'static>(value: T) -> Bytes {
    Plain::encode(&value).unwrap()
}

fn read<T: Serialize + DeserializeOwned + 'static>(text: &str) -> Result<T, DecodeError> {
    Plain::decode(text.as_bytes())
}

/// Types that look at the data to decide what they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(i64),
    Text(String),
    List(Vec<i64>),
}

#[test]
fn scalars_come_back() {
    samples::check_scalars::<Plain>();
}

#[test]
fn strings_come_back() {
    samples::check_strings::<Plain>();
}

#[test]
fn structures_come_back() {
    samples::check_structures::<Plain>();
}

#[test]
fn types_that_look_at_the_data_come_back() {
    check_round_trip::<Plain, _>(prop_oneof![
        any::<i64>().prop_map(Loose::Number),
        samples::text().prop_map(Loose::Text),
        any::<i64>().prop_map(|number| Loose::Text(number.to_string())),
        any::<Vec<i64>>().prop_map(Loose::List),
    ]);
    check_round_trip::<Plain, _>(prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        samples::text().prop_map(Value::from),
        any::<i64>().prop_map(|number| Value::from(number.to_string())),
        samples::text().prop_map(|text| json!({ text: [null] })),
    ]);
}

#[test]
fn strings_are_their_bytes() {
    assert_eq!(
        encode("a \"b\"\\\n\0\u{1}é🦀".to_owned()),
        "a \"b\"\\\n\0\u{1}é🦀"
    );
    assert_eq!(encode(String::new()), "");
    assert_eq!(
        encode(Name("a\"\\/\u{8}\u{c}\n\r\t\u{1b}é".into())),
        "a\"\\/\u{8}\u{c}\n\r\t\u{1b}é"
    );
    assert_eq!(encode(Box::<str>::from("5")), "5");
    assert_eq!(encode('"'), "\"");
    assert_eq!(read::<String>(" 5 ").unwrap(), " 5 ");
    assert_eq!(read::<char>("é").unwrap(), 'é');
    read::<char>("ab").unwrap_err();
}

#[test]
fn string_newtypes_are_strings() {
    let uuid = Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8);
    assert_eq!(encode(uuid), "67e55044-10b1-426f-9247-bb680e5fe0c8");
    let address: IpAddr = "::1".parse().unwrap();
    assert_eq!(encode(address), "::1");
    assert_eq!(encode(std::path::PathBuf::from("/tmp")), "/tmp");
}

/// An enum that is read as an identifier, not as an enum.
#[derive(Debug, Deserialize)]
#[serde(field_identifier)]
enum Field {
    Name,
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("Name")
    }
}

#[test]
fn identifiers_are_text() {
    assert_eq!(encode(Field::Name), "Name");
    assert!(matches!(read("Name").unwrap(), Field::Name));
    read::<Field>("\"Name\"").unwrap_err();
}

#[test]
fn buffers_are_their_bytes() {
    let bytes = [0, b'"', 0xff, b'['];
    assert_eq!(encode(bytes.to_vec()), bytes[..]);
    assert_eq!(encode(Bytes::copy_from_slice(&bytes)), bytes[..]);
    assert_eq!(encode(ByteBuf::from(bytes)), bytes[..]);
    assert_eq!(encode(ByteArray::new(bytes)), bytes[..]);
    assert_eq!(encode(Vec::<u8>::new()), "");
    assert_eq!(<Plain as Codec<Vec<u8>>>::decode(&bytes).unwrap(), bytes);
}

#[test]
fn buffers_inside_and_look_alikes_are_arrays() {
    assert_eq!(encode(vec![vec![1u8]]), "[[1]]");
    assert_eq!(encode(Some(vec![1u8])), "[1]");
    assert_eq!(encode(Some(Bytes::from_static(&[1]))), "[1]");
    assert_eq!(encode(Box::<[u8]>::from([1])), "[1]");
    assert_eq!(encode([1u8, 2]), "[1,2]");
    assert_eq!(encode(vec![-1i8]), "[-1]");
}

#[test]
fn numbers_are_decimal_text() {
    assert_eq!(encode(-5i8), "-5");
    assert_eq!(encode(Count(5)), "5");
    assert_eq!(encode(u64::MAX), "18446744073709551615");
    assert_eq!(
        encode(i128::MIN),
        "-170141183460469231731687303715884105728"
    );
    assert_eq!(encode(u128::MAX), "340282366920938463463374607431768211455");
    assert_eq!(encode(0.1f64), "0.1");
    assert_eq!(encode(0.1f32), "0.1");
    assert_eq!(encode(3.0f64), "3.0");
    assert_eq!(encode(true), "true");
}

#[test]
fn floats_come_back_to_the_last_bit() {
    // One of those that serde_json's quick way of reading misses by one bit.
    let float = 51.248_178_375_505_404_f64;
    assert_eq!(
        read::<f64>(&float.to_string()).unwrap().to_bits(),
        float.to_bits()
    );
    check_round_trip::<Plain, f64>(
        any::<u64>()
            .prop_map(f64::from_bits)
            .prop_filter("JSON has finite numbers only", |float| float.is_finite()),
    );
}

#[test]
fn results_of_redis_arithmetic_are_read() {
    // HINCRBY and HINCRBYFLOAT.
    assert_eq!(read::<i64>("-3").unwrap(), -3);
    assert_eq!(read::<f64>("3").unwrap().to_bits(), 3f64.to_bits());
    assert_eq!(
        read::<f64>("10.59999999999999964").unwrap().to_bits(),
        10.6f64.to_bits()
    );
    assert_eq!(
        read::<f64>("-5200").unwrap().to_bits(),
        (-5200f64).to_bits()
    );
    assert_eq!(
        read::<f64>("100000000000000000000").unwrap().to_bits(),
        1e20f64.to_bits()
    );
    assert_eq!(
        read::<f32>("0.30000001192092896").unwrap().to_bits(),
        0.3f32.to_bits()
    );
}

#[test]
fn fractions_are_not_integers() {
    for text in ["3.5", "3.0", "1e3", "", "x", "256", "-1", "0x1", "+1", "01"] {
        read::<u8>(text).unwrap_err();
    }
}

#[test]
fn options_and_enums_are_unambiguous() {
    assert_eq!(encode(None::<String>), "null");
    assert_eq!(encode(Some("null".to_owned())), "\"null\"");
    assert_eq!(encode(Some("5".to_owned())), "\"5\"");
    assert_eq!(encode(Some(5)), "5");
    assert_eq!(encode(Shape::Unit), "\"Unit\"");
    assert_eq!(encode(Shape::Newtype("a".into())), r#"{"Newtype":"a"}"#);
    assert_eq!(encode(Shape::Tuple(1, 2.0)), r#"{"Tuple":[1,2.0]}"#);
    assert_eq!(
        encode(Shape::Struct {
            size: Some(1),
            name: "a".into()
        }),
        r#"{"Struct":{"size":1,"name":"a"}}"#
    );
    assert_eq!(encode(json!("5")), "\"5\"");
    assert_eq!(encode(Loose::Text("5".into())), "\"5\"");
    assert_eq!(encode(Loose::Number(5)), "5");
}

#[test]
fn structures_are_compact_json() {
    assert_eq!(encode(()), "null");
    assert_eq!(encode((1, "a".to_owned())), r#"[1,"a"]"#);
    assert_eq!(
        encode(
            BTreeMap::from([(1, "é")])
                .into_iter()
                .map(|(k, v)| (k, v.to_owned()))
                .collect::<BTreeMap<_, _>>()
        ),
        r#"{"1":"é"}"#
    );
    let any_json = RawValue::from_string("[1, \"a\"]".into()).unwrap();
    assert_eq!(encode(any_json), "[1, \"a\"]");
    assert_eq!(read::<Box<RawValue>>("[1, {}]").unwrap().get(), "[1, {}]");
}

#[test]
fn values_written_by_python_are_read() {
    // json.dumps({"name": "Zoë 🦀", "size": None, "tags": [1, 2]})
    let dumped = r#"{"name": "Zo\u00eb \ud83e\udd80", "size": null, "tags": [1, 2]}"#;
    assert_eq!(
        read::<Value>(dumped).unwrap(),
        json!({"name": "Zoë 🦀", "size": null, "tags": [1, 2]})
    );
    assert_eq!(
        read::<Shape>("\t{\n \"Struct\" : { \"size\" : null , \"name\" : \"a\" } }\r\n").unwrap(),
        Shape::Struct {
            size: None,
            name: "a".into()
        }
    );
}

#[test]
fn values_that_do_not_round_trip_are_refused() {
    let error = Plain::encode(&f64::NAN).unwrap_err();
    assert_eq!(reason(&error), "JSON has no form for the float NaN");
    Plain::encode(&f32::INFINITY).unwrap_err();
    Plain::encode(&Some(vec![f64::NEG_INFINITY])).unwrap_err();
    Plain::encode(&Tree::of_depth(128)).unwrap_err();
}

/// A type that asks for text and writes something else.
#[derive(Debug)]
enum Lopsided {
    Nothing,
    List,
    Object,
    Bytes,
}

impl Serialize for Lopsided {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_none(),
            Self::List => serializer.collect_seq(["a", "b"]),
            Self::Object => serializer.collect_map([("a", "b")]),
            Self::Bytes => serializer.serialize_bytes(b"text"),
        }
    }
}

impl<'de> Deserialize<'de> for Lopsided {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|_| Self::Bytes)
    }
}

#[test]
fn a_type_that_reads_text_must_write_text() {
    for lopsided in [Lopsided::Nothing, Lopsided::List, Lopsided::Object] {
        let error = Plain::encode(&lopsided).unwrap_err();
        assert_eq!(
            reason(&error),
            "the type is read as text or bytes, but this value is written as neither"
        );
    }
    assert_eq!(encode(Lopsided::Bytes), "text");
}

/// A type that reads any input, even an empty one, and so never fails a probe.
#[derive(Debug)]
struct Careless;

impl Serialize for Careless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("careless")
    }
}

impl<'de> Deserialize<'de> for Careless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map_or(Ok(Self), |_| Ok(Self))
    }
}

#[test]
fn a_type_that_ignores_errors_is_json() {
    assert_eq!(encode(Careless), "\"careless\"");
}

#[test]
fn text_must_be_utf8() {
    let error = <Plain as Codec<String>>::decode(b"a\xff").unwrap_err();
    assert_eq!(
        reason(&error),
        "invalid utf-8 sequence of 1 bytes from index 1"
    );
    <Plain as Codec<Name>>::decode(b"\xff").unwrap_err();
    <Plain as Codec<Uuid>>::decode(b"\xff").unwrap_err();
    <Plain as Codec<Value>>::decode(b"\"\xff\"").unwrap_err();
}
