//! The parts of structures while they are read within bounds.

use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::{Limited, budget::LimitScope};

impl<'de, X: SeqAccess<'de>> SeqAccess<'de> for Limited<LimitScope<'_>, X> {
    type Error = X::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, X::Error> {
        let before = self.scope.reads();
        let element = self
            .inner
            .next_element_seed(self.scope.descend().hold(seed))?;
        if element.is_some() {
            self.scope.element(before)?;
        }
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.scope.believe(self.inner.size_hint())
    }
}

impl<'de, X: MapAccess<'de>> MapAccess<'de> for Limited<LimitScope<'_>, X> {
    type Error = X::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, X::Error> {
        let before = self.scope.reads();
        let key = self.inner.next_key_seed(self.scope.descend().hold(seed))?;
        if key.is_some() {
            self.scope.element(before)?;
        }
        Ok(key)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, X::Error> {
        self.inner.next_value_seed(self.scope.descend().hold(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.scope.believe(self.inner.size_hint())
    }
}

impl<'de, 'b, X: EnumAccess<'de>> EnumAccess<'de> for Limited<LimitScope<'b>, X> {
    type Error = X::Error;
    type Variant = Limited<LimitScope<'b>, X::Variant>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), X::Error> {
        let (variant, access) = self.inner.variant_seed(self.scope.hold(seed))?;
        Ok((variant, self.scope.hold(access)))
    }
}

impl<'de, X: VariantAccess<'de>> VariantAccess<'de> for Limited<LimitScope<'_>, X> {
    type Error = X::Error;

    fn unit_variant(self) -> Result<(), X::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, X::Error> {
        self.inner
            .newtype_variant_seed(self.scope.descend().hold(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, X::Error> {
        self.inner.tuple_variant(len, self.scope.hold(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, X::Error> {
        self.inner.struct_variant(fields, self.scope.hold(visitor))
    }
}
