//! A hash: a map in one key.
//!
//! May import: `ttl`, `number`, `encode`, `handle`, `key`, `bulk`, `stream`.

mod increment;
mod writes;

use std::collections::HashMap;
use std::hash::Hash;

use purse_client::{Client, Command, Op, Reply, Result, Scan};
use purse_codec::{Codec, IntoArg, Plain};

use crate::bulk;
use crate::encode::{decode, decode_option, encode, encode_one};
use crate::handle::{Handle, handle_traits};
use crate::key::key_methods;
use crate::stream::{DecodeItem, Scanned, next_pair};

/// A map from `K` to `V` on the server.
///
/// Keys are always written by the `Plain` codec, values by `C`. Keys are compared by their bytes:
/// a type that does not always encode equal values alike, such as one that contains a `HashSet`,
/// cannot be a key. Every access by key is O(1).
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
pub struct RedisHash<K, V, C = Plain>(Handle<(K, V, C)>);

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
    pub async fn get_many<I>(&self, keys: I) -> Result<Vec<Option<V>>>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send>,
    {
        let keys = keys.into_iter();
        let command = self.0.on_key(Command::read("HMGET"));
        bulk::run(
            &self.0.client,
            command,
            keys,
            encode_one::<K, Plain, _>,
            Vec::new(),
            |mut values, reply| {
                for value in reply.into_list()? {
                    values.push(decode_option::<V, C>(value)?);
                }
                Ok(values)
            },
        )
        .await
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

    /// Returns all entries, in memory at once.
    ///
    /// Redis: HGETALL. Time complexity: O(n). Round trips: 1.
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
        self.scan(|page| next_pair(page, |key, _| decode::<K, Plain>(key)))
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
        self.scan(|page| next_pair(page, |_, value| decode::<V, C>(value)))
    }

    fn scan<R: Send + 'static>(&self, read: DecodeItem<R>) -> Scanned<R> {
        Scanned::new(&self.0.client, Scan::new("HSCAN", self.0.key.clone()), read)
    }
}

/// Adds a field to a command.
fn with_field<K>(key: impl IntoArg<K>) -> impl FnOnce(Command) -> Result<Command>
where
    Plain: Codec<K>,
{
    move |command| Ok(command.arg(encode::<K, Plain>(key)?))
}

fn entry<K, V, C: Codec<V>>(key: Reply, value: Reply) -> Result<(K, V)>
where
    Plain: Codec<K>,
{
    Ok((decode::<K, Plain>(key)?, decode::<V, C>(value)?))
}

handle_traits!(RedisHash<K, V, C>);
