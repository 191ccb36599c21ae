//! Writes to a sorted set.

use bytes::Bytes;
use purse_client::{Command, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, IntoPair, Raw};

use super::score_codec::score;
use super::{RedisSortedSet, float};
use crate::bulk::{self, Bulk, BulkOp};
use crate::conversion::{ArgBuffer, encode, encode_one};
use crate::number_args::IntoScore;

static EXTEND: Script = Script::write(
    "SORTED SET EXTEND",
    include_str!("../lua/sorted_set_extend.lua"),
);
static INCREMENT: Script = Script::write(
    "SORTED SET INCREMENT",
    include_str!("../lua/sorted_set_increment.lua"),
);
static INCREMENT_IF: Script = Script::write(
    "SORTED SET INCREMENT IF",
    include_str!("../lua/sorted_set_increment_if.lua"),
);

/// 2⁹⁷⁰, half the distance between the two highest numbers: the least amount that makes a finite
/// score infinite.
const LARGE: f64 = f64::from_bits((1023 + 970) << 52);

/// A condition for giving an element the score that is passed with it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Condition, RedisSortedSet};
///
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// board.insert("Ada", 10.0).await?;
/// assert!(board.insert_if("Ada", 12.0, Condition::OnlyGreater).await?);
/// assert!(!board.insert_if("Ada", 11.0, Condition::OnlyGreater).await?);
/// assert_eq!(board.score("Ada").await?, Some(12.0));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// Always.
    Always,
    /// Only if it is new. No score is changed.
    #[doc(alias = "NX")]
    OnlyNew,
    /// Only if it exists already. No element is added.
    #[doc(alias = "XX")]
    OnlyExisting,
    /// Only if it is new, or its score is lower than the passed one (Redis 6.2).
    #[doc(alias = "GT")]
    OnlyGreater,
    /// Only if it is new, or its score is higher than the passed one (Redis 6.2).
    #[doc(alias = "LT")]
    OnlyLess,
}

impl Condition {
    /// Returns the option of ZADD; that of `Always` changes nothing.
    const fn option(self) -> &'static str {
        match self {
            Self::Always => "CH",
            Self::OnlyNew => "NX",
            Self::OnlyExisting => "XX",
            Self::OnlyGreater => "GT",
            Self::OnlyLess => "LT",
        }
    }

    /// Adds the condition to ZADD, and lets it count changes.
    fn on(self, command: Command) -> Command {
        let command = match self {
            Self::Always => command,
            _ => command.arg(self.option()),
        };
        command.arg("CH")
    }
}

/// A count of the elements that a bulk insertion changed.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Condition, RedisSortedSet};
///
/// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
/// board.insert("Ada", 10.0).await?;
/// let scores = [("Ada", 12.0), ("Bob", 30.0)];
/// let changes = board.extend_if(scores, Condition::Always).await?;
/// assert_eq!((changes.added, changes.updated), (1, 1));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Changes {
    /// The number of new elements.
    pub added: u64,
    /// The number of elements that existed and have another score now.
    pub updated: u64,
}

impl Changes {
    fn plus(self, reply: Reply) -> Result<Self> {
        let [added, updated] = reply.into_array()?;
        Ok(Self {
            added: self.added + added.into_count()?,
            updated: self.updated + updated.into_count()?,
        })
    }
}

