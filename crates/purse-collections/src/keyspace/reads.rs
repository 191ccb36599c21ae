//! What reads a key space.

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use purse_client::{Command, Op, Result};
use purse_codec::Codec;

use super::entries::{Entries, EntryKind, within};
use super::{RedisKeySpace, text};
use crate::bulk::by_slot;
use crate::encode::ArgBuffer;
use crate::encode::{decode, decode_option};

/// Keys that the server looks at for one page where only names are wanted.
const PAGE: usize = 1_024;

impl<T: Send + 'static, C: Codec<T>> RedisKeySpace<T, C> {
    /// The value of `key`.
    ///
    /// `GET`, O(1). One round trip, atomic.
    ///
    /// # Errors
    /// `Decode`, holding the bytes; else [those of a read](crate#errors).
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub fn get(&self, key: impl AsRef<[u8]>) -> Op<Option<T>> {
        self.op(key, Ok, Command::read("GET"), decode_option::<T, C>)
    }

    /// The values of many keys, in the order of the keys. A key that holds no string counts as
    /// absent, since the server does not tell.
    ///
    /// `MGET`, O(n) for n keys; nothing for none. One round trip, atomic, for up to 1024 keys;
    /// beyond that a command for each such chunk, two of them at a time. In a cluster a command for
    /// each slot of a chunk, all of them at once.
    ///
    /// # Errors
    /// `Decode`, holding the first bytes that fail; else [those of a read](crate#errors), without
    /// `WrongType`.
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    #[doc(alias = "MGET")]
    pub async fn get_many<I>(&self, keys: I) -> Result<Vec<Option<T>>>
    where
        I: IntoIterator<Item: AsRef<[u8]>, IntoIter: Send>,
    {
        let write = |key, arguments: &mut ArgBuffer| self.put_name(key, arguments);
        by_slot::get_values(&self.0.client, keys.into_iter(), write, decode::<T, C>).await
    }

    /// The number of keys, counted one by one; a key that is seen twice is counted twice.
    ///
    /// `SCAN`, O(n) for all n keys of the server, in and outside of the space: a round trip for
    /// every 1024 of them. Not atomic: it has [the guarantees of a scan](Entries).
    ///
    /// # Errors
    /// [Those of a read](crate#errors), without `WrongType`.
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub async fn len(&self) -> Result<u64> {
        let mut pages = self.pages();
        let mut keys = 0;
        while let Some(page) = pages.try_next().await? {
            keys += page.len() as u64;
        }
        Ok(keys)
    }

    /// Whether there is no key.
    ///
    /// `SCAN` until there is one, up to O(n) for all n keys of the server, in and outside of the
    /// space: a round trip for every 1024 of them. Not atomic: it has [the guarantees of a
    /// scan](Entries).
    ///
    /// # Errors
    /// [Those of a read](crate#errors), without `WrongType`.
    ///
    /// # Cancel safety
    /// [As every read](crate#cancel-safety).
    pub async fn is_empty(&self) -> Result<bool> {
        let mut pages = self.pages();
        while let Some(page) = pages.try_next().await? {
            if !page.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Streams the entries, a page in memory at a time. Keys that hold no string are left out, and
    /// so are those that go meanwhile.
    ///
    /// `SCAN`, O(n), one round trip for a page of about n = 256 keys of the server
    /// ([`Entries::page_size`]), and `MGET` over those that match ([`Entries::matching`]), another
    /// one. Each command is atomic; the whole gives [the guarantees of a scan](Entries).
    ///
    /// # Errors
    /// Each entry may be a `Decode` error, holding the bytes of its value, or of its key if that is
    /// not UTF-8, after which the stream goes on; [those of a read](crate#errors), without
    /// `WrongType`, end it.
    ///
    /// # Cancel safety
    /// It can be dropped at any point; nothing runs after that.
    #[doc(alias = "iter")]
    pub fn items(&self) -> Entries<(String, T)> {
        self.entries(EntryKind::Value(|key, value| {
            Ok((text(key)?, decode::<T, C>(value)?))
        }))
    }

    /// Streams the values, as [`items`](Self::items) does the entries; of all keys, UTF-8 or not.
    ///
    /// `SCAN` and `MGET`, O(n), two round trips for a page of about n = 256 keys of the server.
    /// Each command is atomic; the whole gives [the guarantees of a scan](Entries).
    ///
    /// # Errors
    /// As [`items`](Self::items).
    ///
    /// # Cancel safety
    /// It can be dropped at any point; nothing runs after that.
    pub fn values(&self) -> Entries<T> {
        self.entries(EntryKind::Value(|_, value| decode::<T, C>(value)))
    }

    /// Streams the keys, without the prefix, whatever they hold.
    ///
    /// `SCAN`, O(n), one round trip for a page of about n = 256 keys of the server
    /// ([`Entries::page_size`]), of the keys that match ([`Entries::matching`]). Each page is
    /// atomic; the whole gives [the guarantees of a scan](Entries).
    ///
    /// # Errors
    /// A key that is not UTF-8 is a `Decode` error that holds its bytes, after which the stream
    /// goes on; [those of a read](crate#errors), without `WrongType`, end it.
    ///
    /// # Cancel safety
    /// It can be dropped at any point; nothing runs after that.
    #[doc(alias = "SCAN")]
    #[doc(alias = "KEYS")]
    pub fn keys(&self) -> Entries<String> {
        self.entries(EntryKind::Key(text))
    }

    /// Streams the keys as [`keys`](Self::keys) does, as the bytes that they are.
    ///
    /// `SCAN`, O(n), one round trip for a page of about n = 256 keys of the server. Each page is
    /// atomic; the whole gives [the guarantees of a scan](Entries).
    ///
    /// # Errors
    /// [Those of a read](crate#errors), without `WrongType`; they end the stream.
    ///
    /// # Cancel safety
    /// It can be dropped at any point; nothing runs after that.
    pub fn raw_keys(&self) -> Entries<Bytes> {
        // A copy, since the key is a part of the whole page.
        self.entries(EntryKind::Key(|key| Ok(Bytes::copy_from_slice(&key))))
    }

    fn entries<R: Send + 'static>(&self, read: EntryKind<R>) -> Entries<R> {
        Entries::new(&self.0.client, self.0.key.clone(), read)
    }

    /// The names of all keys, with the prefix.
    pub(super) fn pages(&self) -> BoxStream<'static, Result<Vec<Bytes>>> {
        let pattern = within(self.prefix(), None);
        self.0.client.scan_keys(Some(pattern), PAGE).boxed()
    }
}
