//! A map of bounded size that evicts the entries that were not used for the longest time.
//!
//! The entries are a hash. A sorted set beside it has each field, by the number of its last use. A
//! use gets the highest number and one, so the order depends on no clock. The scripts tolerate a
//! sorted set that does not match the hash, because another program may write to the hash, and a
//! server may evict one of the two keys.
//!
//! May import: `ttl`, `conversion`, `handle`, `hash`, `element_stream`.

mod writes;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use bytes::Bytes;
use purse_client::{Client, Command, Error, ErrorKind, Op, Result, Script, sibling_key};
use purse_codec::{Codec, Decoded, IntoArg, Lenient, Plain};

use crate::Ttl;
use crate::conversion::decode_option;
use crate::element_stream::Scanned;
use crate::handle::Handle;
use crate::hash::{RedisHash, with_field};

/// One of this many calls of `get` notes the use of the entry, by default.
const NOTED_USE: u32 = 8;

// It is a read: that it runs twice, or on a replica, does no harm. A use that cannot be noted is not.
static GET: Script = Script::read(
    "LRU MAP GET",
    concat!(
        include_str!("../lua/lru_map.lua"),
        include_str!("../lua/lru_map_get.lua")
    ),
);

/// A map of bounded size on the server, which evicts the entries that were not used for the longest
/// time (LRU).
///
/// The map never has more entries than its capacity: an insertion into a full map removes the oldest
/// entry in the same step. An insertion uses its entry. A [`get`](Self::get) does so in one of eight
/// calls, picked at random, because noting a use is a write. So an entry that is read often stays, and
/// the order of entries is that of their noted uses; [`note_uses`](Self::note_uses) sets how many are
/// noted.
///
/// The capacity is a setting of the handle, so all handles of a map should have the same. With a lower
/// one, each insertion evicts up to 64 entries until the map fits; [`shrink`](Self::shrink) does so at
/// once.
///
/// The entries are a hash, and their uses a sorted set beside it, named by
/// [`sibling_key`](purse_client::sibling_key). A user of the server needs rights on both keys.
/// [`expire`](Self::expire) and [`clear`](Self::clear) are about both, in one step. If the sorted set is
/// lost, because the server is full and evicts keys, the map keeps its entries and forgets the order of
/// their uses.
///
/// Keys are always written by the `Plain` codec, values by `C`.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisLruMap};
///
/// let client = Client::connect(&url).await?;
/// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 2)?;
/// pages.insert("/a", "A").await?;
/// pages.insert("/b", "B").await?;
/// pages.insert("/c", "C").await?;
/// assert_eq!(pages.len().await?, 2);
/// assert_eq!(pages.get("/a").await?, None);
/// assert_eq!(pages.get("/c").await?.as_deref(), Some("C"));
/// # Ok(()) }
/// ```
#[doc(alias = "LruCache")]
#[doc(alias = "cache")]
pub struct RedisLruMap<K, V, C = Plain> {
    hash: RedisHash<K, V, C>,
    /// The key of the sorted set.
    uses: Bytes,
    capacity: u64,
    noted_use: u32,
}

impl<K, V, C> RedisLruMap<K, V, C> {
    /// Creates a handle of the map at `key`, which has up to `capacity` entries. Sends nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the capacity is 0.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert!(RedisLruMap::<String, String>::new(&client, "pages", 0).is_err());
    /// # Ok(()) }
    /// ```
    pub fn new(client: &Client, key: impl AsRef<[u8]>, capacity: u64) -> Result<Self> {
        if capacity == 0 {
            let message = "an LRU map needs a capacity of at least 1";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(Self {
            uses: sibling_key(key.as_ref(), "uses"),
            hash: RedisHash::new(client, key),
            capacity,
            noted_use: NOTED_USE,
        })
    }

    /// Sets how many calls of [`get`](Self::get) note the use of the entry: one of `calls` on average. With 1,
    /// each call does so, and the map evicts exactly the entry that was not used for the longest time. 0 is
    /// taken for 1. Default: 8.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// let pages = pages.note_uses(1);
    /// pages.insert("/a", "A").await?;
    /// assert_eq!(pages.get("/a").await?.as_deref(), Some("A"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn note_uses(self, calls: u32) -> Self {
        Self {
            noted_use: calls.max(1),
            ..self
        }
    }

