//! Ranges of a sorted set: described first, then read, counted or removed.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use bytes::{BufMut, Bytes, BytesMut};
use purse_client::{Command, Op, Reply, Result};
use purse_codec::{Codec, IntoArg};

use super::score_codec::{decode_scored_list, not_nan};
use crate::conversion::{decode_list, encode};
use crate::handle::Handle;
use crate::list::inclusive;
use crate::number_args::IndexRange;

/// A marker of a [`SortedRange`] of ranks.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{ByRank, Plain, RedisSortedSet, SortedRange};
///
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// board.extend([("Ada", 30.0), ("Bob", 10.0), ("Cem", 20.0)]).await?;
/// let last: SortedRange<String, Plain, ByRank> = board.by_rank(..2);
/// assert_eq!(last.to_vec().await?, ["Bob", "Cem"]);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub enum ByRank {}

/// A marker of a [`SortedRange`] of scores.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{ByScore, Plain, RedisSortedSet, SortedRange};
///
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// board.extend([("Ada", 30.0), ("Bob", 10.0), ("Cem", 20.0)]).await?;
/// let passed: SortedRange<String, Plain, ByScore> = board.by_score(20.0..);
/// assert_eq!(passed.count().await?, 2);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub enum ByScore {}

/// A marker of a [`SortedRange`] of values, in the order of their bytes.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{ByValue, Plain, RedisSortedSet, SortedRange};
///
/// // The order of values is that of their bytes, and needs equal scores.
/// let words: RedisSortedSet<String> = RedisSortedSet::new(&client, "words");
/// words.extend([("pear", 0.0), ("apple", 0.0), ("plum", 0.0)]).await?;
/// let from_p: SortedRange<String, Plain, ByValue> = words.by_value("p"..);
/// assert_eq!(from_p.to_vec().await?, ["pear", "plum"]);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub enum ByValue {}

/// A range of a sorted set that is described and not yet read.
///
/// [`RedisSortedSet::by_rank`](super::RedisSortedSet::by_rank),
/// [`by_score`](super::RedisSortedSet::by_score) and [`by_value`](super::RedisSortedSet::by_value)
/// create it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// # let client = purse::Client::connect(&url).await?;
/// use purse::RedisSortedSet;
///
/// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
/// jobs.extend((1..=9).map(|job| (job, f64::from(job * 10)))).await?;
///
/// assert_eq!(jobs.by_rank(..2).to_vec().await?, [1, 2]);
/// assert_eq!(jobs.by_score(..=30.0).with_scores().await?[2], (3, 30.0));
/// assert_eq!(jobs.by_score(50.0..).count().await?, 5);
/// assert_eq!(jobs.by_score(50.0..).rev().limit(1, 2).to_vec().await?, [8, 7]);
/// assert_eq!(jobs.by_score(..50.0).remove().await?, 4);
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent before one of its methods is called"]
pub struct SortedRange<T, C, B> {
    set: Handle<(T, C)>,
    verbs: &'static RangeCommands,
    /// The bounds as the server takes them; `None` for a range without elements.
    bounds: Result<Option<Bounds>>,
    reversed: bool,
    by: PhantomData<fn() -> B>,
}

/// A part of a range of a sorted set: a number of its elements, after a number that is skipped.
///
/// [`SortedRange::limit`] creates it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::RedisSortedSet;
///
/// let board: RedisSortedSet<u32> = RedisSortedSet::new(&client, "board");
/// board.extend((1..=30).map(|player| (player, f64::from(player)))).await?;
/// let second_page = board.by_score(..).rev().limit(10, 10);
/// assert_eq!(second_page.to_vec().await?, (11..=20).rev().collect::<Vec<_>>());
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent before one of its methods is called"]
pub struct LimitedRange<T, C, B> {
    range: SortedRange<T, C, B>,
    limit: Limit,
}

/// The numbers of elements to skip and to take.
#[derive(Debug, Clone, Copy)]
struct Limit(u64, u64);

#[derive(Debug)]
struct Bounds {
    forward: [Bytes; 2],
    backward: [Bytes; 2],
}

/// The commands for one kind of range.
#[derive(Debug)]
struct RangeCommands {
    forward: &'static str,
    backward: &'static str,
    remove: &'static str,
}

