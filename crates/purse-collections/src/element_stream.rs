//! Streams over collections: they fetch pages on demand and decode the elements one by one.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use purse_client::{Client, Pattern, Reply, Result, Scan};

use crate::handle::Handle;

/// The default number of elements of a page.
pub(crate) const PAGE: usize = 256;
pub(crate) const LARGEST_PAGE: usize = 1_000_000;

/// The rest of a page.
pub(crate) type Page = vec::IntoIter<Reply>;

/// A function that decodes the next element of a page. An element that cannot be decoded is an
/// error among the other elements.
pub(crate) type DecodeItem<R> = fn(&mut Page) -> Option<Result<R>>;

/// A stream over the elements of a hash, set or sorted set, by a cursor scan.
///
/// Each page takes one round trip. If there is more than one page, one further round trip detects
/// the end. From the second page on, the next page is requested while a page is read, so two pages
/// are in memory. The stream sends nothing once it is dropped.
///
/// The stream has the guarantees of the server's scan. An element that exists from start to end is
/// returned at least once. An element that is added, removed or changed meanwhile may or may not be
/// returned, and an element may be returned twice. If the server restarts or fails over meanwhile,
/// these guarantees do not hold, and the stream ends with
/// [`ScanInvalidated`](purse_client::ErrorKind::ScanInvalidated). An element that cannot be decoded
/// is an error that holds its bytes and names the key, and of a hash the field; the stream
/// continues. Any other error ends it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use futures::TryStreamExt;
/// use purse::{RedisHash, Scanned};
///
/// let ages: RedisHash<String, u32> = RedisHash::new(&client, "ages");
/// ages.extend([("Ada", 36), ("Bob", 20)]).await?;
/// let mut entries: Scanned<(String, u32)> = ages.iter();
/// let mut sum = 0;
/// while let Some((_, age)) = entries.try_next().await? {
///     sum += age;
/// }
/// assert_eq!(sum, 56);
/// # Ok(()) }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct Scanned<R> {
    client: Client,
    command: &'static str,
    key: Bytes,
    scan: Scan,
    read: DecodeItem<R>,
    running: Option<Elements<R>>,
}

impl<R: Send + 'static> Scanned<R> {
    /// Creates the stream of the elements of `handle`, by HSCAN, SSCAN or ZSCAN.
    pub(crate) fn new<M>(handle: &Handle<M>, command: &'static str, read: DecodeItem<R>) -> Self {
        Self {
            client: handle.client.clone(),
            command,
            key: handle.key.clone(),
            scan: Scan::new(command, handle.key.clone()).count(PAGE),
            read,
            running: None,
        }
    }

    /// Returns only what matches `pattern`; the server filters. For a hash, the pattern is compared
    /// with the encoded key of each entry; for other collections, with the encoded element.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::{Pattern, RedisSet};
    ///
    /// let fruit: RedisSet<String> = RedisSet::new(&client, "fruit");
    /// fruit.extend(["apple", "apricot", "pear"]).await?;
    /// let scan = fruit.stream().matching(Pattern::prefix("ap"));
    /// assert_eq!(scan.try_collect::<Vec<_>>().await?.len(), 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MATCH")]
    pub fn matching(mut self, pattern: Pattern) -> Self {
        self.scan = self.scan.matching(Some(pattern));
        self
    }

    /// Sets how many elements the server looks at for a page, at most one million. It is a hint.
    /// Default: 256.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisSet;
    ///
    /// let numbers: RedisSet<u32> = RedisSet::new(&client, "numbers");
    /// numbers.extend(0..1000).await?;
    /// let all: Vec<u32> = numbers.stream().page_size(500).try_collect().await?;
    /// assert_eq!(all.len(), 1000);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "COUNT")]
    #[doc(alias = "batch_hint")]
    pub fn page_size(mut self, elements: usize) -> Self {
        self.scan = self.scan.count(elements.min(LARGEST_PAGE));
        self
    }
}

impl<R: Send + 'static> Stream for Scanned<R> {
    type Item = Result<R>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self {
            client,
            command,
            key,
            scan,
            read,
            running,
        } = &mut *self;
        let start = || {
            let pages = of_key(key.clone(), client.scan(scan.clone()));
            Elements::new(client, command, pages, *read)
        };
        running.get_or_insert_with(start).poll_next_unpin(cx)
    }
}

/// A page, and the key that it is from.
pub(crate) type KeyPage = (Bytes, Vec<Reply>);

/// Adds to each page the key that it is from.
pub(crate) fn of_key(
    key: Bytes,
    pages: impl Stream<Item = Result<Vec<Reply>>> + Send + 'static,
) -> impl Stream<Item = Result<KeyPage>> + Send + 'static {
    pages.map(move |page| page.map(|page| (key.clone(), page)))
}

/// A stream over the elements of pages.
pub(crate) struct Elements<R> {
    command: &'static str,
    server: Arc<str>,
    pages: BoxStream<'static, Result<KeyPage>>,
    /// The key of the current page.
    key: Bytes,
    page: Page,
    read: DecodeItem<R>,
}

impl<R> Elements<R> {
    /// Creates the stream of the elements of `pages`, which `command` reads.
    pub(crate) fn new(
        client: &Client,
        command: &'static str,
        pages: impl Stream<Item = Result<KeyPage>> + Send + 'static,
        read: DecodeItem<R>,
    ) -> Self {
        Self {
            command,
            server: client.server().into(),
            pages: pages.boxed(),
            key: Bytes::new(),
            page: Vec::new().into_iter(),
            read,
        }
    }
}

impl<R> Stream for Elements<R> {
    type Item = Result<R>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let read = self.read;
            if let Some(element) = read(&mut self.page) {
                return Poll::Ready(Some(element.map_err(|error| {
                    error
                        .with_command(self.command, Some(self.key.clone()))
                        .with_server(self.server.clone())
                })));
            }
            match ready!(self.pages.poll_next_unpin(cx)) {
                Some(Ok((key, page))) => {
                    self.key = key;
                    self.page = page.into_iter();
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Decodes an element that is one reply.
pub(crate) fn next<R>(page: &mut Page, read: fn(Reply) -> Result<R>) -> Option<Result<R>> {
    page.next().map(read)
}

/// Decodes an element that is two replies.
pub(crate) fn next_pair<R>(
    page: &mut Page,
    read: fn(Reply, Reply) -> Result<R>,
) -> Option<Result<R>> {
    let (first, second) = (page.next()?, page.next()?);
    Some(read(first, second))
}

impl<R> fmt::Debug for Scanned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanned")
            .field("scan", &self.scan)
            .finish_non_exhaustive()
    }
}
