//! Ranges of a sorted set: described first, then read, counted or removed.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use bytes::{BufMut, Bytes, BytesMut};
use purse_client::{Command, Op, Reply, Result};
use purse_codec::{Codec, IntoArg};

use super::limited_range::LimitedRange;
use super::score_codec::decode_scored_list;
use crate::conversion::{decode_list, encode};
use crate::handle::Handle;
use crate::list::inclusive;
use crate::number_args::{IndexRange, ScoreRange};

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
/// [`RedisSortedSet::top`](super::RedisSortedSet::top), [`bottom`](super::RedisSortedSet::bottom),
/// [`page`](super::RedisSortedSet::page), [`by_rank`](super::RedisSortedSet::by_rank),
/// [`by_rank_from_top`](super::RedisSortedSet::by_rank_from_top),
/// [`by_score`](super::RedisSortedSet::by_score) and [`by_value`](super::RedisSortedSet::by_value)
/// create it. [`rev`](Self::rev) never changes which elements it contains.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// # let client = purse::Client::connect(&url).await?;
/// use purse::RedisSortedSet;
///
/// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
/// jobs.extend((1..=9).map(|job| (job, job * 10))).await?;
///
/// assert_eq!(jobs.bottom(2).to_vec().await?, [1, 2]);
/// assert_eq!(jobs.top(2).to_vec().await?, [9, 8]);
/// assert_eq!(jobs.by_score(..=30).with_scores().await?[2], (3, 30.0));
/// assert_eq!(jobs.by_score(50..).count().await?, 5);
/// assert_eq!(jobs.by_score(50..).top(2).offset(1).to_vec().await?, [8, 7]);
/// assert_eq!(jobs.by_score(..50).remove().await?, 4);
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
        let bounds = inclusive(ranks).map(|(first, last)| Bounds {
            forward: [first, last].map(rank),
            backward: from_other_end([first, last]).map(rank),
        });
        Self::new(set, &BY_RANK, Ok(bounds))
    }

    pub(super) fn by_rank_from_top(set: Handle<(T, C)>, ranks: impl IndexRange) -> Self {
        let bounds = inclusive(ranks).map(|(first, last)| Bounds {
            forward: from_other_end([first, last]).map(rank),
            backward: [first, last].map(rank),
        });
        Self::new(set, &BY_RANK, Ok(bounds)).rev()
    }
}

fn rank(rank: i64) -> Bytes {
    Bytes::from(rank.to_string())
}

/// Returns the same ranks, counted from the other end: -1 there is 0 here.
const fn from_other_end([first, last]: [i64; 2]) -> [i64; 2] {
    [-1 - last, -1 - first]
}

impl<T, C> SortedRange<T, C, ByScore> {
    pub(super) fn by_score(set: Handle<(T, C)>, scores: impl ScoreRange) -> Self {
        let text = |bound: Bound<f64>, open: &'static str| match bound {
            Bound::Unbounded => Bytes::from_static(open.as_bytes()),
            Bound::Included(score) => Bytes::from(score.to_string()),
            Bound::Excluded(score) => Bytes::from(format!("({score}")),
        };
        let bounds = scores
            .into_bounds()
            .map(|(low, high)| both(text(low, "-inf"), text(high, "+inf")));
        Self::new(set, &BY_SCORE, bounds)
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
        let bounds = low.and_then(|low| Ok(both(low, high?)));
        Self::new(set, &BY_VALUE, bounds)
    }
}

fn both(low: Bytes, high: Bytes) -> Option<Bounds> {
    Some(Bounds {
        forward: [low.clone(), high.clone()],
        backward: [high, low],
    })
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

    /// Reverses the order of the elements. The range keeps the same elements. A second call restores
    /// the order.
    ///
    /// The order is from the bottom to the top, except for [`top`](super::RedisSortedSet::top),
    /// [`page`](super::RedisSortedSet::page) and
    /// [`by_rank_from_top`](super::RedisSortedSet::by_rank_from_top), where the highest score comes first.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1.0), (8, 2.0), (9, 3.0)]).await?;
    /// assert_eq!(jobs.bottom(2).rev().to_vec().await?, [8, 7]);
    /// assert_eq!(jobs.top(2).rev().to_vec().await?, [8, 9]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "REV")]
    #[doc(alias = "descending")]
    #[doc(alias = "reversed")]
    pub fn rev(mut self) -> Self {
        self.reversed = !self.reversed;
        self
    }
}

