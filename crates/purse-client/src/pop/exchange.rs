//! An exchange with the server that goes on without whoever waits for it.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::ask::{Ask, Outcome};
use super::runtime_ended;
use crate::Client;

/// Runs an [`Ask`]; dropped midway, a task runs the rest of it.
///
/// A task from the start would cost each pop two changes of thread. It is there from the start only
/// where the caller is on another runtime than the client's: with that one the timers of what is
/// under way would end.
pub(super) struct Exchange {
    ask: Option<BoxFuture<'static, ()>>,
    is_begun: bool,
    outcome: oneshot::Receiver<Outcome>,
    runtime: Handle,
}

impl Exchange {
    pub(super) fn new(client: &Client, ask: Ask) -> Self {
        let (sender, outcome) = oneshot::channel();
        let runtime = client.runtime().clone();
        let mut ask = Some(ask.run(sender).boxed());
        let is_at_home = Handle::try_current().is_ok_and(|here| here.id() == runtime.id());
        if !is_at_home && let Some(ask) = ask.take() {
            runtime.spawn(ask);
        }
        Self {
            ask,
            is_begun: false,
            outcome,
            runtime,
        }
    }
}

impl Future for Exchange {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.is_begun = true;
        if let Some(ask) = &mut self.ask
            && ask.poll_unpin(cx).is_ready()
        {
            self.ask = None;
        }
        let outcome = self.outcome.poll_unpin(cx);
        outcome.map(|outcome| outcome.unwrap_or_else(|_| Err(runtime_ended())))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(ask) = self.ask.take()
            && self.is_begun
        {
            self.runtime.spawn(ask);
        }
    }
}
