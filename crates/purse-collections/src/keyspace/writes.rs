//! Writes to a key space.

use std::time::Duration;

use futures::TryStreamExt;
use purse_client::{Command, Error, ErrorKind, Op, Reply, Result, Script};
use purse_codec::{Codec, IntoArg, IntoPair};

use super::{RedisKeySpace, SetOptions, SetOutcome, put_name};
use crate::bulk::{BulkOp, by_slot};
use crate::conversion::{ArgBuffer, decode, decode_option, decode_removed, encode, ok};

static SET: Script = Script::write("KEYSPACE SET", include_str!("../lua/keyspace_set.lua"));
static GET_OR_INSERT: Script = Script::write(
    "KEYSPACE GET OR INSERT",
    include_str!("../lua/keyspace_get_or_insert.lua"),
);
static POP: Script = Script::write("KEYSPACE POP", include_str!("../lua/keyspace_pop.lua"));

/// The maximal number of entries that are set all or none.
const MOST_ENTRIES: usize = 65_536;
/// The maximal number of bytes of keys and values that are set all or none.
const MOST_BYTES: usize = 64 << 20;

impl<T: Send + 'static, C: Codec<T>> RedisKeySpace<T, C> {
    /// Sets `key` to `value`, also if it held another type, and removes its time to live. It
    /// never fails with `WrongType`.
    ///
    /// Redis: SET. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// assert_eq!(app.get("name").await?.as_deref(), Some("Ada"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "insert")]
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl IntoArg<T>) -> Op<()> {
        let value = |command: Command| Ok(command.arg(encode::<T, C>(value)?));
        self.op(key, value, Command::write("SET"), ok)
    }

    /// Sets `key` with `options`. Returns whether the key is set, and its previous value if the
    /// options ask for that ([`SetOptions::return_old`]).
    ///
    /// To return the previous value, the method runs a script: servers before 6.2 have no `SET`
    /// with `GET`, and servers before 7.0 do not combine `GET` with `NX`. If the future is dropped,
    /// the previous value [may be lost](crate#cancel-safety).
    ///
    /// Redis: SET, or GET and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` for a time to live that [`RedisKey::expire`](crate::RedisKey::expire)
    /// refuses. Only with [`SetOptions::return_old`]: `WrongType`, nothing changed then; and
    /// `Decode` with the bytes of the previous value, after the new value is set if the condition
    /// held.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKeySpace, SetOptions};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// let once = SetOptions::new().if_absent();
    /// assert!(app.set_with("name", "Ada", once).await?.is_set());
    /// assert!(!app.set_with("name", "Bob", once).await?.is_set());
    /// let swapped = app.set_with("name", "Bob", SetOptions::new().return_old()).await?;
    /// assert_eq!(swapped.into_old().as_deref(), Some("Ada"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SET")]
    #[doc(alias = "GET")]
    #[doc(alias = "SETNX")]
    #[doc(alias = "SETEX")]
    #[doc(alias = "PSETEX")]
    #[doc(alias = "GETSET")]
    #[doc(alias = "set_options")]
    #[doc(alias = "set_ex")]
    #[doc(alias = "pset_ex")]
    #[doc(alias = "set_nx")]
    pub fn set_with(
        &self,
        key: impl AsRef<[u8]>,
        value: impl IntoArg<T>,
        options: SetOptions,
    ) -> Op<SetOutcome<T>> {
        let args = |command| options.add_to(command, encode::<T, C>(value)?);
        if options.returns_old() {
            return self.op(key, args, Command::script(&SET), outcome::<T, C>);
        }
        self.op(key, args, Command::write("SET"), |reply| {
            Ok(if reply.into_bool()? {
                SetOutcome::Set(None)
            } else {
                SetOutcome::NotSet(None)
            })
        })
    }

    /// Returns the value of `key`, after setting it to `value` if the key was absent. If several
    /// callers do so at the same time, the server keeps the value of one caller, and all callers
    /// get that value.
    ///
    /// Redis: GET and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// assert_eq!(app.get_or_insert("name", "Ada").await?, "Ada");
    /// assert_eq!(app.get_or_insert("name", "Bob").await?, "Ada");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "SETNX")]
    #[doc(alias = "set_nx")]
    #[doc(alias = "setdefault")]
    pub fn get_or_insert(&self, key: impl AsRef<[u8]>, value: impl IntoArg<T>) -> Op<T> {
        self.get_or_insert_as(key, value, SetOptions::new())
    }

    /// Returns the value of `key`, after setting it to `value` for `ttl` if the key was absent. The
    /// time to live of an existing key stays as it is. If several callers do so at the same time,
    /// the server keeps the value of one caller, and all callers get that value.
    ///
    /// Redis: GET and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `InvalidInput` for a time to live that [`RedisKey::expire`](crate::RedisKey::expire)
    /// refuses.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// let minute = Duration::from_secs(60);
    /// assert_eq!(app.get_or_insert_with_ttl("name", "Ada", minute).await?, "Ada");
    /// assert!(app.ttl("name").await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "SETNX")]
    #[doc(alias = "setdefault")]
    pub fn get_or_insert_with_ttl(
        &self,
        key: impl AsRef<[u8]>,
        value: impl IntoArg<T>,
        ttl: Duration,
    ) -> Op<T> {
        self.get_or_insert_as(key, value, SetOptions::new().ttl(ttl))
    }

    /// Sets many keys and removes their times to live.
    ///
    /// In a cluster, each chunk takes one command per slot. All of them are in flight at once, and
    /// each is atomic.
    ///
    /// Redis: MSET. Time complexity: O(n) for n entries. Round trips: 1 per [chunk](crate#chunks).
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
    #[doc(alias = "update")]
    pub fn extend<'a, I>(&self, entries: I) -> BulkOp<'a, ()>
    where
        I: IntoIterator<
                Item: IntoPair<First: AsRef<[u8]>, Second: IntoArg<T>>,
                IntoIter: Send + 'a,
            >,
    {
        let prefix = self.0.key.clone();
        let write = move |entry: I::Item, arguments: &mut ArgBuffer| {
            let (key, value) = entry.into_pair();
            put_name(&prefix, key, arguments)?;
            arguments.encode::<T, C>(value)
        };
        let (entries, command) = (entries.into_iter(), Command::write("MSET"));
        let done = |(), _, _| Ok(());
        by_slot::run::<2, _, _>(&self.0.client, command, entries, write, (), done)
    }

    /// Sets all keys, or none of them if one of them exists. Returns whether the keys are set;
    /// without entries, returns true.
    ///
    /// The entries are never split into chunks, because all or none of them are set. At most
    /// 65,536 entries and 64 megabytes are accepted. In a cluster, a hash tag in the prefix keeps
    /// the keys in one slot.
    ///
    /// Redis: MSETNX. Time complexity: O(n) for n entries. Round trips: 1.
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
    #[doc(alias = "mset_nx")]
    #[doc(alias = "update")]
    pub fn extend_if_none_exist<I>(&self, entries: I) -> Op<bool>
    where
        I: IntoIterator<Item: IntoPair<First: AsRef<[u8]>, Second: IntoArg<T>>>,
    {
        match self.all_or_none(entries) {
            Ok(None) => Op::ready(Ok(true)),
            Ok(Some(command)) => self.0.client.op(command, Reply::into_bool),
            Err(error) => {
                let error = error.with_command("MSETNX", None);
                Op::new(&self.0.client, Err(error), Reply::into_bool)
            }
        }
    }

    /// Removes `key` and returns its value. [`delete`](Self::delete) costs less if the value is
    /// not needed.
    ///
    /// The method runs a script, because servers before 6.2 have no `GETDEL`. If the future is
    /// dropped, the value [may be lost](crate#cancel-safety).
    ///
    /// Redis: GET and UNLINK in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// assert_eq!(app.pop("name").await?.as_deref(), Some("Ada"));
    /// assert_eq!(app.get("name").await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "UNLINK")]
    #[doc(alias = "GETDEL")]
    #[doc(alias = "get_del")]
    #[doc(alias = "remove")]
    pub fn pop(&self, key: impl AsRef<[u8]>) -> Op<Option<T>> {
        self.op(key, Ok, Command::script(&POP), decode_removed::<T, C>)
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
        I: IntoIterator<Item: AsRef<[u8]>, IntoIter: Send + 'a>,
    {
        let prefix = self.0.key.clone();
        let write = move |key, arguments: &mut ArgBuffer| put_name(&prefix, key, arguments);
        by_slot::unlink(&self.0.client, keys.into_iter(), write)
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
            let unlinked = by_slot::unlink(&self.0.client, page.into_iter(), write).await;
            removed += unlinked.map_err(|error| after(removed, error))?;
        }
        Ok(removed)
    }

    fn get_or_insert_as(
        &self,
        key: impl AsRef<[u8]>,
        value: impl IntoArg<T>,
        options: SetOptions,
    ) -> Op<T> {
        let args = |command| options.add_to(command, encode::<T, C>(value)?);
        self.op(key, args, Command::script(&GET_OR_INSERT), decode::<T, C>)
    }

    /// Builds an MSETNX of `entries`, if there are any.
    fn all_or_none<I>(&self, entries: I) -> Result<Option<Command>>
    where
        I: IntoIterator<Item: IntoPair<First: AsRef<[u8]>, Second: IntoArg<T>>>,
    {
        let (mut keys, mut values, mut bytes) = (Vec::new(), Vec::new(), 0);
        for entry in entries {
            let (key, value) = entry.into_pair();
            let (name, value) = (self.name(key), encode::<T, C>(value)?);
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
        self.0.client.same_slot(&keys)?;
        let mut entries = keys.into_iter().zip(values);
        Ok(entries.next().map(|(key, value)| {
            let first = Command::write("MSETNX").key(key).arg(value);
            first.args(entries.flat_map(|(key, value)| [key, value]))
        }))
    }
}

/// Reads what the script of `set_with` returns.
fn outcome<T, C: Codec<T>>(reply: Reply) -> Result<SetOutcome<T>> {
    let [set, old] = reply.into_array()?;
    Ok(if set.into_bool()? {
        SetOutcome::Set(decode_removed::<T, C>(old)?)
    } else {
        SetOutcome::NotSet(decode_option::<T, C>(old)?)
    })
}
