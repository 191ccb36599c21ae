//! A key space: a map of which each entry is a key of its own.
//!
//! May import: `ttl`, `number`, `conversion`, `handle`, `redis_key`, `bulk`, `element_stream`.

mod compare;
mod entries;
mod increment;
mod many;
mod reads;
mod set_options;
mod writes;

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use purse_client::{Client, Command, Error, Op, Reply, Result};
use purse_codec::{Codec, Decoded, IntoArg, Lenient, Plain};

pub use self::entries::Entries;
pub use self::set_options::{SetOptions, SetOutcome};

use crate::conversion::{ArgBuffer, encode_into};
use crate::handle::Handle;
use crate::ttl::millis;
use crate::{RedisKey, Ttl};

/// The largest buffer that a thread keeps.
const MAX_BUFFER: usize = 1 << 12;

thread_local! {
    /// The buffer in which names are built, so that a name is one allocation.
    static NAME: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A map from `K` to `T` on the server in which every entry is a key of its own: the prefix of the
/// space, followed by the key that is passed to a method.
///
/// Each entry can have its own time to live, and in a cluster the entries are spread over all
/// shards. On the other hand, no list of the entries exists: to count, stream or clear them, the
/// server looks at all its keys. If you need these methods often and no times to live, use a
/// [`RedisHash`](crate::RedisHash).
///
/// Keys are written by the `Plain` codec, as the keys of a [`RedisHash`](crate::RedisHash) are: text
/// as it is, a number as decimal text, a UUID as its usual text, `Vec<u8>` as bytes. The default is
/// `String`. [`keys`](Self::keys) and [`items`](Self::items) return keys of the type `K`; a name of
/// the space that cannot be decoded as a `K` is an error that names it and holds its bytes.
/// [`raw_keys`](Self::raw_keys) returns all keys as bytes. The prefix is taken literally: no
/// character in it has a special meaning.
///
/// The space contains every key that begins with its prefix, also keys that hold a list, for
/// example. Such a key is counted, found and cleared, but reading its value fails or counts it as
/// absent. The keys that purse keeps for itself, such as the receipts of queues, are not part of any
/// space: they are never returned, counted or cleared.
///
/// In a cluster, a method that sends one command over several keys sends one command per slot
/// instead, all at once, and is not atomic. A hash tag in the prefix (`{app}:`) keeps the whole
/// space in one slot, and thus on one shard.
///
/// # Times to live
///
/// [`with_ttl`](Self::with_ttl) gives a handle a default time to live, so that no entry that it
/// writes stays forever unless the call says so. Each write treats the time to live in one way:
///
/// | method | without a default | with a default |
/// |---|---|---|
/// | [`set`](Self::set), [`set_with`](Self::set_with), [`extend`](Self::extend) | removes it | sets the default |
/// | [`set_with_ttl`](Self::set_with_ttl), [`extend_with_ttl`](Self::extend_with_ttl), [`SetOptions::ttl`] | sets what is given | sets what is given |
/// | [`SetOptions::persist`] | removes it | removes it |
/// | [`SetOptions::keep_ttl`] | keeps it; a new entry has none | keeps it; a new entry gets the default |
/// | [`get_or_insert`](Self::get_or_insert), [`increment`](Self::increment), [`increment_float`](Self::increment_float) | keeps it; a new entry has none | keeps it; a new entry gets the default |
/// | [`get_or_insert_with_ttl`](Self::get_or_insert_with_ttl) | keeps it; a new entry gets what is given | keeps it; a new entry gets what is given |
/// | [`extend_if_none_exist`](Self::extend_if_none_exist) | new entries have none | new entries get the default |
/// | [`compare_and_set`](Self::compare_and_set) | keeps it | sets the default |
/// | [`get_and_touch`](Self::get_and_touch) | `InvalidInput` | sets the default |
/// | [`get_and_expire`](Self::get_and_expire), [`expire`](Self::expire) | sets what is given | sets what is given |
/// | [`persist`](Self::persist) | removes it | removes it |
///
/// An entry and its time to live are always written in one atomic step.
///
/// # Examples
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::time::Duration;
///
/// use purse::{Client, RedisKeySpace};
///
/// let client = Client::connect(&url).await?;
/// let sessions: RedisKeySpace<String, u64> = RedisKeySpace::new(&client, "session:");
/// let sessions = sessions.with_ttl(Duration::from_secs(3600));
/// sessions.set(17, "Ada").await?;
/// assert_eq!(sessions.get_and_touch(17).await?.as_deref(), Some("Ada"));
/// assert!(sessions.ttl(17).await?.remaining().is_some());
/// assert_eq!(sessions.get_or_insert(18, "Bob").await?, "Bob");
/// assert_eq!(sessions.len().await?, 2);
/// assert_eq!(sessions.clear().await?, 2);
/// # Ok(()) }
/// ```
#[doc(alias = "dict")]
pub struct RedisKeySpace<T, K = String, C = Plain> {
    handle: Handle<(T, K, C)>,
    /// The default time to live.
    ttl: Option<Duration>,
}

impl<T, K, C> RedisKeySpace<T, K, C> {
    /// Creates a handle of all keys that begin with `prefix`, or of all keys if the prefix is
    /// empty. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKey, RedisKeySpace};
    ///
    /// let sessions: RedisKeySpace<String> = RedisKeySpace::new(&client, "session:");
    /// sessions.set("17", "Ada").await?;
    /// assert!(RedisKey::new(&client, "session:17").exists().await?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, prefix: impl AsRef<[u8]>) -> Self {
        Self {
            handle: Handle::new(client, prefix),
            ttl: None,
        }
    }

    /// Gives the handle a default time to live. [The table above](#times-to-live) says which writes
    /// use it. Entries that exist are not changed. Sends nothing.
    ///
    /// # Errors
    /// A time to live that [`RedisKey::expire`](crate::RedisKey::expire) refuses is an
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) error of each write that uses it.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let half_hour = Duration::from_secs(30 * 60);
    /// let sessions: RedisKeySpace<String> = RedisKeySpace::new(&client, "session:");
    /// let sessions = sessions.with_ttl(half_hour);
    /// sessions.set("17", "Ada").await?;
    /// assert!(sessions.ttl("17").await?.remaining().is_some());
    /// # Ok(()) }
    /// ```
    #[must_use]
    #[doc(alias = "default_ttl")]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Returns the default time to live of the handle, if it has one.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let minute = Duration::from_secs(60);
    /// let codes: RedisKeySpace<u32> = RedisKeySpace::new(&client, "code:").with_ttl(minute);
    /// assert_eq!(codes.default_ttl(), Some(minute));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn default_ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Creates a handle of the keys of this space that continue with `prefix`, with the same default
    /// time to live. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// let sessions = app.sub("session:");
    /// sessions.set("17", "Ada").await?;
    /// assert_eq!(app.get("session:17").await?.as_deref(), Some("Ada"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn sub(&self, prefix: impl AsRef<[u8]>) -> Self {
        let prefix = [self.prefix(), prefix.as_ref()].concat();
        Self {
            handle: Handle::new(&self.handle.client, prefix),
            ttl: self.ttl,
        }
    }

    /// Returns a handle whose keys and values are [`Decoded`]: one that cannot be decoded is an error
    /// among the others, instead of the error of the whole call. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Decoded, RedisKeySpace};
    ///
    /// let words: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// words.extend([("a", "1"), ("b", "two")]).await?;
    /// let numbers: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// let values = numbers.lenient().get_many(["a", "b", "c"]).await?;
    /// let values: Vec<_> = values.into_iter().map(|value| value.and_then(Decoded::ok)).collect();
    /// assert_eq!(values, [Some(1), None, None]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lenient(&self) -> RedisKeySpace<Decoded<T>, Decoded<K>, Lenient<C>> {
        RedisKeySpace {
            handle: self.handle.cast(),
            ttl: self.ttl,
        }
    }

    /// Returns the prefix of the space.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// assert_eq!(app.prefix(), b"app:");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.handle.key
    }
}

