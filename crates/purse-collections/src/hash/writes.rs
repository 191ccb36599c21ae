//! Writes to a hash.

use purse_client::{Command, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, IntoPair, Plain};

use super::{RedisHash, with_field};
use crate::bulk::{self, Bulk, BulkOp};
use crate::conversion::{ArgBuffer, decode, decode_removed, encode, encode_one};

static INSERT: Script = Script::write("HASH INSERT", include_str!("../lua/hash_insert.lua"));
static GET_OR_INSERT: Script = Script::write(
    "HASH GET OR INSERT",
    include_str!("../lua/hash_get_or_insert.lua"),
);
static REMOVE: Script = Script::write("HASH REMOVE", include_str!("../lua/hash_remove.lua"));

impl<K, V, C> RedisHash<K, V, C>
where
    K: Send + 'static,
    V: Send + 'static,
    Plain: Codec<K>,
    C: Codec<V>,
{
    /// Sets the value of `key` and returns the previous value. If the previous value cannot be
    /// decoded, the method fails, but the new value is set. [`set`](Self::set) costs less if the
    /// previous value is not needed.
    ///
    /// If the future is dropped, the previous value [may be lost](crate#cancel-safety).
    ///
    /// Redis: HGET and HSET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// assert_eq!(ages.insert("Ada", 36).await?, None);
    /// assert_eq!(ages.insert("Ada", 37).await?, Some(36));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "HSET")]
    pub fn insert(&self, key: impl IntoArg<K>, value: impl IntoArg<V>) -> Op<Option<V>> {
        let args = with_entry::<K, V, C>(key, value);
        self.0
            .try_op(args, Command::script(&INSERT), decode_removed::<V, C>)
    }

    /// Sets the value of `key`. Returns whether the entry is new.
    ///
    /// Redis: HSET. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// assert!(ages.set("Ada", 36).await?);
    /// assert!(!ages.set("Ada", 37).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSET")]
    pub fn set(&self, key: impl IntoArg<K>, value: impl IntoArg<V>) -> Op<bool> {
        self.0.try_op(
            with_entry::<K, V, C>(key, value),
            Command::write("HSET"),
            Reply::into_bool,
        )
    }

    /// Returns the value of `key`, after setting it to `value` if there was none. If several
    /// callers do so at the same time, the server keeps the value of one caller, and all callers
    /// get that value.
    ///
    /// Redis: HGET and HSET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// assert_eq!(ages.get_or_insert("Ada", 36).await?, 36);
    /// assert_eq!(ages.get_or_insert("Ada", 99).await?, 36);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "HSET")]
    #[doc(alias = "HSETNX")]
    #[doc(alias = "hset_nx")]
    #[doc(alias = "setdefault")]
    pub fn get_or_insert(&self, key: impl IntoArg<K>, value: impl IntoArg<V>) -> Op<V> {
        let args = with_entry::<K, V, C>(key, value);
        self.0
            .try_op(args, Command::script(&GET_OR_INSERT), decode::<V, C>)
    }

    /// Sets many entries. Returns how many of them are new.
    ///
    /// Redis: HSET. Time complexity: O(n) for n entries. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// assert_eq!(ages.extend([("Ada", 36), ("Bob", 20)]).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSET")]
    #[doc(alias = "HMSET")]
    #[doc(alias = "hset_multiple")]
    #[doc(alias = "update")]
    pub fn extend<'a, I>(&self, entries: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: IntoArg<V>>, IntoIter: Send + 'a>,
    {
        let command = self.0.on_key(Command::write("HSET"));
        let write =
            |entry: I::Item, arguments: &mut ArgBuffer| encode_entry::<K, V, C>(entry, arguments);
        Bulk::new(&self.0.client, command).run(entries.into_iter(), write, 0, bulk::sum)
    }

    /// Removes `key` and returns its value. [`delete`](Self::delete) costs less if the value is
    /// not needed.
    ///
    /// If the future is dropped, the value [may be lost](crate#cancel-safety).
    ///
    /// Redis: HGET and HDEL in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert_eq!(ages.remove("Ada").await?, Some(36));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGET")]
    #[doc(alias = "HDEL")]
    #[doc(alias = "HGETDEL")]
    #[doc(alias = "hget_del")]
    #[doc(alias = "pop")]
    pub fn remove(&self, key: impl IntoArg<K>) -> Op<Option<V>> {
        self.0.try_op(
            with_field(key),
            Command::script(&REMOVE),
            decode_removed::<V, C>,
        )
    }

    /// Removes `key`. Returns whether there was an entry.
    ///
    /// Redis: HDEL. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.set("Ada", 36).await?;
    /// assert!(ages.delete("Ada").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HDEL")]
    pub fn delete(&self, key: impl IntoArg<K>) -> Op<bool> {
        self.0
            .try_op(with_field(key), Command::write("HDEL"), Reply::into_bool)
    }

    /// Removes many keys. Returns how many of them had an entry.
    ///
    /// Redis: HDEL. Time complexity: O(n) for n keys. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisHash;
    ///
    /// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
    /// ages.extend([("Ada", 36), ("Bob", 20)]).await?;
    /// assert_eq!(ages.remove_many(["Ada", "Bob", "Cem"]).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HDEL")]
    pub fn remove_many<'a, I>(&self, keys: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send + 'a>,
    {
        let command = self.0.on_key(Command::write("HDEL"));
        let write = |key, arguments: &mut ArgBuffer| encode_one::<K, Plain, _>(key, arguments);
        Bulk::new(&self.0.client, command).run(keys.into_iter(), write, 0, bulk::sum)
    }
}

/// Encodes a field and its value.
pub(super) fn encode_entry<K, V, C: Codec<V>>(
    entry: impl IntoPair<First: IntoArg<K>, Second: IntoArg<V>>,
    arguments: &mut ArgBuffer,
) -> Result<()>
where
    Plain: Codec<K>,
{
    let (key, value) = entry.into_pair();
    arguments.encode::<K, Plain>(key)?;
    arguments.encode::<V, C>(value)
}

/// Adds a field and its value to a command.
fn with_entry<K, V, C: Codec<V>>(
    key: impl IntoArg<K>,
    value: impl IntoArg<V>,
) -> impl FnOnce(Command) -> Result<Command>
where
    Plain: Codec<K>,
{
    move |command| Ok(with_field(key)(command)?.arg(encode::<V, C>(value)?))
}
