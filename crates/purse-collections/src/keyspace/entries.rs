//! Streams over the keys of a key space, and over their values.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use purse_client::{Client, Error, Pattern, Reply, Result, is_internal_key, prefetch_pages};

use crate::bulk::by_slot;
use crate::conversion::ArgBuffer;
use crate::element_stream::{LARGEST_PAGE, PAGE};

/// Scans the names of keys, without those that purse keeps for itself.
pub(super) fn scan_entries(
    client: &Client,
    pattern: Pattern,
    size: usize,
) -> BoxStream<'static, Result<Vec<Bytes>>> {
    let pages = client.scan_keys(Some(pattern), size);
    let entries = pages.map_ok(|mut page| {
        page.retain(|name| !is_internal_key(name));
        page
    });
    entries.boxed()
}

/// The data from which an item of the stream is made, and the function that makes it.
pub(crate) enum EntryKind<R> {
    /// The key, without the prefix.
    Key(fn(Bytes) -> Result<R>),
    /// The key, without the prefix, and its value.
    Value(fn(Bytes, Reply) -> Result<R>),
}

/// A stream over the keys of a key space, or over their values.
///
/// Each page takes one round trip for the keys, and another one if the stream returns values. From
/// the second page on, the next page is requested while a page is read. At most two pages and the
/// keys of a third are then in memory. The stream sends nothing once it is dropped. The server
/// looks at all its keys, also those outside of the space, so pages may be small or empty. In a
/// cluster, one primary is scanned after the other.
///
/// The stream has the guarantees of the server's scan. A key that exists from start to end is
/// returned at least once. A key that is added or removed meanwhile may or may not be returned, and
/// a key may be returned twice. A key that moves to another primary of a cluster meanwhile may be
/// missed. If the server that is being scanned restarts or fails over, the stream ends with
/// [`ScanInvalidated`](purse_client::ErrorKind::ScanInvalidated). An item that cannot be decoded is
/// an error that holds its bytes and names the key, and the stream continues. Any other error ends
/// it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use futures::TryStreamExt;
/// use purse::{Entries, RedisKeySpace};
///
/// let sessions: RedisKeySpace<u32> = RedisKeySpace::new(&client, "session:");
/// sessions.extend([("17", 1), ("18", 2)]).await?;
/// let mut entries: Entries<(String, u32)> = sessions.items();
/// let mut sum = 0;
/// while let Some((_, value)) = entries.try_next().await? {
///     sum += value;
/// }
/// assert_eq!(sum, 3);
/// # Ok(()) }
/// ```
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

    /// Limits the stream to keys that match `pattern`, or to their values. The server does the
    /// filtering. The pattern is matched against the key without the space's prefix; `*` and similar
    /// characters in that prefix stand for themselves.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::{Pattern, RedisKeySpace};
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.extend([("user:1", 1), ("job:1", 2)]).await?;
    /// let users = app.keys().matching(Pattern::prefix("user:"));
    /// assert_eq!(users.try_collect::<Vec<_>>().await?, ["user:1"]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MATCH")]
    pub fn matching(mut self, pattern: Pattern) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// Sets how many keys the server looks at for a page, at most one million. It is a hint.
    /// Default: 256.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisKeySpace;
    ///
    /// let app: RedisKeySpace<u32> = RedisKeySpace::new(&client, "app:");
    /// app.extend((0..100).map(|n| (n.to_string(), n))).await?;
    /// let all: Vec<u32> = app.values().page_size(1000).try_collect().await?;
    /// assert_eq!(all.len(), 100);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "COUNT")]
    #[doc(alias = "batch_hint")]
    pub fn page_size(mut self, keys: usize) -> Self {
        self.size = keys.clamp(1, LARGEST_PAGE);
        self
    }

    fn start(&self) -> BoxStream<'static, Result<R>> {
        let pattern = within(&self.prefix, self.pattern.as_ref());
        let keys = scan_entries(&self.client, pattern, self.size);
        let (client, prefix, read) = (self.client.clone(), self.prefix.len(), self.read);
        let pages = prefetch_pages(keys, move |mut keys| {
            let client = client.clone();
            async move {
                let Some(names) = keys.try_next().await? else {
                    return Ok((Vec::new(), None));
                };
                let page = match read {
                    EntryKind::Key(read) => {
                        let keys = names.iter().map(|name| {
                            let key = read(name.slice(prefix..));
                            key.map_err(|error| about(&client, "SCAN", name, error))
                        });
                        keys.collect()
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

/// Returns the pattern of a space's keys, or of those keys that match `pattern`.
pub(crate) fn within(prefix: &[u8], pattern: Option<&Pattern>) -> Pattern {
    pattern.map_or_else(|| Pattern::prefix(prefix), |pattern| pattern.after(prefix))
}

/// Reads the values of a page of `names`. Leaves out keys that were removed meanwhile or do not
/// hold a string.
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
        .filter_map(|(name, value)| {
            let entry = read(name.slice(prefix..), value?);
            Some(entry.map_err(|error| about(client, "MGET", name, error)))
        })
        .collect())
}

/// Adds to an error the command, the key and the server. The key is copied, because it is a part of
/// the whole page.
fn about(client: &Client, command: &'static str, name: &Bytes, error: Error) -> Error {
    error
        .with_command(command, Some(Bytes::copy_from_slice(name)))
        .with_server(client.server().into())
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
