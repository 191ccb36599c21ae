//! Reading JSON without numbers that silently become others.
//!
//! serde_json turns an integer beyond 64 bits into a float where a type takes what comes, and serde
//! turns a float beyond `f32` into an infinity. [`Exact`] goes around deserializers, visitors, seeds
//! and accesses, so that both are errors at any depth.

use std::cell::OnceCell;
use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::bounded::check_f32;

/// The number of options and newtypes that may follow each other without an array or object
/// between them. A type that is only an option of itself would be looked for without an end.
const LEVELS: u8 = 128;

/// The lowest magnitude of an integer that 64 bits may not hold.
const BEYOND_64_BITS: f64 = 9_223_372_036_854_775_808.0;

/// Reads a value from exactly these bytes.
pub(super) fn read<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    let numbers = Numbers {
        text,
        inexact: OnceCell::new(),
    };
    let scope = Scope {
        numbers: &numbers,
        levels: LEVELS,
        asked: Asked::Other,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = T::deserialize(scope.hold(&mut deserializer))?;
    deserializer.end()?;
    Ok(value)
}

/// The numbers of a text.
struct Numbers<'t> {
    text: &'t [u8],
    /// The floats next to the integers that no float equals, in order.
    inexact: OnceCell<Vec<f64>>,
}

impl Numbers<'_> {
    /// Returns whether the text has an integer that reads as `float` and is another number.
    fn has_inexact(&self, float: f64) -> bool {
        let inexact = self.inexact.get_or_init(|| inexact_integers(self.text));
        inexact
            .binary_search_by(|other| other.total_cmp(&float))
            .is_ok()
    }
}

/// Returns the floats next to the integers of a JSON text that no float equals, in order.
fn inexact_integers(text: &[u8]) -> Vec<f64> {
    let mut floats = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        match first {
            b'"' => rest = after_string(after),
            b'-' | b'0'..=b'9' => {
                let is_part =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let end = rest.iter().position(|byte| !is_part(byte));
                let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
                floats.extend(inexact_integer(number));
                rest = after;
            }
            _ => rest = after,
        }
    }
    floats.sort_unstable_by(f64::total_cmp);
    floats
}

/// Returns the text after the end of a string.
fn after_string(mut text: &[u8]) -> &[u8] {
    loop {
        match text {
            [b'\\', _, after @ ..] => text = after,
            [b'"', after @ ..] => return after,
            [_, after @ ..] => text = after,
            [] => return text,
        }
    }
}

/// Returns the float next to an integer that no float equals.
fn inexact_integer(number: &[u8]) -> Option<f64> {
    let number = str::from_utf8(number).ok()?;
    if number.contains(['.', 'e', 'E']) {
        return None;
    }
    let float: f64 = number.parse().ok()?;
    // All digits of a float of this size are before the point, and Rust prints all of them.
    (float.abs() >= BEYOND_64_BITS && number != format!("{float:.0}")).then_some(float)
}

/// A place in the text.
#[derive(Clone, Copy)]
struct Scope<'t> {
    numbers: &'t Numbers<'t>,
    levels: u8,
    asked: Asked,
}

/// The kind of value that a type asks for, as far as its number matters.
#[derive(Clone, Copy)]
enum Asked {
    Any,
    F32,
    Other,
}

impl<'t> Scope<'t> {
    fn hold<X>(self, inner: X) -> Exact<'t, X> {
        Exact { scope: self, inner }
    }

    fn asked(self, asked: Asked) -> Self {
        Self { asked, ..self }
    }

    /// Returns the scope of a value in the same bytes.
    fn descend<E: Error>(self) -> Result<Self, E> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Self { levels, ..self }),
            None => Err(E::custom("nested too deep")),
        }
    }

    /// Returns the scope of an element, whose nesting serde_json counts.
    fn element(self) -> Self {
        Self {
            levels: LEVELS,
            ..self
        }
    }

    fn check<E: Error>(self, float: f64) -> Result<(), E> {
        match self.asked {
            Asked::F32 => check_f32(float),
            Asked::Any if float.abs() >= BEYOND_64_BITS && self.numbers.has_inexact(float) => Err(
                E::custom("an integer beyond 64 bits would lose digits; read it as i128 or u128"),
            ),
            _ => Ok(()),
        }
    }
}

