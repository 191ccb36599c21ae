//! A probe for the form in which a type is read.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// Returns whether `T` asks for a string or for bytes, and for nothing else.
///
/// Such a type needs no quotes, because it has no other form that bare text could be mistaken for.
/// A type's `Deserialize` says what it expects by the first method that it calls, so it is run
/// against a deserializer that notes that call and has no data.
pub(super) fn reads_bare<T: DeserializeOwned>() -> bool {
    let bare = Cell::new(false);
    // The result is ignored: there is no data, so it is an error unless the type ignores errors.
    let _ = T::deserialize(Probe(&bare));
    bare.get()
}

struct Probe<'a>(&'a Cell<bool>);

impl Probe<'_> {
    fn note_bare<V>(self) -> Result<V, NoData> {
        self.0.set(true);
        Err(NoData)
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = NoData;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoData> {
        Err(NoData)
    }

    fn deserialize_char<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoData> {
        self.note_bare()
    }

    fn deserialize_str<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoData> {
        self.note_bare()
    }

    fn deserialize_string<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoData> {
        self.note_bare()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoData> {
        self.note_bare()
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoData> {
        self.note_bare()
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoData> {
        self.note_bare()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NoData> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 option unit unit_struct seq tuple
        tuple_struct map struct enum ignored_any
    }
}

/// The only answer a probe has.
#[derive(Debug)]
struct NoData;

impl fmt::Display for NoData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probe has no data")
    }
}

impl std::error::Error for NoData {}

impl de::Error for NoData {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}