    /// Returns the largest number of entries.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// assert_eq!(pages.capacity(), 100);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Returns a handle whose keys and values are [`Decoded`]: one that cannot be decoded is an error
    /// among the others, instead of the error of the whole call. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Decoded, RedisLruMap};
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// let counts: RedisLruMap<String, u32> = RedisLruMap::new(&client, "pages", 100)?;
    /// let map = counts.lenient().to_map().await?;
    /// assert_eq!(map.into_values().filter_map(Decoded::ok).count(), 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lenient(&self) -> RedisLruMap<Decoded<K>, Decoded<V>, Lenient<C>> {
        RedisLruMap {
            hash: self.hash.lenient(),
            uses: self.uses.clone(),
            capacity: self.capacity,
            noted_use: self.noted_use,
        }
    }

    /// Returns the time to live of the map.
    ///
    /// Redis: PTTL. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisLruMap, Ttl};
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert_eq!(pages.ttl().await?, Ttl::Persistent);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PTTL")]
    pub fn ttl(&self) -> Op<Ttl> {
        self.hash.ttl()
    }

    /// Returns whether there is anything at the key.
    ///
    /// Redis: EXISTS. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// assert!(!pages.exists().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "EXISTS")]
    pub fn exists(&self) -> Op<bool> {
        self.hash.exists()
    }

    const fn handle(&self) -> &Handle<(K, V, C)> {
        &self.hash.0
    }

    /// Adds both keys to a command.
    fn on_keys(&self, command: Command) -> Command {
        self.handle().on_key(command).key(self.uses.clone())
    }
}

impl<K, V, C> RedisLruMap<K, V, C>
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
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert_eq!(pages.len().await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HLEN")]
    pub fn len(&self) -> Op<u64> {
        self.hash.len()
    }

    /// Returns whether the map has no entry.
    ///
    /// Redis: HLEN. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// assert!(pages.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HLEN")]
    pub fn is_empty(&self) -> Op<bool> {
        self.hash.is_empty()
    }

    /// Returns the value of `key`. In [one of eight calls](Self::note_uses), picked at random, the entry
    /// becomes the one that was used last.
    ///
    /// The method has the errors of a read. A use that the server cannot note, because it is full or a
    /// replica, is not an error.
    ///
    /// Redis: HGET; if the use is noted, HGET, ZREVRANGE and ZADD in a script. Time complexity: O(1), and
    /// O(log(n)) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert_eq!(pages.get("/a").await?.as_deref(), Some("A"));
    /// assert_eq!(pages.get("/b").await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "ZREVRANGE")]
    #[doc(alias = "ZADD")]
    pub fn get(&self, key: impl IntoArg<K>) -> Op<Option<V>> {
        if fastrand::u32(..self.noted_use) > 0 {
            return self.hash.get(key);
        }
        let handle = self.handle();
        let args = |command: Command| with_field(key)(command.key(self.uses.clone()));
        handle.try_op(args, Command::script(&GET), decode_option::<V, C>)
    }

    /// Returns the value of `key`, without using the entry.
    ///
    /// Redis: HGET. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert_eq!(pages.peek("/a").await?.as_deref(), Some("A"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    pub fn peek(&self, key: impl IntoArg<K>) -> Op<Option<V>> {
        self.hash.get(key)
    }

    /// Returns whether there is an entry for `key`, without using it.
    ///
    /// Redis: HEXISTS. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert!(pages.contains_key("/a").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HEXISTS")]
    #[doc(alias = "contains")]
    pub fn contains_key(&self, key: impl IntoArg<K>) -> Op<bool> {
        self.hash.contains_key(key)
    }

    /// Returns all entries, in memory at once, without using them.
    ///
    /// Redis: HGETALL. Time complexity: O(n) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert_eq!(pages.to_map().await?["/a"], "A");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGETALL")]
    pub fn to_map(&self) -> Op<HashMap<K, V>>
    where
        K: Eq + Hash,
    {
        self.hash.to_map()
    }

    /// Streams the entries, in no order, a page in memory at a time, without using them. See
    /// [`RedisHash::iter`].
    ///
    /// Redis: HSCAN. Time complexity: O(n) for a page of n entries. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// let entries: Vec<(String, String)> = pages.iter().try_collect().await?;
    /// assert_eq!(entries.len(), 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSCAN")]
    #[doc(alias = "items")]
    pub fn iter(&self) -> Scanned<(K, V)> {
        self.hash.iter()
    }

    /// Streams the keys as [`iter`](Self::iter) streams the entries. Values are not decoded.
    ///
    /// Redis: HSCAN. Time complexity: O(n) for a page of n entries. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert_eq!(pages.keys().try_collect::<Vec<_>>().await?, ["/a"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSCAN")]
    #[doc(alias = "HKEYS")]
    pub fn keys(&self) -> Scanned<K> {
        self.hash.keys()
    }
}

impl<K, V, C> Clone for RedisLruMap<K, V, C> {
    fn clone(&self) -> Self {
        Self {
            hash: self.hash.clone(),
            uses: self.uses.clone(),
            ..*self
        }
    }
}

impl<K, V, C> fmt::Debug for RedisLruMap<K, V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisLruMap({:?} of {})", self.handle(), self.capacity)
    }
}
