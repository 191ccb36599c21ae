//! A hash: a map in one key.
//!
//! May import: `ttl`, `number`, `conversion`, `handle`, `redis_key`, `bulk`, `element_stream`.

mod field_ttl;
mod increment;
mod with_ttl;
mod writes;

use std::collections::HashMap;
use std::hash::Hash;

use bytes::Bytes;
use purse_client::{Client, Command, Op, Reply, Result};
use purse_codec::{Codec, Decoded, IntoArg, Lenient, Plain};

use crate::bulk::{Bulk, BulkOp};
use crate::conversion::{ArgBuffer, decode, decode_option, encode, encode_one};
use crate::element_stream::{DecodeItem, Scanned, next_pair};
use crate::handle::{Handle, handle_traits};
use crate::redis_key::key_methods;

/// A map from `K` to `V` on the server.
///
/// Keys are always written by the `Plain` codec, values by `C`. The server compares keys by their
/// bytes. Therefore the key type must encode equal values to equal bytes; a type that contains a
/// `HashSet` does not. Every access by key takes constant time.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisHash};
///
/// let client = Client::connect(&url).await?;
/// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
/// assert_eq!(ages.insert("Ada", 36).await?, None);
/// assert_eq!(ages.insert("Ada", 37).await?, Some(36));
/// assert_eq!(ages.increment("Ada", 1).await?, 38);
/// assert_eq!(ages.get("Ada").await?, Some(38));
/// assert_eq!(ages.get_or_insert("Bob", 20).await?, 20);
/// assert_eq!(ages.len().await?, 2);
/// # Ok(()) }
/// ```
#[doc(alias = "dict")]
pub struct RedisHash<K, V, C = Plain>(pub(crate) Handle<(K, V, C)>);

impl<K, V, C> RedisHash<K, V, C> {
    /// Creates a handle of the hash at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// // Any number of handles can work on one hash.
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// let same: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert_eq!(same.get("Ada").await?, Some(36));
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
    /// use purse::{Decoded, RedisHash};
    ///
    /// let words: RedisHash<String, String> = RedisHash::new(&client, "ages");
    /// words.extend([("Ada", "36"), ("Bob", "unknown")]).await?;
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// let map = ages.lenient().to_map().await?;
    /// let good = map.into_iter().filter_map(|(name, age)| Some((name.ok()?, age.ok()?)));
    /// assert_eq!(good.collect::<Vec<_>>(), [("Ada".to_owned(), 36)]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lenient(&self) -> RedisHash<Decoded<K>, Decoded<V>, Lenient<C>> {
        RedisHash(self.0.cast())
    }

    key_methods!(
        0,
        ["ages", "RedisHash", "<String, u32>", "set(\"Ada\", 36)"]
    );
}

