//! Reads and writes of entries of a hash that also set their times to live, on Redis from 8.0 and
//! Valkey from 9.0.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Command, Op, Reply, Result};
use purse_codec::{Codec, IntoArg, IntoPair, Plain};

use super::RedisHash;
use super::field_ttl::with_one;
use super::writes::encode_entry;
use crate::bulk::{Bulk, BulkOp};
use crate::conversion::{ArgBuffer, decode_option, encode, ok};
use crate::ttl::millis;

impl<K, V, C> RedisHash<K, V, C>
where
    K: Send + 'static,
    V: Send + 'static,
    Plain: Codec<K>,
    C: Codec<V>,
{
    /// Returns the value of `key`, and removes the entry after `ttl`, rounded up to a whole
    /// millisecond.
    ///
    /// Redis: HGETEX with PX. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 8.0 and Valkey 9.0. `InvalidInput` for a time to live
    /// that [`RedisKey::expire`](crate::RedisKey::expire) refuses.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{ErrorKind, RedisHash};
    ///
    /// let sessions: RedisHash<String, String> = RedisHash::new(&client, "sessions");
    /// sessions.set("4711", "Ada").await?;
    /// match sessions.get_and_expire("4711", Duration::from_secs(60)).await {
    ///     Ok(user) => assert_eq!(user.as_deref(), Some("Ada")),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGETEX")]
    #[doc(alias = "hget_ex")]
    #[doc(alias = "touch")]
    pub fn get_and_expire(&self, key: impl IntoArg<K>, ttl: Duration) -> Op<Option<V>> {
        let args = |command: Command| with_one(key)(command.arg("PX").arg(millis(ttl)?));
        self.0
            .try_op(args, Command::write("HGETEX"), one_value::<V, C>)
    }

    /// Returns the value of `key`, and removes the time to live of the entry.
    ///
    /// Redis: HGETEX with PERSIST. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 8.0 and Valkey 9.0.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{ErrorKind, RedisHash};
    ///
    /// let carts: RedisHash<String, u32> = RedisHash::new(&client, "carts");
    /// carts.set("Ada", 3).await?;
    /// match carts.get_and_persist("Ada").await {
    ///     Ok(items) => assert_eq!(items, Some(3)),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HGETEX")]
    #[doc(alias = "hget_ex")]
    pub fn get_and_persist(&self, key: impl IntoArg<K>) -> Op<Option<V>> {
        let args = |command: Command| with_one(key)(command.arg("PERSIST"));
        self.0
            .try_op(args, Command::write("HGETEX"), one_value::<V, C>)
    }

    /// Sets the value of `key`, and removes the entry after `ttl`, rounded up to a whole millisecond.
    ///
    /// Redis: HSETEX with PX. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 8.0 and Valkey 9.0. `InvalidInput` for a time to live
    /// that [`RedisKey::expire`](crate::RedisKey::expire) refuses.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{ErrorKind, RedisHash};
    ///
    /// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
    /// match codes.set_with_ttl("Ada", 4711, Duration::from_secs(60)).await {
    ///     Ok(()) => assert!(codes.field_ttl("Ada").await?.remaining().is_some()),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSETEX")]
    #[doc(alias = "hset_ex")]
    pub fn set_with_ttl(
        &self,
        key: impl IntoArg<K>,
        value: impl IntoArg<V>,
        ttl: Duration,
    ) -> Op<()> {
        let args = |command: Command| {
            let command = with_one(key)(command.arg("PX").arg(millis(ttl)?))?;
            Ok(command.arg(encode::<V, C>(value)?))
        };
        self.0.try_op(args, Command::write("HSETEX"), ok)
    }

    /// Sets the value of `key`. The entry keeps its time to live, if it has one;
    /// [`set`](Self::set) removes it.
    ///
    /// Redis: HSETEX with KEEPTTL. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 8.0 and Valkey 9.0.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{ErrorKind, RedisHash};
    ///
    /// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
    /// match codes.set_keep_ttl("Ada", 4711).await {
    ///     Ok(()) => assert_eq!(codes.get("Ada").await?, Some(4711)),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSETEX")]
    #[doc(alias = "KEEPTTL")]
    pub fn set_keep_ttl(&self, key: impl IntoArg<K>, value: impl IntoArg<V>) -> Op<()> {
        let args = |command: Command| {
            let command = with_one(key)(command.arg("KEEPTTL"))?;
            Ok(command.arg(encode::<V, C>(value)?))
        };
        self.0.try_op(args, Command::write("HSETEX"), ok)
    }

    /// Sets many entries, and removes each after `ttl`, rounded up to a whole millisecond.
    ///
    /// Redis: HSETEX with PX. Time complexity: O(n) for n entries. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 8.0 and Valkey 9.0. `InvalidInput` for a time to live
    /// that [`RedisKey::expire`](crate::RedisKey::expire) refuses.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{ErrorKind, RedisHash};
    ///
    /// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
    /// let entries = [("Ada", 4711), ("Bob", 1234)];
    /// match codes.extend_with_ttl(entries, Duration::from_secs(60)).await {
    ///     Ok(()) => assert_eq!(codes.len().await?, 2),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HSETEX")]
    #[doc(alias = "hset_ex")]
    pub fn extend_with_ttl<'a, I>(&self, entries: I, ttl: Duration) -> BulkOp<'a, ()>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: IntoArg<V>>, IntoIter: Send + 'a>,
    {
        let name = "HSETEX";
        let ttl = match millis(ttl) {
            Ok(ttl) => ttl,
            Err(error) => return BulkOp::ready(Err(self.0.about(name, error))),
        };
        let command = self.0.on_key(Command::write(name)).arg("PX").arg(ttl);
        let write =
            |entry: I::Item, arguments: &mut ArgBuffer| encode_entry::<K, V, C>(entry, arguments);
        let with_fields = |command: Command, words: Vec<Bytes>| {
            command.arg("FIELDS").arg(words.len() / 2).args(words)
        };
        let bulk = Bulk::new(&self.0.client, command);
        let done = |(), _| Ok(());
        bulk.run_with(entries.into_iter(), write, with_fields, (), done, |()| ())
    }
}

/// Reads the value of the one field of a command that takes a list of them.
fn one_value<V, C: Codec<V>>(reply: Reply) -> Result<Option<V>> {
    let [value] = reply.into_array()?;
    decode_option::<V, C>(value)
}
