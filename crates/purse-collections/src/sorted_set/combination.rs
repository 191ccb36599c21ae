//! Unions, intersections and differences of sorted sets.

use std::fmt;

use bytes::Bytes;
use purse_client::{Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, Plain};

use super::RedisSortedSet;
use super::score_codec::decode_scored_list;
use crate::conversion::decode_list;
use crate::handle::Handle;
use crate::number_args::not_nan;

// One script, under the name of each command that it runs.
static UNION: Script = Script::read("ZUNION", COMBINE);
static INTERSECTION: Script = Script::read("ZINTER", COMBINE);
static DIFFERENCE: Script = Script::read("ZDIFF", COMBINE);
const COMBINE: &str = include_str!("../lua/sorted_set_combine.lua");

/// A union, intersection or difference of sorted sets that is described and not yet computed.
///
/// [`RedisSortedSet::union`], [`RedisSortedSet::intersection`] and [`RedisSortedSet::difference`]
/// create it. Each call of a method uses the elements that the sets have at the time of the call.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// # let client = purse::Client::connect(&url).await?;
/// use purse::{Aggregate, RedisSortedSet};
///
/// let words: RedisSortedSet<String> = RedisSortedSet::new(&client, "{search}words");
/// let links: RedisSortedSet<String> = RedisSortedSet::new(&client, "{search}links");
/// words.extend([("home", 2.0), ("about", 1.0)]).await?;
/// links.extend([("home", 5.0)]).await?;
///
/// let found: RedisSortedSet<String> = RedisSortedSet::new(&client, "{search}found");
/// let both = words.union([&links]).weights([1.0, 10.0]);
/// assert_eq!(both.store_into(&found).await?, 2);
/// assert_eq!(found.score("home").await?, Some(52.0));
///
/// let highest = words.intersection([&links]).aggregate(Aggregate::Max);
/// assert_eq!(highest.store_into(&found).await?, 1);
/// assert_eq!(found.score("home").await?, Some(5.0));
/// # Ok(()) }
/// ```
#[must_use = "nothing is computed before one of its methods is called"]
pub struct CombinedSorted<T, C = Plain> {
    set: Handle<(T, C)>,
    others: Vec<Handle<(T, C)>>,
    how: SetOperation,
    weights: Vec<f64>,
    aggregate: Aggregate,
}

/// A rule that combines the scores that one element has in several sets.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Aggregate, RedisSortedSet};
///
/// let monday: RedisSortedSet<String> = RedisSortedSet::new(&client, "{week}monday");
/// let friday: RedisSortedSet<String> = RedisSortedSet::new(&client, "{week}friday");
/// monday.insert("Ada", 10.0).await?;
/// friday.insert("Ada", 12.0).await?;
///
/// let week: RedisSortedSet<String> = RedisSortedSet::new(&client, "{week}");
/// let best = monday.union([&friday]).aggregate(Aggregate::Max);
/// best.store_into(&week).await?;
/// assert_eq!(week.score("Ada").await?, Some(12.0));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aggregate {
    /// Their sum. The sum of infinities of both signs is zero.
    #[default]
    Sum,
    /// The lowest of them.
    Min,
    /// The highest of them.
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetOperation {
    Union,
    Intersection,
    Difference,
}

impl SetOperation {
    const fn read(self) -> Command {
        let script = match self {
            Self::Union => &UNION,
            Self::Intersection => &INTERSECTION,
            Self::Difference => &DIFFERENCE,
        };
        Command::script(script)
    }

    const fn store(self) -> Command {
        Command::write(match self {
            Self::Union => "ZUNIONSTORE",
            Self::Intersection => "ZINTERSTORE",
            Self::Difference => "ZDIFFSTORE",
        })
    }
}

impl<T, C> CombinedSorted<T, C> {
    pub(super) const fn new(
        set: Handle<(T, C)>,
        others: Vec<Handle<(T, C)>>,
        how: SetOperation,
    ) -> Self {
        Self {
            set,
            others,
            how,
            weights: Vec::new(),
            aggregate: Aggregate::Sum,
        }
    }

