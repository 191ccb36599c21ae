//! A key, whatever it holds.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use purse_client::{Client, Command, Op, Reply, Result};

use crate::Ttl;
use crate::encode::ok;
use crate::handle::{Handle, handle_traits};
use crate::ttl::{millis, unix_millis};

/// A key of the server: whether it is there, of what type, and for how long.
///
/// Every collection gives its own by `key()`.
///
/// ```
/// # #[tokio::main] async fn main() -> purse_client::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::time::Duration;
///
/// use purse_client::Client;
/// use purse_collections::{KeyType, RedisKey, RedisList, Ttl};
///
/// let client = Client::connect(&url).await?;
/// let list: RedisList<String> = RedisList::new(&client, "todo");
/// list.push_back("write").await?;
///
/// let key: RedisKey = list.key();
/// assert_eq!(key.key_type().await?, Some(KeyType::List));
/// assert_eq!(key.ttl().await?, Ttl::Persistent);
/// key.expire(Duration::from_secs(60)).await?;
/// assert!(key.ttl().await?.left().is_some());
/// key.delete().await?;
/// assert!(!key.exists().await?);
/// # Ok(()) }
/// ```
pub struct RedisKey(Handle<()>);

/// The type of a key's value.
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
    /// The key `key`.
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.0.key
    }

    /// Lets the key go by itself after `ttl`, rounded up to a whole millisecond. Returns whether
    /// there is such a key.
    ///
    /// `PEXPIRE`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) for less than a millisecond, which
    /// the server would take for "now", and for more than it can count; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "pexpire")]
    pub fn expire(&self, ttl: Duration) -> Op<bool> {
        let arg = |command: Command| Ok(command.arg(millis(ttl)?));
        self.0
            .try_op(arg, Command::write("PEXPIRE"), Reply::into_bool)
    }

    /// Lets the key go by itself at `at`, by the server's clock, rounded up to a whole
    /// millisecond. Returns whether there is such a key.
    ///
    /// `PEXPIREAT`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) for a time that has passed by this
    /// machine's clock, and for one later than the server can count; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "pexpireat")]
    #[doc(alias = "expireat")]
    pub fn expire_at(&self, at: SystemTime) -> Op<bool> {
        let arg = |command: Command| Ok(command.arg(unix_millis(at)?));
        self.0
            .try_op(arg, Command::write("PEXPIREAT"), Reply::into_bool)
    }

    /// SetOperation long the key stays.
    ///
    /// `PTTL`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "pttl")]
    pub fn ttl(&self) -> Op<Ttl> {
        self.0.op(Command::read("PTTL"), Ttl::read)
    }

    /// Lets the key stay until it is removed. Returns whether it would have gone by itself.
    ///
    /// `PERSIST`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    pub fn persist(&self) -> Op<bool> {
        self.0.op(Command::write("PERSIST"), Reply::into_bool)
    }

    /// The key's value in the server's own form, for [`restore`](Self::restore); `None` without a
    /// value. It does not hold the time to live.
    ///
    /// `DUMP`, O(1) to find it and O(n) to write n elements. One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn dump(&self) -> Op<Option<Bytes>> {
        self.0.op(Command::read("DUMP"), |reply| {
            reply.non_nil().map(Reply::into_bytes).transpose()
        })
    }

    /// Makes the key from a [`dump`](Self::dump), for `ttl` or until it is removed.
    ///
    /// `RESTORE`, O(1) to make it and O(n) to read n elements. One round trip, atomic.
    ///
    /// # Errors
    /// [`Server`](purse_client::ErrorKind::Server) with the code `BUSYKEY` if the key is there, and
    /// with `ERR` if the bytes are no dump that this server reads;
    /// [`InvalidInput`](purse_client::ErrorKind::InvalidInput) as for [`expire`](Self::expire);
    /// else [those of a write](crate#errors). Nothing changed in all of these.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    pub fn restore(&self, dump: impl Into<Bytes>, ttl: Option<Duration>) -> Op<()> {
        self.0.try_op(
            |command| add_restore_args(command, dump.into(), ttl),
            Command::write("RESTORE"),
            ok,
        )
    }

    /// Makes the key from a [`dump`](Self::dump) as [`restore`](Self::restore) does, in the place
    /// of any value it has.
    ///
    /// `RESTORE … REPLACE`, O(1) to make it and O(n) to read n elements. One round trip, atomic.
    ///
    /// # Errors
    /// As [`restore`](Self::restore), without `BUSYKEY`.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    pub fn restore_replace(&self, dump: impl Into<Bytes>, ttl: Option<Duration>) -> Op<()> {
        let args = |command| Ok(add_restore_args(command, dump.into(), ttl)?.arg("REPLACE"));
        self.0.try_op(args, Command::write("RESTORE"), ok)
    }

    /// The type of the key's value; `None` without a value.
    ///
    /// `TYPE`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "type")]
    pub fn key_type(&self) -> Op<Option<KeyType>> {
        self.0.op(Command::read("TYPE"), KeyType::read)
    }

    /// Whether there is such a key.
    ///
    /// `EXISTS`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn exists(&self) -> Op<bool> {
        self.0.op(Command::read("EXISTS"), Reply::into_bool)
    }

    /// Removes the key with all it holds. Returns whether there was such a key.
    ///
    /// `UNLINK`, O(1); the server frees the memory in the background. One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "delete_redis_key")]
    #[doc(alias = "unlink")]
    #[doc(alias = "DEL")]
    pub fn delete(&self) -> Op<bool> {
        self.0.op(Command::write("UNLINK"), Reply::into_bool)
    }

    /// Gives the key another name, with its value and its time to live; a key that had the name is
    /// replaced. Handles keep the name they were made with.
    ///
    /// `RENAME`, O(1), or O(n) for the n elements it replaces. One round trip, atomic.
    ///
    /// # Errors
    /// [`NotFound`](purse_client::ErrorKind::NotFound) if there is no such key;
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) in a cluster, unless both names share a
    /// hash tag; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    pub fn rename(&self, name: impl AsRef<[u8]>) -> Op<()> {
        let name = Bytes::copy_from_slice(name.as_ref());
        let both = |command: Command| Ok(command.key(name));
        self.0.try_op(both, Command::write("RENAME"), ok)
    }

    /// Marks the key as used just now, for servers that evict what was not used for long. Returns
    /// whether there is such a key.
    ///
    /// `TOUCH`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
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

