//! Writes of many entries of a key space.

use std::time::Duration;

use futures::TryStreamExt;
use purse_client::{Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, IntoPair, Plain};

use super::{RedisKeySpace, put_name};
use crate::bulk::BulkOp;
use crate::bulk::by_slot::{self, Layout};
use crate::conversion::{ArgBuffer, encode};
use crate::ttl::millis;

static EXTEND: Script = Script::write(
    "KEYSPACE EXTEND",
    include_str!("../lua/keyspace_extend.lua"),
);
static EXTEND_IF_NONE_EXIST: Script = Script::write(
    "KEYSPACE EXTEND IF NONE EXIST",
    include_str!("../lua/keyspace_extend_if_none_exist.lua"),
);

/// The maximal number of entries that are set all or none.
const MOST_ENTRIES: usize = 65_536;
/// The maximal number of bytes of keys and values that are set all or none.
const MOST_BYTES: usize = 64 << 20;

impl<T, K, C> RedisKeySpace<T, K, C>
where
    T: Send + 'static,
    K: Send + 'static,
    Plain: Codec<K>,
    C: Codec<T>,
{
    /// Sets many keys. Their times to live become the [default](Self::with_ttl) of the handle; without
    /// a default, they are removed.
    ///
    /// In a cluster, each chunk takes one command per slot. All of them are in flight at once, and
    /// each is atomic.
    ///
    /// Redis: MSET; with a default time to live SET in a script. Time complexity: O(n) for n entries.
    /// Round trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// In a cluster, `Ambiguous` if a part of a chunk is done.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.extend([("a", 1), ("b", 2)]).await?;
    /// assert_eq!(app.get("b").await?, Some(2));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MSET")]
    #[doc(alias = "SET")]
    #[doc(alias = "update")]
    pub fn extend<'a, I>(&self, entries: I) -> BulkOp<'a, ()>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: IntoArg<T>>, IntoIter: Send + 'a>,
    {
        self.extend_in(entries, self.ttl)
    }

    /// Sets many keys for `ttl`. Each entry is written with its time to live in one atomic step.
    ///
    /// In a cluster, each chunk takes one script per slot. All of them are in flight at once, and each
    /// is atomic.
    ///
    /// Redis: SET with PX in a script. Time complexity: O(n) for n entries. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// # Errors
    /// `InvalidInput` for a time to live that [`RedisKey::expire`](crate::RedisKey::expire)
    /// refuses. In a cluster, `Ambiguous` if a part of a chunk is done.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let prices: RedisKeySpace<u32> = RedisKeySpace::new(&client, "price:");
    /// prices.extend_with_ttl([("tea", 3), ("nut", 5)], Duration::from_secs(60)).await?;
    /// assert!(prices.ttl("nut").await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "MSET")]
    #[doc(alias = "MSETEX")]
    #[doc(alias = "update")]
    pub fn extend_with_ttl<'a, I>(&self, entries: I, ttl: Duration) -> BulkOp<'a, ()>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: IntoArg<T>>, IntoIter: Send + 'a>,
    {
        self.extend_in(entries, Some(ttl))
    }

    /// Sets all keys, or none of them if one of them exists. Returns whether the keys are set;
    /// without entries, returns true. The entries get the [default](Self::with_ttl) time to live of
    /// the handle, if there is one.
    ///
    /// The entries are never split into chunks, because all or none of them are set. At most
    /// 65,536 entries and 64 megabytes are accepted. In a cluster, a hash tag in the prefix keeps
    /// the keys in one slot.
    ///
    /// Redis: MSETNX; with a default time to live EXISTS and SET in a script. Time complexity: O(n)
    /// for n entries. Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` for more entries or bytes.
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot), before anything is sent, for keys in
    /// different slots of a cluster.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// assert!(app.extend_if_none_exist([("a", 1), ("b", 2)]).await?);
    /// assert!(!app.extend_if_none_exist([("b", 3), ("c", 4)]).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MSETNX")]
    #[doc(alias = "SET")]
    #[doc(alias = "EXISTS")]
    #[doc(alias = "mset_nx")]
    #[doc(alias = "update")]
    pub fn extend_if_none_exist<I>(&self, entries: I) -> Op<bool>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: IntoArg<T>>>,
    {
        match self.all_or_none(entries) {
            Ok(None) => Op::ready(Ok(true)),
            Ok(Some(command)) => self.handle.client.op(command, Reply::into_bool),
            Err(error) => {
                let error = error.with_command(self.all_or_none_command().name(), None);
                Op::new(&self.handle.client, Err(error), Reply::into_bool)
            }
        }
    }

    /// Removes many keys with values of any type. Returns how many of them existed.
    ///
    /// In a cluster, each chunk takes one command per slot. All of them are in flight at once, and
    /// each is atomic.
    ///
    /// Redis: UNLINK. Time complexity: O(n) for n keys. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// In a cluster, `Ambiguous` if a part of a chunk is done.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.extend([("a", 1), ("b", 2)]).await?;
    /// assert_eq!(app.delete_many(["a", "b", "c"]).await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "UNLINK")]
    #[doc(alias = "DEL")]
    pub fn delete_many<'a, I>(&self, keys: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send + 'a>,
    {
        let prefix = self.handle.key.clone();
        let write = move |key, arguments: &mut ArgBuffer| put_name::<K>(&prefix, key, arguments);
        by_slot::unlink(&self.handle.client, keys.into_iter(), write)
    }

    /// Removes all keys of the space, with values of any type. Returns how many it removed. With
    /// an empty prefix it empties the database.
    ///
    /// The server looks at all its keys, in and outside of the space. Each page of keys is removed
    /// separately, so the whole is not atomic, and a key that is added meanwhile may stay. After
    /// an error, or if the future is dropped, the pages up to then are removed;
    /// [`Error::done`] is the number of keys that are gone.
    ///
    /// Redis: SCAN and UNLINK. Time complexity: O(n) for all n keys of the server. Round trips: 1
    /// per 1024 keys of the server, and 1 per page with keys of the space.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.extend([("a", 1), ("b", 2)]).await?;
    /// assert_eq!(app.clear().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    #[doc(alias = "UNLINK")]
    #[doc(alias = "FLUSHDB")]
    pub async fn clear(&self) -> Result<u64> {
        let mut pages = self.pages();
        let mut removed = 0;
        let after = |removed: u64, error: Error| {
            let before = usize::try_from(removed).unwrap_or(usize::MAX);
            let done = before.saturating_add(error.done());
            error.with_done(done)
        };
        while let Some(page) = pages.try_next().await.map_err(|e| after(removed, e))? {
            let write = |name, arguments: &mut ArgBuffer| arguments.append(name);
            let unlinked = by_slot::unlink(&self.handle.client, page.into_iter(), write).await;
            removed += unlinked.map_err(|error| after(removed, error))?;
        }
        Ok(removed)
    }

    /// Sets many keys for `ttl`, or without a time to live.
    fn extend_in<'a, I>(&self, entries: I, ttl: Option<Duration>) -> BulkOp<'a, ()>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: IntoArg<T>>, IntoIter: Send + 'a>,
    {
        let (command, layout) = match ttl.map(millis).transpose() {
            Ok(None) => (Command::write("MSET"), Layout::Pairs),
            Ok(Some(ttl)) => (Command::script(&EXTEND).arg(ttl), Layout::KeysFirst),
            Err(error) => {
                let server = self.handle.client.server().into();
                let error = error.with_command(EXTEND.name(), None);
                return BulkOp::ready(Err(error.with_server(server)));
            }
        };
        let prefix = self.handle.key.clone();
        let write = move |entry: I::Item, arguments: &mut ArgBuffer| {
            let (key, value) = entry.into_pair();
            put_name::<K>(&prefix, key, arguments)?;
            arguments.encode::<T, C>(value)
        };
        let (client, entries) = (&self.handle.client, entries.into_iter());
        let done = |(), _, _| Ok(());
        by_slot::run::<2, _, _>(client, (command, layout), entries, write, (), done)
    }

    fn all_or_none_command(&self) -> Command {
        match self.ttl {
            None => Command::write("MSETNX"),
            Some(_) => Command::script(&EXTEND_IF_NONE_EXIST),
        }
    }

    /// Builds the command that sets `entries` all or none, if there are any.
    fn all_or_none<I>(&self, entries: I) -> Result<Option<Command>>
    where
        I: IntoIterator<Item: IntoPair<First: IntoArg<K>, Second: IntoArg<T>>>,
    {
        let (mut keys, mut values, mut bytes) = (Vec::new(), Vec::new(), 0);
        for entry in entries {
            let (key, value) = entry.into_pair();
            let (name, value) = (self.name(key)?, encode::<T, C>(value)?);
            bytes += name.len() + value.len();
            if keys.len() == MOST_ENTRIES || bytes > MOST_BYTES {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    "more than 65536 entries or 64 megabytes cannot be set all or none",
                ));
            }
            keys.push(name);
            values.push(value);
        }
        self.handle.client.same_slot(&keys)?;
        let ttl = self.ttl.map(millis).transpose()?;
        if keys.is_empty() {
            return Ok(None);
        }
        let command = self.all_or_none_command();
        Ok(Some(match ttl {
            Some(ttl) => {
                let command = keys.into_iter().fold(command, Command::key);
                command.arg(ttl).args(values)
            }
            None => {
                let mut entries = keys.into_iter().zip(values);
                let first = entries.next().into_iter();
                let command = first.fold(command, |it, (key, value)| it.key(key).arg(value));
                command.args(entries.flat_map(|(key, value)| [key, value]))
            }
        }))
    }
}
