//! Streams over the keys of a key space, and over what they hold.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use purse_client::{Client, Pattern, Reply, Result, prefetch_pages};

use crate::bulk::by_slot;
use crate::encode::ArgBuffer;
use crate::stream::{LARGEST_PAGE, PAGE};

/// SetOperation a key, without the prefix, becomes an item of the stream.
pub(crate) enum EntryKind<R> {
    /// By itself.
    Key(fn(Bytes) -> Result<R>),
    /// With its value.
    Value(fn(Bytes, Reply) -> Result<R>),
}

/// A stream over the keys of a key space, or over their values.
///
/// One round trip a page, and one more for the values of all its keys. From the second page on the
/// next one is on its way while a page is read, so that two are in memory, and the names of a
/// third; nothing is sent once the stream is dropped. The server looks at all its keys, those
/// outside the space too, so that pages may be small or empty. In a cluster one primary is scanned
/// after the other.
///
/// The guarantees are the server's: a key that is there from start to end is seen at least once;
/// one that comes or goes meanwhile may be seen or not, and a key may be seen twice. A key that
/// moves to another primary of a cluster meanwhile may be missed. Where a server that is just being
/// scanned was started anew or failed over, the stream ends with
/// [`Interrupted`](purse_client::ErrorKind::Interrupted). An item that cannot be decoded is
/// an error that holds its bytes, and the stream goes on; any other error ends it.
#[must_use = "a stream does nothing until it is polled"]
pub struct Entries<R> {
    client: Client,
    prefix: Bytes,
    pattern: Option<Pattern>,
    size: usize,
    read: EntryKind<R>,
    running: Option<BoxStream<'static, Result<R>>>,
}

impl<R: Send + 'static> Entries<R> {
    pub(crate) fn new(client: &Client, prefix: Bytes, read: EntryKind<R>) -> Self {
        Self {
            client: client.clone(),
            prefix,
            pattern: None,
            size: PAGE,
            read,
            running: None,
        }
    }

    /// Lets the server leave out keys that do not match. The pattern stands for what follows the
    /// prefix of the space, which is always taken literally.
    pub fn matching(mut self, pattern: Pattern) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// SetOperation many keys the server looks at for a page, a million at most; a hint. Default: 256.
    #[doc(alias = "batch_hint")]
    pub fn page_size(mut self, keys: usize) -> Self {
        self.size = keys.clamp(1, LARGEST_PAGE);
        self
    }

    fn start(&self) -> BoxStream<'static, Result<R>> {
        let pattern = within(&self.prefix, self.pattern.as_ref());
        let keys = self.client.scan_keys(Some(pattern), self.size).boxed();
        let (client, prefix, read) = (self.client.clone(), self.prefix.len(), self.read);
        let pages = prefetch_pages(keys, move |mut keys| {
            let client = client.clone();
            async move {
                let Some(names) = keys.try_next().await? else {
                    return Ok((Vec::new(), None));
                };
                let page = match read {
                    EntryKind::Key(read) => {
                        let keys = names.iter().map(|name| name.slice(prefix..));
                        keys.map(read).collect()
                    }
                    EntryKind::Value(read) => values(&client, prefix, names, read).await?,
                };
                Ok((page, Some(keys)))
            }
        });
        let items = |page: Result<Vec<_>>| page.unwrap_or_else(|error| vec![Err(error)]);
        pages
            .flat_map(move |page| stream::iter(items(page)))
            .boxed()
    }
}

/// The pattern of a space's keys; of all of them without a pattern of its own.
pub(crate) fn within(prefix: &[u8], pattern: Option<&Pattern>) -> Pattern {
    pattern.map_or_else(|| Pattern::prefix(prefix), |pattern| pattern.after(prefix))
}

/// Reads the page of `names`; a key that went meanwhile, or holds no string, is left out.
async fn values<R>(
    client: &Client,
    prefix: usize,
    names: Vec<Bytes>,
    read: fn(Bytes, Reply) -> Result<R>,
) -> Result<Vec<Result<R>>> {
    let write = |name: &Bytes, arguments: &mut ArgBuffer| arguments.append(name.clone());
    let values = by_slot::get_values(client, names.iter(), write, Ok).await?;
    let entries = names.iter().zip(values);
    Ok(entries
        .filter_map(|(name, value)| Some(read(name.slice(prefix..), value?)))
        .collect())
}

impl<R: Send + 'static> Stream for Entries<R> {
    type Item = Result<R>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.running.is_none() {
            self.running = Some(self.start());
        }
        match &mut self.running {
            Some(running) => running.poll_next_unpin(cx),
            None => Poll::Ready(None),
        }
    }
}

impl<R> Clone for EntryKind<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for EntryKind<R> {}

impl<R> fmt::Debug for Entries<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("prefix", &self.prefix)
            .field("pattern", &self.pattern)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
