//! Writing within limits.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::ser::{Error, Serialize, Serializer};

use super::{Limited, TOO_DEEP};

/// The limits of a value that is written, and a count of what is doubtful about it.
pub(crate) struct Bounds<'d, F> {
    /// The number of levels that may follow below this one.
    levels: i16,
    /// The number of things that serde does not read in every place.
    doubts: &'d Cell<usize>,
    format: PhantomData<F>,
}

impl<F> Clone for Bounds<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Bounds<'_, F> {}

/// A property of each format, known when the program is compiled.
pub(crate) trait Format {
    /// The format of the keys of maps.
    type Key: Format;
    /// The number of levels of a value.
    const LEVELS: i16;
    /// Floats must be finite.
    const IS_FINITE: bool = false;
    /// Scalars are strings, which serde's buffer does not turn back.
    const HAS_TEXT_FOR_SCALARS: bool = false;
    /// Some types have another form for machines. Serde's buffer does not know that it holds one.
    const HAS_BINARY_FORMS: bool = false;
    /// Fields have no names, so none may be left out. Structures without parts have no bytes.
    const IS_POSITIONAL: bool = false;
}

/// JSON. Arrays and objects are counted where they are written.
pub(crate) enum Json {}
/// A key of a map in JSON.
pub(crate) enum JsonKey {}
#[cfg(feature = "msgpack")]
pub(crate) enum MsgPack {}
#[cfg(feature = "bincode")]
pub(crate) enum Bincode {}

impl Format for Json {
    type Key = JsonKey;
    const LEVELS: i16 = i16::MAX;
    const IS_FINITE: bool = true;
}

impl Format for JsonKey {
    type Key = Self;
    const LEVELS: i16 = i16::MAX;
    const IS_FINITE: bool = true;
    const HAS_TEXT_FOR_SCALARS: bool = true;
}

#[cfg(feature = "msgpack")]
impl Format for MsgPack {
    type Key = Self;
    const LEVELS: i16 = super::LEVELS;
    const HAS_BINARY_FORMS: bool = true;
}

#[cfg(feature = "bincode")]
impl Format for Bincode {
    type Key = Self;
    const LEVELS: i16 = super::LEVELS;
    const IS_POSITIONAL: bool = true;
}

impl<'d, F: Format> Bounds<'d, F> {
    pub(crate) fn new(doubts: &'d Cell<usize>) -> Self {
        Self::with_levels(F::LEVELS, doubts)
    }

    fn with_levels(levels: i16, doubts: &'d Cell<usize>) -> Self {
        Self {
            levels,
            doubts,
            format: PhantomData,
        }
    }

    /// Returns the limits of nested values.
    pub(super) fn descend<E: Error>(self) -> Result<Self, E> {
        if self.levels == 0 {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self::with_levels(self.levels - 1, self.doubts))
    }

    /// Returns the limits of the key of a map.
    pub(super) fn key<E: Error>(self) -> Result<Bounds<'d, F::Key>, E> {
        let Self { levels, doubts, .. } = self.descend()?;
        Ok(Bounds::with_levels(levels, doubts))
    }

    /// Refuses to leave out a field where the fields have no names.
    pub(super) fn skip<E: Error>(self, field: &str) -> Result<(), E> {
        if F::IS_POSITIONAL {
            return Err(E::custom(format_args!(
                "the field `{field}` is skipped, and fields without names cannot be left out"
            )));
        }
        Ok(())
    }

    fn doubt_if(self, is_doubtful: bool) {
        if is_doubtful {
            self.doubts.set(self.doubts.get() + 1);
        }
    }

    /// Notices a scalar.
    fn scalar(self) {
        self.doubt_if(F::HAS_TEXT_FOR_SCALARS);
    }

    /// Notices a number of 128 bits, for which serde's buffer has no room.
    fn wide(self) {
        self.doubt_if(true);
    }

    /// Notices a type that asks which form it is to have.
    fn form(self) {
        self.doubt_if(F::HAS_BINARY_FORMS);
    }

    /// Notices a structure of `len` parts. Of those without bytes, only some are read.
    fn parts(self, len: usize) {
        self.doubt_if(F::IS_POSITIONAL && len == 0);
    }

    fn float<E: Error>(self, value: f64) -> Result<(), E> {
        if F::IS_FINITE && !value.is_finite() {
            return Err(E::custom(format_args!(
                "JSON has no form for the float {value}"
            )));
        }
        self.scalar();
        Ok(())
    }
}

impl<'d, F, X> Limited<Bounds<'d, F>, X> {
    /// Limits `inner` to `scope`.
    pub(crate) fn bounds(inner: X, scope: Bounds<'d, F>) -> Self {
        Self { scope, inner }
    }
}

impl<F: Format, T: ?Sized + Serialize> Serialize for Limited<Bounds<'_, F>, &T> {
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

/// Scalars that are strings as the keys of JSON.
macro_rules! noticed {
    ($notice:ident: $($method:ident($type:ty))*) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.scope.$notice();
            self.inner.$method(value)
        })*
    };
}

/// The methods that begin a structure.
macro_rules! opened {
    ($($method:ident($($name:ident: $type:ty),*) $([$len:ident])? -> $compound:ident)*) => {
        $(fn $method(self, $($name: $type),*) -> Result<Self::$compound, S::Error> {
            $(self.scope.parts($len);)?
            Ok(Limited::bounds(self.inner.$method($($name),*)?, self.scope))
        })*
    };
}

impl<'d, F: Format, S: Serializer> Serializer for Limited<Bounds<'d, F>, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Limited<Bounds<'d, F>, S::SerializeSeq>;
    type SerializeTuple = Limited<Bounds<'d, F>, S::SerializeTuple>;
    type SerializeTupleStruct = Limited<Bounds<'d, F>, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Limited<Bounds<'d, F>, S::SerializeTupleVariant>;
    type SerializeMap = Limited<Bounds<'d, F>, S::SerializeMap>;
    type SerializeStruct = Limited<Bounds<'d, F>, S::SerializeStruct>;
    type SerializeStructVariant = Limited<Bounds<'d, F>, S::SerializeStructVariant>;

    unchanged! {
        serialize_char(char)
        serialize_str(&str)
        serialize_bytes(&[u8])
    }

    noticed! {
        scalar:
        serialize_bool(bool)
        serialize_i8(i8)
        serialize_i16(i16)
        serialize_i32(i32)
        serialize_i64(i64)
        serialize_u8(u8)
        serialize_u16(u16)
        serialize_u32(u32)
        serialize_u64(u64)
    }

    noticed! {
        wide:
        serialize_i128(i128)
        serialize_u128(u128)
    }

    opened! {
        serialize_seq(len: Option<usize>) -> SerializeSeq
        serialize_tuple(len: usize) [len] -> SerializeTuple
        serialize_tuple_struct(name: &'static str, len: usize) [len] -> SerializeTupleStruct
        serialize_tuple_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        ) -> SerializeTupleVariant
        serialize_map(len: Option<usize>) -> SerializeMap
        serialize_struct(name: &'static str, len: usize) [len] -> SerializeStruct
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
        self.scope.parts(0);
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.scope.parts(0);
        self.inner.serialize_unit_struct(name)
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
        self.scope.form();
        self.inner.is_human_readable()
    }
}
