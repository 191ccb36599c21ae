//! Streams over collections: pages fetched when they are asked for, elements decoded one by one.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use purse_client::{Client, Pattern, Reply, Result, Scan};

/// Elements a page, unless the caller says otherwise.
pub(crate) const PAGE: usize = 256;
pub(crate) const LARGEST_PAGE: usize = 1_000_000;

/// What is left of a page.
pub(crate) type Page = vec::IntoIter<Reply>;

/// SetOperation the next element of a page is read; one that cannot be decoded is an error among the others.
pub(crate) type DecodeItem<R> = fn(&mut Page) -> Option<Result<R>>;

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
    read: DecodeItem<R>,
    running: Option<Elements<R>>,
}

impl<R: Send + 'static> Scanned<R> {
    pub(crate) fn new(client: &Client, scan: Scan, read: DecodeItem<R>) -> Self {
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

    /// SetOperation many elements the server looks at for a page, a million at most; a hint. Default: 256.
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
        let start = || Elements::new(client.scan(scan.clone()), *read);
        running.get_or_insert_with(start).poll_next_unpin(cx)
    }
}

/// The elements of pages.
pub(crate) struct Elements<R> {
    pages: BoxStream<'static, Result<Vec<Reply>>>,
    page: Page,
    read: DecodeItem<R>,
}

impl<R> Elements<R> {
    pub(crate) fn new(
        pages: impl Stream<Item = Result<Vec<Reply>>> + Send + 'static,
        read: DecodeItem<R>,
    ) -> Self {
        Self {
            pages: pages.boxed(),
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
                return Poll::Ready(Some(element));
            }
            match ready!(self.pages.poll_next_unpin(cx)) {
                Some(Ok(page)) => self.page = page.into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Reads a single element.
pub(crate) fn next<R>(page: &mut Page, read: fn(Reply) -> Result<R>) -> Option<Result<R>> {
    page.next().map(read)
}

/// Reads an element that is a pair.
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
