//! A key space: a map of which each entry is a key of its own.
//!
//! May import: `ttl`, `encode`, `handle`, `key`, `bulk`, `stream`.

mod entries;
mod options;
mod reads;
mod writes;

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Client, Command, Error, ErrorKind, Op, Reply, Result};
use purse_codec::Plain;

pub use self::entries::Entries;
pub use self::options::{SetOptions, SetOutcome};

use crate::encode::ArgBuffer;
use crate::handle::{Handle, handle_traits};
use crate::{RedisKey, Ttl};

/// A map from text to `T` on the server, in which every entry is a key of its own: the prefix of
/// the space and the key that methods are given.
///
/// So each entry has a time to live of its own, and in a cluster the entries lie on all shards. In
/// return nobody keeps a list of them: to count, stream or clear them, the server looks at all its
/// keys. Where that matters, and times to live do not, take a [`RedisHash`](crate::RedisHash).
///
/// A key may be any bytes. [`keys`](Self::keys) and [`items`](Self::items) give it as a `String`,
/// and for one that is not UTF-8 an error that holds its bytes; [`raw_keys`](Self::raw_keys) gives
/// all keys as they are. The prefix is taken literally, whatever characters it has.
///
/// The space has every key that begins with its prefix, also one that holds a list, say: such a
/// key is counted, found and cleared; only a value cannot be read from it.
///
/// In a cluster, what is one command over several keys elsewhere is one command for each of their
/// slots, all sent at once, and not atomic. A hash tag in the prefix (`{app}:`) keeps all of a
/// space in one slot, and so on one shard.
///
/// ```
/// # #[tokio::main] async fn main() -> purse_client::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use std::time::Duration;
///
/// use purse_client::Client;
/// use purse_collections::{RedisKeySpace, SetOptions};
///
/// let client = Client::connect(&url).await?;
/// let sessions: RedisKeySpace<String> = RedisKeySpace::new(&client, "session:");
/// let hour = SetOptions::new().ttl(Duration::from_secs(3600));
/// assert!(sessions.set_with("17", "Ada", hour).await?.is_set());
/// assert_eq!(sessions.get("17").await?.as_deref(), Some("Ada"));
/// assert!(sessions.ttl("17").await?.left().is_some());
/// assert_eq!(sessions.get_or_insert("18", "Bob").await?, "Bob");
/// assert_eq!(sessions.len().await?, 2);
/// assert_eq!(sessions.clear().await?, 2);
/// # Ok(()) }
/// ```
#[doc(alias = "dict")]
pub struct RedisKeySpace<T, C = Plain>(Handle<(T, C)>);

impl<T, C> RedisKeySpace<T, C> {
    /// The space of all keys that begin with `prefix`; of all keys, if it is empty. Sends nothing.
    #[must_use]
    pub fn new(client: &Client, prefix: impl AsRef<[u8]>) -> Self {
        Self(Handle::new(client, prefix))
    }

    /// The part of the space whose keys begin with `prefix`. Sends nothing.
    #[must_use]
    pub fn sub(&self, prefix: impl AsRef<[u8]>) -> Self {
        Self::new(&self.0.client, self.name(prefix))
    }

    /// The prefix of the space.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.0.key
    }

    /// The server's key for `key`, for everything that can be done with one.
    #[must_use]
    pub fn key(&self, key: impl AsRef<[u8]>) -> RedisKey {
        RedisKey::new(&self.0.client, self.name(key))
    }

    /// Lets `key` go by itself after `ttl`: see [`RedisKey::expire`].
    #[doc(alias = "pexpire")]
    pub fn expire(&self, key: impl AsRef<[u8]>, ttl: Duration) -> Op<bool> {
        self.key(key).expire(ttl)
    }

    /// SetOperation long `key` stays: see [`RedisKey::ttl`].
    #[doc(alias = "pttl")]
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Op<Ttl> {
        self.key(key).ttl()
    }

    /// Lets `key` stay until it is removed: see [`RedisKey::persist`].
    pub fn persist(&self, key: impl AsRef<[u8]>) -> Op<bool> {
        self.key(key).persist()
    }

    /// Whether there is such a key: see [`RedisKey::exists`].
    #[doc(alias = "contains_key")]
    #[doc(alias = "EXISTS")]
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Op<bool> {
        self.key(key).exists()
    }

    /// Removes `key`, whatever it holds: see [`RedisKey::delete`].
    #[doc(alias = "UNLINK")]
    #[doc(alias = "DEL")]
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Op<bool> {
        self.key(key).delete()
    }

    /// The server's name of `key`.
    fn name(&self, key: impl AsRef<[u8]>) -> Bytes {
        [self.prefix(), key.as_ref()].concat().into()
    }

    fn put_name(&self, key: impl AsRef<[u8]>, arguments: &mut ArgBuffer) -> Result<()> {
        arguments.append_with(|name| {
            name.extend_from_slice(self.prefix());
            name.extend_from_slice(key.as_ref());
            Ok(())
        })
    }

    /// The operation that runs, on `key`, the command that `build` makes, or fails with its error.
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

/// A key as text.
fn text(key: Bytes) -> Result<String> {
    String::from_utf8(key.to_vec()).map_err(|cause| {
        let message = "a key of the space is not UTF-8; nothing changed";
        Error::new(ErrorKind::Decode, message)
            .with_source(cause.utf8_error())
            .with_bytes(Bytes::from(cause.into_bytes()))
    })
}

handle_traits!(RedisKeySpace<T, C>);
