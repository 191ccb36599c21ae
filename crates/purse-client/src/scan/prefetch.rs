//! Pages, one of them ahead.

use std::future::ready;
use std::task::Poll;

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, poll, stream};

use crate::Result;

/// What `turn` gives at a place: what is there, and where to go on unless that was the last.
pub type PageResult<T, P> = Result<(T, Option<P>)>;

/// Where a stream of pages stands.
enum Next<T, P> {
    /// At its first page, which it has not asked for.
    First(P),
    /// At a later one, likewise.
    Asked(P),
    /// Where a page is on its way.
    Ahead(BoxFuture<'static, PageResult<T, P>>),
    End,
}

/// Streams what `turn` gives, from `start` on; ends after an error.
///
/// The next page is asked for when one has come, so that it is on its way while that one is used.
/// Only the second one is not: who takes no more than the first page has asked for no other.
/// Nothing is asked for once the stream is dropped.
pub fn prefetch_pages<T, P, F>(
    start: P,
    turn: impl Fn(P) -> F + Send + 'static,
) -> impl Stream<Item = Result<T>> + Send + 'static
where
    T: Send + 'static,
    P: Send + 'static,
    F: Future<Output = PageResult<T, P>> + Send + 'static,
{
    stream::try_unfold((Next::First(start), turn), |(next, turn)| async move {
        let (running, is_first) = match next {
            Next::First(place) => (turn(place).boxed(), true),
            Next::Asked(place) => (turn(place).boxed(), false),
            Next::Ahead(running) => (running, false),
            Next::End => return Ok(None),
        };
        let (page, place) = running.await?;
        let next = match place {
            None => Next::End,
            Some(place) if is_first => Next::Asked(place),
            Some(place) => {
                let mut running = turn(place).boxed();
                // The first poll sends what it asks.
                match poll!(&mut running) {
                    Poll::Ready(turn) => Next::Ahead(ready(turn).boxed()),
                    Poll::Pending => Next::Ahead(running),
                }
            }
        };
        Ok(Some((page, (next, turn))))
    })
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

    /// Polls again although nobody wakes it.
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
