//! A handle of a key whose value may have any type.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use purse_client::{Client, Command, Op, Reply, Result};

use crate::Ttl;
use crate::conversion::ok;
use crate::handle::{Handle, handle_traits};
use crate::ttl::{millis, unix_millis};

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

    /// Removes the key after `ttl`, rounded up to a whole millisecond. Returns whether there is
    /// such a key.
    ///
    /// Redis: PEXPIRE. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) for less than a millisecond,
    /// because the server would remove the key at once, and for more than the server can count.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::RedisKey;
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert!(!key.expire(Duration::from_secs(60)).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PEXPIRE")]
    pub fn expire(&self, ttl: Duration) -> Op<bool> {
        let arg = |command: Command| Ok(command.arg(millis(ttl)?));
        self.0
            .try_op(arg, Command::write("PEXPIRE"), Reply::into_bool)
    }

    /// Removes the key at the time `at` of the server's clock, rounded up to a whole millisecond.
    /// Returns whether there is such a key.
    ///
    /// Redis: PEXPIREAT. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) for a time that has passed by this
    /// machine's clock, and for one that is later than the server can count.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::{Duration, SystemTime};
    ///
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "todo");
    /// list.push_back("write").await?;
    /// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    /// assert!(list.key().expire_at(tomorrow).await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PEXPIREAT")]
    #[doc(alias = "EXPIREAT")]
    #[doc(alias = "pexpire_at")]
    pub fn expire_at(&self, at: SystemTime) -> Op<bool> {
        let arg = |command: Command| Ok(command.arg(unix_millis(at)?));
        self.0
            .try_op(arg, Command::write("PEXPIREAT"), Reply::into_bool)
    }

    /// Returns the time to live of the key.
    ///
    /// Redis: PTTL. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{RedisKey, Ttl};
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert_eq!(key.ttl().await?, Ttl::Missing);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PTTL")]
    pub fn ttl(&self) -> Op<Ttl> {
        self.0.op(Command::read("PTTL"), Ttl::read)
    }

    /// Removes the time to live of the key, so that the key stays until it is removed. Returns
    /// whether it had one.
    ///
    /// Redis: PERSIST. Time complexity: O(1). Round trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKey;
    ///
    /// let key = RedisKey::new(&client, "todo");
    /// assert!(!key.persist().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PERSIST")]
    pub fn persist(&self) -> Op<bool> {
        self.0.op(Command::write("PERSIST"), Reply::into_bool)
    }

    /// Returns the key's value in the server's own format, for [`restore`](Self::restore); `None`
    /// if there is no value. The format does not include the time to live.
    ///
    /// Redis: DUMP. Time complexity: O(1) to find the value and O(n) to write n elements. Round
    /// trips: 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "todo");
    /// list.push_back("write").await?;
    /// let dump = list.key().dump().await?.expect("a value");
    /// let copy: RedisList<String> = RedisList::new(&client, "copy");
    /// copy.key().restore(dump, None).await?;
    /// assert_eq!(copy.to_vec().await?, ["write"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "DUMP")]
    pub fn dump(&self) -> Op<Option<Bytes>> {
        self.0.op(Command::read("DUMP"), |reply| {
            reply.non_nil().map(Reply::into_bytes).transpose()
        })
    }

    /// Creates the key from a [`dump`](Self::dump), with the time to live `ttl` if there is one.
    ///
    /// Redis: RESTORE. Time complexity: O(1) to create the key and O(n) to read n elements. Round
    /// trips: 1.
    ///
    /// # Errors
    /// [`Server`](purse_client::ErrorKind::Server) with the code `BUSYKEY` if the key exists, and
    /// with `ERR` if this server cannot read the dump.
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) for a time to live that
    /// [`expire`](Self::expire) refuses. Nothing changed then.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "todo");
    /// list.push_back("write").await?;
    /// let dump = list.key().dump().await?.expect("a value");
    /// list.clear().await?;
    /// list.key().restore(dump, None).await?;
    /// assert_eq!(list.to_vec().await?, ["write"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RESTORE")]
    pub fn restore(&self, dump: impl Into<Bytes>, ttl: Option<Duration>) -> Op<()> {
        self.0.try_op(
            |command| add_restore_args(command, dump.into(), ttl),
            Command::write("RESTORE"),
            ok,
        )
    }

    /// Creates the key from a [`dump`](Self::dump) as [`restore`](Self::restore) does, and
    /// replaces its previous value.
    ///
    /// Redis: RESTORE with REPLACE. Time complexity: O(1) to create the key and O(n) to read n
    /// elements. Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`restore`](Self::restore), without `BUSYKEY`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "todo");
    /// list.push_back("write").await?;
    /// let dump = list.key().dump().await?.expect("a value");
    /// list.push_back("send").await?;
    /// list.key().restore_replace(dump, None).await?;
    /// assert_eq!(list.to_vec().await?, ["write"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RESTORE")]
    pub fn restore_replace(&self, dump: impl Into<Bytes>, ttl: Option<Duration>) -> Op<()> {
        let args = |command| Ok(add_restore_args(command, dump.into(), ttl)?.arg("REPLACE"));
        self.0.try_op(args, Command::write("RESTORE"), ok)
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

    /// Renames the key, with its value and its time to live. A key that has the name is replaced.
    /// Handles keep the name with which they were created.
    ///
    /// Redis: RENAME. Time complexity: O(1), and O(n) for n elements that are replaced. Round
    /// trips: 1.
    ///
    /// # Errors
    /// [`NotFound`](purse_client::ErrorKind::NotFound) if there is no such key.
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster if the names are in
    /// different slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "{todo}new");
    /// list.push_back("write").await?;
    /// list.key().rename("{todo}old").await?;
    /// assert!(list.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RENAME")]
    pub fn rename(&self, name: impl AsRef<[u8]>) -> Op<()> {
        let name = Bytes::copy_from_slice(name.as_ref());
        let both = |command: Command| Ok(command.key(name));
        self.0.try_op(both, Command::write("RENAME"), ok)
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

fn add_restore_args(command: Command, dump: Bytes, ttl: Option<Duration>) -> Result<Command> {
    Ok(command.arg(ttl.map_or(Ok(0), millis)?).arg(dump))
}

handle_traits!(RedisKey);

/// Writes the example of one of the [`key_methods`]: a collection with an element, then `$end`.
macro_rules! key_example {
    ([$var:literal, $name:literal, $types:literal, $add:literal], $($end:literal),+) => {
        $crate::redis_key::key_example!([$var, $name, $types, $add, ")"], $($end),+)
    };
    (
        [$var:literal, $name:literal, $types:literal, $add:literal, $args:literal],
        $($end:literal),+
    ) => {
        concat!(
            "```\n",
            "# #[tokio::main] async fn main() -> purse::Result<()> {\n",
            "# let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;\n",
            "use purse::", $name, ";\n\n",
            "let ", $var, ": ", $name, $types, " = ", $name, "::new(&client, \"", $var, "\"",
            $args, ";\n",
            $var, ".", $add, ".await?;\n",
            $($end,)+
            "\n# Ok(()) }\n```",
        )
    };
}

/// Defines the methods that every collection has for its key, by the path to its handle and the
/// words of its examples: a variable, the name and parameters of the type, a call that adds an
/// element, and the rest of the call of `new` after the key unless that is `)`. It is a macro because
/// they are inherent methods: callers need not import a trait.
macro_rules! key_methods {
    (
        $($handle:tt).+,
        [$var:literal, $name:literal, $types:literal, $add:literal $(, $args:literal)?]
    ) => {
        /// Creates a handle of the key. Sends nothing.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert_eq!(", $var, ".key().name(), b\"", $var, "\");\n",
            "assert!(", $var, ".key().key_type().await?.is_some());"
        )]
        #[must_use]
        pub fn key(&self) -> $crate::RedisKey {
            $crate::RedisKey::new(&self.$($handle).+.client, &self.$($handle).+.key)
        }

        /// Removes the whole collection after `ttl`, see
        /// [`RedisKey::expire`](crate::RedisKey::expire). Returns whether there is anything at the
        /// key.
        ///
        /// Redis: PEXPIRE. Time complexity: O(1). Round trips: 1.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert!(", $var, ".expire(std::time::Duration::from_secs(60)).await?);"
        )]
        #[doc(alias = "PEXPIRE")]
        pub fn expire(&self, ttl: std::time::Duration) -> purse_client::Op<bool> {
            self.key().expire(ttl)
        }

        /// Returns the time to live of the whole collection, see
        /// [`RedisKey::ttl`](crate::RedisKey::ttl).
        ///
        /// Redis: PTTL. Time complexity: O(1). Round trips: 1.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert_eq!(", $var, ".ttl().await?, purse::Ttl::Persistent);"
        )]
        #[doc(alias = "PTTL")]
        pub fn ttl(&self) -> purse_client::Op<$crate::Ttl> {
            self.key().ttl()
        }

        /// Returns whether there is anything at the key, see
        /// [`RedisKey::exists`](crate::RedisKey::exists).
        ///
        /// Redis: EXISTS. Time complexity: O(1). Round trips: 1.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert!(", $var, ".exists().await?);"
        )]
        #[doc(alias = "EXISTS")]
        pub fn exists(&self) -> purse_client::Op<bool> {
            self.key().exists()
        }

        /// Removes all elements and the key, see [`RedisKey::delete`](crate::RedisKey::delete).
        /// Returns whether there was anything at the key.
        ///
        /// Redis: UNLINK. Time complexity: O(1). Round trips: 1.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert!(", $var, ".clear().await?);\n",
            "assert!(!", $var, ".exists().await?);"
        )]
        #[doc(alias = "UNLINK")]
        #[doc(alias = "DEL")]
        #[doc(alias = "delete_redis_key")]
        pub fn clear(&self) -> purse_client::Op<bool> {
            self.key().delete()
        }
    };
}

pub(crate) use {key_example, key_methods};
