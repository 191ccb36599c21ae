//! The stream over a list, from one end to the other, which requests pages ahead.
//!
//! A page is named by its index, which is known before the page ahead of it has arrived. Therefore
//! two pages are in flight. Each page reports the length of the list, so no page is requested behind
//! its end.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt, stream};
use purse_client::{Client, Command, ErrorKind, Reply, Result, Script};

use crate::bulk::start_op;
use crate::element_stream::{DecodeItem, Elements, LARGEST_PAGE, PAGE, of_key};

static LIST_PAGE: Script = Script::read("LRANGE", include_str!("../lua/list_page.lua"));

/// The number of pages in flight, from the second page on.
const MAX_IN_FLIGHT: usize = 2;

/// A stream over the elements of a list, from front to back or [reversed](Self::rev).
///
/// Each page takes one round trip: LRANGE and LLEN in a script. From the second page on, the next
/// two pages are requested while a page is read, so three pages are in memory. The stream sends
/// nothing once it is dropped.
///
/// The stream reads by index. If other clients add or remove elements meanwhile, the remaining
/// elements move, and the stream may return an element twice or not at all. An element that cannot
/// be decoded is an error that holds its bytes and names its index, and the stream continues. Any other error ends it.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use futures::TryStreamExt;
/// use purse::{Paged, RedisList};
///
/// let log: RedisList<String> = RedisList::new(&client, "log");
/// log.extend(["started", "worked", "stopped"]).await?;
/// let mut lines: Paged<String> = log.stream();
/// while let Some(line) = lines.try_next().await? {
///     println!("{line}");
/// }
/// # Ok(()) }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct Paged<R> {
    client: Client,
    key: Bytes,
    size: usize,
    from_back: bool,
    read: DecodeItem<R>,
    running: Option<Elements<R>>,
    /// The number of elements that were returned.
    returned: i64,
}

impl<R: Send + 'static> Paged<R> {
    pub(crate) fn new(client: &Client, key: Bytes, read: DecodeItem<R>) -> Self {
        Self {
            client: client.clone(),
            key,
            size: PAGE,
            from_back: false,
            read,
            running: None,
            returned: 0,
        }
    }

    /// Sets how many elements a page has, at most one million. Default: 256.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<u32> = RedisList::new(&client, "numbers");
    /// list.extend(0..10).await?;
    /// let all: Vec<u32> = list.stream().page_size(4).try_collect().await?;
    /// assert_eq!(all, (0..10).collect::<Vec<_>>());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "batch_size")]
    pub fn page_size(mut self, elements: usize) -> Self {
        self.size = elements.clamp(1, LARGEST_PAGE);
        self
    }

    /// Reverses the stream, so that it runs from back to front. It has no effect once an element was
    /// returned. A second call restores the order.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use futures::TryStreamExt;
    /// use purse::RedisList;
    ///
    /// let list: RedisList<u32> = RedisList::new(&client, "numbers");
    /// list.extend(0..10).await?;
    /// let mut latest = list.stream().rev();
    /// assert_eq!(latest.try_next().await?, Some(9));
    /// assert_eq!(latest.try_next().await?, Some(8));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "reversed")]
    pub fn rev(mut self) -> Self {
        if self.running.is_none() {
            self.from_back = !self.from_back;
        }
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
            from_back,
            read,
            running,
            returned,
        } = &mut *self;
        let start = || {
            let pages = list_pages(client.clone(), key.clone(), *size, *from_back);
            Elements::new(client, LIST_PAGE.name(), of_key(key.clone(), pages), *read)
        };
        let element = ready!(running.get_or_insert_with(start).poll_next_unpin(cx));
        let index = if *from_back {
            -1 - *returned
        } else {
            *returned
        };
        *returned += 1;
        Poll::Ready(element.map(|element| {
            element.map_err(|error| match error.kind() {
                ErrorKind::Decode => error.with_index(index),
                _ => error,
            })
        }))
    }
}

impl<R> fmt::Debug for Paged<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paged")
            .field("size", &self.size)
            .field("from_back", &self.from_back)
            .finish_non_exhaustive()
    }
}

/// The pages of a list, `size` elements each, from front to back or from back to front.
///
/// The index of a page is known before the page ahead of it has arrived, so two pages can be in
/// flight. Until the first page has arrived, no other page is requested, because the caller may not
/// want more. Each page contains the length of the list, so no page behind its end is requested.
pub(crate) fn list_pages(
    client: Client,
    key: Bytes,
    size: usize,
    from_back: bool,
) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
    let start = ListPager {
        client,
        key,
        size,
        from_back,
        next: 0,
        running: VecDeque::new(),
    };
    stream::try_unfold(Some(start), |pager| async move {
        match pager {
            Some(pager) => pager.next_page().await.map(Some),
            None => Ok(None),
        }
    })
}

struct ListPager {
    client: Client,
    key: Bytes,
    size: usize,
    from_back: bool,
    /// The number of elements in the pages that were requested.
    next: usize,
    running: VecDeque<BoxFuture<'static, Result<Reply>>>,
}

impl ListPager {
    /// Waits for a page. Returns the pager too, unless that was the last page.
    async fn next_page(mut self) -> Result<(Vec<Reply>, Option<Self>)> {
        if self.running.is_empty() {
            self.request_page().await;
        }
        let Some(page) = self.running.pop_front() else {
            return Ok((Vec::new(), None));
        };
        let [length, page] = page.await?.into_array()?;
        let length = length.into_count()?;
        let is_first = self.next == self.size;
        while !is_first && self.running.len() < MAX_IN_FLIGHT && self.is_within(length) {
            self.request_page().await;
        }
        let has_more = !self.running.is_empty() || self.is_within(length);
        let mut page = page.into_list()?;
        if self.from_back {
            page.reverse();
        }
        Ok((page, has_more.then_some(self)))
    }

    fn is_within(&self, length: u64) -> bool {
        u64::try_from(self.next).is_ok_and(|next| next < length)
    }

    /// Requests the next page.
    async fn request_page(&mut self) {
        let end = self.next + self.size;
        let command = Command::script(&LIST_PAGE).key(self.key.clone());
        let command = match self.from_back {
            // The server ignores the indices before the first element.
            true => command.arg(-(end as i64)).arg(-1 - self.next as i64),
            false => command.arg(self.next).arg(end - 1),
        };
        self.next = end;
        self.running
            .push_back(start_op(self.client.op(command, Ok)).await);
    }
}
