//! What the unit tests of the crate share.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Polls `future` once.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}