const BY_RANK: RangeCommands = RangeCommands {
    forward: "ZRANGE",
    backward: "ZREVRANGE",
    remove: "ZREMRANGEBYRANK",
};
const BY_SCORE: RangeCommands = RangeCommands {
    forward: "ZRANGEBYSCORE",
    backward: "ZREVRANGEBYSCORE",
    remove: "ZREMRANGEBYSCORE",
};
const BY_VALUE: RangeCommands = RangeCommands {
    forward: "ZRANGEBYLEX",
    backward: "ZREVRANGEBYLEX",
    remove: "ZREMRANGEBYLEX",
};

impl<T, C> SortedRange<T, C, ByRank> {
    pub(super) fn by_rank(set: Handle<(T, C)>, ranks: impl IndexRange) -> Self {
        let text = |rank: i64| Bytes::from(rank.to_string());
        // ZREVRANGE counts from the other end, where -1 is what 0 is here.
        let bounds = inclusive(ranks).map(|(first, last)| Bounds {
            forward: [text(first), text(last)],
            backward: [text(-1 - last), text(-1 - first)],
        });
        Self::new(set, &BY_RANK, Ok(bounds))
    }
}

impl<T, C> SortedRange<T, C, ByScore> {
    pub(super) fn by_score(set: Handle<(T, C)>, scores: impl RangeBounds<f64>) -> Self {
        let text = |bound: Bound<&f64>, open: &'static str| {
            Ok(match bound {
                Bound::Unbounded => Bytes::from_static(open.as_bytes()),
                Bound::Included(&score) => Bytes::from(not_nan(score)?.to_string()),
                Bound::Excluded(&score) => Bytes::from(format!("({}", not_nan(score)?)),
            })
        };
        let low = text(scores.start_bound(), "-inf");
        let high = text(scores.end_bound(), "+inf");
        Self::new(set, &BY_SCORE, both(low, high))
    }
}

impl<T, C: Codec<T>> SortedRange<T, C, ByValue> {
    pub(super) fn by_value<Q>(set: Handle<(T, C)>, values: impl RangeBounds<Q>) -> Self
    where
        Q: IntoArg<T> + Clone,
    {
        let text = |bound: Bound<&Q>, open: &'static str| {
            Ok(match bound {
                Bound::Unbounded => Bytes::from_static(open.as_bytes()),
                Bound::Included(value) => after(b'[', &encode::<T, C>(value.clone())?),
                Bound::Excluded(value) => after(b'(', &encode::<T, C>(value.clone())?),
            })
        };
        let low = text(values.start_bound(), "-");
        let high = text(values.end_bound(), "+");
        Self::new(set, &BY_VALUE, both(low, high))
    }
}

fn both(low: Result<Bytes>, high: Result<Bytes>) -> Result<Option<Bounds>> {
    let (low, high) = (low?, high?);
    Ok(Some(Bounds {
        forward: [low.clone(), high.clone()],
        backward: [high, low],
    }))
}

fn after(sign: u8, value: &[u8]) -> Bytes {
    let mut bound = BytesMut::with_capacity(1 + value.len());
    bound.put_u8(sign);
    bound.put_slice(value);
    bound.freeze()
}

impl<T, C, B> SortedRange<T, C, B> {
    fn new(
        set: Handle<(T, C)>,
        verbs: &'static RangeCommands,
        bounds: Result<Option<Bounds>>,
    ) -> Self {
        Self {
            set,
            verbs,
            bounds,
            reversed: false,
            by: PhantomData,
        }
    }

    /// Reverses the order, so that the highest score comes first. The range keeps the same
    /// elements. A second call restores the order.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// assert_eq!(jobs.by_rank(..2).rev().to_vec().await?, [8, 7]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "REV")]
    #[doc(alias = "descending")]
    #[doc(alias = "reversed")]
    pub fn rev(mut self) -> Self {
        self.reversed = !self.reversed;
        self
    }

    fn page(self, offset: u64, count: u64) -> LimitedRange<T, C, B> {
        LimitedRange {
            range: self,
            limit: Limit(offset, count),
        }
    }
}

