//! Writes to a multimap.

use std::collections::HashSet;
use std::hash::Hash;

use purse_client::{Command, Op, Reply, Script};
use purse_codec::{Codec, IntoArg, IntoPair, Plain};

use super::RedisMultimap;
use super::entry::{Bounds, write_entry};
use crate::bulk::{self, Bulk, BulkOp};
use crate::conversion::{ArgBuffer, decode_removed_list};

static REMOVE_ALL: Script = Script::write(
    "MULTIMAP REMOVE ALL",
    include_str!("../lua/multimap_remove_all.lua"),
);

/// The score of each entry. The server orders elements of one score by their bytes.
const SCORE: i64 = 0;

impl<K, V, C> RedisMultimap<K, V, C>
where
    K: Send + 'static,
    V: Send + 'static,
    Plain: Codec<K>,
    C: Codec<V>,
{
    /// Adds a value to `key`. Returns whether the entry is new.
    ///
    /// Redis: ZADD. Time complexity: O(log(n)) for n entries. Round trips: 1.
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
    #[doc(alias = "ZADD")]
    #[doc(alias = "add")]
    #[doc(alias = "put")]
    pub fn insert(&self, key: impl IntoArg<K>, value: impl IntoArg<V>) -> Op<bool> {
        let args = |command: Command| {
            let mut entry = Vec::new();
            write_entry::<K, V, C>(key, value, &mut entry)?;
            Ok(command.arg(SCORE).arg(entry))
        };
        self.0
            .try_op(args, Command::write("ZADD"), Reply::into_bool)
    }

    /// Adds many entries. Returns how many of them are new.
    ///
    /// Redis: ZADD. Time complexity: O(m · log(n)) for m entries, with n in the multimap. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// assert_eq!(tags.extend([("rust", "fast"), ("rust", "safe")]).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZADD")]
    #[doc(alias = "putAll")]
    pub fn extend<'a, I>(&self, entries: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: IntoArg<V>>, IntoIter: Send + 'a>,
    {
        let write = |entry: I::Item, arguments: &mut ArgBuffer| {
            let (key, value) = entry.into_pair();
            arguments.append_with(|block| {
                block.extend_from_slice(SCORE.to_string().as_bytes());
                Ok(())
            })?;
            arguments.append_with(|block| write_entry::<K, V, C>(key, value, block))
        };
        let command = self.0.on_key(Command::write("ZADD"));
        Bulk::new(&self.0.client, command).run(entries.into_iter(), write, 0, bulk::sum)
    }

    /// Removes a value from `key`. Returns whether there was such an entry.
    ///
    /// Redis: ZREM. Time complexity: O(log(n)) for n entries. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.insert("rust", "fast").await?;
    /// assert!(tags.remove("rust", "fast").await?);
    /// assert!(!tags.contains_key("rust").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREM")]
    pub fn remove(&self, key: impl IntoArg<K>, value: impl IntoArg<V>) -> Op<bool> {
        self.on_entry(Command::write("ZREM"), key, value, Reply::into_bool)
    }

    /// Removes many entries. Returns how many of them existed.
    ///
    /// Redis: ZREM. Time complexity: O(m · log(n)) for m entries, with n in the multimap. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe")]).await?;
    /// assert_eq!(tags.remove_many([("rust", "fast"), ("rust", "slow")]).await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREM")]
    pub fn remove_many<'a, I>(&self, entries: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: IntoArg<V>>, IntoIter: Send + 'a>,
    {
        let write = |entry: I::Item, arguments: &mut ArgBuffer| {
            let (key, value) = entry.into_pair();
            arguments.append_with(|block| write_entry::<K, V, C>(key, value, block))
        };
        let command = self.0.on_key(Command::write("ZREM"));
        Bulk::new(&self.0.client, command).run(entries.into_iter(), write, 0, bulk::sum)
    }

    /// Removes `key` and returns its values. [`delete_all`](Self::delete_all) costs less if the values are
    /// not needed.
    ///
    /// If the future is dropped, the values [may be lost](crate#cancel-safety).
    ///
    /// Redis: ZRANGEBYLEX and ZREMRANGEBYLEX in a script. Time complexity: O(log(n) + m) for n entries, of which
    /// the key has m. Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("redis", "fast")]).await?;
    /// assert_eq!(tags.remove_all("rust").await?, ["fast".to_owned()].into());
    /// assert_eq!(tags.len().await?, 1);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZRANGEBYLEX")]
    #[doc(alias = "ZREMRANGEBYLEX")]
    #[doc(alias = "removeAll")]
    pub fn remove_all(&self, key: impl IntoArg<K>) -> Op<HashSet<V>>
    where
        V: Eq + Hash,
    {
        let args = |command| {
            let bounds = Bounds::of_key(key)?;
            let prefix = bounds.prefix;
            Ok(bounds.on(command).arg(prefix))
        };
        self.0.try_op(args, Command::script(&REMOVE_ALL), |reply| {
            Ok(decode_removed_list::<V, C>(reply)?.into_iter().collect())
        })
    }

    /// Removes `key` with all its values. Returns their number.
    ///
    /// Redis: ZREMRANGEBYLEX. Time complexity: O(log(n) + m) for n entries, of which the key has m. Round trips:
    /// 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisMultimap;
    ///
    /// let tags: RedisMultimap<String, String> = RedisMultimap::new(&client, "tags");
    /// tags.extend([("rust", "fast"), ("rust", "safe")]).await?;
    /// assert_eq!(tags.delete_all("rust").await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZREMRANGEBYLEX")]
    #[doc(alias = "fastRemove")]
    pub fn delete_all(&self, key: impl IntoArg<K>) -> Op<u64> {
        self.on_range(Command::write("ZREMRANGEBYLEX"), key, Reply::into_count)
    }
}
