//! Copies of a key's value, under another name or as bytes.

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Command, Op, Reply, Result, Script};

use super::RedisKey;
use crate::conversion::ok;
use crate::ttl::{invalid, millis};

static COPY: Script = Script::write("COPY", include_str!("../lua/key_copy.lua")).stand_in();

impl RedisKey {
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

    /// Renames the key, with its value and its time to live. A key that has the name is replaced.
    /// Handles keep the name with which they were created.
    ///
    /// Redis: RENAME. Time complexity: O(1), and O(n) for n elements that are replaced. Round
    /// trips: 1.
    ///
    /// # Errors
    /// [`NotFound`](purse_client::ErrorKind::NotFound) if there is no such key.
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot), before anything is sent, for names in
    /// different slots of a cluster.
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
        self.0
            .try_op(self.with_name(name), Command::write("RENAME"), ok)
    }

    /// Renames the key as [`rename`](Self::rename) does, unless there is a key of the name. Returns
    /// whether the key is renamed.
    ///
    /// Redis: RENAMENX. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`rename`](Self::rename).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "{todo}new");
    /// list.push_back("write").await?;
    /// assert!(list.key().rename_if_absent("{todo}old").await?);
    /// list.push_back("send").await?;
    /// assert!(!list.key().rename_if_absent("{todo}old").await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "RENAMENX")]
    #[doc(alias = "rename_nx")]
    pub fn rename_if_absent(&self, name: impl AsRef<[u8]>) -> Op<bool> {
        let both = self.with_name(name);
        self.0
            .try_op(both, Command::write("RENAMENX"), Reply::into_bool)
    }

    /// Copies the value and the time to live to another key, unless that key exists. Returns whether
    /// it did; it does not if there is no such key.
    ///
    /// Redis: COPY; before Redis 6.2 DUMP, EXISTS, PTTL and RESTORE in a script. Time complexity: O(n)
    /// for n elements. Round trips: 1.
    ///
    /// # Errors
    /// Before anything is sent: `InvalidInput` if both are the same key, or are in
    /// [different databases](crate#several-objects), and
    /// [`CrossSlot`](purse_client::ErrorKind::CrossSlot) if they are in different slots of a cluster.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "{todo}");
    /// let backup: RedisList<String> = RedisList::new(&client, "{todo}backup");
    /// list.push_back("write").await?;
    /// assert!(list.key().copy(&backup.key()).await?);
    /// assert!(!list.key().copy(&backup.key()).await?);
    /// assert_eq!(backup.to_vec().await?, ["write"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "COPY")]
    #[doc(alias = "DUMP")]
    #[doc(alias = "RESTORE")]
    #[doc(alias = "EXISTS")]
    #[doc(alias = "PTTL")]
    pub fn copy(&self, to: &Self) -> Op<bool> {
        let keys = |command: Command| self.with_other(command, to);
        self.0
            .try_op(keys, Command::script(&COPY), Reply::into_bool)
    }

    /// Copies the value and the time to live to another key, and replaces what that key holds.
    /// Returns whether it did; it does not if there is no such key, and then changes nothing.
    ///
    /// Redis: COPY with REPLACE; before Redis 6.2 DUMP, EXISTS, PTTL and RESTORE in a script. Time
    /// complexity: O(n) for n elements. Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`copy`](Self::copy).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<String> = RedisList::new(&client, "{todo}");
    /// let backup: RedisList<String> = RedisList::new(&client, "{todo}backup");
    /// list.push_back("write").await?;
    /// backup.push_back("old").await?;
    /// assert!(list.key().copy_replace(&backup.key()).await?);
    /// assert_eq!(backup.to_vec().await?, ["write"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "COPY")]
    #[doc(alias = "DUMP")]
    #[doc(alias = "RESTORE")]
    #[doc(alias = "EXISTS")]
    #[doc(alias = "PTTL")]
    pub fn copy_replace(&self, to: &Self) -> Op<bool> {
        let keys = |command: Command| Ok(self.with_other(command, to)?.arg("REPLACE"));
        self.0
            .try_op(keys, Command::script(&COPY), Reply::into_bool)
    }

    /// Adds the new name to a command.
    fn with_name(&self, name: impl AsRef<[u8]>) -> impl FnOnce(Command) -> Result<Command> {
        let name = Bytes::copy_from_slice(name.as_ref());
        let client = self.0.client.clone();
        move |command: Command| {
            let command = command.key(name);
            client.same_slot(command.keys())?;
            Ok(command)
        }
    }

    /// Adds another key to a command.
    fn with_other(&self, command: Command, other: &Self) -> Result<Command> {
        let key = self.0.key_of(&other.0)?;
        if key == self.0.key {
            return Err(invalid("a key cannot be copied to itself"));
        }
        let command = command.key(key);
        self.0.client.same_slot(command.keys())?;
        Ok(command)
    }
}

fn add_restore_args(command: Command, dump: Bytes, ttl: Option<Duration>) -> Result<Command> {
    Ok(command.arg(ttl.map_or(Ok(0), millis)?).arg(dump))
}
