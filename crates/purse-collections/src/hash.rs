//! A hash.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use purse_client::{Client, Command, Error, ErrorKind, Op, Reply, Result, Scan, Script};
use purse_codec::{Codec, Input, Plain};

use crate::bulk;
use crate::encode::{Arguments, one};
use crate::encode::{decode, decode_option, decode_removed, encode};
use crate::handle::Handle;
use crate::key::key_methods;
use crate::stream::{Read, Scanned, next_pair};
use crate::ttl::{Ttl, millis};

static INSERT: Script = Script::write("HASH INSERT", include_str!("lua/hash_insert.lua"));
static GET_OR_INSERT: Script = Script::write(
    "HASH GET OR INSERT",
    include_str!("lua/hash_get_or_insert.lua"),
);
static REMOVE: Script = Script::write("HASH REMOVE", include_str!("lua/hash_remove.lua"));

/// A map from `K` to `V` on the server.
///
/// Keys are always written by the `Plain` codec, values by `C`. Keys are compared by their bytes:
/// a type that does not always encode equal values alike, such as one with a `HashSet` in it, is
/// no key. Every access by key is O(1).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse_client::Client;
/// use purse_collections::RedisHash;
///
/// let client = Client::connect(&url).await?;
/// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
/// assert_eq!(ages.insert("Ada", 36).await?, None);
/// assert_eq!(ages.insert("Ada", 37).await?, Some(36));
/// assert_eq!(ages.increment("Ada", 1).await?, 38);
/// assert_eq!(ages.get("Ada").await?, Some(38));
/// assert_eq!(ages.get_or_insert("Bob", 20).await?, 20);
/// assert_eq!(ages.len().await?, 2);
/// # Ok(())
/// # })
/// # }
/// ```
#[doc(alias = "dict")]
pub struct RedisHash<K, V, C = Plain>(Handle<(K, V, C)>);

impl<K, V, C> RedisHash<K, V, C> {
    /// The hash at `key`. Sends nothing.
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, key))
    }

    key_methods!();
}

