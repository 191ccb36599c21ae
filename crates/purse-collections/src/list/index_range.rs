//! Ranges of list indices.

use std::ops::Bound;

use crate::number_args::IndexRange;

/// Returns the first and the last index of `range` in the form of LRANGE; `None` if it is empty.
///
/// An exclusive end of 0 would become -1, which the server reads as the last element.
pub(crate) fn inclusive(range: impl IndexRange) -> Option<(i64, i64)> {
    let (start, end) = range.into_bounds().ok()?;
    let first = match start {
        Bound::Unbounded => 0,
        Bound::Included(first) => first,
        Bound::Excluded(-1) => return None,
        Bound::Excluded(before) => before.checked_add(1)?,
    };
    let last = match end {
        Bound::Unbounded => -1,
        Bound::Included(last) => last,
        Bound::Excluded(0) => return None,
        Bound::Excluded(after) => after.checked_sub(1)?,
    };
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn std_ranges_become_inclusive_ones() {
        assert_eq!(inclusive(2..5), Some((2, 4)));
        assert_eq!(inclusive(2..=5), Some((2, 5)));
        assert_eq!(inclusive(..), Some((0, -1)));
        assert_eq!(inclusive(..3_usize), Some((0, 2)));
        assert_eq!(inclusive(2_u64..u64::MAX), Some((2, i64::MAX - 1)));
        assert_eq!(inclusive(-3..), Some((-3, -1)));
        assert_eq!(inclusive(..-1), Some((0, -2)));
        assert_eq!(
            inclusive((Bound::Excluded(1), Bound::Included(3))),
            Some((2, 3))
        );
    }

    #[test]
    fn ends_that_wrap_around_are_empty() {
        assert_eq!(inclusive(..0), None);
        assert_eq!(inclusive((Bound::Excluded(-1), Bound::Unbounded)), None);
        assert_eq!(inclusive(..i64::MIN), None);
        assert_eq!(
            inclusive((Bound::Excluded(i64::MAX), Bound::Unbounded)),
            None
        );
    }
}
