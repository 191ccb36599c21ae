//! A set, and the unions, intersections and differences of sets.
//!
//! May import: `conversion`, `handle`, `redis_key`, `bulk`, `element_stream`.

mod combination;
mod comparison;
mod writes;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;

use purse_client::{Client, Command, Op, Reply, Result, Script};
use purse_codec::{Codec, Decoded, IntoArg, Lenient, Plain};

pub use self::combination::Combined;

use self::combination::SetOperation;
use crate::bulk::{Bulk, BulkOp};
use crate::conversion::{ArgBuffer, decode, decode_list, encode, encode_one};
use crate::element_stream::{Scanned, next};
use crate::handle::{Handle, handle_traits};
use crate::redis_key::key_methods;

static SMISMEMBER: Script =
    Script::read("SMISMEMBER", include_str!("../lua/set_contains.lua")).stand_in();
static IS_SUBSET: Script = Script::read("SET IS SUBSET", include_str!("../lua/set_is_subset.lua"));
static IS_DISJOINT: Script = Script::read(
    "SET IS DISJOINT",
    include_str!("../lua/set_is_disjoint.lua"),
);

/// A set of `T` on the server.
///
/// The server compares elements by their bytes. Therefore the codec must write equal values as
/// equal bytes. No codec does so for a type that contains a `HashMap` or `HashSet`. Python's
/// redis-purse writes a `dict` with spaces after colons and commas, and a model without these
/// spaces; `Plain` writes structures without them. Every access to one element is O(1).
///
/// Operations on several sets require that the sets are in [one database](crate#several-objects), and
/// in a cluster in one slot. Give their keys a common hash tag, as in `{user:7}friends` and
/// `{user:7}blocked`.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::collections::HashSet;
///
/// use purse::{Client, RedisSet};
///
/// let client = Client::connect(&url).await?;
/// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
/// assert_eq!(fruit.extend(["apple", "pear", "olive"]).await?, 3);
/// assert!(!fruit.add("pear").await?);
/// assert!(fruit.contains("olive").await?);
///
/// let salty: RedisSet<String> = RedisSet::new(&client, "salty");
/// salty.extend(["olive", "chips"]).await?;
/// let both = fruit.intersection([&salty]).to_set().await?;
/// assert_eq!(both, HashSet::from(["olive".to_owned()]));
/// # Ok(()) }
/// ```
#[doc(alias = "HashSet")]
pub struct RedisSet<T, C = Plain>(Handle<(T, C)>);

impl<T, C> RedisSet<T, C> {
    /// Creates a handle of the set at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let seen: RedisSet<u64> = RedisSet::new(&client, "seen");
    /// assert!(seen.add(4711).await?);
    /// assert!(!seen.add(4711).await?);
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
    /// use purse::{Decoded, RedisSet};
    ///
    /// let words: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// words.extend(["1", "two"]).await?;
    /// let numbers: RedisSet<u32> = RedisSet::new(&client, "fruit");
    /// let all = numbers.lenient().to_set().await?;
    /// assert_eq!(all.into_iter().filter_map(Decoded::ok).collect::<Vec<_>>(), [1]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lenient(&self) -> RedisSet<Decoded<T>, Lenient<C>> {
        RedisSet(self.0.cast())
    }

    key_methods!(0, ["fruit", "RedisSet", "<String>", "add(\"apple\")"]);
}