impl<K, V, C> RedisHash<K, V, C>
where
    K: Send + 'static,
    V: Send + 'static,
    Plain: Codec<K>,
    C: Codec<V>,
{
    /// The number of entries.
    ///
    /// `HLEN`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn len(&self) -> Op<u64> {
        self.0.op(Command::read("HLEN"), Reply::into_count)
    }

    /// Whether there is no entry.
    ///
    /// `HLEN`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [Those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn is_empty(&self) -> Op<bool> {
        self.0
            .op(Command::read("HLEN"), |reply| Ok(reply.into_count()? == 0))
    }

    /// The value of `key`.
    ///
    /// `HGET`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; `Decode`, holding the bytes; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn get(&self, key: impl Input<K>) -> Op<Option<V>> {
        self.0.try_op(
            with_field(key),
            Command::read("HGET"),
            decode_option::<V, C>,
        )
    }

    /// The values of many keys, in the order of the keys.
    ///
    /// `HMGET`, O(n) for n keys; nothing for none. One round trip, atomic, for up to 1024 keys
    /// or a megabyte of them; beyond that a command for each such chunk, two of them at a time.
    ///
    /// # Errors
    /// `Encode`; `Decode`, holding the first bytes that fail; else [those of a
    /// read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub async fn get_many<I>(&self, keys: I) -> Result<Vec<Option<V>>>
    where
        I: IntoIterator<Item: Input<K>, IntoIter: Send>,
    {
        let keys = keys.into_iter();
        let command = self.0.on_key(Command::read("HMGET"));
        bulk::run(
            &self.0.client,
            command,
            keys,
            one::<K, Plain, _>,
            Vec::new(),
            |mut values, reply| {
                for value in reply.into_list()? {
                    values.push(decode_option::<V, C>(value)?);
                }
                Ok(values)
            },
        )
        .await
    }

    /// Whether there is an entry for `key`.
    ///
    /// `HEXISTS`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "contains")]
    pub fn contains_key(&self, key: impl Input<K>) -> Op<bool> {
        self.0
            .try_op(with_field(key), Command::read("HEXISTS"), Reply::into_bool)
    }

    /// All entries, in memory at once.
    ///
    /// `HGETALL`, O(n). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the first bytes that fail; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "dict")]
    #[doc(alias = "HGETALL")]
    pub fn to_map(&self) -> Op<HashMap<K, V>>
    where
        K: Eq + Hash,
    {
        self.0.op(Command::read("HGETALL"), |reply| {
            let pairs = reply.into_pairs()?.into_iter();
            pairs
                .map(|(key, value)| entry::<K, V, C>(key, value))
                .collect()
        })
    }

    /// Streams the entries, a page in memory at a time.
    ///
    /// `HSCAN`, one round trip and O(n) for a page of about n = 256 elements
    /// ([`Scanned::page_size`]), of the fields that match ([`Scanned::matching`]). Each page is
    /// atomic; the whole gives [the guarantees of a scan](Scanned).
    ///
    /// # Errors
    /// Each entry may be a `Decode` error, holding the bytes, after which the stream goes on;
    /// [those of a read](crate#errors) end it.
    ///
    /// # Cancel safety
    /// It can be dropped at any point; nothing runs after that.
    #[doc(alias = "items")]
    #[doc(alias = "HSCAN")]
    pub fn iter(&self) -> Scanned<(K, V)> {
        self.scan(|page| next_pair(page, entry::<K, V, C>))
    }

    /// Streams the keys, as [`iter`](Self::iter) does the entries; values are not decoded.
    ///
    /// `HSCAN`, one round trip and O(n) for a page of about n = 256 elements. Each page is atomic;
    /// the whole gives [the guarantees of a scan](Scanned).
    ///
    /// # Errors
    /// As [`iter`](Self::iter).
    ///
    /// # Cancel safety
    /// It can be dropped at any point; nothing runs after that.
    #[doc(alias = "HKEYS")]
    pub fn keys(&self) -> Scanned<K> {
        self.scan(|page| next_pair(page, |key, _| decode::<K, Plain>(key)))
    }

    /// Streams the values, as [`iter`](Self::iter) does the entries; keys are not decoded.
    ///
    /// `HSCAN`, one round trip and O(n) for a page of about n = 256 elements. Each page is atomic;
    /// the whole gives [the guarantees of a scan](Scanned).
    ///
    /// # Errors
    /// As [`iter`](Self::iter).
    ///
    /// # Cancel safety
    /// It can be dropped at any point; nothing runs after that.
    #[doc(alias = "HVALS")]
    pub fn values(&self) -> Scanned<V> {
        self.scan(|page| next_pair(page, |_, value| decode::<V, C>(value)))
    }

    /// Sets the value of `key`, and returns the one it had.
    ///
    /// A script of `HGET` and `HSET`, O(1). One round trip, atomic. [`set`](Self::set) costs less
    /// where the old value does not matter.
    ///
    /// # Errors
    /// `Encode`; `Decode`, holding the bytes of the old value, after the new one is set; else
    /// [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety); the old value may be lost.
    pub fn insert(&self, key: impl Input<K>, value: impl Input<V>) -> Op<Option<V>> {
        let args = with_entry::<K, V, C>(key, value);
        self.0
            .try_op(args, Command::script(&INSERT), decode_removed::<V, C>)
    }

    /// Sets the value of `key`. Returns whether the entry is new.
    ///
    /// `HSET`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "HSET")]
    pub fn set(&self, key: impl Input<K>, value: impl Input<V>) -> Op<bool> {
        self.0.try_op(
            with_entry::<K, V, C>(key, value),
            Command::write("HSET"),
            Reply::into_bool,
        )
    }

    /// The value of `key`, which is set to `value` if there is none.
    ///
    /// A script of `HGET` and `HSET`, O(1). One round trip, atomic: of many callers at once, all
    /// get the value of one of them.
    ///
    /// # Errors
    /// `Encode`; `Decode`, holding the bytes of the value that is there, nothing changed; else
    /// [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "setdefault")]
    #[doc(alias = "HSETNX")]
    pub fn get_or_insert(&self, key: impl Input<K>, value: impl Input<V>) -> Op<V> {
        let args = with_entry::<K, V, C>(key, value);
        self.0
            .try_op(args, Command::script(&GET_OR_INSERT), decode::<V, C>)
    }

    /// Sets many entries. Returns how many of them are new.
    ///
    /// `HSET`, O(n) for n entries; nothing for none. One round trip, atomic, for up to 1024 entries
    /// or a megabyte; beyond that a round trip for each such chunk, each atomic, and `entries` is
    /// taken from a chunk ahead.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors). With several chunks the error tells how
    /// many entries were [done](Error::done) before it; nothing is sent after it.
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety), for the chunk under way; later ones are not sent.
    #[doc(alias = "update")]
    #[doc(alias = "HMSET")]
    pub async fn extend<I, Q, W>(&self, entries: I) -> Result<u64>
    where
        I: IntoIterator<Item = (Q, W), IntoIter: Send>,
        Q: Input<K>,
        W: Input<V>,
    {
        let entries = entries.into_iter();
        let write = |(key, value), arguments: &mut Arguments| {
            arguments.put::<K, Plain>(key)?;
            arguments.put::<V, C>(value)
        };
        let command = self.0.on_key(Command::write("HSET"));
        bulk::run(&self.0.client, command, entries, write, 0, bulk::sum).await
    }

    /// Removes `key`, and returns its value.
    ///
    /// A script of `HGET` and `HDEL`, O(1). One round trip, atomic. [`delete`](Self::delete) costs
    /// less where the value does not matter.
    ///
    /// # Errors
    /// `Encode`; `Decode`, holding the bytes of the value, which is out; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [The value may be lost](crate#cancel-safety).
    #[doc(alias = "pop")]
    #[doc(alias = "HGETDEL")]
    pub fn remove(&self, key: impl Input<K>) -> Op<Option<V>> {
        self.0.try_op(
            with_field(key),
            Command::script(&REMOVE),
            decode_removed::<V, C>,
        )
    }

    /// Removes `key`. Returns whether there was an entry.
    ///
    /// `HDEL`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "HDEL")]
    pub fn delete(&self, key: impl Input<K>) -> Op<bool> {
        self.0
            .try_op(with_field(key), Command::write("HDEL"), Reply::into_bool)
    }

    /// Removes many keys. Returns how many of them there were.
    ///
    /// `HDEL`, O(n) for n keys; nothing for none. One round trip, atomic, for up to 1024 keys
    /// or a megabyte of them; beyond that a round trip for each such chunk, each atomic.
    ///
    /// # Errors
    /// As [`extend`](Self::extend).
    ///
    /// # Cancel safety
    /// As [`extend`](Self::extend).
    #[doc(alias = "HDEL")]
    pub async fn remove_many<I>(&self, keys: I) -> Result<u64>
    where
        I: IntoIterator<Item: Input<K>, IntoIter: Send>,
    {
        let keys = keys.into_iter();
        let command = self.0.on_key(Command::write("HDEL"));
        bulk::run(
            &self.0.client,
            command,
            keys,
            one::<K, Plain, _>,
            0,
            bulk::sum,
        )
        .await
    }

    /// Adds to a value that is an integer in decimal, as the `Plain` codec writes one; an absent
    /// one counts as zero. Returns the sum.
    ///
    /// `HINCRBY`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Encode`; [`Server`](ErrorKind::Server) with the code `ERR` if the value is no integer, or
    /// the sum does not fit an `i64`, nothing changed; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "HINCRBY")]
    pub fn increment(&self, key: impl Input<K>, by: i64) -> Op<i64> {
        let args = |command| Ok(with_field(key)(command)?.arg(by));
        self.0
            .try_op(args, Command::write("HINCRBY"), Reply::into_int)
    }

    /// Adds to a value that is a number in decimal, as the `Plain` codec writes one; an absent one
    /// counts as zero. Returns the sum, which the server rounds to 17 digits after the point.
    ///
    /// `HINCRBYFLOAT`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if `by` is not finite; `Encode`;
    /// [`Server`](ErrorKind::Server) with the code `ERR` if the value is no number, or the sum not
    /// finite, nothing changed; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "HINCRBYFLOAT")]
    pub fn increment_float(&self, key: impl Input<K>, by: f64) -> Op<f64> {
        let args = |command| {
            if !by.is_finite() {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    "the increment is not finite",
                ));
            }
            Ok(with_field(key)(command)?.arg(by))
        };
        self.0
            .try_op(args, Command::write("HINCRBYFLOAT"), Reply::into_float)
    }

    /// Lets one entry go by itself after `ttl`, rounded up to a whole millisecond. Returns whether
    /// there is such an entry.
    ///
    /// `HPEXPIRE` (Redis 7.4, Valkey 9), O(1). One round trip, atomic. Setting the entry again
    /// takes its time to live away.
    ///
    /// # Errors
    /// `Unsupported` on an older server; `InvalidInput` as for
    /// [`RedisKey::expire`](crate::RedisKey::expire); `Encode`; else [those of a
    /// write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "HPEXPIRE")]
    #[doc(alias = "HEXPIRE")]
    pub fn expire_field(&self, key: impl Input<K>, ttl: Duration) -> Op<bool> {
        let args = |command: Command| with_fields(key)(command.arg(millis(ttl)?));
        self.0.try_op(args, Command::write("HPEXPIRE"), |reply| {
            Ok(one_int(reply)? > 0)
        })
    }

    /// How long one entry stays.
    ///
    /// `HPTTL` (Redis 7.4, Valkey 9), O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Unsupported` on an older server; `Encode`; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "HPTTL")]
    #[doc(alias = "HTTL")]
    pub fn field_ttl(&self, key: impl Input<K>) -> Op<Ttl> {
        self.0
            .try_op(with_fields(key), Command::read("HPTTL"), |reply| {
                let [ttl] = reply.into_array()?;
                Ttl::read(ttl)
            })
    }

    /// Lets one entry stay until it is removed. Returns whether it would have gone by itself.
    ///
    /// `HPERSIST` (Redis 7.4, Valkey 9), O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Unsupported` on an older server; `Encode`; else [those of a write](crate#errors).
    ///
    /// # Cancel safety
    /// [As every write](crate#cancel-safety).
    #[doc(alias = "HPERSIST")]
    pub fn persist_field(&self, key: impl Input<K>) -> Op<bool> {
        self.0
            .try_op(with_fields(key), Command::write("HPERSIST"), |reply| {
                Ok(one_int(reply)? > 0)
            })
    }

    fn scan<R: Send + 'static>(&self, read: Read<R>) -> Scanned<R> {
        Scanned::new(&self.0.client, Scan::new("HSCAN", self.0.key.clone()), read)
    }
}