impl<T: Send + 'static, C: Codec<T>> RedisSortedSet<T, C> {
    /// Adds an element with a score, or changes its score. Returns whether the element is new.
    ///
    /// Redis: ZADD. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` if the score is NaN or [too large an integer](IntoScore).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// assert!(board.insert("Ada", 10.0).await?);
    /// assert!(!board.insert("Ada", 11.0).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    #[doc(alias = "add")]
    pub fn insert(&self, value: impl IntoArg<T>, score: impl IntoScore) -> Op<bool> {
        let args = |command| pair::<T, C>(command, score.into_number(), value);
        self.0
            .try_op(args, Command::write("ZADD"), Reply::into_bool)
    }

    /// Adds an element with a score, or changes its score, if the condition holds. Returns whether
    /// the set changed.
    ///
    /// Redis: ZADD with NX, XX, GT or LT. Time complexity: O(log(n)) for n elements in the set.
    /// Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` if the score is NaN or [too large an integer](IntoScore). `Unsupported` for
    /// [`OnlyGreater`](Condition::OnlyGreater) and [`OnlyLess`](Condition::OnlyLess) on servers
    /// before Redis 6.2.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Condition, RedisSortedSet};
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// assert!(!board.insert_if("Ada", 5.0, Condition::OnlyNew).await?);
    /// assert!(board.insert_if("Ada", 5.0, Condition::OnlyExisting).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    #[doc(alias = "zadd_options")]
    #[doc(alias = "add")]
    pub fn insert_if(
        &self,
        value: impl IntoArg<T>,
        score: impl IntoScore,
        condition: Condition,
    ) -> Op<bool> {
        let args = |command| pair::<T, C>(condition.on(command), score.into_number(), value);
        self.0
            .try_op(args, Command::write("ZADD"), Reply::into_bool)
    }

    /// Adds elements with their scores, or changes their scores. Returns how many elements are
    /// new.
    ///
    /// Redis: ZADD. Time complexity: O(m · log(n)) for m elements, with n in the set. Round trips:
    /// 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// `InvalidInput` if a score is NaN or [too large an integer](IntoScore).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// assert_eq!(board.extend([("Ada", 10.0), ("Bob", 30.0)]).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    #[doc(alias = "zadd_multiple")]
    #[doc(alias = "add_multi")]
    pub fn extend<'a, I>(&self, items: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<T>, Second: IntoScore>, IntoIter: Send + 'a>,
    {
        let write =
            |item: I::Item, arguments: &mut ArgBuffer| encode_scored::<T, C>(item, arguments);
        let command = self.0.on_key(Command::write("ZADD"));
        Bulk::new(&self.0.client, command).run(items.into_iter(), write, 0, bulk::sum)
    }

    /// Adds elements with their scores, or changes their scores. The condition is checked for each
    /// element. Returns how many elements are new, and how many have another score.
    ///
    /// Redis: ZADD and ZCARD in a script. Time complexity: O(m · log(n)) for m elements, with n in
    /// the set. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// The errors of [`insert_if`](Self::insert_if).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Condition, RedisSortedSet};
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// let best = [("Ada", 12.0), ("Bob", 30.0)];
    /// let changes = board.extend_if(best, Condition::OnlyGreater).await?;
    /// assert_eq!((changes.added, changes.updated), (1, 1));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "zadd_multiple_options")]
    #[doc(alias = "add_multi")]
    pub fn extend_if<'a, I>(&self, items: I, condition: Condition) -> BulkOp<'a, Changes>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<T>, Second: IntoScore>, IntoIter: Send + 'a>,
    {
        let write =
            |item: I::Item, arguments: &mut ArgBuffer| encode_scored::<T, C>(item, arguments);
        let command = condition.on(self.0.on_key(Command::script(&EXTEND)));
        let start = Changes::default();
        Bulk::new(&self.0.client, command).run(items.into_iter(), write, start, Changes::plus)
    }

    /// Adds `by` to the score of an element. An element that does not exist is added with the
    /// score `by`. Returns the new score.
    ///
    /// Redis: ZINCRBY; for an amount that can make a finite score infinite, from 2⁹⁷⁰ on, ZSCORE and
    /// ZINCRBY in a script. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` if `by` is NaN or [too large an integer](IntoScore). `Server` with the code `ERR` if the sum of infinities would be
    /// NaN, or if the sum of finite numbers is beyond `f64`; nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// assert_eq!(board.increment("Ada", 10.0).await?, 10.0);
    /// assert_eq!(board.increment("Ada", 2.5).await?, 12.5);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZINCRBY")]
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "zincr")]
    pub fn increment(&self, value: impl IntoArg<T>, by: impl IntoScore) -> Op<f64> {
        let by = by.into_number();
        if matches!(&by, Ok(by) if by.is_finite() && by.abs() >= LARGE) {
            let args = |command| pair::<T, C>(command, by, value);
            return self.0.try_op(args, Command::script(&INCREMENT), |reply| {
                let [score] = reply.into_array()?;
                score.into_float()
            });
        }
        let args = |command| pair::<T, C>(command, by, value);
        self.0
            .try_op(args, Command::write("ZINCRBY"), Reply::into_float)
    }

    /// Adds `by` to the score of an element, if the condition holds: `OnlyGreater` and `OnlyLess`
    /// compare the sum with the score. An element that does not exist has the score 0 before. Returns
    /// the new score; `None` if the condition does not hold.
    ///
    /// Redis: ZSCORE and ZINCRBY in a script. Time complexity: O(log(n)) for n elements in the set.
    /// Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`increment`](Self::increment). All conditions work on all servers.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Condition, RedisSortedSet};
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10).await?;
    /// assert_eq!(board.increment_if("Ada", 5, Condition::OnlyExisting).await?, Some(15.0));
    /// assert_eq!(board.increment_if("Bob", 5, Condition::OnlyExisting).await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZINCRBY")]
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "INCR")]
    #[doc(alias = "zadd_options")]
    pub fn increment_if(
        &self,
        value: impl IntoArg<T>,
        by: impl IntoScore,
        condition: Condition,
    ) -> Op<Option<f64>> {
        let by = by.into_number();
        let args = |command: Command| pair::<T, C>(command.arg(condition.option()), by, value);
        self.0.try_op(args, Command::script(&INCREMENT_IF), float)
    }

    /// Adds to the scores of many elements. Elements that do not exist are added with the increment
    /// as their score. Returns the new scores, in the order of `items`.
    ///
    /// Redis: ZINCRBY, and for [large amounts](Self::increment) ZSCORE, in a script. Time complexity:
    /// O(m · log(n)) for m elements, with n in the set. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// The errors of [`increment`](Self::increment), for the whole chunk.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// let scores = board.increment_many([("Ada", 1.0), ("Bob", 2.0)]).await?;
    /// assert_eq!(scores, [11.0, 2.0]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZINCRBY")]
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "zincr")]
    #[doc(alias = "increment_multi")]
    pub fn increment_many<'a, I>(&self, items: I) -> BulkOp<'a, Vec<f64>>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<T>, Second: IntoScore>, IntoIter: Send + 'a>,
    {
        let write =
            |item: I::Item, arguments: &mut ArgBuffer| encode_scored::<T, C>(item, arguments);
        let command = self.0.on_key(Command::script(&INCREMENT));
        let more = |mut scores: Vec<_>, reply: Reply| {
            for score in reply.into_list()? {
                scores.push(score.into_float()?);
            }
            Ok(scores)
        };
        Bulk::new(&self.0.client, command).run(items.into_iter(), write, Vec::new(), more)
    }

    /// Removes an element. Returns whether it existed.
    /// [`SortedRange::remove`](super::SortedRange::remove) removes a range of the set.
    ///
    /// Redis: ZREM. Time complexity: O(log(n)) for n elements in the set. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.insert("Ada", 10.0).await?;
    /// assert!(board.remove("Ada").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREM")]
    #[doc(alias = "discard")]
    pub fn remove(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::write("ZREM"), value, Reply::into_bool)
    }

    /// Removes many elements. Returns how many of them existed.
    ///
    /// Redis: ZREM. Time complexity: O(m · log(n)) for m elements, with n in the set. Round trips:
    /// 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let board: RedisSortedSet<String> = RedisSortedSet::new(&client, "board");
    /// board.extend([("Ada", 10.0), ("Bob", 30.0)]).await?;
    /// assert_eq!(board.remove_many(["Ada", "Cem"]).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREM")]
    pub fn remove_many<'a, I>(&self, items: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let write = |item, arguments: &mut ArgBuffer| encode_one::<T, C, _>(item, arguments);
        let command = self.0.on_key(Command::write("ZREM"));
        Bulk::new(&self.0.client, command).run(items.into_iter(), write, 0, bulk::sum)
    }
}

/// Adds a score and its element to a command.
fn pair<T, C: Codec<T>>(
    command: Command,
    score: Result<f64>,
    value: impl IntoArg<T>,
) -> Result<Command> {
    Ok(command.arg(score?).arg(encode::<T, C>(value)?))
}

/// Writes an element and, before it, its score.
fn encode_scored<T, C: Codec<T>>(
    item: impl IntoPair<First: IntoArg<T>, Second: IntoScore>,
    arguments: &mut ArgBuffer,
) -> Result<()> {
    let (value, by) = item.into_pair();
    let score = score(by)?;
    arguments.encode::<Bytes, Raw>(score)?;
    arguments.encode::<T, C>(value)
}
