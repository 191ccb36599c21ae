//! What the length of the input justifies.

use std::cell::Cell;

use serde::de::Error;

use super::{LEVELS, Limited, TOO_DEEP};

/// How many elements of a value may come without a byte of their own.
const WITHOUT_BYTES: usize = 1 << 16;

/// What a value may cost that is read from a certain input.
pub(crate) struct InputBudget {
    /// How long the input is.
    input: usize,
    /// How often something was read that takes a byte at least.
    reads: Cell<usize>,
    /// How many more elements may come without bytes.
    without_bytes: Cell<usize>,
}

impl InputBudget {
    /// The budget of one read.
    pub(crate) fn of(input: &[u8]) -> Self {
        Self {
            input: input.len(),
            reads: Cell::new(0),
            without_bytes: Cell::new(WITHOUT_BYTES),
        }
    }

    /// Where the outermost value is read.
    fn scope(&self) -> LimitScope<'_> {
        LimitScope {
            budget: self,
            levels: LEVELS,
            claimed: false,
        }
    }
}

/// Where in the input a value is read.
#[derive(Clone, Copy)]
pub(crate) struct LimitScope<'b> {
    budget: &'b InputBudget,
    /// How many levels may follow below this one.
    levels: i16,
    /// Whether the number of elements is the input's claim, not the type's.
    claimed: bool,
}

impl<'b> LimitScope<'b> {
    /// Holds `inner` to this scope.
    pub(super) fn hold<X>(self, inner: X) -> Limited<Self, X> {
        Limited { scope: self, inner }
    }

    /// The scope of what may be nested in here.
    pub(super) fn nested(self) -> Self {
        Self {
            levels: self.levels - 1,
            claimed: false,
            ..self
        }
    }

    /// Refuses a value that is nested too deep.
    ///
    /// Only when it is there: a sequence on the last level can still be empty.
    pub(super) fn check<E: Error>(self) -> Result<Self, E> {
        if self.levels < 0 {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(self)
    }

    /// This scope, for a structure whose length the input claims.
    pub(super) fn claimed(self) -> Self {
        Self {
            claimed: true,
            ..self
        }
    }

    /// Takes note that something is read that takes a byte at least.
    pub(super) fn read(self) {
        let reads = &self.budget.reads;
        reads.set(reads.get() + 1);
    }

    /// How often that was so.
    pub(super) fn reads(self) -> usize {
        self.budget.reads.get()
    }

    /// Takes note of an element, before which there were so many reads.
    ///
    /// Most elements have a byte of their own, so the input bounds their number; those without, such
    /// as `()` in bincode, would let a few bytes keep the reader busy for ever.
    pub(super) fn element<E: Error>(self, reads_before: usize) -> Result<(), E> {
        if !self.claimed || self.reads() > reads_before {
            return Ok(());
        }
        let without_bytes = &self.budget.without_bytes;
        match without_bytes.get().checked_sub(1) {
            Some(left) => without_bytes.set(left),
            None => return Err(E::custom("more elements than the bytes justify")),
        }
        Ok(())
    }

    /// A claimed length, as far as it can be true.
    pub(super) fn believe(self, claimed: Option<usize>) -> Option<usize> {
        claimed.map(|claimed| claimed.min(self.budget.input))
    }
}

impl<'b, X> Limited<LimitScope<'b>, X> {
    /// Holds what reads the outermost value to a budget.
    pub(crate) fn budget(inner: X, budget: &'b InputBudget) -> Self {
        budget.scope().hold(inner)
    }
}
