//! Streams of pages, one of which is requested ahead.

use std::future::ready;
use std::task::Poll;

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, poll, stream};

use crate::Result;

/// A page, and the position of the next one unless it was the last.
///
/// # Examples
/// ```
/// use purse::PageResult;
///
/// /// Numbers in pages of a hundred; the position is the first number of a page.
/// fn page(first: u32) -> PageResult<Vec<u32>, u32> {
///     let next = first + 100;
///     Ok(((first..next).collect(), (next < 1_000).then_some(next)))
/// }
/// assert_eq!(page(900).unwrap().1, None);
/// ```
pub type PageResult<T, P> = Result<(T, Option<P>)>;

/// The state of a stream of pages.
enum NextPage<T, P> {
    /// The first page was not requested yet.
    First(P),
    /// The next page was not requested yet.
    OnDemand(P),
    /// The next page is in flight.
    InFlight(BoxFuture<'static, PageResult<T, P>>),
    End,
}

/// Streams the pages that `turn` returns, from the position `start` on. Ends after an error.
///
/// When a page has arrived, the next one is requested, so that it is in flight while the page is
/// used. The second page is an exception: it is requested when it is polled for, because a caller
/// may need the first page only. Nothing is requested once the stream is dropped.
///
/// # Examples
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use futures::TryStreamExt;
/// use purse::prefetch_pages;
///
/// let pages = prefetch_pages(1, |page| async move { Ok((page, (page < 3).then_some(page + 1))) });
/// assert_eq!(pages.try_collect::<Vec<_>>().await?, [1, 2, 3]);
/// # Ok::<_, purse::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn prefetch_pages<T, P, F>(
    start: P,
    turn: impl Fn(P) -> F + Send + 'static,
) -> impl Stream<Item = Result<T>> + Send + Unpin + 'static
where
    T: Send + 'static,
    P: Send + 'static,
    F: Future<Output = PageResult<T, P>> + Send + 'static,
{
    let pages = stream::try_unfold((NextPage::First(start), turn), |(next, turn)| async move {
        let (running, is_first) = match next {
            NextPage::First(place) => (turn(place).boxed(), true),
            NextPage::OnDemand(place) => (turn(place).boxed(), false),
            NextPage::InFlight(running) => (running, false),
            NextPage::End => return Ok(None),
        };
        let (page, place) = running.await?;
        let next = match place {
            None => NextPage::End,
            Some(place) if is_first => NextPage::OnDemand(place),
            Some(place) => {
                let mut running = turn(place).boxed();
                // The first poll sends what it asks.
                match poll!(&mut running) {
                    Poll::Ready(turn) => NextPage::InFlight(ready(turn).boxed()),
                    Poll::Pending => NextPage::InFlight(running),
                }
            }
        };
        Ok(Some((page, (next, turn))))
    });
    Box::pin(pages)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::TryStreamExt;
    use futures::executor::block_on;

    use super::*;
    use crate::{Error, ErrorKind};

    /// Counts what is asked for, and gives the numbers up to `last`; no page comes at the first
    /// poll.
    fn numbers(last: u32, asked: &Arc<AtomicU32>) -> impl Stream<Item = Result<u32>> + use<> {
        let asked = asked.clone();
        prefetch_pages(1, move |n| {
            let asked = asked.clone();
            async move {
                asked.fetch_add(1, Ordering::Relaxed);
                futures::pending!();
                match n {
                    13 => Err(Error::new(ErrorKind::Timeout, "no page")),
                    n => Ok((n, (n < last).then_some(n + 1))),
                }
            }
        })
    }

    /// Polls again although it is not woken.
    async fn next(stream: &mut (impl Stream<Item = Result<u32>> + Unpin)) -> Result<Option<u32>> {
        let mut next = stream.try_next();
        loop {
            if let Poll::Ready(page) = poll!(&mut next) {
                return page;
            }
        }
    }

    #[test]
    fn all_pages_come_in_their_order_once() {
        for last in 1..6 {
            let asked = Arc::default();
            let mut stream = Box::pin(numbers(last, &asked));
            for n in 1..=last {
                assert_eq!(block_on(next(&mut stream)).expect("a page"), Some(n));
            }
            assert_eq!(block_on(next(&mut stream)).expect("the end"), None);
            assert_eq!(asked.load(Ordering::Relaxed), last);
        }
    }

    #[test]
    fn one_page_is_asked_for_ahead_from_the_second_on() {
        let asked = Arc::default();
        let mut stream = Box::pin(numbers(9, &asked));
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        for (page, so_far) in [(1, 1), (2, 3), (3, 4), (4, 5)] {
            assert_eq!(block_on(next(&mut stream)).expect("a page"), Some(page));
            assert_eq!(asked.load(Ordering::Relaxed), so_far, "after page {page}");
        }
        drop(stream);
        assert_eq!(asked.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn an_error_comes_after_the_pages_before_it_and_ends_the_stream() {
        let asked = Arc::default();
        let mut stream = Box::pin(numbers(20, &asked));
        for n in 1..13 {
            assert_eq!(block_on(next(&mut stream)).expect("a page"), Some(n));
        }
        assert!(block_on(next(&mut stream)).is_err());
        assert_eq!(block_on(next(&mut stream)).expect("the end"), None);
        assert_eq!(asked.load(Ordering::Relaxed), 13);
    }
}
