//! Structures while they are written within bounds.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::Limited;
use super::ser::{Bounds, Format};

/// Structures whose parts have no name.
macro_rules! unnamed {
    ($($trait:ident::$method:ident)*) => {
        $(impl<F: Format, X: $trait> $trait for Limited<Bounds<'_, F>, X> {
            type Ok = X::Ok;
            type Error = X::Error;

            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), X::Error> {
                self.inner.$method(&Limited::bounds(value, self.scope.descend()?))
            }

            fn end(self) -> Result<X::Ok, X::Error> {
                self.inner.end()
            }
        })*
    };
}

/// Structures whose parts have names.
macro_rules! named {
    ($($trait:ident)*) => {
        $(impl<F: Format, X: $trait> $trait for Limited<Bounds<'_, F>, X> {
            type Ok = X::Ok;
            type Error = X::Error;

            fn serialize_field<T: ?Sized + Serialize>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), X::Error> {
                self.inner
                    .serialize_field(key, &Limited::bounds(value, self.scope.descend()?))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), X::Error> {
                self.scope.skip(key)?;
                self.inner.skip_field(key)
            }

            fn end(self) -> Result<X::Ok, X::Error> {
                self.inner.end()
            }
        })*
    };
}

unnamed! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

named! {
    SerializeStruct
    SerializeStructVariant
}

impl<F: Format, X: SerializeMap> SerializeMap for Limited<Bounds<'_, F>, X> {
    type Ok = X::Ok;
    type Error = X::Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), X::Error> {
        self.inner
            .serialize_key(&Limited::bounds(key, self.scope.key()?))
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), X::Error> {
        self.inner
            .serialize_value(&Limited::bounds(value, self.scope.descend()?))
    }

    fn end(self) -> Result<X::Ok, X::Error> {
        self.inner.end()
    }
}
