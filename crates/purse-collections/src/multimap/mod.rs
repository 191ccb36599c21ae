//! A multimap: a map from each key to a set of values, in one sorted set.
//!
//! An entry is an element with the score 0. The server orders such elements by their bytes, and the
//! entries of a key start with the same text ([`entry`]). So what concerns one key is a range, and each
//! method is one command or script on one key of the server. A layout of a set per key would need a script for
//! each write, and a time to live or a removal of the whole would not be one step.
//!
//! May import: `conversion`, `handle`, `redis_key`, `bulk`, `element_stream`.

mod entry;
mod pages;
mod writes;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use purse_client::{Client, Command, Op, Reply, Result};
use purse_codec::{Codec, Decoded, IntoArg, Lenient, Plain};

use self::entry::{Bounds, decode_entry, decode_key, decode_value, split, write_entry};
use self::pages::{ENTRIES, KEYS, entry_pages, key_pages};
use crate::element_stream::{Elements, next, of_key};
use crate::handle::{Handle, handle_traits};
use crate::redis_key::key_methods;

/// A map from each key to a set of values on the server.
///
/// A key with no value does not exist. Keys are always written by the `Plain` codec, values by `C`. The
/// server compares both by their bytes, so equal values must be written as equal bytes. No codec
/// does so for a type that contains a `HashSet`.
///
/// The multimap is one sorted set on the server, so `expire`, `clear`, and the methods of its
/// [`key`](Self::key) are about the whole, in one step. Each element is an entry: `3:tag:rust` is the
/// value `rust` of the key `tag`, which has three bytes. Access to one entry takes logarithmic time. An
/// element of another form is a [`Decode`](purse_client::ErrorKind::Decode) error.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisMultimap};
///
/// let client = Client::connect(&url).await?;
/// let tags: RedisMultimap<String, u64> = RedisMultimap::new(&client, "tags");
/// assert_eq!(tags.extend([("rust", 7), ("rust", 9), ("redis", 9)]).await?, 3);
/// assert!(!tags.insert("rust", 7).await?);
/// assert_eq!(tags.get("rust").await?, [7, 9].into());
/// assert_eq!(tags.remove_all("rust").await?, [7, 9].into());
/// assert_eq!((tags.len().await?, tags.count_keys().await?), (1, 1));
/// # Ok(()) }
/// ```
#[doc(alias = "HashMap")]
#[doc(alias = "RSetMultimap")]
pub struct RedisMultimap<K, V, C = Plain>(Handle<(K, V, C)>);

impl<K, V, C> RedisMultimap<K, V, C> {
    /// Creates a handle of the multimap at `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// assert!(tags.insert("rust", "fast").await?);
    /// assert!(!tags.insert("rust", "fast").await?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    /// Returns a handle whose keys and values are [`Decoded`]: one that cannot be decoded is an error
    /// among the others, instead of the error of the whole call. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Decoded, RedisMultimap};
    ///
    /// let words: RedisMultimap<String, String> = RedisMultimap::new(&client, "sizes");
    /// words.extend([("shoe", "41"), ("shoe", "large")]).await?;
    /// let sizes: RedisMultimap<String, u32> = RedisMultimap::new(&client, "sizes");
    /// let shoes = sizes.lenient().get("shoe".to_owned()).await?;
    /// assert_eq!(shoes.into_iter().filter_map(Decoded::ok).collect::<Vec<_>>(), [41]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lenient(&self) -> RedisMultimap<Decoded<K>, Decoded<V>, Lenient<C>> {
        RedisMultimap(self.0.cast())
    }

    key_methods!(
        0,
        [
            "tags",
            "RedisMultimap",
            "<String, String>",
            "insert(\"rust\", \"fast\")"
        ]
    );
}