impl<K, V, C> RedisHash<K, V, C>
where
    K: Send + 'static,
    V: Send + 'static,
    Plain: Codec<K>,
    C: Codec<V>,
{
    /// Returns the number of entries.
    ///
    /// Redis: HLEN. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.extend([("Ada", 36), ("Bob", 20)]).await?;
    /// assert_eq!(ages.len().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HLEN")]
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("HLEN"), Reply::into_count)
    }

    /// Returns whether the hash has no entry.
    ///
    /// Redis: HLEN. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// assert!(ages.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HLEN")]
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("HLEN"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Returns the value of `key`.
    ///
    /// Redis: HGET. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert_eq!(ages.get("Ada").await?, Some(36));
    /// assert_eq!(ages.get("Bob").await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    pub fn get(&self, key: impl IntoArg<K>) -> Op<Option<V>> {
        self.0.try_op(
            with_field(key),
            Command::read("HGET"),
            decode_option::<V, C>,
        )
    }

    /// Returns the values of many keys, in the order of the keys.
    ///
    /// Redis: HMGET. Time complexity: O(n) for n keys. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert_eq!(ages.get_many(["Bob", "Ada"]).await?, [None, Some(36)]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HMGET")]
    pub fn get_many<'a, I>(&self, keys: I) -> BulkOp<'a, Vec<Option<V>>>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send + 'a>,
    {
        let command = self.0.on_key(Command::read("HMGET"));
        let write = |key, arguments: &mut ArgBuffer| encode_one::<K, Plain, _>(key, arguments);
        let step = |command: &Command, fields: Vec<Bytes>| {
            let command = command.clone().args(fields.iter().cloned());
            (vec![command], fields)
        };
        let more = |mut values: Vec<_>, fields: Vec<Bytes>, replies: Vec<Reply>| {
            let mut fields = fields.into_iter();
            for reply in replies {
                for (value, field) in reply.into_list()?.into_iter().zip(&mut fields) {
                    let value = decode_option::<V, C>(value);
                    values.push(value.map_err(|error| error.with_field(field))?);
                }
            }
            Ok(values)
        };
        let keys = keys.into_iter();
        Bulk::new(&self.0.client, command).in_parts(keys, write, step, Vec::new(), more, |all| all)
    }

    /// Returns whether there is an entry for `key`.
    ///
    /// Redis: HEXISTS. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert!(ages.contains_key("Ada").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HEXISTS")]
    #[doc(alias = "contains")]
    pub fn contains_key(&self, key: impl IntoArg<K>) -> Op<bool> {
        self.0
            .try_op(with_field(key), Command::read("HEXISTS"), Reply::into_bool)
    }

    /// Returns up to `count` different entries, picked at random. If the hash has fewer, returns all
    /// of them.
    ///
    /// Redis: HRANDFIELD with WITHVALUES. Time complexity: O(n) for n entries. Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 6.2.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.extend([("Ada", 36), ("Bob", 20)]).await?;
    /// assert_eq!(ages.sample(9).await?.len(), 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HRANDFIELD")]
    #[doc(alias = "hrandfield_withvalues")]
    pub fn sample(&self, count: u32) -> Op<Vec<(K, V)>> {
        let command = Command::read("HRANDFIELD").arg(i64::from(count));
        self.0.op(command.arg("WITHVALUES"), |reply| {
            let pairs = reply.into_pairs()?.into_iter();
            pairs
                .map(|(key, value)| entry::<K, V, C>(key, value))
                .collect()
        })
    }

    /// Returns up to `count` different keys, picked at random. If the hash has fewer, returns all of
    /// them.
    ///
    /// Redis: HRANDFIELD. Time complexity: O(n) for n entries. Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 6.2.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert_eq!(ages.sample_keys(9).await?, ["Ada"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HRANDFIELD")]
    pub fn sample_keys(&self, count: u32) -> Op<Vec<K>> {
        let command = Command::read("HRANDFIELD").arg(i64::from(count));
        self.0.op(command, |reply| {
            reply.into_list()?.into_iter().map(field::<K>).collect()
        })
    }

    /// Returns all entries, in memory at once.
    ///
    /// Redis: HGETALL. Time complexity: O(n) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert_eq!(ages.to_map().await?["Ada"], 36);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGETALL")]
    #[doc(alias = "dict")]
    pub fn to_map(&self) -> Op<HashMap<K, V>>
    where
        K: Eq + Hash,
    {
        self.0.op(Command::read("HGETALL"), |reply| {
            let pairs = reply.into_pairs()?.into_iter();
            pairs
                .map(|(key, value)| entry::<K, V, C>(key, value))
                .collect()
        })
    }

    /// Streams the entries, in no order, a page in memory at a time.
    ///
    /// A page has about 256 entries, see [`Scanned::page_size`]. [`Scanned::matching`] selects
    /// entries by their key. Each page is atomic; the stream as a whole has [the guarantees of a
    /// scan](Scanned).
    ///
    /// Redis: HSCAN. Time complexity: O(n) for a page of n entries. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.extend([("Ada", 36), ("Bob", 20)]).await?;
    /// let mut entries = ages.iter();
    /// while let Some((name, age)) = entries.try_next().await? {
    ///     println!("{name} is {age}");
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSCAN")]
    #[doc(alias = "items")]
    #[doc(alias = "stream")]
    pub fn iter(&self) -> Scanned<(K, V)> {
        self.scan(|page| next_pair(page, entry::<K, V, C>))
    }

    /// Streams the keys as [`iter`](Self::iter) streams the entries. Values are not decoded.
    ///
    /// Redis: HSCAN. Time complexity: O(n) for a page of n entries. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert_eq!(ages.keys().try_collect::<Vec<_>>().await?, ["Ada"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSCAN")]
    #[doc(alias = "HKEYS")]
    pub fn keys(&self) -> Scanned<K> {
        self.scan(|page| next_pair(page, |key, _| field::<K>(key)))
    }

    /// Streams the values as [`iter`](Self::iter) streams the entries. Keys are not decoded.
    ///
    /// Redis: HSCAN. Time complexity: O(n) for a page of n entries. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert_eq!(ages.values().try_collect::<Vec<_>>().await?, [36]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSCAN")]
    #[doc(alias = "HVALS")]
    pub fn values(&self) -> Scanned<V> {
        self.scan(|page| next_pair(page, value::<V, C>))
    }

    fn scan<R: Send + 'static>(&self, read: DecodeItem<R>) -> Scanned<R> {
        Scanned::new(&self.0, "HSCAN", read)
    }
}

/// Adds a field to a command.
pub(crate) fn with_field<K>(key: impl IntoArg<K>) -> impl FnOnce(Command) -> Result<Command>
where
    Plain: Codec<K>,
{
    move |command| Ok(command.field(encode::<K, Plain>(key)?))
}

fn entry<K, V, C: Codec<V>>(key: Reply, value: Reply) -> Result<(K, V)>
where
    Plain: Codec<K>,
{
    Ok((field::<K>(key.clone())?, self::value::<V, C>(key, value)?))
}

/// Decodes a field; an error names it.
fn field<K>(field: Reply) -> Result<K>
where
    Plain: Codec<K>,
{
    decode::<K, Plain>(field).map_err(|error| match error.bytes().cloned() {
        Some(field) => error.with_field(field),
        None => error,
    })
}

/// Decodes the value of `field`; an error names the field.
fn value<V, C: Codec<V>>(field: Reply, value: Reply) -> Result<V> {
    decode::<V, C>(value).map_err(|error| match field.into_bytes() {
        Ok(field) => error.with_field(field),
        Err(_) => error,
    })
}

handle_traits!(RedisHash<K, V, C>);
