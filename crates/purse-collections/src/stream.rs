//! Streams over collections: pages fetched when they are asked for, elements decoded one by one.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use purse_client::{Client, Command, Pattern, Reply, Result, Scan, pages};

/// Elements a page, unless the caller says otherwise.
pub(crate) const PAGE: usize = 256;
pub(crate) const LARGEST_PAGE: usize = 1_000_000;

/// How a page becomes elements; one that cannot be decoded is an error among the others.
pub(crate) type Read<R> = fn(Vec<Reply>) -> Vec<Result<R>>;

/// A stream over the elements of a hash, set or sorted set by a cursor scan.
///
/// One round trip a page, and one more at the end if there was more than one. From the second page
/// on the next one is on its way while a page is read, so that two are in memory; nothing is sent
/// once the stream is dropped. The guarantees are the server's: what is there from start to end is
/// seen at least once; what comes, goes or changes meanwhile may be seen or not, and an element may
/// be seen twice. Where the server was started anew or failed over meanwhile, that cannot be
/// promised, and the stream ends with [`Interrupted`](purse_client::ErrorKind::Interrupted). An
/// element that cannot be decoded is an error that holds its bytes, and the stream goes on; any
/// other error ends it.
#[must_use = "a stream does nothing until it is polled"]
pub struct Scanned<R> {
    client: Client,
    scan: Scan,
    read: Read<R>,
    running: Option<BoxStream<'static, Result<R>>>,
}

impl<R: Send + 'static> Scanned<R> {
    pub(crate) fn new(client: &Client, scan: Scan, read: Read<R>) -> Self {
        Self {
            client: client.clone(),
            scan: scan.count(PAGE),
            read,
            running: None,
        }
    }

    /// Lets the server leave out what does not match: hash fields by their key, members by
    /// themselves, as the codec writes them.
    pub fn matching(mut self, pattern: Pattern) -> Self {
        self.scan = self.scan.matching(Some(pattern));
        self
    }

    /// How many elements the server looks at for a page, a million at most; a hint. Default: 256.
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
            scan,
            read,
            running,
        } = &mut *self;
        let start = || elements(client.scan(scan.clone()), *read);
        running.get_or_insert_with(start).poll_next_unpin(cx)
    }
}

/// A stream over the elements of a list, from front to back.
///
/// One round trip (LRANGE) a page. From the second page on the next one is on its way while a page
/// is read, so that two are in memory; nothing is sent once the stream is dropped. It goes by
/// index: an element pushed to or popped from the front meanwhile shifts the others, so that one
/// may be seen twice or not at all. An element that cannot be decoded is an error that holds its
/// bytes, and the stream goes on; any other error ends it.
#[must_use = "a stream does nothing until it is polled"]
pub struct Paged<R> {
    client: Client,
    key: Bytes,
    size: usize,
    read: Read<R>,
    running: Option<BoxStream<'static, Result<R>>>,
}

impl<R: Send + 'static> Paged<R> {
    pub(crate) fn new(client: &Client, key: Bytes, read: Read<R>) -> Self {
        Self {
            client: client.clone(),
            key,
            size: PAGE,
            read,
            running: None,
        }
    }

    /// How many elements a page has, a million at most. Default: 256.
    pub fn page_size(mut self, elements: usize) -> Self {
        self.size = elements.clamp(1, LARGEST_PAGE);
        self
    }
}

impl<R: Send + 'static> Stream for Paged<R> {
    type Item = Result<R>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self {
            client,
            key,
            size,
            read,
            running,
        } = &mut *self;
        let start = || elements(slices(client.clone(), key.clone(), *size), *read);
        running.get_or_insert_with(start).poll_next_unpin(cx)
    }
}

fn slices(
    client: Client,
    key: Bytes,
    size: usize,
) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
    pages(0_usize, move |first| {
        let (client, key) = (client.clone(), key.clone());
        async move {
            let slice = Command::read("LRANGE")
                .key(key)
                .arg(first)
                .arg(first + size - 1);
            let page = client.run(slice).await?.into_list()?;
            let next = (page.len() == size).then_some(first + size);
            Ok((page, next))
        }
    })
}

pub(crate) fn elements<R: Send + 'static>(
    pages: impl Stream<Item = Result<Vec<Reply>>> + Send + 'static,
    read: Read<R>,
) -> BoxStream<'static, Result<R>> {
    pages
        .flat_map(move |page| stream::iter(page.map_or_else(|error| vec![Err(error)], read)))
        .boxed()
}

/// Reads a page of single elements.
pub(crate) fn each<R>(page: Vec<Reply>, read: fn(Reply) -> Result<R>) -> Vec<Result<R>> {
    page.into_iter().map(read).collect()
}

/// Reads a page of pairs: first, second, first, second.
pub(crate) fn each_pair<R>(
    page: Vec<Reply>,
    read: fn(Reply, Reply) -> Result<R>,
) -> Vec<Result<R>> {
    let mut items = page.into_iter();
    let mut pairs = Vec::with_capacity(items.len() / 2);
    while let (Some(first), Some(second)) = (items.next(), items.next()) {
        pairs.push(read(first, second));
    }
    pairs
}

impl<R> fmt::Debug for Scanned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanned")
            .field("scan", &self.scan)
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for Paged<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paged")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