    /// Multiplies the scores of each set by a weight: first that of the set itself, then those of
    /// the others in their order. Without weights, each is one. The server decides what a weight
    /// of zero times an infinite score is. A difference has no weights: it fails with `InvalidInput`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let a: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}a");
    /// let b: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}b");
    /// a.insert("Ada", 1.0).await?;
    /// b.insert("Ada", 2.0).await?;
    /// a.union([&b]).weights([1.0, 10.0]).store_into(&a).await?;
    /// assert_eq!(a.score("Ada").await?, Some(21.0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "WEIGHTS")]
    #[doc(alias = "zunionstore_weights")]
    #[doc(alias = "zinterstore_weights")]
    pub fn weights(mut self, weights: impl IntoIterator<Item = f64>) -> Self {
        self.weights = weights.into_iter().collect();
        self
    }

    /// Sets how the scores that one element has in several sets are combined. Default: their sum. A
    /// difference combines no scores: with another aggregate it fails with `InvalidInput`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Aggregate, RedisSortedSet};
    ///
    /// let a: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}a");
    /// let b: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}b");
    /// a.insert("Ada", 1.0).await?;
    /// b.insert("Ada", 2.0).await?;
    /// a.union([&b]).aggregate(Aggregate::Min).store_into(&a).await?;
    /// assert_eq!(a.score("Ada").await?, Some(1.0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "AGGREGATE")]
    #[doc(alias = "zunionstore_max")]
    #[doc(alias = "zunionstore_min")]
    #[doc(alias = "zinterstore_max")]
    #[doc(alias = "zinterstore_min")]
    pub const fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = aggregate;
        self
    }

    /// Returns the keys of the sets, which must be in the database of `handle`.
    fn keys<M>(&self, handle: &Handle<M>) -> Result<Vec<Bytes>> {
        let sets = std::iter::once(&self.set).chain(&self.others);
        sets.map(|set| handle.key_of(set)).collect()
    }

    /// Adds the weights and the aggregate to a command on this number of sets.
    fn options(&self, mut command: Command, sets: usize) -> Result<Command> {
        let refused = |message| Err(Error::new(ErrorKind::InvalidInput, message));
        let has_options = !self.weights.is_empty() || self.aggregate != Aggregate::Sum;
        if has_options && self.how == SetOperation::Difference {
            let message =
                "a difference has the scores of the first set: remove weights and aggregate";
            return refused(message.to_owned());
        }
        if !self.weights.is_empty() && self.weights.len() != sets {
            let weights = self.weights.len();
            return refused(format!("{weights} weights for {sets} sorted sets"));
        }
        if !self.weights.is_empty() {
            command = command.arg("WEIGHTS");
        }
        for &weight in &self.weights {
            command = command.arg(not_nan(weight)?);
        }
        Ok(match self.aggregate {
            Aggregate::Sum => command,
            Aggregate::Min => command.arg("AGGREGATE").arg("MIN"),
            Aggregate::Max => command.arg("AGGREGATE").arg("MAX"),
        })
    }
}