impl<T: Send + 'static, C: Codec<T>, B> SortedRange<T, C, B> {
    /// Returns the elements, in memory at once.
    ///
    /// Redis: ZRANGE, ZRANGEBYSCORE or ZRANGEBYLEX, or their variants with REV. Time complexity:
    /// O(log(n) + m) for m elements in the range and n in the set. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if a bound is NaN.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// assert_eq!(jobs.by_score(2.0..).to_vec().await?, [8, 9]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "ZRANGEBYSCORE")]
    #[doc(alias = "ZRANGEBYLEX")]
    #[doc(alias = "ZREVRANGE")]
    #[doc(alias = "ZREVRANGEBYSCORE")]
    #[doc(alias = "ZREVRANGEBYLEX")]
    pub fn to_vec(self) -> Op<Vec<T>> {
        self.read(false, None, decode_list::<T, C>)
    }

    /// Removes the elements. Returns their number.
    ///
    /// Redis: ZREMRANGEBYRANK, ZREMRANGEBYSCORE or ZREMRANGEBYLEX. Time complexity: O(log(n) + m)
    /// for m elements in the range and n in the set. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if a bound is NaN.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// assert_eq!(jobs.by_score(2.0..).remove().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREMRANGEBYRANK")]
    #[doc(alias = "ZREMRANGEBYSCORE")]
    #[doc(alias = "ZREMRANGEBYLEX")]
    #[doc(alias = "zrembyscore")]
    #[doc(alias = "zrembylex")]
    pub fn remove(self) -> Op<u64> {
        let command = Command::write(self.verbs.remove);
        self.on_bounds(command, Reply::into_count)
    }

    /// Creates the operation that runs `command` with the bounds from low to high.
    fn on_bounds(self, command: Command, read: fn(Reply) -> Result<u64>) -> Op<u64> {
        match self.bounds {
            Ok(None) => Op::ready(Ok(0)),
            Ok(Some(bounds)) => self.set.op(command.args(bounds.forward), read),
            Err(error) => self.set.try_op(|_| Err(error), command, read),
        }
    }

    fn read<R>(
        self,
        with_scores: bool,
        limit: Option<Limit>,
        read: fn(Reply) -> Result<Vec<R>>,
    ) -> Op<Vec<R>> {
        let command = Command::read(match self.reversed {
            true => self.verbs.backward,
            false => self.verbs.forward,
        });
        let bounds = match self.bounds {
            Ok(None) => return Op::ready(Ok(Vec::new())),
            Ok(Some(bounds)) => bounds,
            Err(error) => return self.set.try_op(|_| Err(error), command, read),
        };
        let mut command = command.args(match self.reversed {
            true => bounds.backward,
            false => bounds.forward,
        });
        if with_scores {
            command = command.arg("WITHSCORES");
        }
        if let Some(Limit(offset, count)) = limit {
            // More than the server can count is more than there is.
            let most = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            command = command.arg("LIMIT").arg(most(offset)).arg(most(count));
        }
        self.set.op(command, read)
    }
}

impl<T: Send + 'static, C: Codec<T>> SortedRange<T, C, ByRank> {
    /// Returns the elements with their scores, in memory at once.
    ///
    /// Redis: ZRANGE or ZREVRANGE with WITHSCORES. Time complexity: O(log(n) + m) for m elements in
    /// the range and n in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0)]).await?;
    /// assert_eq!(jobs.by_rank(..).with_scores().await?, [(7, 1.0), (8, 2.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "ZREVRANGE")]
    #[doc(alias = "WITHSCORES")]
    #[doc(alias = "zrange_withscores")]
    #[doc(alias = "zrevrange_withscores")]
    pub fn with_scores(self) -> Op<Vec<(T, f64)>> {
        self.read(true, None, decode_scored_list::<T, C>)
    }
}

