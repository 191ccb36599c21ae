//! A set, and the unions, intersections and differences of sets.
//!
//! May import: `encode`, `handle`, `key`, `bulk`, `stream`.

mod combination;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;

use purse_client::{Client, Command, Op, Reply, Result, Scan, Script};
use purse_codec::{Codec, IntoArg, Plain};

pub use self::combination::Combined;

use self::combination::SetOperation;
use crate::bulk;
use crate::encode::encode_one;
use crate::encode::{decode, decode_list, decode_removed, decode_removed_list, encode};
use crate::handle::{Handle, handle_traits};
use crate::key::key_methods;
use crate::stream::{Scanned, next};

static IS_SUBSET: Script = Script::read("SET IS SUBSET", include_str!("../lua/set_is_subset.lua"));
static IS_DISJOINT: Script = Script::read(
    "SET IS DISJOINT",
    include_str!("../lua/set_is_disjoint.lua"),
);

/// A set of `T` on the server.
///
/// Elements are compared by their bytes: the codec must write equal values alike, which no codec
/// does for a type with a `HashMap` or `HashSet` in it. Python's redis-purse writes a `dict` with
/// spaces after colons and commas, a model without; `Plain` writes structures without. Every access
/// to one element is O(1).
///
/// What works on several sets wants them on one server, and in a cluster in one slot: give their
/// keys a common hash tag, as in `{user:7}friends` and `{user:7}blocked`.
///
/// ```
/// # #[tokio::main] async fn main() -> purse_client::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::collections::HashSet;
///
/// use purse_client::Client;
/// use purse_collections::RedisSet;
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
    /// The set at `key`. Sends nothing.
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    key_methods!();
}

