//! A future that continues in a task when it is dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Deliveries;
use super::pop_exchange::{Outcome, PopExchange};
use super::runtime_ended_error;

/// A future that runs a [`PopExchange`] in the caller. If it is dropped midway, a task on the
/// client's runtime runs the rest.
///
/// A task from the start would cost each pop two changes of thread.
pub(super) struct DetachOnDrop {
    attempt: Option<BoxFuture<'static, ()>>,
    is_begun: bool,
    outcome: oneshot::Receiver<Outcome>,
    runtime: Handle,
}

impl DetachOnDrop {
    pub(super) fn new(client: &Deliveries, attempt: PopExchange) -> Self {
        let (sender, outcome) = oneshot::channel();
        let runtime = client.caller.runtime().clone();
        let attempt = Some(attempt.run(sender).boxed());
        Self {
            attempt,
            is_begun: false,
            outcome,
            runtime,
        }
    }
}

impl Future for DetachOnDrop {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.is_begun = true;
        if let Some(attempt) = &mut self.attempt
            && attempt.poll_unpin(cx).is_ready()
        {
            self.attempt = None;
        }
        let outcome = self.outcome.poll_unpin(cx);
        outcome.map(|outcome| outcome.unwrap_or_else(|_| Err(runtime_ended_error())))
    }
}

impl Drop for DetachOnDrop {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take()
            && self.is_begun
        {
            self.runtime.spawn(attempt);
        }
    }
}
