//! Arguments that are two values.

/// An item that is a pair `(A, B)`, or a reference to one, as an iterator over a slice returns.
///
/// # Examples
///
/// ```
/// use purse::{IntoArg, IntoPair};
///
/// fn total<P>(counts: impl IntoIterator<Item = P>) -> u64
/// where
///     P: IntoPair<First: IntoArg<String>, Second: IntoArg<u64>>,
/// {
///     counts.into_iter().map(|pair| pair.into_pair().1.with(|count| *count)).sum()
/// }
///
/// let counts = [("tea", 2), ("milk", 5)];
/// assert_eq!(total(&counts), 7);
/// assert_eq!(total(counts), 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pair",
    note = "pass an iterator over pairs `(A, B)`, or a slice of them"
)]
pub trait IntoPair {
    /// The first value, or a reference to it.
    type First;
    /// The second value, or a reference to it.
    type Second;

    /// Returns both.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse::IntoPair;
    ///
    /// assert_eq!(("tea", 2).into_pair(), ("tea", 2));
    /// assert_eq!((&("tea", 2)).into_pair(), (&"tea", &2));
    /// ```
    fn into_pair(self) -> (Self::First, Self::Second);
}

impl<A, B> IntoPair for (A, B) {
    type First = A;
    type Second = B;

    fn into_pair(self) -> Self {
        self
    }
}

impl<'a, A, B> IntoPair for &'a (A, B) {
    type First = &'a A;
    type Second = &'a B;

    fn into_pair(self) -> (&'a A, &'a B) {
        (&self.0, &self.1)
    }
}
