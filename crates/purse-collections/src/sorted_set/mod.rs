//! A sorted set: reads, ranks, writes, pops, ranges, and the combinations of sorted sets.
//!
//! May import: `conversion`, `handle`, `redis_key`, `bulk`, `element_stream`, `number_args`, `list`.

mod combination;
mod limited_range;
mod pop;
mod range;
mod rank;
mod score_codec;
mod tie;
mod writes;

use std::borrow::Borrow;
use std::ops::RangeBounds;

use purse_client::{Client, Command, Op, Reply, Result, Script};
use purse_codec::{Codec, Decoded, IntoArg, Lenient, Plain};

pub use self::combination::{Aggregate, CombinedSorted};
pub use self::limited_range::LimitedRange;
pub use self::range::{ByRank, ByScore, ByValue, SortedRange};
pub use self::rank::Ranked;
pub use self::tie::Tie;
pub use self::writes::{Changes, Condition};

use self::combination::SetOperation;
use self::score_codec::{decode_first, decode_scored, decode_scored_list};
use crate::bulk::{Bulk, BulkOp};
use crate::conversion::{ArgBuffer, encode, encode_one};
use crate::element_stream::{Scanned, next_pair};
use crate::handle::{Handle, handle_traits};
use crate::number_args::ScoreRange;
use crate::redis_key::key_methods;

static SCORES: Script = Script::read(
    "SORTED SET SCORES",
    include_str!("../lua/sorted_set_scores.lua"),
);

/// A set of `T` on the server in which each element has a score. The elements are in the order of
/// their scores.
///
/// A score is an `f64`, which may be infinite but not NaN; methods also accept an integer that an
/// `f64` holds exactly ([`IntoScore`](crate::IntoScore)). Elements with the same score are in the
/// order of their bytes.
///
/// The bottom of the set is the lowest score, the top is the highest. [`rank`](Self::rank) and
/// [`by_rank`](Self::by_rank) count from the bottom, [`rank_from_top`](Self::rank_from_top) and
/// [`by_rank_from_top`](Self::by_rank_from_top) from the top. The first rank is 0. Of several elements
/// with the same score, that with the highest bytes is nearest to the top.
///
/// The server compares elements by their bytes. Therefore the codec must write equal values as
/// equal bytes. No codec does so for a type that contains a `HashMap` or `HashSet`. Python's
/// redis-purse writes a `dict` with spaces after colons and commas, and a model without these
/// spaces; `Plain` writes structures without them. Access to one of n elements is O(log(n)).
///
/// [`top`](Self::top), [`bottom`](Self::bottom), [`by_rank`](Self::by_rank),
/// [`by_score`](Self::by_score) and [`by_value`](Self::by_value) describe ranges of the set, which can
/// be read, counted or removed.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, Condition, RedisSortedSet};
///
/// let client = Client::connect(&url).await?;
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// board.extend([("Ada", 10), ("Bob", 30), ("Cem", 20)]).await?;
/// assert_eq!(board.increment("Ada", 15).await?, 25.0);
/// assert!(!board.insert_if("Ada", 5.0, Condition::OnlyGreater).await?);
///
/// assert_eq!(board.top(2).to_vec().await?, ["Bob", "Ada"]);
/// let below_25 = board.by_score(..25).with_scores().await?;
/// assert_eq!(below_25, [("Cem".to_owned(), 20.0)]);
/// assert_eq!(board.pop_max().await?, Some(("Bob".to_owned(), 30.0)));
/// # Ok(()) }
/// ```
#[doc(alias = "zset")]
pub struct RedisSortedSet<T, C = Plain>(Handle<(T, C)>);

impl<T, C> RedisSortedSet<T, C> {
    /// Creates a handle of the sorted set at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// assert_eq!(board.score("Ada").await?, Some(10.0));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    /// Returns a handle whose elements are [`Decoded`]: an element that cannot be decoded is an error
    /// among the others, instead of the error of the whole call. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Decoded, RedisSortedSet};
    ///
    /// let words: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// words.extend([("1", 1.0), ("two", 2.0), ("3", 3.0)]).await?;
    /// let numbers: RedisSortedSet<u32> = RedisSortedSet::new(&client, "board");
    /// let all = numbers.lenient().by_rank(..).to_vec().await?;
    /// assert_eq!(all.into_iter().filter_map(Decoded::ok).collect::<Vec<_>>(), [1, 3]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lenient(&self) -> RedisSortedSet<Decoded<T>, Lenient<C>> {
        RedisSortedSet(self.0.cast())
    }

    key_methods!(
        0,
        [
            "board",
            "RedisSortedSet",
            "<String>",
            "insert(\"Ada\", 10.0)"
        ]
    );
}

