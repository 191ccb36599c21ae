//! Scores that decide between equal points by time.

use std::time::{Duration, SystemTime};

use purse_client::{Error, ErrorKind, Result};

use crate::number_args::EXACT;

/// A rule for equal points: the element that reached them first is nearer to the top.
///
/// A score holds the points and, in its low bits, the seconds that were left when they were reached.
/// The rule needs to know the time that it lasts. The longer that is, the fewer points fit: 2³⁶ for a
/// day, and 2²⁸ for a year. Elements that reached the same points in the same second are in the order
/// of their bytes. Scores of different rules must not be in one set, and `increment` does not update
/// the time: insert the new score.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use std::time::{Duration, SystemTime};
///
/// use purse::{RedisSortedSet, Tie};
///
/// let (start, second) = (SystemTime::now(), Duration::from_secs(1));
/// let tie = Tie::first(start, 3600 * second)?; // the game lasts an hour
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// board.insert("Bob", tie.score(50, start + 9 * second)?).await?;
/// board.insert("Ada", tie.score(50, start + 5 * second)?).await?;
/// board.insert("Cem", tie.score(49, start + second)?).await?;
///
/// let best = board.top(2).with_scores().await?;
/// assert_eq!((best[0].0.as_str(), tie.points(best[0].1)), ("Ada", 50));
/// assert_eq!((best[1].0.as_str(), tie.points(best[1].1)), ("Bob", 50));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "tiebreak")]
pub struct Tie {
    start: SystemTime,
    /// The number of bits that the seconds take.
    bits: u32,
}

impl Tie {
    /// Creates the rule for a time from `start` on. All programs must pass the same times.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the time is longer than 2⁴⁰ seconds.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use purse::Tie;
    ///
    /// let season = Duration::from_secs(90 * 24 * 3600);
    /// assert!(Tie::first(SystemTime::UNIX_EPOCH, season).is_ok());
    /// ```
    pub fn first(start: SystemTime, length: Duration) -> Result<Self> {
        let bits = u64::BITS - length.as_secs().leading_zeros();
        if bits > 40 {
            let seconds = length.as_secs();
            let message = format!("a tie cannot be decided over {seconds} s: at most 2^40 s");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(Self { start, bits })
    }

    /// Returns the score of points that were reached at a time.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the time is not in that of the rule, or if an `f64`
    /// cannot hold the score exactly.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use purse::Tie;
    ///
    /// let start = SystemTime::UNIX_EPOCH;
    /// let tie = Tie::first(start, Duration::from_secs(3600))?;
    /// let early = tie.score(50, start)?;
    /// let late = tie.score(50, start + Duration::from_secs(9))?;
    /// assert!(early > late && late > tie.score(49, start)?);
    /// # Ok::<(), purse::Error>(())
    /// ```
    pub fn score(&self, points: i64, at: SystemTime) -> Result<f64> {
        let refused = |message: String| Error::new(ErrorKind::InvalidInput, message);
        let most = (1 << self.bits) - 1;
        let passed = at.duration_since(self.start).ok();
        let passed = passed.and_then(|passed| i64::try_from(passed.as_secs()).ok());
        let passed = passed.filter(|passed| *passed <= most).ok_or_else(|| {
            refused(format!(
                "{at:?} is not within {most} s after {:?}",
                self.start
            ))
        })?;
        let score = points
            .checked_mul(most + 1)
            .and_then(|points| points.checked_add(most - passed))
            .filter(|score| score.unsigned_abs() <= EXACT);
        let score = score.ok_or_else(|| {
            let bits = self.bits;
            refused(format!(
                "{points} points and a time of {bits} bits are more than 53 bits"
            ))
        })?;
        #[expect(clippy::cast_precision_loss, reason = "none up to 2^53")]
        Ok(score as f64)
    }

    /// Returns the points in a score of this rule.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use purse::Tie;
    ///
    /// let tie = Tie::first(SystemTime::UNIX_EPOCH, Duration::from_secs(3600))?;
    /// let score = tie.score(-7, SystemTime::UNIX_EPOCH)?;
    /// assert_eq!(tie.points(score), -7);
    /// # Ok::<(), purse::Error>(())
    /// ```
    #[must_use]
    pub const fn points(&self, score: f64) -> i64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "scores of the rule are within 53 bits"
        )]
        let score = score as i64;
        score >> self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn after(seconds: u64) -> SystemTime {
        START + Duration::from_secs(seconds)
    }

    #[test]
    fn scores_are_ordered_by_points_and_then_by_time() {
        for length in [0, 1, 7, 8, 3_600] {
            let tie = Tie::first(START, Duration::from_secs(length)).unwrap();
            let points = [-1_000, -1, 0, 1, 1_000];
            let mut last = f64::NEG_INFINITY;
            for points in points {
                for seconds in (0..=length).rev() {
                    let score = tie.score(points, after(seconds)).unwrap();
                    assert!(score > last, "{points} at {seconds} of {length}");
                    assert_eq!(tie.points(score), points);
                    last = score;
                }
            }
        }
    }

    #[test]
    fn scores_are_exact_or_refused() {
        let tie = Tie::first(START, Duration::from_secs(255)).unwrap();
        let most = (1 << 45) - 1;
        for points in [most, -most - 1] {
            let [early, late] = [0, 255].map(|at| tie.score(points, after(at)).unwrap());
            assert_eq!(early - late, 255.0);
            assert_eq!([early, late].map(|score| tie.points(score)), [points; 2]);
        }
        for (points, at) in [
            (most + 2, START),
            (-most - 2, START),
            (i64::MAX, START),
            (i64::MIN, START),
            (1, after(256)),
            (1, START - Duration::from_secs(1)),
        ] {
            let error = tie.score(points, at).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{points} {at:?}");
        }
        assert!(Tie::first(START, Duration::MAX).is_err());
    }
}