impl<T: Send + 'static, C: Codec<T>> RedisSet<T, C> {
    /// Returns the number of elements.
    ///
    /// Redis: SCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.extend(["apple", "pear"]).await?;
    /// assert_eq!(fruit.len().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCARD")]
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("SCARD"), Reply::into_count)
    }

    /// Returns whether the set has no element.
    ///
    /// Redis: SCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// assert!(fruit.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCARD")]
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("SCARD"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Returns whether `value` is an element.
    ///
    /// Redis: SISMEMBER. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.add("apple").await?;
    /// assert!(fruit.contains("apple").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SISMEMBER")]
    pub fn contains(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::read("SISMEMBER"), value)
    }

    /// Returns for each of many values whether it is an element. The result has the order of the
    /// values.
    ///
    /// Redis: SMISMEMBER; before Redis 6.2 SISMEMBER in a script. Time complexity: O(n) for n values.
    /// Round trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.add("apple").await?;
    /// assert_eq!(fruit.contains_many(["apple", "chips"]).await?, [true, false]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SMISMEMBER")]
    #[doc(alias = "SISMEMBER")]
    pub fn contains_many<'a, I>(&self, values: I) -> BulkOp<'a, Vec<bool>>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send + 'a>,
    {
        let write = |value, arguments: &mut ArgBuffer| encode_one::<T, C, _>(value, arguments);
        let command = self.0.on_key(Command::script(&SMISMEMBER));
        let more = |mut answers: Vec<bool>, reply| {
            answers.extend(flags(reply)?);
            Ok(answers)
        };
        Bulk::new(&self.0.client, command).run(values.into_iter(), write, Vec::new(), more)
    }

    /// Returns up to `count` different elements, picked at random. If the set has fewer, returns
    /// all of them.
    ///
    /// Redis: SRANDMEMBER with a count. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.extend(["apple", "pear", "olive"]).await?;
    /// assert_eq!(fruit.sample(2).await?.len(), 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SRANDMEMBER")]
    #[doc(alias = "srandmember_multiple")]
    #[doc(alias = "choose")]
    pub fn sample(&self, count: u32) -> Op<Vec<T>> {
        let command = Command::read("SRANDMEMBER").arg(i64::from(count));
        self.0.op(command, decode_list::<T, C>)
    }

    /// Returns all elements, in memory at once.
    ///
    /// Redis: SMEMBERS. Time complexity: O(n) for n elements. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.add("apple").await?;
    /// assert!(fruit.to_set().await?.contains("apple"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SMEMBERS")]
    pub fn to_set(&self) -> Op<HashSet<T>>
    where
        T: Eq + Hash,
    {
        self.0.op(Command::read("SMEMBERS"), decode_set::<T, C>)
    }

    /// Streams the elements, in no order, a page in memory at a time.
    ///
    /// A page has about 256 elements, see [`Scanned::page_size`]; [`Scanned::matching`] selects
    /// elements. Each page is atomic; the stream as a whole has [the guarantees of a
    /// scan](Scanned).
    ///
    /// Redis: SSCAN. Time complexity: O(n) for a page of n elements. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisSet;
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.add("apple").await?;
    /// assert_eq!(fruit.stream().try_collect::<Vec<_>>().await?, ["apple"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SSCAN")]
    #[doc(alias = "values")]
    #[doc(alias = "iter")]
    pub fn stream(&self) -> Scanned<T> {
        Scanned::new(&self.0, "SSCAN", |page| next(page, decode::<T, C>))
    }

    /// Returns whether every element is also in `other`. The elements stay on the server.
    ///
    /// Redis: SCARD and SDIFF in a script. Time complexity: O(n) for the n elements of this set.
    /// Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the sets are in different
    /// slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([1, 2, 3]).await?;
    /// assert!(a.is_subset(&b).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCARD")]
    #[doc(alias = "SDIFF")]
    pub fn is_subset(&self, other: &Self) -> Op<bool> {
        self.compare(&IS_SUBSET, [self, other])
    }

    /// Returns whether every element of `other` is also in this set. The elements stay on the
    /// server.
    ///
    /// Redis: SCARD and SDIFF in a script. Time complexity: O(n) for the n elements of `other`.
    /// Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the sets are in different
    /// slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2, 3]).await?;
    /// b.extend([1, 2]).await?;
    /// assert!(a.is_superset(&b).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCARD")]
    #[doc(alias = "SDIFF")]
    pub fn is_superset(&self, other: &Self) -> Op<bool> {
        self.compare(&IS_SUBSET, [other, self])
    }

    /// Returns whether no element is also in `other`. The elements stay on the server.
    ///
    /// Redis: SINTER in a script. Time complexity: O(n) for the n elements of the smaller set.
    /// Round trips: 1.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the sets are in different
    /// slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([3, 4]).await?;
    /// assert!(a.is_disjoint(&b).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SINTER")]
    pub fn is_disjoint(&self, other: &Self) -> Op<bool> {
        self.compare(&IS_DISJOINT, [self, other])
    }

    /// Describes the elements that are in this set or in any of `others`. Sends nothing; the
    /// methods of [`Combined`] return, stream or store the elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.union([&b]).to_set().await?.len(), 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SUNION")]
    pub fn union<I>(&self, others: I) -> Combined<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Union, others)
    }

    /// Describes the elements that are in this set and in each of `others`. Sends nothing; the
    /// methods of [`Combined`] return, stream or store the elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.intersection([&b]).to_set().await?, [2].into());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SINTER")]
    pub fn intersection<I>(&self, others: I) -> Combined<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Intersection, others)
    }

    /// Describes the elements that are in this set and in none of `others`. Sends nothing; the
    /// methods of [`Combined`] return, stream or store the elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.difference([&b]).to_set().await?, [1].into());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SDIFF")]
    pub fn difference<I>(&self, others: I) -> Combined<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Difference, others)
    }

    /// Describes the elements that are either in this set or in `other`, and not in both. Sends
    /// nothing; the methods of [`Combined`] return, stream or store the elements.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisSet;
    ///
    /// let a: RedisSet<u32> = RedisSet::new(&client, "{numbers}a");
    /// let b: RedisSet<u32> = RedisSet::new(&client, "{numbers}b");
    /// a.extend([1, 2]).await?;
    /// b.extend([2, 3]).await?;
    /// assert_eq!(a.symmetric_difference(&b).to_set().await?, [1, 3].into());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SDIFF")]
    #[doc(alias = "xor")]
    pub fn symmetric_difference(&self, other: &Self) -> Combined<T, C> {
        self.combine(SetOperation::SymmetricDifference, [other])
    }

    fn one(&self, command: Command, value: impl IntoArg<T>) -> Op<bool> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0.try_op(args, command, Reply::into_bool)
    }

    fn compare(&self, script: &'static Script, [one, other]: [&Self; 2]) -> Op<bool> {
        let keys = |command: Command| {
            let command = command.key(one.0.key_of(&other.0)?);
            self.0.client.same_slot(command.keys())?;
            Ok(command)
        };
        one.0
            .try_op(keys, Command::script(script), Reply::into_bool)
    }

    fn combine<I>(&self, how: SetOperation, others: I) -> Combined<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        let others = others.into_iter().map(|set| set.borrow().0.clone());
        Combined::new(self.0.clone(), others.collect(), how)
    }
}

fn decode_set<T: Eq + Hash, C: Codec<T>>(reply: Reply) -> Result<HashSet<T>> {
    reply.into_list()?.into_iter().map(decode::<T, C>).collect()
}

/// Decodes an array of booleans.
fn flags(reply: Reply) -> Result<Vec<bool>> {
    let flags = reply.into_list()?.into_iter();
    flags.map(Reply::into_bool).collect()
}

handle_traits!(RedisSet<T, C>);