impl<K, V, C> RedisMultimap<K, V, C>
where
    K: Send + 'static,
    V: Send + 'static,
    Plain: Codec<K>,
    C: Codec<V>,
{
    /// Returns the number of entries: of pairs of a key and a value.
    ///
    /// Redis: ZCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// assert_eq!(tags.len().await?, 3);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("ZCARD"), Reply::into_count)
    }

    /// Returns whether the multimap has no entry.
    ///
    /// Redis: ZCARD. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// assert!(tags.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZCARD")]
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("ZCARD"), |reply| Ok(reply.into_count()? == 0))
    }

    /// Returns the values of `key`, in memory at once. A key that does not exist has none.
    ///
    /// Redis: ZRANGEBYLEX. Time complexity: O(log(n) + m) for n entries, of which the key has m. Round trips:
    /// 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// let values = tags.get("rust").await?;
    /// assert!(values.len() == 2 && values.contains("safe"));
    /// assert!(tags.get("python").await?.is_empty());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYLEX")]
    #[doc(alias = "getAll")]
    pub fn get(&self, key: impl IntoArg<K>) -> Op<HashSet<V>>
    where
        V: Eq + Hash,
    {
        self.on_range(Command::read("ZRANGEBYLEX"), key, |reply| {
            let entries = reply.into_list()?.into_iter();
            entries.map(decode_value::<V, C>).collect()
        })
    }

    /// Returns the number of values of `key`.
    ///
    /// Redis: ZLEXCOUNT. Time complexity: O(log(n)) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// assert_eq!(tags.count("rust").await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZLEXCOUNT")]
    pub fn count(&self, key: impl IntoArg<K>) -> Op<u64> {
        self.on_range(Command::read("ZLEXCOUNT"), key, Reply::into_count)
    }

    /// Returns whether `value` is one of the values of `key`.
    ///
    /// Redis: ZSCORE. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// assert!(tags.contains("rust", "safe").await?);
    /// assert!(!tags.contains("redis", "safe").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "containsEntry")]
    pub fn contains(&self, key: impl IntoArg<K>, value: impl IntoArg<V>) -> Op<bool> {
        self.on_entry(Command::read("ZSCORE"), key, value, |reply| {
            Ok(reply.non_nil().is_some())
        })
    }

    /// Returns whether `key` has a value.
    ///
    /// Redis: ZLEXCOUNT. Time complexity: O(log(n)) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// assert!(tags.contains_key("redis").await?);
    /// assert!(!tags.contains_key("python").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZLEXCOUNT")]
    pub fn contains_key(&self, key: impl IntoArg<K>) -> Op<bool> {
        self.on_range(Command::read("ZLEXCOUNT"), key, |reply| {
            Ok(reply.into_count()? > 0)
        })
    }

    /// Returns all entries, in memory at once.
    ///
    /// Redis: ZRANGE. Time complexity: O(n) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// let map = tags.to_map().await?;
    /// assert_eq!((map["rust"].len(), map["redis"].len()), (2, 1));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGE")]
    pub fn to_map(&self) -> Op<HashMap<K, HashSet<V>>>
    where
        K: Eq + Hash,
        V: Eq + Hash,
    {
        let command = self.0.on_key(Command::read("ZRANGE")).arg(0).arg(-1);
        self.0.client.op(command, |reply| {
            let mut map: HashMap<K, HashSet<V>> = HashMap::new();
            for entry in reply.into_list()? {
                let (key, value) = decode_entry::<K, V, C>(entry)?;
                map.entry(key).or_default().insert(value);
            }
            Ok(map)
        })
    }

    /// Streams the entries, a page in memory at a time. The entries of a key follow each other.
    ///
    /// A page has 256 entries. Each page is atomic, and starts after the last entry of the page before it.
    /// So an entry that exists from start to end is returned exactly once. An entry that is added or removed
    /// meanwhile may or may not be returned.
    ///
    /// Redis: ZRANGEBYLEX with LIMIT. Time complexity: O(log(n) + m) for a page of m of n entries. Round trips:
    /// 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// let mut entries = tags.iter();
    /// while let Some((key, value)) = entries.try_next().await? {
    ///     println!("{key}: {value}");
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYLEX")]
    #[doc(alias = "items")]
    #[doc(alias = "entries")]
    pub fn iter(&self) -> BoxStream<'static, Result<(K, V)>> {
        let (client, key) = (&self.0.client, self.0.key.clone());
        let pages = of_key(key.clone(), entry_pages(client, key, Bounds::all()));
        Elements::new(client, ENTRIES, pages, |page| {
            next(page, decode_entry::<K, V, C>)
        })
        .boxed()
    }

    /// Streams the values of `key`, a page in memory at a time, as [`iter`](Self::iter) streams entries.
    ///
    /// Redis: ZRANGEBYLEX with LIMIT. Time complexity: O(log(n) + m) for a page of m of n entries. Round trips:
    /// 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// let values: Vec<String> = tags.values_of("rust").try_collect().await?;
    /// assert_eq!(values, ["fast", "safe"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYLEX")]
    pub fn values_of(&self, key: impl IntoArg<K>) -> BoxStream<'static, Result<V>> {
        let client = &self.0.client;
        match Bounds::of_key(key) {
            Ok(bounds) => {
                let key = self.0.key.clone();
                let pages = of_key(key.clone(), entry_pages(client, key, bounds));
                Elements::new(client, ENTRIES, pages, |page| {
                    next(page, decode_value::<V, C>)
                })
                .boxed()
            }
            Err(error) => stream::iter([Err(self.0.about(ENTRIES, error))]).boxed(),
        }
    }

    /// Streams the keys, each of them once, a page in memory at a time. Values are not decoded.
    ///
    /// A page has up to 256 keys. Each page is atomic, and starts after the last key of the page before it.
    /// A key that exists from start to end is returned exactly once.
    ///
    /// Redis: ZRANGEBYLEX once per key, in a script. Time complexity: O(m · log(n)) for a page of m keys, with n
    /// entries. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// let keys: Vec<String> = tags.keys().try_collect().await?;
    /// assert_eq!(keys, ["rust", "redis"]); // in the order of their lengths and bytes
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYLEX")]
    #[doc(alias = "keySet")]
    pub fn keys(&self) -> BoxStream<'static, Result<K>> {
        let (client, key) = (&self.0.client, self.0.key.clone());
        let pages = of_key(key.clone(), key_pages(client, key));
        Elements::new(client, KEYS.name(), pages, |page| {
            next(page, decode_key::<K>)
        })
        .boxed()
    }

    /// Returns the number of keys that have a value. They are counted page by page, as
    /// [`keys`](Self::keys) streams them; no key is decoded.
    ///
    /// Redis: ZRANGEBYLEX once per key, in a script. Time complexity: O(m · log(n)) for m keys and n entries.
    /// Round trips: 1 per 256 keys.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe"), ("redis", "fast")]).await?;
    /// assert_eq!(tags.count_keys().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYLEX")]
    #[doc(alias = "keySize")]
    pub async fn count_keys(&self) -> Result<u64> {
        let mut pages = key_pages(&self.0.client, self.0.key.clone()).boxed();
        let mut count = 0;
        while let Some(page) = pages.try_next().await? {
            for key in page {
                let split = key.into_bytes().and_then(split);
                split.map_err(|error| self.0.about(KEYS.name(), error))?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Creates the operation that runs `command` on the range of the entries of `key`.
    fn on_range<R>(
        &self,
        command: Command,
        key: impl IntoArg<K>,
        read: fn(Reply) -> Result<R>,
    ) -> Op<R> {
        let args = |command| Ok(Bounds::of_key(key)?.on(command));
        self.0.try_op(args, command, read)
    }

    /// Creates the operation that runs `command` on one entry.
    fn on_entry<R>(
        &self,
        command: Command,
        key: impl IntoArg<K>,
        value: impl IntoArg<V>,
        read: fn(Reply) -> Result<R>,
    ) -> Op<R> {
        let args = |command: Command| {
            let mut entry = Vec::new();
            write_entry::<K, V, C>(key, value, &mut entry)?;
            Ok(command.arg(entry))
        };
        self.0.try_op(args, command, read)
    }
}

handle_traits!(RedisMultimap<K, V, C>);
