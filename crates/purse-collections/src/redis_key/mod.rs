//! A handle of a key whose value may have any type.
//!
//! May import: `ttl`, `conversion`, `handle`.

mod copies;
mod expiry;
mod key_methods;

use purse_client::{Client, Command, Op, Reply, Result};

pub(crate) use self::key_methods::{key_example, key_methods};

use crate::handle::{Handle, handle_traits};

/// A key on the server: its existence, type and time to live.
///
/// The `key()` method of every collection creates it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::time::Duration;
///
/// use purse::{Client, KeyType, RedisKey, RedisList, Ttl};
///
/// let client = Client::connect(&url).await?;
/// let list: RedisList<String> = RedisList::new(&client, "todo");
/// list.push_back("write").await?;
///
/// let key: RedisKey = list.key();
/// assert_eq!(key.key_type().await?, Some(KeyType::List));
/// assert_eq!(key.ttl().await?, Ttl::Persistent);
/// key.expire(Duration::from_secs(60)).await?;
/// assert!(key.ttl().await?.remaining().is_some());
/// key.delete().await?;
/// assert!(!key.exists().await?);
/// # Ok(()) }
/// ```
pub struct RedisKey(Handle<()>);

/// A type of a key's value.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{KeyType, RedisKey, RedisSet};
///
/// let seen: RedisSet<u64> = RedisSet::new(&client, "seen");
/// seen.add(4711).await?;
/// match RedisKey::new(&client, "seen").key_type().await? {
///     Some(KeyType::Set) => {}
///     Some(other) => panic!("another program uses the key for a {other:?}"),
///     None => panic!("the set is empty"),
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// A string.
    String,
    /// A list.
    List,
    /// A hash.
    Hash,
    /// A set.
    Set,
    /// A sorted set.
    SortedSet,
    /// A stream.
    Stream,
    /// A type of a server module, by its name.
    Other(String),
}

impl RedisKey {
    /// Creates a handle of the key. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKey;
    ///
    /// // No name needs to be text.
    /// let key = RedisKey::new(&client, [0xff, 0x00]);
    /// assert_eq!(key.name(), [0xff, 0x00]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    /// Returns the key's name.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKey;
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert_eq!(key.name(), b"todo");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.0.key
    }

    /// Returns the type of the key's value; `None` if there is no value.
    ///
    /// Redis: TYPE. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKey;
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert_eq!(key.key_type().await?, None);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "TYPE")]
    pub fn key_type(&self) -> Op<Option<KeyType>> {
        self.0.op(Command::read("TYPE"), KeyType::read)
    }

    /// Returns how many bytes the key and its value take in the memory of the server; `None` if there
    /// is no value. For a large collection, the server looks at five elements and estimates the rest.
    ///
    /// Redis: MEMORY USAGE. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "todo");
    /// list.push_back("x".repeat(10_000)).await?;
    /// assert!(list.key().memory_usage().await?.is_some_and(|bytes| bytes > 10_000));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MEMORY")]
    #[doc(alias = "USAGE")]
    pub fn memory_usage(&self) -> Op<Option<u64>> {
        self.0.op(Command::read("MEMORY USAGE"), |reply| {
            reply.non_nil().map(Reply::into_count).transpose()
        })
    }

    /// Returns whether there is such a key.
    ///
    /// Redis: EXISTS. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKey;
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert!(!key.exists().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "EXISTS")]
    pub fn exists(&self) -> Op<bool> {
        self.0.op(Command::read("EXISTS"), Reply::into_bool)
    }

    /// Removes the key and its value. Returns whether there was such a key. The server frees the
    /// memory in the background.
    ///
    /// Redis: UNLINK. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "todo");
    /// list.push_back("write").await?;
    /// assert!(list.key().delete().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "UNLINK")]
    #[doc(alias = "DEL")]
    #[doc(alias = "delete_redis_key")]
    pub fn delete(&self) -> Op<bool> {
        self.0.op(Command::write("UNLINK"), Reply::into_bool)
    }

    /// Marks the key as used now, for servers that evict keys that were not used for long. Returns
    /// whether there is such a key.
    ///
    /// Redis: TOUCH. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKey;
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert!(!key.touch().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "TOUCH")]
    pub fn touch(&self) -> Op<bool> {
        self.0.op(Command::write("TOUCH"), Reply::into_bool)
    }
}

impl KeyType {
    fn read(reply: Reply) -> Result<Option<Self>> {
        let name = reply.into_bytes()?;
        Ok(match &*name {
            b"none" => None,
            b"string" => Some(Self::String),
            b"list" => Some(Self::List),
            b"hash" => Some(Self::Hash),
            b"set" => Some(Self::Set),
            b"zset" => Some(Self::SortedSet),
            b"stream" => Some(Self::Stream),
            other => Some(Self::Other(String::from_utf8_lossy(other).into_owned())),
        })
    }
}

handle_traits!(RedisKey);
