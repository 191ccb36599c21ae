//! Reads of a key space.

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use purse_client::{Command, Op, Result};
use purse_codec::{Codec, IntoArg, Plain};

use super::entries::{Entries, EntryKind, scan_entries, within};
use super::{RedisKeySpace, put_name};
use crate::bulk::{BulkOp, by_slot};
use crate::conversion::{ArgBuffer, decode, decode_key, decode_option};

/// The number of keys that the server looks at for a page of names.
const PAGE: usize = 1_024;

impl<T, K, C> RedisKeySpace<T, K, C>
where
    T: Send + 'static,
    K: Send + 'static,
    Plain: Codec<K>,
    C: Codec<T>,
{
    /// Returns the value of `key`.
    ///
    /// Redis: GET. Time complexity: O(1). Round trips: 1.
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
    #[doc(alias = "GET")]
    pub fn get(&self, key: impl IntoArg<K>) -> Op<Option<T>> {
        self.op(key, Ok, Command::read("GET"), decode_option::<T, C>)
    }

    /// Returns the values of many keys, in the order of the keys. A key that does not hold a
    /// string counts as absent, because the server does not report the difference; it is not a
    /// `WrongType` error.
    ///
    /// In a cluster, each chunk takes one command per slot; all of them are in flight at once.
    ///
    /// Redis: MGET. Time complexity: O(n) for n keys. Round trips: 1 per [chunk](crate#chunks).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.extend([("a", 1), ("b", 2)]).await?;
    /// assert_eq!(app.get_many(["b", "x"]).await?, [Some(2), None]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MGET")]
    pub fn get_many<'a, I>(&self, keys: I) -> BulkOp<'a, Vec<Option<T>>>
    where
        I: IntoIterator<Item: IntoArg<K>, IntoIter: Send + 'a>,
    {
        let prefix = self.handle.key.clone();
        let write = move |key, arguments: &mut ArgBuffer| put_name::<K>(&prefix, key, arguments);
        by_slot::get_values(&self.handle.client, keys.into_iter(), write, decode::<T, C>)
    }

    /// Counts the keys by scanning. A key that the scan returns twice is counted twice.
    ///
    /// The server looks at all its keys, in and outside of the space. The result is not atomic: it
    /// has [the guarantees of a scan](Entries).
    ///
    /// Redis: SCAN. Time complexity: O(n) for all n keys of the server. Round trips: 1 per 1024
    /// keys of the server.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.extend([("a", 1), ("b", 2)]).await?;
    /// assert_eq!(app.len().await?, 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    pub async fn len(&self) -> Result<u64> {
        let mut pages = self.pages();
        let mut keys = 0;
        while let Some(page) = pages.try_next().await? {
            keys += page.len() as u64;
        }
        Ok(keys)
    }

    /// Returns whether the space has no key. The method scans until it finds a key of the space.
    ///
    /// The server looks at all its keys, in and outside of the space. The result is not atomic: it
    /// has [the guarantees of a scan](Entries).
    ///
    /// Redis: SCAN. Time complexity: up to O(n) for all n keys of the server. Round trips: 1 per
    /// 1024 keys of the server.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// assert!(app.is_empty().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    pub async fn is_empty(&self) -> Result<bool> {
        let mut pages = self.pages();
        while let Some(page) = pages.try_next().await? {
            if !page.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Streams the entries, a page in memory at a time. Keys that do not hold a string are left
    /// out, and so are keys that are removed meanwhile.
    ///
    /// A page is about 256 keys of the server, see [`Entries::page_size`]; [`Entries::matching`]
    /// selects keys. Each command is atomic; the stream as a whole has [the guarantees of a
    /// scan](Entries). A key that is not a `K` is a `Decode` error that names it and holds its
    /// bytes, without the prefix.
    ///
    /// Redis: SCAN and MGET. Time complexity: O(n) for a page of n keys. Round trips: 2 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.extend([("a", 1), ("b", 2)]).await?;
    /// let mut entries = app.items();
    /// while let Some((key, value)) = entries.try_next().await? {
    ///     println!("{key}: {value}");
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    #[doc(alias = "MGET")]
    #[doc(alias = "iter")]
    pub fn items(&self) -> Entries<(K, T)> {
        self.entries(EntryKind::Value(|key, value| {
            Ok((decode_key::<K>(&key)?, decode::<T, C>(value)?))
        }))
    }

    /// Streams the values, with the same pages and guarantees as [`items`](Self::items). Includes the
    /// values of keys that cannot be decoded.
    ///
    /// Redis: SCAN and MGET. Time complexity: O(n) for a page of n keys. Round trips: 2 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.set("a", 1).await?;
    /// assert_eq!(app.values().try_collect::<Vec<_>>().await?, [1]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    #[doc(alias = "MGET")]
    pub fn values(&self) -> Entries<T> {
        self.entries(EntryKind::Value(|_, value| decode::<T, C>(value)))
    }

    /// Streams the keys, without the prefix. Their values may have any type.
    ///
    /// A page is about 256 keys of the server, see [`Entries::page_size`]; [`Entries::matching`]
    /// selects keys. Each page is atomic; the stream as a whole has [the guarantees of a
    /// scan](Entries). A key that is not a `K` is a `Decode` error that names it and holds its
    /// bytes, without the prefix.
    ///
    /// Redis: SCAN. Time complexity: O(n) for a page of n keys. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.set("a", 1).await?;
    /// assert_eq!(app.keys().try_collect::<Vec<_>>().await?, ["a"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    #[doc(alias = "KEYS")]
    #[doc(alias = "scan_match")]
    pub fn keys(&self) -> Entries<K> {
        self.entries(EntryKind::Key(|key| decode_key::<K>(&key)))
    }

    /// Streams the keys as bytes. Unlike with [`keys`](Self::keys), a key that cannot be decoded causes
    /// no error.
    ///
    /// Redis: SCAN. Time complexity: O(n) for a page of n keys. Round trips: 1 per page.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32, Vec<u8>> = RedisKeySpace::new(&client, "app:");
    /// app.set(&[0xff], 1).await?;
    /// assert_eq!(app.raw_keys().try_collect::<Vec<_>>().await?, [vec![0xff]]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "SCAN")]
    #[doc(alias = "scan_match")]
    pub fn raw_keys(&self) -> Entries<Bytes> {
        // A copy, since the key is a part of the whole page.
        self.entries(EntryKind::Key(|key| Ok(Bytes::copy_from_slice(&key))))
    }

    fn entries<R: Send + 'static>(&self, read: EntryKind<R>) -> Entries<R> {
        Entries::new(&self.handle.client, self.handle.key.clone(), read)
    }

    /// Scans the names of all keys, with the prefix.
    pub(super) fn pages(&self) -> BoxStream<'static, Result<Vec<Bytes>>> {
        scan_entries(&self.handle.client, within(self.prefix(), None), PAGE)
    }
}