/// A serde object in a place of the text.
struct Exact<'t, X> {
    scope: Scope<'t>,
    inner: X,
}

/// The requests of a type for values without others in them.
macro_rules! unchanged {
    ($($method:ident($($name:ident: $type:ty),*))*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, X::Error> {
            self.inner.$method($($name,)* visitor)
        })*
    };
}

/// The requests of a type for values with others in them.
macro_rules! nested {
    ($($method:ident($($name:ident: $type:ty),*))*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, X::Error> {
            let scope = self.scope.asked(Asked::Other);
            self.inner.$method($($name,)* scope.hold(visitor))
        })*
    };
}

impl<'de, X: Deserializer<'de>> Deserializer<'de> for Exact<'_, X> {
    type Error = X::Error;

    unchanged! {
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f64()
        deserialize_char()
        deserialize_str()
        deserialize_string()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_identifier()
        deserialize_ignored_any()
    }

    nested! {
        deserialize_option()
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, X::Error> {
        let scope = self.scope.asked(Asked::F32);
        self.inner.deserialize_f32(scope.hold(visitor))
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, X::Error> {
        let scope = self.scope.asked(Asked::Any);
        self.inner.deserialize_any(scope.hold(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Values that the inner visitor takes as they are.
macro_rules! taken {
    ($($method:ident($type:ty))*) => {
        $(#[inline]
        fn $method<E: Error>(self, value: $type) -> Result<X::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, X: Visitor<'de>> Visitor<'de> for Exact<'_, X> {
    type Value = X::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    taken! {
        visit_bool(bool)
        visit_i8(i8)
        visit_i16(i16)
        visit_i32(i32)
        visit_i64(i64)
        visit_i128(i128)
        visit_u8(u8)
        visit_u16(u16)
        visit_u32(u32)
        visit_u64(u64)
        visit_u128(u128)
        visit_f32(f32)
        visit_char(char)
        visit_str(&str)
        visit_borrowed_str(&'de str)
        visit_string(String)
        visit_bytes(&[u8])
        visit_borrowed_bytes(&'de [u8])
        visit_byte_buf(Vec<u8>)
    }

    #[inline]
    fn visit_f64<E: Error>(self, value: f64) -> Result<X::Value, E> {
        self.scope.check(value)?;
        self.inner.visit_f64(value)
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<X::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<X::Value, E> {
        self.inner.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<X::Value, D::Error> {
        let scope = self.scope.descend()?;
        self.inner.visit_some(scope.hold(deserializer))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<X::Value, D::Error> {
        let scope = self.scope.descend()?;
        self.inner.visit_newtype_struct(scope.hold(deserializer))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<X::Value, A::Error> {
        self.inner.visit_seq(self.scope.element().hold(access))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<X::Value, A::Error> {
        self.inner.visit_map(self.scope.element().hold(access))
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<X::Value, A::Error> {
        self.inner.visit_enum(self.scope.element().hold(access))
    }
}

impl<'de, X: DeserializeSeed<'de>> DeserializeSeed<'de> for Exact<'_, X> {
    type Value = X::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<X::Value, D::Error> {
        self.inner.deserialize(self.scope.hold(deserializer))
    }
}

impl<'de, X: SeqAccess<'de>> SeqAccess<'de> for Exact<'_, X> {
    type Error = X::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, X::Error> {
        self.inner.next_element_seed(self.scope.hold(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, X: MapAccess<'de>> MapAccess<'de> for Exact<'_, X> {
    type Error = X::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, X::Error> {
        self.inner.next_key_seed(self.scope.hold(seed))
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, X::Error> {
        self.inner.next_value_seed(self.scope.hold(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 't, X: EnumAccess<'de>> EnumAccess<'de> for Exact<'t, X> {
    type Error = X::Error;
    type Variant = Exact<'t, X::Variant>;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), X::Error> {
        let (variant, access) = self.inner.variant_seed(self.scope.hold(seed))?;
        Ok((variant, self.scope.hold(access)))
    }
}

impl<'de, X: VariantAccess<'de>> VariantAccess<'de> for Exact<'_, X> {
    type Error = X::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), X::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, X::Error> {
        self.inner.newtype_variant_seed(self.scope.hold(seed))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, X::Error> {
        self.inner.tuple_variant(len, self.scope.hold(visitor))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, X::Error> {
        self.inner.struct_variant(fields, self.scope.hold(visitor))
    }
}
