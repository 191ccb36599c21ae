//! The exchange of one pop with the server.

use std::time::Duration;

use bytes::Bytes;
use std::time::Instant;
use tokio::sync::oneshot;

use crate::util::timer::sleep;

use super::Deliveries;
use super::receipt::{Receipt, take_without_receipt};
use super::{Delivery, Pop};
use crate::core::CloseGuard;
use crate::{Error, ErrorKind, Reply, Result};

const MIN_PAUSE: Duration = Duration::from_millis(2);
const MAX_PAUSE: Duration = Duration::from_millis(100);

pub(crate) type Outcome = Result<Option<Delivery>>;

/// A pop, until its result is known.
#[derive(Debug)]
pub(crate) struct PopExchange {
    receipt: Receipt,
    /// The time until which the caller waits for the server.
    deadline: Instant,
    /// True if the pop tries again after a refusal that may not last.
    retry_refusals: bool,
    /// True if the pop has no receipt, because the slot is being moved.
    without_receipt: bool,
    in_flight: CloseGuard,
}

impl PopExchange {
    pub(crate) fn new(client: &Deliveries, pop: &Pop, retry_refusals: bool) -> Self {
        Self {
            receipt: Receipt::new(client, pop),
            deadline: Instant::now() + client.caller.command_timeout(),
            retry_refusals,
            without_receipt: false,
            in_flight: client.caller.close_blockers().track(),
        }
    }

    /// Asks the server, and hands the result to the caller.
    pub(crate) async fn run(mut self, mut caller: oneshot::Sender<Outcome>) {
        match self.retry(&mut caller).await {
            Ok(reply) => {
                let found = reply.map(|reply| self.into_delivery(reply)).transpose();
                // If the caller is gone, dropping the element puts it back.
                drop(caller.send(found));
            }
            Err(error) => {
                drop(caller.send(Err(error)));
                if self.receipt.may_still_execute {
                    // A failure is traced; the caller already has its error.
                    let _ = self.receipt.requeue().await;
                }
            }
        }
    }

    /// Asks until the server reports what this pop took, or that it took nothing.
    async fn retry(&mut self, caller: &mut oneshot::Sender<Outcome>) -> Result<Option<Reply>> {
        let mut pause = MIN_PAUSE;
        loop {
            let error = match self.send_once().await {
                Ok(reply) => return Ok(reply.non_nil()),
                Err(error) => error,
            };
            if self.without_receipt && error.is_ambiguous() {
                return Err(error);
            }
            let had_no_receipt = std::mem::take(&mut self.without_receipt);
            self.receipt.may_still_execute |= error.is_ambiguous();
            if error.code() == Some("TRYAGAIN")
                && !self.receipt.may_still_execute
                && !had_no_receipt
            {
                self.without_receipt = true;
                continue;
            }
            let may_retry = match self.receipt.may_still_execute {
                true => error.is_ambiguous() || error.is_retryable(),
                false => self.retry_refusals && error.is_retryable(),
            };
            let is_over = Instant::now() + pause >= self.deadline;
            if !may_retry || is_over || self.receipt.client.caller.is_closed() {
                return Err(clear_ambiguity(error));
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = caller.closed() => return Err(clear_ambiguity(error)),
            }
            pause = (2 * pause).min(MAX_PAUSE);
        }
    }

    async fn send_once(&self) -> Result<Reply> {
        let Receipt { client, pop, .. } = &self.receipt;
        let take = match self.without_receipt {
            true => take_without_receipt(pop),
            false => self.receipt.take(),
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        client.caller.run(take.timeout(left)).await
    }

    fn into_delivery(self, reply: Reply) -> Result<Delivery> {
        let reply = reply.into_bytes()?;
        let space = reply.iter().position(|&byte| byte == b' ');
        let space = space.ok_or_else(|| {
            Error::new(
                ErrorKind::Protocol,
                "a receipt without a space between score and element",
            )
        })?;
        let score = (space > 0).then(|| reply.slice(..space));
        let element: Bytes = reply.slice(space + 1..);
        Ok(Delivery::new(
            self.receipt,
            self.without_receipt,
            element,
            score,
            self.in_flight,
        ))
    }
}

/// Returns the error of a call that ends without an answer. It is not ambiguous, because what was
/// taken for the call is put back.
fn clear_ambiguity(error: Error) -> Error {
    if !error.is_ambiguous() {
        return error;
    }
    let message = "no reply in time; an element that was taken is requeued automatically";
    Error::new(ErrorKind::Timeout, message).with_source(error)
}
