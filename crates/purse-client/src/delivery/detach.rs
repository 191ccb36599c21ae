//! A future that continues in a task when it is dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;

use super::Deliveries;

/// A future that runs an exchange with the server in the caller. If it is dropped midway, a task on
/// the client's runtime runs the rest.
///
/// A task from the start would cost each pop two changes of thread.
pub(super) struct DetachOnDrop {
    exchange: Option<BoxFuture<'static, ()>>,
    is_begun: bool,
    runtime: Handle,
}

impl DetachOnDrop {
    pub(super) fn new(
        client: &Deliveries,
        exchange: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self {
            exchange: Some(exchange.boxed()),
            is_begun: false,
            runtime: client.caller.runtime().clone(),
        }
    }
}

impl Future for DetachOnDrop {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.is_begun = true;
        if let Some(exchange) = &mut self.exchange {
            futures::ready!(exchange.poll_unpin(cx));
            self.exchange = None;
        }
        Poll::Ready(())
    }
}

impl Drop for DetachOnDrop {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take()
            && self.is_begun
        {
            self.runtime.spawn(exchange);
        }
    }
}