/// The methods that every collection has for its key. They are inherent ones, so that nobody has
/// to import a trait for them, and no function can make those: hence the macro.
macro_rules! key_methods {
    () => {
        $crate::key::key_methods!(0);
    };
    ($($handle:tt).+) => {
        /// The key, for everything that can be done with one.
        #[must_use]
        pub fn key(&self) -> $crate::RedisKey {
            $crate::RedisKey::new(&self.$($handle).+.client, &self.$($handle).+.key)
        }

        /// Lets the whole collection go by itself after `ttl`: see
        /// [`RedisKey::expire`](crate::RedisKey::expire).
        #[doc(alias = "pexpire")]
        pub fn expire(&self, ttl: std::time::Duration) -> purse_client::Op<bool> {
            self.key().expire(ttl)
        }

        /// SetOperation long the whole collection stays: see [`RedisKey::ttl`](crate::RedisKey::ttl).
        #[doc(alias = "pttl")]
        pub fn ttl(&self) -> purse_client::Op<$crate::Ttl> {
            self.key().ttl()
        }

        /// Whether there is anything at the key: see [`RedisKey::exists`](crate::RedisKey::exists).
        pub fn exists(&self) -> purse_client::Op<bool> {
            self.key().exists()
        }

        /// Removes everything, the key included: see [`RedisKey::delete`](crate::RedisKey::delete).
        /// Returns whether there was anything.
        #[doc(alias = "delete_redis_key")]
        pub fn clear(&self) -> purse_client::Op<bool> {
            self.key().delete()
        }
    };
}

pub(crate) use key_methods;
