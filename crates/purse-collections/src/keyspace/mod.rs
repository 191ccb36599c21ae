//! A key space: a map of which each entry is a key of its own.
//!
//! May import: `ttl`, `conversion`, `handle`, `redis_key`, `bulk`, `element_stream`.

mod entries;
mod reads;
mod set_options;
mod writes;

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Client, Command, Error, ErrorKind, Op, Reply, Result};
use purse_codec::{Decoded, Lenient, Plain};

pub use self::entries::Entries;
pub use self::set_options::{SetOptions, SetOutcome};

use crate::conversion::ArgBuffer;
use crate::handle::{Handle, handle_traits};
use crate::{RedisKey, Ttl};

/// A map from text to `T` on the server in which every entry is a key of its own: the prefix of
/// the space, followed by the key that is passed to a method.
///
/// Each entry can have its own time to live, and in a cluster the entries are spread over all
/// shards. On the other hand, no list of the entries exists: to count, stream or clear them, the
/// server looks at all its keys. If you need these methods often and no times to live, use a
/// [`RedisHash`](crate::RedisHash).
///
/// A key may be any bytes. [`keys`](Self::keys) and [`items`](Self::items) return keys as
/// `String`s; a key that is not UTF-8 is an error that holds its bytes.
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
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::time::Duration;
///
/// use purse::{Client, RedisKeySpace, SetOptions};
///
/// let client = Client::connect(&url).await?;
/// let sessions: RedisKeySpace<String> = RedisKeySpace::new(&client, "session:");
/// let hour = SetOptions::new().ttl(Duration::from_secs(3600));
/// assert!(sessions.set_with("17", "Ada", hour).await?.is_set());
/// assert_eq!(sessions.get("17").await?.as_deref(), Some("Ada"));
/// assert!(sessions.ttl("17").await?.remaining().is_some());
/// assert_eq!(sessions.get_or_insert("18", "Bob").await?, "Bob");
/// assert_eq!(sessions.len().await?, 2);
/// assert_eq!(sessions.clear().await?, 2);
/// # Ok(()) }
/// ```
#[doc(alias = "dict")]
pub struct RedisKeySpace<T, C = Plain>(Handle<(T, C)>);

impl<T, C> RedisKeySpace<T, C> {
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
        Self(Handle::new(client, prefix))
    }

    /// Creates a handle of the keys of this space that continue with `prefix`. Sends nothing.
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
        Self::new(&self.0.client, self.name(prefix))
    }

    /// Returns a handle whose elements are [`Decoded`]: an element that cannot be decoded is an error
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
    pub fn lenient(&self) -> RedisKeySpace<Decoded<T>, Lenient<C>> {
        RedisKeySpace(self.0.cast())
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
        &self.0.key
    }

    /// Creates a handle of the server's key for `key`. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<String> = RedisKeySpace::new(&client, "app:");
    /// assert_eq!(app.key("name").name(), b"app:name");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn key(&self, key: impl AsRef<[u8]>) -> RedisKey {
        RedisKey::new(&self.0.client, self.name(key))
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
    pub fn expire(&self, key: impl AsRef<[u8]>, ttl: Duration) -> Op<bool> {
        self.key(key).expire(ttl)
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
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Op<Ttl> {
        self.key(key).ttl()
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
    pub fn persist(&self, key: impl AsRef<[u8]>) -> Op<bool> {
        self.key(key).persist()
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
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Op<bool> {
        self.key(key).exists()
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
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Op<bool> {
        self.key(key).delete()
    }

    /// Returns the server's key for `key`.
    fn name(&self, key: impl AsRef<[u8]>) -> Bytes {
        [self.prefix(), key.as_ref()].concat().into()
    }

    /// Creates the operation that runs, on `key`, the command that `build` returns, or fails with
    /// its error.
    fn op<R>(
        &self,
        key: impl AsRef<[u8]>,
        build: impl FnOnce(Command) -> Result<Command>,
        command: Command,
        read: fn(Reply) -> Result<R>,
    ) -> Op<R> {
        let (command_name, name) = (command.name(), self.name(key));
        let command = build(command.key(name.clone()))
            .map_err(|error| error.with_command(command_name, Some(name)));
        Op::new(&self.0.client, command, read)
    }
}

/// Converts a key to text.
fn text(key: Bytes) -> Result<String> {
    String::from_utf8(key.to_vec()).map_err(|cause| {
        let message = "a key of the space is not UTF-8";
        Error::new(ErrorKind::Decode, message)
            .with_source(cause.utf8_error())
            .with_bytes(Bytes::from(cause.into_bytes()))
    })
}

/// Writes the whole name of a key of the space with `prefix`.
fn put_name(prefix: &[u8], key: impl AsRef<[u8]>, arguments: &mut ArgBuffer) -> Result<()> {
    arguments.append_with(|name| {
        name.extend_from_slice(prefix);
        name.extend_from_slice(key.as_ref());
        Ok(())
    })
}

handle_traits!(RedisKeySpace<T, C>);
