//! A number of elements at one end of a range of a sorted set.

use std::fmt;

use purse_client::{Op, Reply, Result};
use purse_codec::Codec;

use super::range::{ByScore, SortedRange};
use super::score_codec::decode_scored_list;
use crate::conversion::decode_list;

/// A number of elements at one end of a range of a sorted set, described and not yet read.
///
/// [`SortedRange::top`] and [`SortedRange::bottom`] create it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::RedisSortedSet;
///
/// let board: RedisSortedSet<u32> = RedisSortedSet::new(&client, "board");
/// board.extend((1..=30).map(|player| (player, player))).await?;
/// let second_page = board.by_score(..).top(10).offset(10);
/// assert_eq!(second_page.to_vec().await?, (11..=20).rev().collect::<Vec<_>>());
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent before one of its methods is called"]
pub struct LimitedRange<T, C, B> {
    range: SortedRange<T, C, B>,
    is_from_top: bool,
    /// The numbers of elements to skip and to take, from that end.
    limit: [u64; 2],
    /// True if the element that is nearest to the other end comes first.
    reversed: bool,
}

impl<T, C, B> LimitedRange<T, C, B> {
    pub(super) const fn new(range: SortedRange<T, C, B>, is_from_top: bool, count: u64) -> Self {
        Self {
            range,
            is_from_top,
            limit: [0, count],
            reversed: false,
        }
    }

    /// Sets how many elements are skipped at the same end, before the others are counted. Default: 0.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1), (8, 2), (9, 3), (10, 4)]).await?;
    /// assert_eq!(jobs.by_score(..4).top(2).offset(1).to_vec().await?, [8, 7]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LIMIT")]
    #[doc(alias = "skip")]
    pub const fn offset(mut self, count: u64) -> Self {
        self.limit[0] = count;
        self
    }

    /// Reverses the order of the elements, and keeps the same elements. A second call restores the
    /// order.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1), (8, 2), (9, 3), (10, 4)]).await?;
    /// assert_eq!(jobs.by_score(..4).top(2).rev().to_vec().await?, [8, 9]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "reversed")]
    pub const fn rev(mut self) -> Self {
        self.reversed = !self.reversed;
        self
    }
}

impl<T: Send + 'static, C: Codec<T>, B> LimitedRange<T, C, B> {
    /// Returns the elements, in memory at once.
    ///
    /// Redis: ZRANGEBYSCORE or ZRANGEBYLEX, or their variants with REV, with LIMIT. Time
    /// complexity: O(log(n) + m) for m elements that are skipped or returned, and n in the set.
    /// Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if a bound is not a [score](crate::IntoScore).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// assert_eq!(jobs.by_score(..).top(2).to_vec().await?, [9, 8]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYSCORE")]
    #[doc(alias = "ZRANGEBYLEX")]
    #[doc(alias = "ZREVRANGEBYSCORE")]
    #[doc(alias = "ZREVRANGEBYLEX")]
    #[doc(alias = "zrangebyscore_limit")]
    #[doc(alias = "zrangebylex_limit")]
    pub fn to_vec(self) -> Op<Vec<T>> {
        self.read(false, decode_list::<T, C>, |reply| {
            decode_list::<T, C>(reply).map(reversed)
        })
    }

    /// Reads the elements by `read`, or in reversed order by `read_reversed`.
    fn read<R>(
        self,
        with_scores: bool,
        read: fn(Reply) -> Result<Vec<R>>,
        read_reversed: fn(Reply) -> Result<Vec<R>>,
    ) -> Op<Vec<R>> {
        let read = match self.reversed {
            true => read_reversed,
            false => read,
        };
        self.range
            .read_from(self.is_from_top, with_scores, Some(self.limit), read)
    }
}

impl<T: Send + 'static, C: Codec<T>> LimitedRange<T, C, ByScore> {
    /// Returns the elements with their scores, in memory at once.
    ///
    /// Redis: ZRANGEBYSCORE or ZREVRANGEBYSCORE with WITHSCORES and LIMIT. Time complexity:
    /// O(log(n) + m) for m elements that are skipped or returned, and n in the set. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if a bound is not a [score](crate::IntoScore).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// let page = jobs.by_score(..).bottom(1).offset(1);
    /// assert_eq!(page.with_scores().await?, [(8, 2.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYSCORE")]
    #[doc(alias = "ZREVRANGEBYSCORE")]
    #[doc(alias = "zrangebyscore_limit_withscores")]
    #[doc(alias = "zrevrangebyscore_limit_withscores")]
    pub fn with_scores(self) -> Op<Vec<(T, f64)>> {
        self.read(true, decode_scored_list::<T, C>, |reply| {
            decode_scored_list::<T, C>(reply).map(reversed)
        })
    }
}

fn reversed<R>(mut elements: Vec<R>) -> Vec<R> {
    elements.reverse();
    elements
}

impl<T, C, B> fmt::Debug for LimitedRange<T, C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedRange")
            .field("range", &self.range)
            .field("is_from_top", &self.is_from_top)
            .field("limit", &self.limit)
            .field("reversed", &self.reversed)
            .finish()
    }
}
