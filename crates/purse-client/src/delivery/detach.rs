//! A future that continues in a task when it is dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::runtime::Handle;

use super::Deliveries;

/// An exchange with the server, which several tasks may poll.
pub(super) type SharedExchange = Shared<BoxFuture<'static, ()>>;
/// A reference to an exchange that does not keep it alive.
pub(super) type WeakExchange = WeakShared<BoxFuture<'static, ()>>;

/// A future that runs an exchange with the server in the caller. If it is dropped midway, a task on
/// the client's runtime runs the rest.
///
/// A task from the start would cost each pop two changes of thread.
pub(super) struct DetachOnDrop {
    exchange: Option<SharedExchange>,
    runtime: Handle,
}

impl DetachOnDrop {
    pub(super) fn new(client: &Deliveries, exchange: SharedExchange) -> Self {
        Self {
            exchange: Some(exchange),
            runtime: client.caller.runtime().clone(),
        }
    }
}

impl Future for DetachOnDrop {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(exchange) = &mut self.exchange {
            futures::ready!(exchange.poll_unpin(cx));
            self.exchange = None;
        }
        Poll::Ready(())
    }
}

impl Drop for DetachOnDrop {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            self.runtime.spawn(exchange);
        }
    }
}
