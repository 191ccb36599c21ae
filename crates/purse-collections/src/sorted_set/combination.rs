//! Unions and intersections of sorted sets.

use std::fmt;

use purse_client::{Command, Error, ErrorKind, Op, Reply, Result};
use purse_codec::{Codec, Plain};

use super::RedisSortedSet;
use super::score_codec::not_nan;
use crate::handle::Handle;

/// A union or intersection of sorted sets that is described and not yet computed.
///
/// [`RedisSortedSet::union`] and [`RedisSortedSet::intersection`] create it.
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
#[must_use = "nothing is computed before `store_into` is called"]
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

#[derive(Debug, Clone, Copy)]
pub(super) enum SetOperation {
    Union,
    Intersection,
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
    /// of zero times an infinite score is.
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

    /// Sets how the scores that one element has in several sets are combined. Default: their sum.
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

    fn args(&self, destination: &Handle<(T, C)>, command: Command) -> Result<Command> {
        let sets = std::iter::once(&self.set).chain(&self.others);
        let keys: Vec<_> = sets
            .map(|set| destination.key_of(set))
            .collect::<Result<_>>()?;
        if !self.weights.is_empty() && self.weights.len() != keys.len() {
            let (weights, sets) = (self.weights.len(), keys.len());
            let message = format!("{weights} weights for {sets} sorted sets");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let all: Vec<_> = command.keys().iter().chain(&keys).cloned().collect();
        self.set.client.same_slot(&all)?;
        let mut command = command.arg(keys.len()).args(keys);
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
    /// Stores the elements in `destination` and replaces its previous value, of any type.
    /// Returns the number of elements. The destination may be one of the sets.
    ///
    /// Redis: ZUNIONSTORE or ZINTERSTORE. Time complexity: O(n + m · log(m)), where n is the total
    /// number of elements and m the number in the result. For an intersection, n is the size of the
    /// smallest set times the number of sets. Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if a weight is NaN, or if the numbers of weights
    /// and sets differ. [`CrossSlot`](ErrorKind::CrossSlot) in a cluster if the sets and the
    /// destination are in different slots.
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
    pub fn store_into(&self, destination: &RedisSortedSet<T, C>) -> Op<u64> {
        let command = Command::write(match self.how {
            SetOperation::Union => "ZUNIONSTORE",
            SetOperation::Intersection => "ZINTERSTORE",
        });
        let args = |command| self.args(&destination.0, command);
        destination.0.try_op(args, command, Reply::into_count)
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
