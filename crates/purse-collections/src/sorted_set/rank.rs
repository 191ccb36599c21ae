//! Ranks of a sorted set, counted from its bottom or from its top.

use purse_client::{Command, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg};

use super::range::{ByRank, SortedRange};
use super::score_codec::decode_scored_list;
use super::{RedisSortedSet, count};
use crate::conversion::encode;
use crate::number_args::IndexRange;

static RANK: Script = Script::read(
    "SORTED SET RANK",
    include_str!("../lua/sorted_set_rank.lua"),
);
static STANDING: Script = Script::read(
    "SORTED SET STANDING",
    include_str!("../lua/sorted_set_standing.lua"),
);
static AROUND: Script = Script::read(
    "SORTED SET AROUND",
    include_str!("../lua/sorted_set_around.lua"),
);

/// An element of a sorted set with its rank, counted from the top, and its score.
///
/// [`RedisSortedSet::around`] returns it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Ranked, RedisSortedSet};
///
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// board.extend([("Ada", 10), ("Bob", 30), ("Cem", 20)]).await?;
/// for Ranked { rank, value, score, .. } in board.around("Cem", 1).await? {
///     println!("{}. {value}: {score}", rank + 1);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Ranked<T> {
    /// The rank, counted from the top: the highest score has rank 0.
    pub rank: u64,
    /// The element.
    pub value: T,
    /// The score of the element.
    pub score: f64,
}