/// Adds a field to a command.
fn with_field<K>(key: impl Input<K>) -> impl FnOnce(Command) -> Result<Command>
where
    Plain: Codec<K>,
{
    move |command| Ok(command.arg(encode::<K, Plain>(key)?))
}

/// Adds the one field of a command that takes a list of them.
fn with_fields<K>(key: impl Input<K>) -> impl FnOnce(Command) -> Result<Command>
where
    Plain: Codec<K>,
{
    move |command| with_field(key)(command.arg("FIELDS").arg(1_i64))
}

/// Adds a field and its value to a command.
fn with_entry<K, V, C: Codec<V>>(
    key: impl Input<K>,
    value: impl Input<V>,
) -> impl FnOnce(Command) -> Result<Command>
where
    Plain: Codec<K>,
{
    move |command| Ok(with_field(key)(command)?.arg(encode::<V, C>(value)?))
}

fn entry<K, V, C: Codec<V>>(key: Reply, value: Reply) -> Result<(K, V)>
where
    Plain: Codec<K>,
{
    Ok((decode::<K, Plain>(key)?, decode::<V, C>(value)?))
}

/// Reads the reply of a command on a list of fields, of which there was one.
fn one_int(reply: Reply) -> Result<i64> {
    let [one] = reply.into_array()?;
    one.into_int()
}

impl<K, V, C> Clone for RedisHash<K, V, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V, C> fmt::Debug for RedisHash<K, V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisHash({:?})", self.0)
    }
}