impl<T: Send + 'static, C: Codec<T>> RedisSortedSet<T, C> {
    /// Returns the number of elements.
    ///
    /// Redis: ZCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// assert_eq!(board.len().await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("ZCARD"), Reply::into_count)
    }

    /// Returns whether the set has no element.
    ///
    /// Redis: ZCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// assert!(board.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("ZCARD"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Returns whether `value` is an element.
    ///
    /// Redis: ZSCORE. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// assert!(board.contains("Ada").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZSCORE")]
    pub fn contains(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::read("ZSCORE"), value, |reply| Ok(!reply.is_nil()))
    }

    /// Returns the score of `value`; `None` if it is not an element.
    ///
    /// Redis: ZSCORE. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// assert_eq!(board.score("Ada").await?, Some(10.0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZSCORE")]
    pub fn score(&self, value: impl IntoArg<T>) -> Op<Option<f64>> {
        self.one(Command::read("ZSCORE"), value, float)
    }

    /// Returns the scores of many values, in the order of the values.
    ///
    /// Redis: ZSCORE in a script. Time complexity: O(n) for n values. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// assert_eq!(board.scores(["Bob", "Ada"]).await?, [None, Some(10.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "ZMSCORE")]
    #[doc(alias = "zscore_multiple")]
    #[doc(alias = "score_multi")]
    pub fn scores<'a, I>(&self, values: I) -> BulkOp<'a, Vec<Option<f64>>>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let write = |value, arguments: &mut ArgBuffer| encode_one::<T, C, _>(value, arguments);
        let command = self.0.on_key(Command::script(&SCORES));
        let more = |mut scores: Vec<_>, reply: Reply| {
            for score in reply.into_list()? {
                scores.push(float(score)?);
            }
            Ok(scores)
        };
        Bulk::new(&self.0.client, command).run(values.into_iter(), write, Vec::new(), more)
    }

    /// Returns the element with the lowest score, and that score.
    ///
    /// Redis: ZRANGE. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10.0), ("Bob", 30.0)]).await?;
    /// assert_eq!(board.peek_min().await?, Some(("Ada".to_owned(), 10.0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "peak_min")]
    #[doc(alias = "first")]
    pub fn peek_min(&self) -> Op<Option<(T, f64)>> {
        self.peek(Command::read("ZRANGE"))
    }

    /// Returns the element with the highest score, and that score.
    ///
    /// Redis: ZREVRANGE. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10.0), ("Bob", 30.0)]).await?;
    /// assert_eq!(board.peek_max().await?, Some(("Bob".to_owned(), 30.0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREVRANGE")]
    #[doc(alias = "peak_max")]
    #[doc(alias = "last")]
    pub fn peek_max(&self) -> Op<Option<(T, f64)>> {
        self.peek(Command::read("ZREVRANGE"))
    }

    /// Describes the elements in a range of scores. Sends nothing; the methods of [`SortedRange`]
    /// read, count or remove the elements.
    ///
    /// `by_score(1.0..2.0)` excludes 2, `by_score(5.0..)` includes an infinite score, and
    /// `by_score((Excluded(1.0), Unbounded))` excludes 1. A bound may be an integer. A bound that is not
    /// a [score](crate::IntoScore), such as a NaN, is
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) when the elements are asked for.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10.0), ("Bob", 30.0), ("Cem", 20.0)]).await?;
    /// assert_eq!(board.by_score(20.0..).to_vec().await?, ["Cem", "Bob"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYSCORE")]
    #[doc(alias = "ZREVRANGEBYSCORE")]
    #[doc(alias = "slice_by_score")]
    pub fn by_score(&self, scores: impl ScoreRange) -> SortedRange<T, C, ByScore> {
        SortedRange::by_score(self.0.clone(), scores)
    }

    /// Describes the elements in a range of values, in the order of their bytes. Sends nothing;
    /// the methods of [`SortedRange`] read, count or remove the elements.
    ///
    /// The result is defined only if all elements have the same score. The order is that of the
    /// encoded bytes: it is the usual one for strings, but not for decimal numbers. Name the type
    /// of the bounds where it is ambiguous: `by_value::<&str>(..)`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let words: RedisSortedSet<String> = RedisSortedSet::new(&client, "words");
    /// words.extend([("ant", 0.0), ("bee", 0.0), ("cat", 0.0)]).await?;
    /// assert_eq!(words.by_value("a".."c").to_vec().await?, ["ant", "bee"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYLEX")]
    #[doc(alias = "ZREVRANGEBYLEX")]
    pub fn by_value<Q>(&self, values: impl RangeBounds<Q>) -> SortedRange<T, C, ByValue>
    where
        Q: IntoArg<T> + Clone,
    {
        SortedRange::by_value(self.0.clone(), values)
    }

    /// Streams the elements and their scores, in no order, a page in memory at a time.
    ///
    /// A page has about 256 elements, see [`Scanned::page_size`]; [`Scanned::matching`] selects
    /// elements. Each page is atomic; the stream as a whole has [the guarantees of a
    /// scan](Scanned).
    ///
    /// Redis: ZSCAN. Time complexity: O(n) for a page of n elements. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// let all: Vec<_> = board.stream().try_collect().await?;
    /// assert_eq!(all, [("Ada".to_owned(), 10.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZSCAN")]
    #[doc(alias = "values")]
    #[doc(alias = "iter")]
    pub fn stream(&self) -> Scanned<(T, f64)> {
        let read = |page: &mut _| next_pair(page, decode_scored::<T, C>);
        Scanned::new(&self.0, "ZSCAN", read)
    }

    /// Returns up to `count` different elements, picked at random, with their scores. If the set has
    /// fewer, returns all of them.
    ///
    /// Redis: ZRANDMEMBER with a count. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 6.2.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10), ("Bob", 30), ("Cem", 20)]).await?;
    /// assert_eq!(board.sample(2).await?.len(), 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANDMEMBER")]
    #[doc(alias = "random")]
    #[doc(alias = "zrandmember_withscores")]
    pub fn sample(&self, count: u32) -> Op<Vec<(T, f64)>> {
        let command = Command::read("ZRANDMEMBER").arg(count).arg("WITHSCORES");
        self.0.op(command, decode_scored_list::<T, C>)
    }

    /// Describes the elements that are in this set or in any of `others`. Sends nothing; the methods of
    /// [`CombinedSorted`] read or store the elements.
    ///
    /// The score of an element is the sum of its scores in the sets, unless
    /// [`weights`](CombinedSorted::weights) and [`aggregate`](CombinedSorted::aggregate) change
    /// that.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let a: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}a");
    /// let b: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}b");
    /// a.insert("Ada", 10.0).await?;
    /// b.extend([("Ada", 1.0), ("Bob", 2.0)]).await?;
    /// assert_eq!(a.union([&b]).store_into(&a).await?, 2);
    /// assert_eq!(a.score("Ada").await?, Some(11.0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZUNION")]
    #[doc(alias = "ZUNIONSTORE")]
    pub fn union<I>(&self, others: I) -> CombinedSorted<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Union, others)
    }

    /// Describes the elements that are in this set and in each of `others`. Sends nothing; the methods of
    /// [`CombinedSorted`] read or store the elements.
    ///
    /// The scores are those of a [`union`](Self::union).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let a: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}a");
    /// let b: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}b");
    /// a.insert("Ada", 10.0).await?;
    /// b.extend([("Ada", 1.0), ("Bob", 2.0)]).await?;
    /// assert_eq!(a.intersection([&b]).store_into(&a).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZINTER")]
    #[doc(alias = "ZINTERSTORE")]
    pub fn intersection<I>(&self, others: I) -> CombinedSorted<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Intersection, others)
    }

    /// Describes the elements that are in this set and in none of `others`, with their scores in this
    /// set. Sends nothing; the methods of [`CombinedSorted`] read or store the elements, on Redis from
    /// 6.2.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}");
    /// let banned: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}banned");
    /// board.extend([("Ada", 10), ("Bob", 30)]).await?;
    /// banned.insert("Bob", 1).await?;
    /// assert_eq!(board.difference([&banned]).to_vec().await?, ["Ada"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZDIFF")]
    #[doc(alias = "ZDIFFSTORE")]
    pub fn difference<I>(&self, others: I) -> CombinedSorted<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Difference, others)
    }

    fn one<R>(
        &self,
        command: Command,
        value: impl IntoArg<T>,
        read: fn(Reply) -> Result<R>,
    ) -> Op<R> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0.try_op(args, command, read)
    }

    fn peek(&self, command: Command) -> Op<Option<(T, f64)>> {
        let command = command.arg(0_i64).arg(0_i64).arg("WITHSCORES");
        self.0.op(command, decode_first::<T, C>)
    }

    fn combine<I>(&self, how: SetOperation, others: I) -> CombinedSorted<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        let others = others.into_iter().map(|set| set.borrow().0.clone());
        CombinedSorted::new(self.0.clone(), others.collect(), how)
    }
}

fn float(reply: Reply) -> Result<Option<f64>> {
    reply.non_nil().map(Reply::into_float).transpose()
}

fn count(reply: Reply) -> Result<Option<u64>> {
    reply.non_nil().map(Reply::into_count).transpose()
}

handle_traits!(RedisSortedSet<T, C>);