impl<T: Send + 'static, C: Codec<T>> RedisSortedSet<T, C> {
    /// Returns the rank of `value`, counted from the bottom: the lowest score has rank 0. Returns
    /// `None` if it is not an element.
    ///
    /// Redis: ZRANK. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10), ("Bob", 30)]).await?;
    /// assert_eq!(board.rank("Bob").await?, Some(1));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANK")]
    pub fn rank(&self, value: impl IntoArg<T>) -> Op<Option<u64>> {
        self.one(Command::read("ZRANK"), value, count)
    }

    /// Returns the rank of `value`, counted from the top: the highest score has rank 0. Returns `None`
    /// if it is not an element.
    ///
    /// Redis: ZREVRANK. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10), ("Bob", 30)]).await?;
    /// assert_eq!(board.rank_from_top("Bob").await?, Some(0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREVRANK")]
    #[doc(alias = "rank_rev")]
    #[doc(alias = "rank_desc")]
    pub fn rank_from_top(&self, value: impl IntoArg<T>) -> Op<Option<u64>> {
        self.one(Command::read("ZREVRANK"), value, count)
    }

    /// Returns the [rank](Self::rank) of `value`, counted from the bottom, and its score; `None` if it
    /// is not an element.
    ///
    /// Redis: ZRANK and ZSCORE in a script. Time complexity: O(log(n)) for n elements in the set.
    /// Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10), ("Bob", 30)]).await?;
    /// assert_eq!(board.rank_with_score("Bob").await?, Some((1, 30.0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANK")]
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "WITHSCORE")]
    pub fn rank_with_score(&self, value: impl IntoArg<T>) -> Op<Option<(u64, f64)>> {
        self.place("ZRANK", value)
    }

    /// Returns the [rank](Self::rank_from_top) of `value`, counted from the top, and its score; `None`
    /// if it is not an element.
    ///
    /// Redis: ZREVRANK and ZSCORE in a script. Time complexity: O(log(n)) for n elements in the set.
    /// Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10), ("Bob", 30)]).await?;
    /// assert_eq!(board.rank_from_top_with_score("Bob").await?, Some((0, 30.0)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREVRANK")]
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "WITHSCORE")]
    pub fn rank_from_top_with_score(&self, value: impl IntoArg<T>) -> Op<Option<(u64, f64)>> {
        self.place("ZREVRANK", value)
    }

    /// Returns the standing of `value` in a competition: one more than the number of elements with a
    /// higher score. Equal scores have the same standing, and the standings after them are skipped: 1,
    /// 2, 2, 4. Returns `None` if it is not an element.
    ///
    /// Redis: ZSCORE and ZCOUNT in a script. Time complexity: O(log(n)) for n elements in the set.
    /// Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 40), ("Bob", 30), ("Cem", 30), ("Dot", 20)]).await?;
    /// assert_eq!(board.standing("Bob").await?, Some(2));
    /// assert_eq!(board.standing("Cem").await?, Some(2));
    /// assert_eq!(board.standing("Dot").await?, Some(4));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "ZCOUNT")]
    pub fn standing(&self, value: impl IntoArg<T>) -> Op<Option<u64>> {
        self.one(Command::script(&STANDING), value, count)
    }

    /// Returns `value` with up to `neighbours` elements above it and as many below it, the highest
    /// first. Returns no element if `value` is not an element.
    ///
    /// The rank and the elements are read in one step, so no write can come between.
    ///
    /// Redis: ZREVRANK and ZREVRANGE in a script. Time complexity: O(log(n) + m) for m neighbours and n
    /// elements in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 40), ("Bob", 30), ("Cem", 20), ("Dot", 10)]).await?;
    /// let around = board.around("Cem", 1).await?;
    /// let names: Vec<_> = around.iter().map(|player| (player.rank, &*player.value)).collect();
    /// assert_eq!(names, [(1, "Bob"), (2, "Cem"), (3, "Dot")]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREVRANK")]
    #[doc(alias = "ZREVRANGE")]
    pub fn around(&self, value: impl IntoArg<T>, neighbours: u32) -> Op<Vec<Ranked<T>>> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?).arg(neighbours));
        self.0
            .try_op(args, Command::script(&AROUND), decode_ranked::<T, C>)
    }

    /// Describes the `count` elements with the highest scores, the highest first. Sends nothing; the
    /// methods of [`SortedRange`] read or remove the elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10), ("Bob", 30), ("Cem", 20)]).await?;
    /// assert_eq!(board.top(2).to_vec().await?, ["Bob", "Cem"]);
    /// assert_eq!(board.top(2).rev().to_vec().await?, ["Cem", "Bob"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREVRANGE")]
    #[doc(alias = "highest")]
    pub fn top(&self, count: u64) -> SortedRange<T, C, ByRank> {
        self.by_rank_from_top(..count)
    }

    /// Describes the `count` elements with the lowest scores, the lowest first. Sends nothing; the
    /// methods of [`SortedRange`] read or remove the elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10), ("Bob", 30), ("Cem", 20)]).await?;
    /// assert_eq!(board.bottom(2).to_vec().await?, ["Ada", "Cem"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "lowest")]
    pub fn bottom(&self, count: u64) -> SortedRange<T, C, ByRank> {
        self.by_rank(..count)
    }

    /// Describes a page of the elements, the highest first. Page 0 is the [`top`](Self::top). Sends
    /// nothing; the methods of [`SortedRange`] read or remove the elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<u32> = RedisSortedSet::new(&client, "board");
    /// board.extend((1..=30).map(|player| (player, player))).await?;
    /// assert_eq!(board.page(0, 3).to_vec().await?, [30, 29, 28]);
    /// assert_eq!(board.page(1, 3).to_vec().await?, [27, 26, 25]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREVRANGE")]
    #[doc(alias = "LIMIT")]
    pub fn page(&self, number: u64, size: u64) -> SortedRange<T, C, ByRank> {
        let first = number.saturating_mul(size);
        self.by_rank_from_top(first..first.saturating_add(size))
    }

    /// Describes the elements in a range of ranks, counted from the bottom, the lowest first. Sends
    /// nothing; the methods of [`SortedRange`] read or remove the elements.
    ///
    /// The lowest score has rank 0. A negative rank counts from the top: -1 is the rank of the highest
    /// score. Ranks outside the set are ignored.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10), ("Bob", 30), ("Cem", 20)]).await?;
    /// assert_eq!(board.by_rank(..2).to_vec().await?, ["Ada", "Cem"]);
    /// assert_eq!(board.by_rank(..2).rev().to_vec().await?, ["Cem", "Ada"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "slice_by_rank")]
    #[doc(alias = "range")]
    pub fn by_rank(&self, ranks: impl IndexRange) -> SortedRange<T, C, ByRank> {
        SortedRange::by_rank(self.0.clone(), ranks)
    }

    /// Describes the elements in a range of ranks, counted from the top, the highest first. Sends
    /// nothing; the methods of [`SortedRange`] read or remove the elements.
    ///
    /// The highest score has rank 0. A negative rank counts from the bottom: -1 is the rank of the
    /// lowest score. Ranks outside the set are ignored.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10), ("Bob", 30), ("Cem", 20)]).await?;
    /// assert_eq!(board.by_rank_from_top(1..).to_vec().await?, ["Cem", "Ada"]);
    /// assert_eq!(board.by_rank_from_top(1..).rev().to_vec().await?, ["Ada", "Cem"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREVRANGE")]
    #[doc(alias = "slice_by_rank")]
    #[doc(alias = "range")]
    pub fn by_rank_from_top(&self, ranks: impl IndexRange) -> SortedRange<T, C, ByRank> {
        SortedRange::by_rank_from_top(self.0.clone(), ranks)
    }

    fn place(&self, command: &'static str, value: impl IntoArg<T>) -> Op<Option<(u64, f64)>> {
        let args = |script: Command| Ok(script.arg(command).arg(encode::<T, C>(value)?));
        self.0.try_op(args, Command::script(&RANK), |reply| {
            let Some(reply) = reply.non_nil() else {
                return Ok(None);
            };
            let [rank, score] = reply.into_array()?;
            Ok(Some((rank.into_count()?, score.into_float()?)))
        })
    }
}

/// Decodes the rank of the first of some elements, and the elements with their scores.
fn decode_ranked<T, C: Codec<T>>(reply: Reply) -> Result<Vec<Ranked<T>>> {
    let Some(reply) = reply.non_nil() else {
        return Ok(Vec::new());
    };
    let [first, elements] = reply.into_array()?;
    let ranks = first.into_count()?..;
    let elements = decode_scored_list::<T, C>(elements)?.into_iter();
    let ranked = ranks.zip(elements);
    Ok(ranked
        .map(|(rank, (value, score))| Ranked { rank, value, score })
        .collect())
}
