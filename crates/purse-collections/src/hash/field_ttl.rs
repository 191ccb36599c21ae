//! Times to live of the entries of a hash, on Redis from 7.4 and Valkey from 9.0.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Command, Op, Reply, Result};
use purse_codec::{Codec, IntoArg, Plain};

use super::{RedisHash, with_field};
use crate::bulk::{Bulk, BulkOp};
use crate::conversion::{ArgBuffer, encode_one};
use crate::ttl::{ExpiryCondition, Ttl, millis};

impl<K, V, C> RedisHash<K, V, C>
where
    K: Send + 'static,
    V: Send + 'static,
    Plain: Codec<K>,
    C: Codec<V>,
{
    /// Removes one entry after `ttl`, rounded up to a whole millisecond. Returns whether there is
    /// such an entry. Setting the entry again removes its time to live.
    ///
    /// Redis: HPEXPIRE. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 7.4 and Valkey 9. `InvalidInput` for a time to live
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
    /// codes.set("Ada", 4711).await?;
    /// match codes.expire_field("Ada", Duration::from_secs(60)).await {
    ///     Ok(exists) => assert!(exists),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HPEXPIRE")]
    #[doc(alias = "HEXPIRE")]
    pub fn expire_field(&self, key: impl IntoArg<K>, ttl: Duration) -> Op<bool> {
        let args = |command: Command| with_one(key)(command.arg(millis(ttl)?));
        self.0.try_op(args, Command::write("HPEXPIRE"), |reply| {
            Ok(one_int(reply)? > 0)
        })
    }

    /// Returns the time to live of one entry.
    ///
    /// Redis: HPTTL. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 7.4 and Valkey 9.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{ErrorKind, RedisHash, Ttl};
    ///
    /// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
    /// codes.set("Ada", 4711).await?;
    /// match codes.field_ttl("Ada").await {
    ///     Ok(ttl) => assert_eq!(ttl, Ttl::Persistent),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HPTTL")]
    #[doc(alias = "HTTL")]
    pub fn field_ttl(&self, key: impl IntoArg<K>) -> Op<Ttl> {
        self.0
            .try_op(with_one(key), Command::read("HPTTL"), |reply| {
                let [ttl] = reply.into_array()?;
                Ttl::read(ttl)
            })
    }

    /// Removes the time to live of one entry. Returns whether the entry had one.
    ///
    /// Redis: HPERSIST. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 7.4 and Valkey 9.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{ErrorKind, RedisHash};
    ///
    /// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
    /// codes.set("Ada", 4711).await?;
    /// match codes.persist_field("Ada").await {
    ///     Ok(had_one) => assert!(!had_one),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HPERSIST")]
    pub fn persist_field(&self, key: impl IntoArg<K>) -> Op<bool> {
        self.0
            .try_op(with_one(key), Command::write("HPERSIST"), |reply| {
                Ok(one_int(reply)? > 0)
            })
    }

    /// Removes one entry after `ttl` if the condition holds. Returns whether there is such an entry
    /// and the condition holds.
    ///
    /// Redis: HPEXPIRE with NX, XX, GT or LT. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`expire_field`](Self::expire_field).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{ErrorKind, ExpiryCondition, RedisHash};
    ///
    /// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
    /// codes.set("Ada", 4711).await?;
    /// let minute = Duration::from_secs(60);
    /// match codes.expire_field_if("Ada", minute, ExpiryCondition::OnlyPersistent).await {
    ///     Ok(changed) => assert!(changed),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HPEXPIRE")]
    #[doc(alias = "HEXPIRE")]
    pub fn expire_field_if(
        &self,
        key: impl IntoArg<K>,
        ttl: Duration,
        condition: ExpiryCondition,
    ) -> Op<bool> {
        let args = |command: Command| with_one(key)(condition.on(command.arg(millis(ttl)?)));
        self.0.try_op(args, Command::write("HPEXPIRE"), |reply| {
            Ok(one_int(reply)? > 0)
        })
    }

    /// Removes each of many entries after `ttl`, rounded up to a whole millisecond. Returns how many
    /// of them exist.
    ///
    /// Redis: HPEXPIRE. Time complexity: O(n) for n keys. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// The errors of [`expire_field`](Self::expire_field).
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
    /// codes.extend([("Ada", 4711), ("Bob", 1234)]).await?;
    /// match codes.expire_fields(["Ada", "Bob", "Cem"], Duration::from_secs(60)).await {
    ///     Ok(existing) => assert_eq!(existing, 2),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HPEXPIRE")]
    #[doc(alias = "HEXPIRE")]
    pub fn expire_fields<'a, I>(&self, keys: I, ttl: Duration) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send + 'a>,
    {
        self.expire_fields_if(keys, ttl, ExpiryCondition::Always)
    }

    /// Removes each of many entries after `ttl` if the condition holds for it. Returns how many of
    /// them exist and have the new time to live.
    ///
    /// Redis: HPEXPIRE with NX, XX, GT or LT. Time complexity: O(n) for n keys. Round trips: 1 per
    /// [chunk](crate#chunks).
    ///
    /// # Errors
    /// The errors of [`expire_field`](Self::expire_field).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::{ErrorKind, ExpiryCondition, RedisHash};
    ///
    /// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
    /// codes.extend([("Ada", 4711), ("Bob", 1234)]).await?;
    /// let (minute, condition) = (Duration::from_secs(60), ExpiryCondition::OnlyPersistent);
    /// match codes.expire_fields_if(["Ada", "Bob"], minute, condition).await {
    ///     Ok(changed) => assert_eq!(changed, 2),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HPEXPIRE")]
    #[doc(alias = "HEXPIRE")]
    pub fn expire_fields_if<'a, I>(
        &self,
        keys: I,
        ttl: Duration,
        condition: ExpiryCondition,
    ) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send + 'a>,
    {
        let name = "HPEXPIRE";
        let ttl = match millis(ttl) {
            Ok(ttl) => ttl,
            Err(error) => return BulkOp::ready(Err(self.0.about(name, error))),
        };
        let command = condition.on(self.0.on_key(Command::write(name)).arg(ttl));
        self.on_fields(command, keys, 0, count_positive)
    }

    /// Returns the times to live of many entries, in the order of the keys.
    ///
    /// Redis: HPTTL. Time complexity: O(n) for n keys. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 7.4 and Valkey 9.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{ErrorKind, RedisHash, Ttl};
    ///
    /// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
    /// codes.set("Ada", 4711).await?;
    /// match codes.field_ttls(["Ada", "Bob"]).await {
    ///     Ok(ttls) => assert_eq!(ttls, [Ttl::Persistent, Ttl::Missing]),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HPTTL")]
    #[doc(alias = "HTTL")]
    pub fn field_ttls<'a, I>(&self, keys: I) -> BulkOp<'a, Vec<Ttl>>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send + 'a>,
    {
        let command = self.0.on_key(Command::read("HPTTL"));
        let more = |mut ttls: Vec<_>, reply: Reply| {
            for ttl in reply.into_list()? {
                ttls.push(Ttl::read(ttl)?);
            }
            Ok(ttls)
        };
        self.on_fields(command, keys, Vec::new(), more)
    }

    /// Removes the times to live of many entries. Returns how many of them had one.
    ///
    /// Redis: HPERSIST. Time complexity: O(n) for n keys. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// # Errors
    /// `Unsupported` on servers before Redis 7.4 and Valkey 9.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{ErrorKind, RedisHash};
    ///
    /// let codes: RedisHash<String, u32> = RedisHash::new(&client, "codes");
    /// codes.set("Ada", 4711).await?;
    /// match codes.persist_fields(["Ada", "Bob"]).await {
    ///     Ok(changed) => assert_eq!(changed, 0),
    ///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "HPERSIST")]
    pub fn persist_fields<'a, I>(&self, keys: I) -> BulkOp<'a, u64>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send + 'a>,
    {
        let command = self.0.on_key(Command::write("HPERSIST"));
        self.on_fields(command, keys, 0, count_positive)
    }

    /// Runs a command that takes a list of fields, with the number of them, for all `keys`.
    fn on_fields<'a, I, A: Send + 'static>(
        &self,
        command: Command,
        keys: I,
        start: A,
        fold: fn(A, Reply) -> Result<A>,
    ) -> BulkOp<'a, A>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send + 'a>,
    {
        let write = |key, arguments: &mut ArgBuffer| encode_one::<K, Plain, _>(key, arguments);
        let with_fields = |command: Command, fields: Vec<Bytes>| {
            command.arg("FIELDS").arg(fields.len()).args(fields)
        };
        let keys = keys.into_iter();
        Bulk::new(&self.0.client, command)
            .run_with(keys, write, with_fields, start, fold, |all| all)
    }
}

/// Adds the one field of a command that takes a list of them.
pub(super) fn with_one<K>(key: impl IntoArg<K>) -> impl FnOnce(Command) -> Result<Command>
where
    Plain: Codec<K>,
{
    move |command| with_field(key)(command.arg("FIELDS").arg(1_i64))
}

/// Reads the reply of a command on a list of fields, of which there was one.
fn one_int(reply: Reply) -> Result<i64> {
    let [one] = reply.into_array()?;
    one.into_int()
}

/// Adds the number of fields that a command changed.
fn count_positive(mut so_far: u64, reply: Reply) -> Result<u64> {
    for changed in reply.into_list()? {
        so_far += u64::from(changed.into_int()? > 0);
    }
    Ok(so_far)
}