impl<T: Send + 'static, C: Codec<T>> CombinedSorted<T, C> {
    /// Returns the elements, the lowest score first, in memory at once. Stores nothing.
    ///
    /// Redis: ZUNION, ZINTER or ZDIFF in a script. Time complexity: that of
    /// [`store_into`](Self::store_into). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`store_into`](Self::store_into). `Unsupported` on servers before Redis 6.2; there,
    /// store a union or an intersection, and read that.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let a: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}a");
    /// let b: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}b");
    /// a.extend([("Ada", 1), ("Bob", 2)]).await?;
    /// b.insert("Ada", 5).await?;
    /// assert_eq!(a.union([&b]).to_vec().await?, ["Bob", "Ada"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZUNION")]
    #[doc(alias = "ZINTER")]
    #[doc(alias = "ZDIFF")]
    pub fn to_vec(&self) -> Op<Vec<T>> {
        self.read(false, decode_list::<T, C>)
    }

    /// Returns the elements with their scores, the lowest score first, in memory at once. Stores
    /// nothing.
    ///
    /// Redis: ZUNION, ZINTER or ZDIFF in a script. Time complexity: that of
    /// [`store_into`](Self::store_into). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`to_vec`](Self::to_vec).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let a: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}a");
    /// let b: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}b");
    /// a.extend([("Ada", 1), ("Bob", 2)]).await?;
    /// b.insert("Ada", 5).await?;
    /// let both = a.intersection([&b]).with_scores().await?;
    /// assert_eq!(both, [("Ada".to_owned(), 6.0)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZUNION")]
    #[doc(alias = "ZINTER")]
    #[doc(alias = "ZDIFF")]
    #[doc(alias = "WITHSCORES")]
    pub fn with_scores(&self) -> Op<Vec<(T, f64)>> {
        self.read(true, decode_scored_list::<T, C>)
    }

    /// Stores the elements in `destination` and replaces its previous value, of any type.
    /// Returns the number of elements. The destination may be one of the sets.
    ///
    /// Redis: ZUNIONSTORE, ZINTERSTORE or ZDIFFSTORE. Time complexity: O(n + m · log(m)), where n is
    /// the total number of elements and m the number in the result. For an intersection, n is the size
    /// of the smallest set times the number of sets. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if a weight is NaN, if the numbers of weights and sets
    /// differ, or if a difference has weights or an aggregate. [`CrossSlot`](ErrorKind::CrossSlot) in a
    /// cluster if the sets and the destination are in different slots. `Unsupported` for a difference
    /// on servers before Redis 6.2.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSortedSet;
    ///
    /// let a: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}a");
    /// let b: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}b");
    /// a.insert("Ada", 1.0).await?;
    /// b.insert("Bob", 2.0).await?;
    /// let all: RedisSortedSet<String> = RedisSortedSet::new(&client, "{board}all");
    /// assert_eq!(a.union([&b]).store_into(&all).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZUNIONSTORE")]
    #[doc(alias = "ZINTERSTORE")]
    #[doc(alias = "ZDIFFSTORE")]
    pub fn store_into(&self, destination: &RedisSortedSet<T, C>) -> Op<u64> {
        let args = |command: Command| {
            let keys = self.keys(&destination.0)?;
            let sets = keys.len();
            let all: Vec<_> = command.keys().iter().chain(&keys).cloned().collect();
            self.set.client.same_slot(&all)?;
            self.options(command.arg(sets).args(keys), sets)
        };
        destination
            .0
            .try_op(args, self.how.store(), Reply::into_count)
    }

    fn read<R>(&self, with_scores: bool, read: fn(Reply) -> Result<Vec<R>>) -> Op<Vec<R>> {
        let command = self.how.read();
        let name = command.name();
        let args = |mut command: Command| {
            // The handle has added the key of the set itself.
            for key in self.keys(&self.set)?.into_iter().skip(1) {
                command = command.key(key);
            }
            self.set.client.same_slot(command.keys())?;
            let sets = command.keys().len();
            let command = self.options(command.arg(name), sets)?;
            Ok(match with_scores {
                true => command.arg("WITHSCORES"),
                false => command,
            })
        };
        self.set.try_op(args, command, read)
    }
}

impl<T, C> Clone for CombinedSorted<T, C> {
    fn clone(&self) -> Self {
        Self {
            set: self.set.clone(),
            others: self.others.clone(),
            weights: self.weights.clone(),
            ..*self
        }
    }
}

impl<T, C> fmt::Debug for CombinedSorted<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.how, self.set)?;
        for other in &self.others {
            write!(f, ", {other:?}")?;
        }
        write!(f, " by {:?}, weights {:?}", self.aggregate, self.weights)
    }
}