impl<T: Send + 'static, C: Codec<T>> SortedRange<T, C, ByScore> {
    /// Returns the elements with their scores, in memory at once.
    ///
    /// Redis: ZRANGEBYSCORE or ZREVRANGEBYSCORE with WITHSCORES. Time complexity: O(log(n) + m) for
    /// m elements in the range and n in the set. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if a bound is NaN.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0)]).await?;
    /// assert_eq!(jobs.by_score(2.0..).with_scores().await?, [(8, 2.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYSCORE")]
    #[doc(alias = "ZREVRANGEBYSCORE")]
    #[doc(alias = "WITHSCORES")]
    #[doc(alias = "zrangebyscore_withscores")]
    #[doc(alias = "zrevrangebyscore_withscores")]
    pub fn with_scores(self) -> Op<Vec<(T, f64)>> {
        self.read(true, None, decode_scored_list::<T, C>)
    }

    /// Skips the first `offset` elements, in the order of the range, and takes up to `count` of
    /// the others.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// assert_eq!(jobs.by_score(..).limit(1, 1).to_vec().await?, [8]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LIMIT")]
    #[doc(alias = "offset")]
    #[doc(alias = "zrangebyscore_limit")]
    pub fn limit(self, offset: u64, count: u64) -> LimitedRange<T, C, ByScore> {
        self.page(offset, count)
    }

    /// Returns the number of elements.
    ///
    /// Redis: ZCOUNT. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if a bound is NaN.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0)]).await?;
    /// assert_eq!(jobs.by_score(1.5..).count().await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCOUNT")]
    pub fn count(self) -> Op<u64> {
        self.on_bounds(Command::read("ZCOUNT"), Reply::into_count)
    }
}

impl<T: Send + 'static, C: Codec<T>> SortedRange<T, C, ByValue> {
    /// Skips the first `offset` elements, in the order of the range, and takes up to `count` of
    /// the others.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let words: RedisSortedSet<String> = RedisSortedSet::new(&client, "words");
    /// words.extend([("ant", 0.0), ("bee", 0.0), ("cat", 0.0)]).await?;
    /// assert_eq!(words.by_value("a"..).limit(1, 1).to_vec().await?, ["bee"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LIMIT")]
    #[doc(alias = "offset")]
    #[doc(alias = "zrangebylex_limit")]
    pub fn limit(self, offset: u64, count: u64) -> LimitedRange<T, C, ByValue> {
        self.page(offset, count)
    }

    /// Returns the number of elements.
    ///
    /// Redis: ZLEXCOUNT. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let words: RedisSortedSet<String> = RedisSortedSet::new(&client, "words");
    /// words.extend([("ant", 0.0), ("bee", 0.0), ("cat", 0.0)]).await?;
    /// assert_eq!(words.by_value("b"..).count().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZLEXCOUNT")]
    pub fn count(self) -> Op<u64> {
        self.on_bounds(Command::read("ZLEXCOUNT"), Reply::into_count)
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
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if a bound is NaN.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// assert_eq!(jobs.by_score(..).rev().limit(0, 2).to_vec().await?, [9, 8]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYSCORE")]
    #[doc(alias = "ZRANGEBYLEX")]
    #[doc(alias = "ZREVRANGEBYSCORE")]
    #[doc(alias = "ZREVRANGEBYLEX")]
    #[doc(alias = "zrangebyscore_limit")]
    #[doc(alias = "zrangebylex_limit")]
    pub fn to_vec(self) -> Op<Vec<T>> {
        self.range
            .read(false, Some(self.limit), decode_list::<T, C>)
    }
}

impl<T: Send + 'static, C: Codec<T>> LimitedRange<T, C, ByScore> {
    /// Returns the elements with their scores, in memory at once.
    ///
    /// Redis: ZRANGEBYSCORE or ZREVRANGEBYSCORE with WITHSCORES and LIMIT. Time complexity:
    /// O(log(n) + m) for m elements that are skipped or returned, and n in the set. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) if a bound is NaN.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// let page = jobs.by_score(..).limit(1, 1);
    /// assert_eq!(page.with_scores().await?, [(8, 2.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYSCORE")]
    #[doc(alias = "ZREVRANGEBYSCORE")]
    #[doc(alias = "zrangebyscore_limit_withscores")]
    #[doc(alias = "zrevrangebyscore_limit_withscores")]
    pub fn with_scores(self) -> Op<Vec<(T, f64)>> {
        self.range
            .read(true, Some(self.limit), decode_scored_list::<T, C>)
    }
}

impl<T, C, B> fmt::Debug for SortedRange<T, C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SortedRange")
            .field("set", &self.set)
            .field("command", &self.verbs.forward)
            .field("bounds", &self.bounds)
            .field("reversed", &self.reversed)
            .finish_non_exhaustive()
    }
}

impl<T, C, B> fmt::Debug for LimitedRange<T, C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedRange")
            .field("range", &self.range)
            .field("limit", &self.limit)
            .finish()
    }
}
