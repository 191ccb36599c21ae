//! Types that bring out what is special about the binary formats.

use std::collections::BTreeMap;
use std::fmt;

use purse_codec::Codec;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A float that compares by its bits, so that even a NaN equals itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub(crate) struct Bits(pub(crate) u64);

impl From<f64> for Bits {
    fn from(float: f64) -> Self {
        Self(float.to_bits())
    }
}

impl From<Bits> for f64 {
    fn from(Bits(bits): Bits) -> Self {
        Self::from_bits(bits)
    }
}

/// A type that nests through options and newtypes alone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Chain(Option<Box<Self>>);

/// A type that nests through the values of maps.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Maps(BTreeMap<u8, Self>);

/// A type that remembers how many elements it was told to expect.
///
/// A type that trusts the hint would allocate for that many elements. Reading it always fails, with
/// the hint.
#[derive(Debug)]
pub(crate) enum Hint {}

impl Hint {
    /// The hint that `C` gives for these bytes.
    pub(crate) fn from_codec<C: Codec<Self>>(bytes: &[u8]) -> Option<usize> {
        let error = C::decode(bytes).unwrap_err();
        crate::samples::reason(&error).parse().ok()
    }
}

impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }
}

impl<'de> Deserialize<'de> for Hint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Listener)
    }
}

struct Listener;

impl<'de> Visitor<'de> for Listener {
    type Value = Hint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence or a map")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Hint, A::Error> {
        Err(A::Error::custom(access.size_hint().unwrap_or_default()))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Hint, A::Error> {
        Err(A::Error::custom(access.size_hint().unwrap_or_default()))
    }
}
