//! Numbers, and ranges of numbers, as arguments: indices, ranks and scores.

use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use purse_client::{Error, ErrorKind, Result};

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

/// A score of a sorted set: an `f64`, an `f32`, or an integer that an `f64` holds exactly.
///
/// A NaN, and an integer of a 64 bit type beyond ±2⁵³, is `InvalidInput` before anything is sent:
/// it would become another number. The trait is sealed.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{ErrorKind, IntoScore, RedisSortedSet, Result};
///
/// async fn win(board: &RedisSortedSet<String>, points: impl IntoScore) -> Result<f64> {
///     board.increment("Ada", points).await
/// }
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// assert_eq!(win(&board, 1).await?, 1.0);
/// assert_eq!(win(&board, 0.5).await?, 1.5);
/// assert_eq!(win(&board, i64::MAX).await.unwrap_err().kind(), ErrorKind::InvalidInput);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a score",
    note = "pass a float or an integer"
)]
pub trait IntoScore: sealed::IntoNumber<f64> {}

/// A range of scores: a range of std over [scores](IntoScore), or `..`.
///
/// The trait is sealed.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{RedisSortedSet, Result, ScoreRange};
///
/// async fn count(board: &RedisSortedSet<String>, scores: impl ScoreRange) -> Result<u64> {
///     board.by_score(scores).count().await
/// }
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// board.extend([("Ada", 10), ("Bob", 30)]).await?;
/// assert_eq!(count(&board, 20..).await?, 1);
/// assert_eq!(count(&board, ..30.5).await?, 2);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range of scores",
    note = "pass a range of floats or integers, such as `0.0..1.0`, or `..`"
)]
pub trait ScoreRange: sealed::NumberRange<f64> {}

impl<I: sealed::IntoNumber<i64>> IntoIndex for I {}
impl<R: sealed::NumberRange<i64>> IndexRange for R {}
impl<S: sealed::IntoNumber<f64>> IntoScore for S {}
impl<R: sealed::NumberRange<f64>> ScoreRange for R {}

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

impl<N, I: IntoNumber<N> + Copy> IntoNumber<N> for &I {
    fn into_number(self) -> Result<N> {
        (*self).into_number()
    }
}

macro_rules! exact_scores {
    ($($type:ident)*) => {$(
        impl IntoNumber<f64> for $type {
            fn into_number(self) -> Result<f64> {
                not_nan(f64::from(self))
            }
        }
    )*};
}

exact_scores! { f32 f64 i8 i16 i32 u8 u16 u32 }

macro_rules! wide_scores {
    ($($type:ident)*) => {$(
        impl IntoNumber<f64> for $type {
            fn into_number(self) -> Result<f64> {
                match i64::try_from(self) {
                    Ok(number) if number.unsigned_abs() <= EXACT => {
                        #[expect(clippy::cast_precision_loss, reason = "none up to 2^53")]
                        Ok(number as f64)
                    }
                    _ => Err(Error::new(
                        ErrorKind::InvalidInput,
                        format!(
                            "score {self} must be within ±2^53, because an f64 cannot hold every \
                             integer beyond that"
                        ),
                    )),
                }
            }
        }
    )*};
}

wide_scores! { i64 isize u64 usize }

/// 2⁵³: up to there, an `f64` holds every integer.
pub(crate) const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;

/// Refuses NaN, which has no place in an order.
pub(crate) fn not_nan(number: f64) -> Result<f64> {
    if number.is_nan() {
        return Err(Error::new(ErrorKind::InvalidInput, "score must not be NaN"));
    }
    Ok(number)
}

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

    fn score(score: impl IntoScore) -> Result<f64> {
        score.into_number()
    }

    #[test]
    fn integers_are_scores_as_far_as_they_are_exact() {
        const MOST: i64 = 1 << 53;
        assert_eq!(score(7).unwrap(), 7.0);
        assert_eq!(score(0.5_f32).unwrap(), 0.5);
        assert_eq!(score(MOST).unwrap(), 9_007_199_254_740_992.0);
        assert_eq!(score(-MOST).unwrap(), -9_007_199_254_740_992.0);
        for refused in [
            score(MOST + 1),
            score(-MOST - 1),
            score(i64::MIN),
            score(u64::MAX),
            score(usize::MAX),
            score(f64::NAN),
            score(f32::NAN),
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn indices_beyond_i64_are_the_end() {
        assert_eq!(index(u64::MAX), i64::MAX);
        assert_eq!(index(-3), -3);
        assert_eq!(index(3_usize), 3);
        assert_eq!(index(i64::MIN), i64::MIN);
    }
}
