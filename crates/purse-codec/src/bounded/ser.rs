//! Writing within limits.

use std::fmt;

use serde::ser::{Error, Serialize, Serializer};

use super::{Limited, TOO_DEEP};

/// The limits of a value that is written.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// True if floats must be finite.
    finite: bool,
    /// The number of levels that may follow below this one.
    levels: i16,
}

impl Bounds {
    /// Finite floats. Arrays and objects are counted where they are written.
    pub(crate) const JSON: Self = Self {
        finite: true,
        levels: i16::MAX,
    };

    /// Any float, nested as deep as it can be read.
    #[cfg(any(feature = "bincode", feature = "msgpack"))]
    pub(crate) const BINARY: Self = Self {
        finite: false,
        levels: super::LEVELS,
    };

    /// Returns the limits of nested values.
    pub(super) fn descend<E: Error>(self) -> Result<Self, E> {
        if self.levels == 0 {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self {
            levels: self.levels - 1,
            ..self
        })
    }

    fn float<E: Error>(self, value: f64) -> Result<(), E> {
        if self.finite && !value.is_finite() {
            return Err(E::custom(format_args!(
                "JSON has no form for the float {value}"
            )));
        }
        Ok(())
    }
}

impl<X> Limited<Bounds, X> {
    /// Limits `inner` to `scope`.
    pub(crate) fn bounds(inner: X, scope: Bounds) -> Self {
        Self { scope, inner }
    }
}

impl<T: ?Sized + Serialize> Serialize for Limited<Bounds, &T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner
            .serialize(Limited::bounds(serializer, self.scope))
    }
}

/// Scalars and strings, as the inner serializer writes them.
macro_rules! unchanged {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        })*
    };
}

/// The methods that begin a structure.
macro_rules! opened {
    ($($method:ident($($name:ident: $type:ty),*) -> $compound:ident)*) => {
        $(fn $method(self, $($name: $type),*) -> Result<Self::$compound, S::Error> {
            Ok(Limited::bounds(self.inner.$method($($name),*)?, self.scope))
        })*
    };
}

impl<S: Serializer> Serializer for Limited<Bounds, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Limited<Bounds, S::SerializeSeq>;
    type SerializeTuple = Limited<Bounds, S::SerializeTuple>;
    type SerializeTupleStruct = Limited<Bounds, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Limited<Bounds, S::SerializeTupleVariant>;
    type SerializeMap = Limited<Bounds, S::SerializeMap>;
    type SerializeStruct = Limited<Bounds, S::SerializeStruct>;
    type SerializeStructVariant = Limited<Bounds, S::SerializeStructVariant>;

    unchanged! {
        serialize_bool(bool)
        serialize_i8(i8)
        serialize_i16(i16)
        serialize_i32(i32)
        serialize_i64(i64)
        serialize_i128(i128)
        serialize_u8(u8)
        serialize_u16(u16)
        serialize_u32(u32)
        serialize_u64(u64)
        serialize_u128(u128)
        serialize_char(char)
        serialize_str(&str)
        serialize_bytes(&[u8])
        serialize_unit_struct(&'static str)
    }

    opened! {
        serialize_seq(len: Option<usize>) -> SerializeSeq
        serialize_tuple(len: usize) -> SerializeTuple
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct
        serialize_tuple_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        ) -> SerializeTupleVariant
        serialize_map(len: Option<usize>) -> SerializeMap
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct
        serialize_struct_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        ) -> SerializeStructVariant
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.scope.float(value.into())?;
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.scope.float(value)?;
        self.inner.serialize_f64(value)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = Limited::bounds(value, self.scope.descend()?);
        self.inner.serialize_some(&value)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Limited::bounds(value, self.scope.descend()?);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Limited::bounds(value, self.scope.descend()?);
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
    }

    fn collect_str<T: ?Sized + fmt::Display>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}
