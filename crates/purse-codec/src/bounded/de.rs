//! Reading within limits.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::{Limited, budget::LimitScope, check_f32};

impl<'de, X: DeserializeSeed<'de>> DeserializeSeed<'de> for Limited<LimitScope<'_>, X> {
    type Value = X::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<X::Value, D::Error> {
        self.inner
            .deserialize(self.scope.check()?.hold(deserializer))
    }
}

/// The requests of a type, which the inner deserializer answers.
macro_rules! asked {
    ($($method:ident($($name:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, X::Error> {
            self.inner.$method($($name,)* self.scope.hold(visitor))
        })*
    };
}

/// The requests of a type for values that take at least a byte.
macro_rules! read {
    ($($method:ident($($name:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, X::Error> {
            self.scope.read();
            self.inner.$method($($name,)* self.scope.hold(visitor))
        })*
    };
}

impl<'de, X: Deserializer<'de>> Deserializer<'de> for Limited<LimitScope<'_>, X> {
    type Error = X::Error;

    asked! {
        deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
    }

    read! {
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
        deserialize_bytes()
        deserialize_option()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
        deserialize_ignored_any()
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, X::Error> {
        self.scope.read();
        self.inner.deserialize_f32(F32(visitor))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, X::Error> {
        self.scope.read();
        self.inner
            .deserialize_any(self.scope.with_claimed_length().hold(visitor))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, X::Error> {
        self.scope.read();
        self.inner
            .deserialize_seq(self.scope.with_claimed_length().hold(visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, X::Error> {
        self.scope.read();
        self.inner
            .deserialize_map(self.scope.with_claimed_length().hold(visitor))
    }

    /// Asks for a borrowed string: an owned one is allocated before its bytes are known to be
    /// there.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, X::Error> {
        self.deserialize_str(visitor)
    }

    /// Asks for borrowed bytes: owned ones are allocated before they are known to be there.
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, X::Error> {
        self.deserialize_bytes(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Scalars and strings, as the inner visitor takes them.
macro_rules! unchanged {
    ($inner:tt: $($method:ident($type:ty))*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<X::Value, E> {
            self.$inner.$method(value)
        })*
    };
}

/// A visitor of an `f32`, which refuses a float that would become an infinity.
struct F32<X>(X);

impl<'de, X: Visitor<'de>> Visitor<'de> for F32<X> {
    type Value = X::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    unchanged! {
        0:
        visit_i8(i8)
        visit_i16(i16)
        visit_i32(i32)
        visit_i64(i64)
        visit_u8(u8)
        visit_u16(u16)
        visit_u32(u32)
        visit_u64(u64)
        visit_f32(f32)
        visit_str(&str)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<X::Value, E> {
        check_f32(value)?;
        self.0.visit_f64(value)
    }
}

impl<'de, X: Visitor<'de>> Visitor<'de> for Limited<LimitScope<'_>, X> {
    type Value = X::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    unchanged! {
        inner:
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
        visit_f64(f64)
        visit_char(char)
        visit_str(&str)
        visit_borrowed_str(&'de str)
        visit_string(String)
        visit_bytes(&[u8])
        visit_borrowed_bytes(&'de [u8])
        visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: Error>(self) -> Result<X::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<X::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<X::Value, D::Error> {
        self.inner
            .visit_some(self.scope.descend().check()?.hold(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<X::Value, D::Error> {
        self.inner
            .visit_newtype_struct(self.scope.descend().check()?.hold(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<X::Value, A::Error> {
        self.inner.visit_seq(self.scope.hold(access))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<X::Value, A::Error> {
        self.inner.visit_map(self.scope.hold(access))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<X::Value, A::Error> {
        self.inner.visit_enum(self.scope.hold(access))
    }
}
