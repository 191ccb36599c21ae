//! A sorted set: reads, writes, pops, ranges, and the unions and intersections of sorted sets.
//!
//! May import: `encode`, `handle`, `key`, `bulk`, `stream`, `list`.

mod combination;
mod pop;
mod range;
mod score;
mod write;

use std::borrow::Borrow;
use std::ops::RangeBounds;

use purse_client::{Client, Command, Op, Reply, Result, Scan, Script};
use purse_codec::{Codec, IntoArg, Plain};

pub use self::combination::{Aggregate, CombinedSorted};
pub use self::range::{ByRank, ByScore, ByValue, SortedPage, SortedRange};
pub use self::write::{Changes, Condition};

use self::combination::SetOperation;
use self::score::{decode_first, decode_scored};
use crate::bulk;
use crate::encode::encode;
use crate::encode::encode_one;
use crate::handle::{Handle, handle_traits};
use crate::key::key_methods;
use crate::stream::{Scanned, next_pair};

static SCORES: Script = Script::read(
    "SORTED SET SCORES",
    include_str!("../lua/sorted_set_scores.lua"),
);

/// A set of `T` on the server, each element with a score by which they are in order.
///
/// A score is an `f64`, infinities included; NaN is refused. Elements of the same score are in the
/// order of their bytes. The rank of an element is its place in that order, 0 for the lowest score.
///
/// Elements are compared by their bytes: the codec must write equal values alike, which no codec
/// does for a type with a `HashMap` or `HashSet` in it. Python's redis-purse writes a `dict` with
/// spaces after colons and commas, a model without; `Plain` writes structures without. Access to
/// one of n elements is O(log(n)).
///
/// Parts of it are described by [`by_rank`](Self::by_rank), [`by_score`](Self::by_score) and
/// [`by_value`](Self::by_value), and then read, counted or removed.
///
/// ```
/// # #[tokio::main] async fn main() -> purse_client::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse_client::Client;
/// use purse_collections::{Condition, RedisSortedSet};
///
/// let client = Client::connect(&url).await?;
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// board.extend([("Ada", 10.0), ("Bob", 30.0), ("Cem", 20.0)]).await?;
/// assert_eq!(board.increment("Ada", 15.0).await?, 25.0);
/// assert!(!board.insert_if("Ada", 5.0, Condition::OnlyGreater).await?);
///
/// let best_two = board.by_rank(-2..).rev().to_vec().await?;
/// assert_eq!(best_two, ["Bob", "Ada"]);
/// let below_25 = board.by_score(..25.0).with_scores().await?;
/// assert_eq!(below_25, [("Cem".to_owned(), 20.0)]);
/// assert_eq!(board.pop_max().await?, Some(("Bob".to_owned(), 30.0)));
/// # Ok(()) }
/// ```
#[doc(alias = "zset")]
pub struct RedisSortedSet<T, C = Plain>(Handle<(T, C)>);

impl<T, C> RedisSortedSet<T, C> {
    /// The sorted set at `key`. Sends nothing.
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    key_methods!();
}