impl<T: Send + 'static, C: Codec<T>> RedisSet<T, C> {
    /// The number of elements.
    ///
    /// `SCARD`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "SCARD")]
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("SCARD"), Reply::into_count)
    }

    /// Whether there is no element.
    ///
    /// `SCARD`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("SCARD"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Whether `value` is an element.
    ///
    /// `SISMEMBER`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "SISMEMBER")]
    pub fn contains(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::read("SISMEMBER"), value)
    }

    /// Whether each of many values is an element, in the order of the values.
    ///
    /// `SMISMEMBER` (Redis 6.2), O(n) for n values; nothing for none. One round trip, atomic, for
    /// up to 1024 values or a megabyte; beyond that a command for each such chunk, two of them at a
    /// time.
    ///
    /// # Errors
    /// `Encode`; `Unsupported` on an older server; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "SMISMEMBER")]
    pub async fn contains_many<I>(&self, values: I) -> Result<Vec<bool>>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send>,
    {
        let values = values.into_iter();
        let command = self.0.on_key(Command::read("SMISMEMBER"));
        let more = |mut answers: Vec<bool>, reply| {
            answers.extend(flags(reply)?);
            Ok(answers)
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

    /// Up to `count` different elements, picked at random; all of them, if there are no more.
    ///
    /// `SRANDMEMBER` with a count, O(n) for n elements picked. One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the first bytes that fail; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "SRANDMEMBER")]
    #[doc(alias = "choose")]
    pub fn sample(&self, count: u32) -> Op<Vec<T>> {
        let command = Command::read("SRANDMEMBER").arg(i64::from(count));
        self.0.op(command, decode_list::<T, C>)
    }

    /// All elements, in memory at once.
    ///
    /// `SMEMBERS`, O(n). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the first bytes that fail; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "SMEMBERS")]
    pub fn to_set(&self) -> Op<HashSet<T>>
    where
        T: Eq + Hash,
    {
        self.0.op(Command::read("SMEMBERS"), decode_set::<T, C>)
    }

    /// Streams the elements in no order, a page in memory at a time.
    ///
    /// `SSCAN`, one round trip and O(n) for a page of about n = 256 elements
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
    #[doc(alias = "SSCAN")]
    pub fn stream(&self) -> Scanned<T> {
        let scan = Scan::new("SSCAN", self.0.key.clone());
        Scanned::new(&self.0.client, scan, |page| next(page, decode::<T, C>))
    }

    /// Whether every element is also one of `other`.
    ///
    /// A script of `SCARD` and `SDIFF`, O(n) for the n elements of this set, which stay on the
    /// server. One round trip, atomic.
    ///
    /// # Errors
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster, unless both share a slot;
    /// else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "SDIFF")]
    pub fn is_subset(&self, other: &Self) -> Op<bool> {
        self.compare(&IS_SUBSET, [self, other])
    }

    /// Whether every element of `other` is also one of this set.
    ///
    /// A script of `SCARD` and `SDIFF`, O(n) for the n elements of `other`, which stay on the
    /// server. One round trip, atomic.
    ///
    /// # Errors
    /// As [`is_subset`](Self::is_subset).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "SDIFF")]
    pub fn is_superset(&self, other: &Self) -> Op<bool> {
        self.compare(&IS_SUBSET, [other, self])
    }

    /// Whether no element is also one of `other`.
    ///
    /// A script of `SINTER`, O(n) for the n elements of the smaller set, which stay on the server.
    /// One round trip, atomic.
    ///
    /// # Errors
    /// As [`is_subset`](Self::is_subset).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "SINTER")]
    pub fn is_disjoint(&self, other: &Self) -> Op<bool> {
        self.compare(&IS_DISJOINT, [self, other])
    }

    /// What is in this set or in any of `others`, to be had as values, as a stream, or stored.
    /// Sends nothing by itself.
    ///
    /// `a.union([&b])`, or any number of other sets.
    #[doc(alias = "SUNION")]
    pub fn union<I>(&self, others: I) -> Combined<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Union, others)
    }

    /// What is in this set and in each of `others`, to be had as values, as a stream, or stored.
    /// Sends nothing by itself.
    ///
    /// `a.intersection([&b])`, or any number of other sets.
    #[doc(alias = "SINTER")]
    pub fn intersection<I>(&self, others: I) -> Combined<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Intersection, others)
    }

    /// What is in this set and in none of `others`, to be had as values, as a stream, or stored.
    /// Sends nothing by itself.
    ///
    /// `a.difference([&b])`, or any number of other sets.
    #[doc(alias = "SDIFF")]
    pub fn difference<I>(&self, others: I) -> Combined<T, C>
    where
        I: IntoIterator<Item: Borrow<Self>>,
    {
        self.combine(SetOperation::Difference, others)
    }

    /// Adds an element. Returns whether it is new.
    ///
    /// `SADD`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "insert")]
    #[doc(alias = "SADD")]
    pub fn add(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::write("SADD"), value)
    }

    /// Adds elements. Returns how many of them are new.
    ///
    /// `SADD`, O(n) for n elements; nothing for none. One round trip, atomic, for up to 1024
    /// elements or a megabyte; beyond that a round trip for each such chunk, each atomic, and
    /// `items` is taken from a chunk ahead.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors). With several chunks the error tells how
    /// many elements were [done](purse_client::Error::done) before it; nothing is sent after it.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the chunk under way; later ones are not sent.
    #[doc(alias = "update")]
    #[doc(alias = "SADD")]
    pub async fn extend<I>(&self, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send>,
    {
        self.many(Command::write("SADD"), items.into_iter()).await
    }

    /// Removes an element. Returns whether it was there.
    ///
    /// `SREM`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "discard")]
    #[doc(alias = "SREM")]
    pub fn remove(&self, value: impl IntoArg<T>) -> Op<bool> {
        self.one(Command::write("SREM"), value)
    }

    /// Removes many elements. Returns how many of them there were.
    ///
    /// `SREM`, O(n) for n elements; nothing for none. One round trip, atomic, for up to 1024
    /// elements or a megabyte; beyond that a round trip for each such chunk, each atomic.
    ///
    /// # Errors
    /// As [`extend`](Self::extend).
    ///
    /// # Cancel safety
    /// As [`extend`](Self::extend).
    #[doc(alias = "SREM")]
    pub async fn remove_many<I>(&self, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: IntoArg<T>, IntoIter: Send>,
    {
        self.many(Command::write("SREM"), items.into_iter()).await
    }

    /// Takes an element out, picked at random.
    ///
    /// `SPOP`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of the element, which is out; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [The element may be lost](crate#cancel-safety).
    #[doc(alias = "SPOP")]
    pub fn pop(&self) -> Op<Option<T>> {
        self.0.op(Command::write("SPOP"), decode_removed::<T, C>)
    }

    /// Takes up to `count` elements out, picked at random.
    ///
    /// `SPOP` with a count, O(n). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes of all the elements, which are out; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [The elements may be lost](crate#cancel-safety).
    #[doc(alias = "SPOP")]
    pub fn pop_n(&self, count: u32) -> Op<Vec<T>> {
        let command = Command::write("SPOP").arg(i64::from(count));
        self.0.op(command, decode_removed_list::<T, C>)
    }

    /// Moves an element to another set. Returns whether it was in this one; if not, nothing
    /// changes.
    ///
    /// `SMOVE`, O(1). One round trip, atomic: at every moment the element is in one of the sets.
    ///
    /// # Errors
    /// `Encode`; [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster, unless both share
    /// a slot; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "SMOVE")]
    pub fn move_to(&self, other: &Self, value: impl IntoArg<T>) -> Op<bool> {
        let args = |command: Command| {
            let command = command.key(other.0.key.clone());
            self.0.client.same_slot(command.keys())?;
            Ok(command.arg(encode::<T, C>(value)?))
        };
        self.0
            .try_op(args, Command::write("SMOVE"), Reply::into_bool)
    }

    fn one(&self, command: Command, value: impl IntoArg<T>) -> Op<bool> {
        let args = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.0.try_op(args, command, Reply::into_bool)
    }

    async fn many<V: IntoArg<T>>(
        &self,
        command: Command,
        items: impl Iterator<Item = V> + Send,
    ) -> Result<u64> {
        let command = self.0.on_key(command);
        bulk::run(
            &self.0.client,
            command,
            items,
            encode_one::<T, C, _>,
            0,
            bulk::sum,
        )
        .await
    }

    fn compare(&self, script: &'static Script, [one, other]: [&Self; 2]) -> Op<bool> {
        let keys = |command: Command| {
            let command = command.key(other.0.key.clone());
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
        let others = others.into_iter().map(|set| set.borrow().0.key.clone());
        Combined::new(self.0.clone(), others.collect(), how)
    }
}

fn decode_set<T: Eq + Hash, C: Codec<T>>(reply: Reply) -> Result<HashSet<T>> {
    reply.into_list()?.into_iter().map(decode::<T, C>).collect()
}

/// Reads a list of yes and no.
fn flags(reply: Reply) -> Result<Vec<bool>> {
    let flags = reply.into_list()?.into_iter();
    flags.map(Reply::into_bool).collect()
}

handle_traits!(RedisSet<T, C>);
