//! The work and memory that the length of the input justifies.

use std::cell::Cell;

use serde::de::Error;

use super::{LEVELS, Limited, TOO_DEEP};

/// The number of elements of a value that may have no byte of their own.
const WITHOUT_BYTES: usize = 1 << 16;

/// A limit for the cost of a value that is read from a certain input.
pub(crate) struct InputBudget {
    /// The length of the input.
    input: usize,
    /// The number of reads that took at least a byte.
    reads: Cell<usize>,
    /// The number of elements without bytes that may follow.
    without_bytes: Cell<usize>,
}

impl InputBudget {
    /// Creates the budget of one value.
    pub(crate) fn of(input: &[u8]) -> Self {
        Self {
            input: input.len(),
            reads: Cell::new(0),
            without_bytes: Cell::new(WITHOUT_BYTES),
        }
    }

    /// Returns the scope of the outermost value.
    fn scope(&self) -> LimitScope<'_> {
        LimitScope {
            budget: self,
            levels: LEVELS,
            claimed: false,
        }
    }
}

/// A position in the nesting of the input.
#[derive(Clone, Copy)]
pub(crate) struct LimitScope<'b> {
    budget: &'b InputBudget,
    /// The number of levels that may follow below this one.
    levels: i16,
    /// True if the number of elements comes from the input, not from the type.
    claimed: bool,
}

impl<'b> LimitScope<'b> {
    /// Limits `inner` to this scope.
    pub(super) fn hold<X>(self, inner: X) -> Limited<Self, X> {
        Limited { scope: self, inner }
    }

    /// Returns the scope of nested values.
    pub(super) fn descend(self) -> Self {
        Self {
            levels: self.levels - 1,
            claimed: false,
            ..self
        }
    }

    /// Refuses a value that is nested too deep.
    ///
    /// A sequence on the last level is allowed, because it may be empty.
    pub(super) fn check<E: Error>(self) -> Result<Self, E> {
        if self.levels < 0 {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(self)
    }

    /// Returns this scope for a structure whose length comes from the input.
    pub(super) fn with_claimed_length(self) -> Self {
        Self {
            claimed: true,
            ..self
        }
    }

    /// Counts a read that takes at least a byte.
    pub(super) fn read(self) {
        let reads = &self.budget.reads;
        reads.set(reads.get() + 1);
    }

    /// Returns the number of reads that took at least a byte.
    pub(super) fn reads(self) -> usize {
        self.budget.reads.get()
    }

    /// Counts an element, before which there were `reads_before` reads.
    ///
    /// Most elements have a byte of their own, so the input limits their number. Elements without,
    /// such as `()` in bincode, would let a few bytes keep the reader busy without an end.
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

    /// Returns a claimed length, but at most the length of the input.
    pub(super) fn believe(self, claimed: Option<usize>) -> Option<usize> {
        claimed.map(|claimed| claimed.min(self.budget.input))
    }
}

impl<'b, X> Limited<LimitScope<'b>, X> {
    /// Limits the reader of the outermost value to a budget.
    pub(crate) fn budget(inner: X, budget: &'b InputBudget) -> Self {
        budget.scope().hold(inner)
    }
}