impl<T: Send + 'static, C: Codec<T>> RedisSortedSet<T, C> {
    /// The number of elements.
    ///
    /// `ZCARD`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "ZCARD")]
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("ZCARD"), Reply::into_count)
    }

    /// Whether there is no element.
    ///
    /// `ZCARD`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("ZCARD"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Whether `value` is an element.
    ///
    /// `ZSCORE`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn contains(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::read("ZSCORE"), value, |reply| Ok(!reply.is_nil()))
    }

    /// The score of `value`, if it is an element.
    ///
    /// `ZSCORE`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "ZSCORE")]
    pub fn score(&self, value: impl IntoArg<T>) -> Op<Option<f64>> {
        self.one(Command::read("ZSCORE"), value, float)
    }

    /// The scores of many values, in the order of the values.
    ///
    /// A script of `ZSCORE`, O(n) for n values; nothing for none. One round trip, atomic, for up to
    /// 1024 values or a megabyte; beyond that a command for each such chunk, two of them at a time.
    ///
    /// # Errors
    /// `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "score_multi")]
    #[doc(alias = "ZMSCORE")]
    pub async fn scores<I>(&self, values: I) -> Result<Vec<Option<f64>>>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send>,
    {
        let values = values.into_iter();
        let command = self.0.on_key(Command::script(&SCORES));
        let more = |mut scores: Vec<_>, reply: Reply| {
            for score in reply.into_list()? {
                scores.push(float(score)?);
            }
            Ok(scores)
        };
        bulk::run(
            &self.0.client,
            command,
            values,
            encode_one::<T, C, _>,
            Vec::new(),
            more,
        )
        .await
    }

    /// The rank of `value`, counted from the lowest score, if it is an element.
    ///
    /// `ZRANK`, O(log(n)). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "ZRANK")]
    pub fn rank(&self, value: impl IntoArg<T>) -> Op<Option<u64>> {
        self.one(Command::read("ZRANK"), value, count)
    }

    /// The rank of `value`, counted from the highest score, if it is an element.
    ///
    /// `ZREVRANK`, O(log(n)). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "rank_desc")]
    #[doc(alias = "ZREVRANK")]
    pub fn rank_rev(&self, value: impl IntoArg<T>) -> Op<Option<u64>> {
        self.one(Command::read("ZREVRANK"), value, count)
    }

    /// The element of the lowest score, and that score.
    ///
    /// `ZRANGE`, O(log(n)). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "peak_min")]
    #[doc(alias = "first")]
    pub fn peek_min(&self) -> Op<Option<(T, f64)>> {
        self.peek(Command::read("ZRANGE"))
    }

    /// The element of the highest score, and that score.
    ///
    /// `ZREVRANGE`, O(log(n)). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "peak_max")]
    #[doc(alias = "last")]
    pub fn peek_max(&self) -> Op<Option<(T, f64)>> {
        self.peek(Command::read("ZREVRANGE"))
    }

    /// The elements of a range of ranks, to be read or removed. Sends nothing by itself.
    ///
    /// A negative rank counts from the end, -1 being that of the highest score; what lies outside
    /// is left out. `by_rank(..3)` are the three lowest, `by_rank(-3..).rev()` the three highest,
    /// highest first, and `by_rank(..)` is all.
    #[doc(alias = "range")]
    #[doc(alias = "slice_by_rank")]
    #[doc(alias = "ZRANGE")]
    pub fn by_rank(&self, ranks: impl RangeBounds<i64>) -> SortedRange<T, C, ByRank> {
        SortedRange::by_rank(self.0.clone(), ranks)
    }

    /// The elements of a range of scores, to be read, counted or removed. Sends nothing by itself.
    ///
    /// `by_score(1.0..2.0)` is without 2, `by_score(5.0..)` ends with an infinite score, and
    /// `by_score((Excluded(1.0), Unbounded))` is without 1. A NaN in it is
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) then.
    #[doc(alias = "slice_by_score")]
    #[doc(alias = "ZRANGEBYSCORE")]
    pub fn by_score(&self, scores: impl RangeBounds<f64>) -> SortedRange<T, C, ByScore> {
        SortedRange::by_score(self.0.clone(), scores)
    }

    /// The elements of a range of values in the order of their bytes, to be read, counted or
    /// removed. Sends nothing by itself.
    ///
    /// `by_value("a".."c")`, or `by_value("a"..)`; where the type of the bounds is in doubt,
    /// `by_value::<&str>(..)`. It means something only where all elements have
    /// the same score, and as much as the order of the encoded bytes does: strings are, numbers in
    /// decimal are not in order.
    #[doc(alias = "ZRANGEBYLEX")]
    pub fn by_value<Q>(&self, values: impl RangeBounds<Q>) -> SortedRange<T, C, ByValue>
    where
        Q: IntoArg<T> + Clone,
    {
        SortedRange::by_value(self.0.clone(), values)
    }

    /// Streams the elements and their scores in no order, a page in memory at a time.
    ///
    /// `ZSCAN`, one round trip and O(n) for a page of about n = 256 elements
    /// ([`Scanned::page_size`]), of those that match ([`Scanned::matching`]). Each page is atomic;
    /// the whole gives [the guarantees of a scan](Scanned).
    ///
    /// # Errors
    /// Each element may be a `Decode` error, holding its bytes, after which the stream goes on;
    /// [those of a read](crate#errors) end it.
    ///
    /// # Cancel safety
    /// It can be dropped at any point; nothing runs after that.
    #[doc(alias = "values")]
    #[doc(alias = "iter")]
    #[doc(alias = "ZSCAN")]
    pub fn stream(&self) -> Scanned<(T, f64)> {
        let scan = Scan::new("ZSCAN", self.0.key.clone());
        let read = |page: &mut _| next_pair(page, decode_scored::<T, C>);
        Scanned::new(&self.0.client, scan, read)
    }

    /// What is in this set or in any of `others`, to be stored. Sends nothing by itself.
    ///
    /// `a.union([&b])`, or any number of other sets. An element's score is the sum of those it has,
    /// unless [`weights`](CombinedSorted::weights) and [`aggregate`](CombinedSorted::aggregate) say
    /// otherwise.
    #[doc(alias = "ZUNIONSTORE")]
    pub fn union<I>(&self, others: I) -> CombinedSorted<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Union, others)
    }

    /// What is in this set and in each of `others`, to be stored. Sends nothing by itself.
    ///
    /// Scores are those of [`union`](Self::union).
    #[doc(alias = "ZINTERSTORE")]
    pub fn intersection<I>(&self, others: I) -> CombinedSorted<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Intersection, others)
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
        let others = others.into_iter().map(|set| set.borrow().0.key.clone());
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