impl<T: Send + 'static, C: Codec<T>, B> SortedRange<T, C, B> {
    /// Returns the elements, in memory at once.
    ///
    /// Redis: ZRANGE, ZRANGEBYSCORE or ZRANGEBYLEX, or their variants with REV. Time complexity:
    /// O(log(n) + m) for m elements in the range and n in the set. Round trips: 1.
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
        self.read(false, decode_list::<T, C>)
    }

    /// Removes the elements. Returns their number.
    ///
    /// Redis: ZREMRANGEBYRANK, ZREMRANGEBYSCORE or ZREMRANGEBYLEX. Time complexity: O(log(n) + m)
    /// for m elements in the range and n in the set. Round trips: 1.
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

    fn read<R>(self, with_scores: bool, read: fn(Reply) -> Result<Vec<R>>) -> Op<Vec<R>> {
        let is_from_top = self.reversed;
        self.read_from(is_from_top, with_scores, None, read)
    }

    /// Reads the elements from the top or from the bottom, or the elements that `limit` skips and takes
    /// from there.
    pub(super) fn read_from<R>(
        self,
        is_from_top: bool,
        with_scores: bool,
        limit: Option<[u64; 2]>,
        read: fn(Reply) -> Result<Vec<R>>,
    ) -> Op<Vec<R>> {
        let command = Command::read(match is_from_top {
            true => self.verbs.backward,
            false => self.verbs.forward,
        });
        let bounds = match self.bounds {
            Ok(None) => return Op::ready(Ok(Vec::new())),
            Ok(Some(bounds)) => bounds,
            Err(error) => return self.set.try_op(|_| Err(error), command, read),
        };
        let mut command = command.args(match is_from_top {
            true => bounds.backward,
            false => bounds.forward,
        });
        if with_scores {
            command = command.arg("WITHSCORES");
        }
        if let Some(limit) = limit {
            // More than the server can count is more than there is.
            let limit = limit.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
            command = command.arg("LIMIT").args(limit);
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
        self.read(true, decode_scored_list::<T, C>)
    }
}

impl<T: Send + 'static, C: Codec<T>> SortedRange<T, C, ByScore> {
    /// Returns the elements with their scores, in memory at once.
    ///
    /// Redis: ZRANGEBYSCORE or ZREVRANGEBYSCORE with WITHSCORES. Time complexity: O(log(n) + m) for
    /// m elements in the range and n in the set. Round trips: 1.
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
        self.read(true, decode_scored_list::<T, C>)
    }

    /// Describes the `count` elements of the range that are nearest to the top, the highest first. The
    /// order is the same if the range is reversed before.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1), (8, 2), (9, 3), (10, 4)]).await?;
    /// assert_eq!(jobs.by_score(..4).top(2).to_vec().await?, [9, 8]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LIMIT")]
    #[doc(alias = "limit")]
    #[doc(alias = "zrevrangebyscore_limit")]
    pub fn top(self, count: u64) -> LimitedRange<T, C, ByScore> {
        LimitedRange::new(self, true, count)
    }

    /// Describes the `count` elements of the range that are nearest to the bottom, the lowest first. The
    /// order is the same if the range is reversed before.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let jobs: RedisSortedSet<u32> = RedisSortedSet::new(&client, "jobs");
    /// jobs.extend([(7, 1), (8, 2), (9, 3), (10, 4)]).await?;
    /// assert_eq!(jobs.by_score(2..).bottom(2).to_vec().await?, [8, 9]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LIMIT")]
    #[doc(alias = "limit")]
    #[doc(alias = "zrangebyscore_limit")]
    pub fn bottom(self, count: u64) -> LimitedRange<T, C, ByScore> {
        LimitedRange::new(self, false, count)
    }

    /// Returns the number of elements.
    ///
    /// Redis: ZCOUNT. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
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
    /// Describes the `count` elements of the range that are nearest to the top, the highest first. The
    /// order is the same if the range is reversed before.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let words: RedisSortedSet<String> = RedisSortedSet::new(&client, "words");
    /// words.extend([("ant", 0), ("bee", 0), ("cat", 0), ("dog", 0)]).await?;
    /// assert_eq!(words.by_value(.."d").top(2).to_vec().await?, ["cat", "bee"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LIMIT")]
    #[doc(alias = "limit")]
    #[doc(alias = "zrevrangebylex_limit")]
    pub fn top(self, count: u64) -> LimitedRange<T, C, ByValue> {
        LimitedRange::new(self, true, count)
    }

    /// Describes the `count` elements of the range that are nearest to the bottom, the lowest first. The
    /// order is the same if the range is reversed before.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let words: RedisSortedSet<String> = RedisSortedSet::new(&client, "words");
    /// words.extend([("ant", 0), ("bee", 0), ("cat", 0), ("dog", 0)]).await?;
    /// assert_eq!(words.by_value("b"..).bottom(2).to_vec().await?, ["bee", "cat"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "LIMIT")]
    #[doc(alias = "limit")]
    #[doc(alias = "zrangebylex_limit")]
    pub fn bottom(self, count: u64) -> LimitedRange<T, C, ByValue> {
        LimitedRange::new(self, false, count)
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
