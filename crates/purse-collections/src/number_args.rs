//! Numbers, and ranges of numbers, as arguments: indices and ranks.

use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use purse_client::Result;

/// An index of a list or a rank of a sorted set: an integer of any type.
///
/// A negative one counts from the other end: -1 is the last. An integer beyond `i64` means the end,
/// because no list is so long. The trait is sealed.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{IntoIndex, RedisList, Result};
///
/// async fn letter(list: &RedisList<String>, index: impl IntoIndex) -> Result<Option<String>> {
///     list.get(index).await
/// }
/// let list: RedisList<String> = RedisList::new(&client, "letters");
/// list.extend(["a", "b"]).await?;
/// assert_eq!(letter(&list, "x".len()).await?.as_deref(), Some("b"));
/// assert_eq!(letter(&list, -2).await?.as_deref(), Some("a"));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an index",
    note = "pass an integer, such as a `usize` or an `i64`"
)]
pub trait IntoIndex: sealed::IntoNumber<i64> {}

/// A range of indices or ranks: a range of std over [integers](IntoIndex), or `..`.
///
/// The trait is sealed.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{IndexRange, RedisList, Result};
///
/// async fn sum(list: &RedisList<u32>, range: impl IndexRange) -> Result<u32> {
///     Ok(list.range(range).await?.iter().sum())
/// }
/// let list: RedisList<u32> = RedisList::new(&client, "numbers");
/// list.extend([1, 2, 4]).await?;
/// let count: usize = 2;
/// assert_eq!(sum(&list, ..count).await?, 3);
/// assert_eq!(sum(&list, -1..).await?, 4);
/// assert_eq!(sum(&list, ..).await?, 7);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range of indices",
    note = "pass a range of integers, such as `0..n`, or `..`"
)]
pub trait IndexRange: sealed::NumberRange<i64> {}

impl<I: sealed::IntoNumber<i64>> IntoIndex for I {}
impl<R: sealed::NumberRange<i64>> IndexRange for R {}

pub(crate) mod sealed {
    #![expect(unnameable_types, reason = "they seal the traits")]

    use std::ops::Bound;

    use purse_client::Result;

    /// A number that becomes an `N`, or is refused.
    pub trait IntoNumber<N> {
        /// Converts the number.
        fn into_number(self) -> Result<N>;
    }

    /// A range of numbers that become an `N`.
    pub trait NumberRange<N> {
        /// Returns the bounds.
        fn into_bounds(self) -> Result<(Bound<N>, Bound<N>)>;
    }
}

use sealed::{IntoNumber, NumberRange};

macro_rules! indices {
    ($($type:ident)*) => {$(
        impl IntoNumber<i64> for $type {
            fn into_number(self) -> Result<i64> {
                // Only unsigned ones can be beyond it.
                Ok(i64::try_from(self).unwrap_or(i64::MAX))
            }
        }
    )*};
}

indices! { i8 i16 i32 i64 isize u8 u16 u32 u64 usize }

impl<N> NumberRange<N> for RangeFull {
    fn into_bounds(self) -> Result<(Bound<N>, Bound<N>)> {
        Ok((Bound::Unbounded, Bound::Unbounded))
    }
}

impl<N, I: IntoNumber<N>> NumberRange<N> for (Bound<I>, Bound<I>) {
    fn into_bounds(self) -> Result<(Bound<N>, Bound<N>)> {
        let convert = |bound| {
            Ok(match bound {
                Bound::Unbounded => Bound::Unbounded,
                Bound::Included(number) => Bound::Included(I::into_number(number)?),
                Bound::Excluded(number) => Bound::Excluded(I::into_number(number)?),
            })
        };
        Ok((convert(self.0)?, convert(self.1)?))
    }
}

impl<N, I: IntoNumber<N>> NumberRange<N> for Range<I> {
    fn into_bounds(self) -> Result<(Bound<N>, Bound<N>)> {
        (Bound::Included(self.start), Bound::Excluded(self.end)).into_bounds()
    }
}

impl<N, I: IntoNumber<N>> NumberRange<N> for RangeInclusive<I> {
    fn into_bounds(self) -> Result<(Bound<N>, Bound<N>)> {
        let (first, last) = self.into_inner();
        (Bound::Included(first), Bound::Included(last)).into_bounds()
    }
}

impl<N, I: IntoNumber<N>> NumberRange<N> for RangeFrom<I> {
    fn into_bounds(self) -> Result<(Bound<N>, Bound<N>)> {
        (Bound::Included(self.start), Bound::Unbounded).into_bounds()
    }
}

impl<N, I: IntoNumber<N>> NumberRange<N> for RangeTo<I> {
    fn into_bounds(self) -> Result<(Bound<N>, Bound<N>)> {
        (Bound::Unbounded, Bound::Excluded(self.end)).into_bounds()
    }
}

impl<N, I: IntoNumber<N>> NumberRange<N> for RangeToInclusive<I> {
    fn into_bounds(self) -> Result<(Bound<N>, Bound<N>)> {
        (Bound::Unbounded, Bound::Included(self.end)).into_bounds()
    }
}

/// Converts an index; one that no list has becomes an index that no list has.
pub(crate) fn index(index: impl IntoIndex) -> i64 {
    index.into_number().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_beyond_i64_are_the_end() {
        assert_eq!(index(u64::MAX), i64::MAX);
        assert_eq!(index(-3), -3);
        assert_eq!(index(3_usize), 3);
        assert_eq!(index(i64::MIN), i64::MIN);
    }
}
