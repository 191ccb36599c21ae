//! Writes to an LRU map.

use std::time::Duration;

use purse_client::{Command, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, Plain};

use super::RedisLruMap;
use crate::conversion::{decode, decode_removed, encode};
use crate::hash::with_field;
use crate::ttl::millis;

static INSERT: Script = Script::write(
    "LRU MAP INSERT",
    concat!(
        include_str!("../lua/lru_map.lua"),
        include_str!("../lua/lru_map_insert.lua")
    ),
);
static EVICT: Script = Script::write(
    "LRU MAP EVICT",
    concat!(
        include_str!("../lua/lru_map.lua"),
        include_str!("../lua/lru_map_evict.lua")
    ),
);
static REMOVE: Script = Script::write("LRU MAP REMOVE", include_str!("../lua/lru_map_remove.lua"));
static EXPIRE: Script = Script::write("LRU MAP EXPIRE", include_str!("../lua/lru_map_expire.lua"));
static PERSIST: Script = Script::write(
    "LRU MAP PERSIST",
    include_str!("../lua/lru_map_persist.lua"),
);

impl<K, V, C> RedisLruMap<K, V, C> {
    /// Removes the map after `ttl`, rounded up to a whole millisecond. Returns whether there is anything at
    /// the key.
    ///
    /// Redis: TIME and PEXPIREAT in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` for a time to live that [`RedisKey::expire`](crate::RedisKey::expire) refuses.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert!(pages.expire(Duration::from_secs(60)).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "TIME")]
    #[doc(alias = "PEXPIREAT")]
    #[doc(alias = "PEXPIRE")]
    pub fn expire(&self, ttl: Duration) -> Op<bool> {
        let args = |command: Command| Ok(command.key(self.uses.clone()).arg(millis(ttl)?));
        self.handle()
            .try_op(args, Command::script(&EXPIRE), Reply::into_bool)
    }

    /// Removes the time to live of the map. Returns whether it had one.
    ///
    /// Redis: PERSIST in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// assert!(!pages.persist().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PERSIST")]
    pub fn persist(&self) -> Op<bool> {
        let command = self.on_keys(Command::script(&PERSIST));
        self.handle().client.op(command, Reply::into_bool)
    }

    /// Removes all entries. Returns whether there was anything at the key. The server frees the memory in the
    /// background.
    ///
    /// Redis: UNLINK of both keys. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert!(pages.clear().await?);
    /// assert!(pages.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "UNLINK")]
    #[doc(alias = "DEL")]
    pub fn clear(&self) -> Op<bool> {
        let command = self.on_keys(Command::write("UNLINK"));
        self.handle()
            .client
            .op(command, |reply| Ok(reply.into_count()? > 0))
    }

    /// Removes the entries that were not used for the longest time, until the map has no more than its
    /// capacity. Returns their number. It is needed only after the capacity was lowered.
    ///
    /// Each script removes up to 64 entries. After a failure, [`Error::done`](purse_client::Error::done) is
    /// the number of removed entries.
    ///
    /// Redis: HLEN, ZCARD, ZRANGE, HDEL and ZREM in a script. Time complexity: O(m · log(n)) to remove m of n
    /// entries. Round trips: 1 per 64 entries.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// pages.insert("/b", "B").await?;
    /// let smaller: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 1)?;
    /// assert_eq!(smaller.shrink().await?, 1);
    /// assert_eq!(smaller.len().await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HLEN")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "HDEL")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "resize")]
    #[doc(alias = "setMaxSize")]
    pub async fn shrink(&self) -> Result<u64> {
        let mut evicted = 0;
        loop {
            let command = self.on_keys(Command::script(&EVICT));
            let command = command.arg(self.capacity).arg(random_cursor());
            let step = self.handle().client.op(command, Reply::into_count);
            let done = usize::try_from(evicted).unwrap_or(usize::MAX);
            match step.await.map_err(|error| error.with_done(done))? {
                0 => return Ok(evicted),
                count => evicted += count,
            }
        }
    }
}