impl<T, K, C> RedisKeySpace<T, K, C>
where
    K: Send + 'static,
    Plain: Codec<K>,
{
    /// Creates a handle of the server's key for `key`. Sends nothing.
    ///
    /// # Errors
    /// `Encode` if the key cannot be encoded. Text, numbers and bytes always can.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// assert_eq!(app.key("name")?.name(), b"app:name");
    /// # Ok(()) }
    /// ```
    pub fn key(&self, key: impl IntoArg<K>) -> Result<RedisKey> {
        let name = self.name(key);
        let name = name.map_err(|error| error.with_server(self.handle.client.server().into()))?;
        Ok(RedisKey::new(&self.handle.client, name))
    }

    /// Removes `key` after `ttl`, see [`RedisKey::expire`]. Returns whether there is such a key.
    ///
    /// Redis: PEXPIRE. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// assert!(app.expire("name", Duration::from_secs(60)).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PEXPIRE")]
    pub fn expire(&self, key: impl IntoArg<K>, ttl: Duration) -> Op<bool> {
        let arg = |command: Command| Ok(command.arg(millis(ttl)?));
        self.op(key, arg, Command::write("PEXPIRE"), Reply::into_bool)
    }

    /// Returns the time to live of `key`, see [`RedisKey::ttl`].
    ///
    /// Redis: PTTL. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKeySpace, Ttl};
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// assert_eq!(app.ttl("name").await?, Ttl::Persistent);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PTTL")]
    pub fn ttl(&self, key: impl IntoArg<K>) -> Op<Ttl> {
        self.op(key, Ok, Command::read("PTTL"), Ttl::read)
    }

    /// Removes the time to live of `key`, see [`RedisKey::persist`]. Returns whether it had one.
    ///
    /// Redis: PERSIST. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// app.expire("name", Duration::from_secs(60)).await?;
    /// assert!(app.persist("name").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PERSIST")]
    pub fn persist(&self, key: impl IntoArg<K>) -> Op<bool> {
        self.op(key, Ok, Command::write("PERSIST"), Reply::into_bool)
    }

    /// Returns whether there is such a key, see [`RedisKey::exists`].
    ///
    /// Redis: EXISTS. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// assert!(app.contains("name").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "EXISTS")]
    #[doc(alias = "contains_key")]
    pub fn contains(&self, key: impl IntoArg<K>) -> Op<bool> {
        self.op(key, Ok, Command::read("EXISTS"), Reply::into_bool)
    }

    /// Removes `key` with a value of any type, see [`RedisKey::delete`]. Returns whether there was
    /// such a key.
    ///
    /// Redis: UNLINK. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// app.set("name", "Ada").await?;
    /// assert!(app.delete("name").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "UNLINK")]
    #[doc(alias = "DEL")]
    pub fn delete(&self, key: impl IntoArg<K>) -> Op<bool> {
        self.op(key, Ok, Command::write("UNLINK"), Reply::into_bool)
    }

    /// Returns the server's key for `key`.
    fn name(&self, key: impl IntoArg<K>) -> Result<Bytes> {
        // Taken, because the key's own code may use a key space.
        let mut buffer = NAME.try_with(Cell::take).unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(self.prefix());
        let name = encode_into::<K, Plain>(key, &mut buffer);
        let name = name.map(|()| Bytes::copy_from_slice(&buffer));
        if buffer.capacity() <= MAX_BUFFER {
            // A thread that ends has no buffer any more.
            let _ = NAME.try_with(|name| name.set(buffer));
        }
        name
    }

    /// Creates the operation that runs, on `key`, the command that `build` returns, or fails with
    /// its error.
    fn op<R>(
        &self,
        key: impl IntoArg<K>,
        build: impl FnOnce(Command) -> Result<Command>,
        command: Command,
        read: fn(Reply) -> Result<R>,
    ) -> Op<R> {
        let command_name = command.name();
        let named = |error: Error, name| error.with_command(command_name, name);
        let command = match self.name(key) {
            Ok(name) => build(command.key(name.clone())).map_err(|error| named(error, Some(name))),
            Err(error) => Err(named(error, None)),
        };
        Op::new(&self.handle.client, command, read)
    }
}

/// Writes the server's key for `key` in the space with `prefix`.
fn put_name<K>(prefix: &[u8], key: impl IntoArg<K>, arguments: &mut ArgBuffer) -> Result<()>
where
    Plain: Codec<K>,
{
    arguments.append_with(|name| {
        name.extend_from_slice(prefix);
        encode_into::<K, Plain>(key, name)
    })
}

impl<T, K, C> Clone for RedisKeySpace<T, K, C> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            ttl: self.ttl,
        }
    }
}

impl<T, K, C> fmt::Debug for RedisKeySpace<T, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisKeySpace({:?}", self.handle)?;
        if let Some(ttl) = self.ttl {
            write!(f, ", for {ttl:?}")?;
        }
        f.write_str(")")
    }
}