impl<K, V, C> RedisLruMap<K, V, C>
where
    K: Send + 'static,
    V: Send + 'static,
    Plain: Codec<K>,
    C: Codec<V>,
{
    /// Sets the value of `key` and returns the previous value. The entry becomes the one that was used last.
    /// If the map has more entries than its capacity then, the oldest are removed in the same step, 64 at
    /// most. If the previous value cannot be decoded, the method fails, but the new value is set.
    ///
    /// If the future is dropped, the previous value [may be lost](crate#cancel-safety).
    ///
    /// Redis: HGET, HSET, ZREVRANGE and ZADD, and to evict HLEN, ZCARD, ZRANGE, HDEL and ZREM, in a script. Time
    /// complexity: O(log(n)) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// assert_eq!(pages.insert("/a", "A").await?, None);
    /// assert_eq!(pages.insert("/a", "B").await?.as_deref(), Some("A"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "HSET")]
    #[doc(alias = "ZREVRANGE")]
    #[doc(alias = "ZADD")]
    #[doc(alias = "HLEN")]
    #[doc(alias = "ZCARD")]
    #[doc(alias = "ZRANGE")]
    #[doc(alias = "HDEL")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "put")]
    #[doc(alias = "push")]
    pub fn insert(&self, key: impl IntoArg<K>, value: impl IntoArg<V>) -> Op<Option<V>> {
        self.insert_with(key, value, 0, decode_removed::<V, C>)
    }

    /// Returns the value of `key`, after setting it to `value` if there was none. The entry becomes the one
    /// that was used last. An absent entry is inserted as by [`insert`](Self::insert).
    ///
    /// Redis: the commands of [`insert`](Self::insert), in a script. Time complexity: O(log(n)) for n entries.
    /// Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// assert_eq!(pages.get_or_insert("/a", "A").await?, "A");
    /// assert_eq!(pages.get_or_insert("/a", "B").await?, "A");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "HSET")]
    #[doc(alias = "ZADD")]
    #[doc(alias = "setdefault")]
    pub fn get_or_insert(&self, key: impl IntoArg<K>, value: impl IntoArg<V>) -> Op<V> {
        self.insert_with(key, value, 1, decode::<V, C>)
    }

    /// Removes `key` and returns its value.
    ///
    /// If the future is dropped, the value [may be lost](crate#cancel-safety).
    ///
    /// Redis: HGET, HDEL, ZSCORE and ZREM in a script. Time complexity: O(log(n)) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert_eq!(pages.remove("/a").await?.as_deref(), Some("A"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "HDEL")]
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "ZREM")]
    #[doc(alias = "pop")]
    pub fn remove(&self, key: impl IntoArg<K>) -> Op<Option<V>> {
        self.remove_with(key, decode_removed::<V, C>)
    }

    /// Removes `key`. Returns whether there was an entry.
    ///
    /// Redis: HGET, HDEL, ZSCORE and ZREM in a script. Time complexity: O(log(n)) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisLruMap;
    ///
    /// let pages: RedisLruMap<String, String> = RedisLruMap::new(&client, "pages", 100)?;
    /// pages.insert("/a", "A").await?;
    /// assert!(pages.delete("/a").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "HDEL")]
    #[doc(alias = "ZSCORE")]
    #[doc(alias = "ZREM")]
    pub fn delete(&self, key: impl IntoArg<K>) -> Op<bool> {
        self.remove_with(key, |reply| Ok(reply.non_nil().is_some()))
    }

    fn remove_with<R>(&self, key: impl IntoArg<K>, read: fn(Reply) -> Result<R>) -> Op<R> {
        let args = |command: Command| with_field(key)(command.key(self.uses.clone()));
        self.handle().try_op(args, Command::script(&REMOVE), read)
    }

    /// Inserts an entry. `keeps` is 1 if the value of an existing entry stays.
    fn insert_with<R>(
        &self,
        key: impl IntoArg<K>,
        value: impl IntoArg<V>,
        keeps: i64,
        read: fn(Reply) -> Result<R>,
    ) -> Op<R> {
        let args = |command: Command| {
            let command = with_field(key)(command.key(self.uses.clone()))?;
            let command = command.arg(encode::<V, C>(value)?).arg(self.capacity);
            Ok(command.arg(random_cursor()).arg(keeps))
        };
        self.handle().try_op(args, Command::script(&INSERT), read)
    }
}

/// Returns a place in a hash of any size, from which a script looks for entries.
fn random_cursor() -> i64 {
    i64::from(fastrand::u32(..))
}
