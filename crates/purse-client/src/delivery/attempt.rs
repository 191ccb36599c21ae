//! The exchange of one pop with the server.

use std::time::Duration;

use bytes::Bytes;
use std::time::Instant;
use tokio::sync::oneshot;

use crate::util::time::sleep;

use super::Deliveries;
use super::receipt::{Receipt, take_bare};
use super::{Pop, Taken};
use crate::core::InFlightGuard;
use crate::{Error, ErrorKind, Reply, Result};

const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

pub(crate) type Outcome = Result<Option<Taken>>;

/// A pop, until its result is known.
#[derive(Debug)]
pub(crate) struct PopAttempt {
    receipt: Receipt,
    /// The time until which the caller waits for the server.
    deadline: Instant,
    /// True if the pop tries again after a refusal that may not last.
    is_patient: bool,
    /// True if the pop has no receipt, because the slot is being moved.
    is_bare: bool,
    in_flight: InFlightGuard,
}

impl PopAttempt {
    pub(crate) fn new(client: &Deliveries, pop: &Pop, is_patient: bool) -> Self {
        Self {
            receipt: Receipt::new(client, pop),
            deadline: Instant::now() + client.caller.command_timeout(),
            is_patient,
            is_bare: false,
            in_flight: client.caller.in_flight().track(),
        }
    }

    /// Asks the server, and hands the result to the caller.
    pub(crate) async fn run(mut self, mut caller: oneshot::Sender<Outcome>) {
        match self.answer(&mut caller).await {
            Ok(reply) => {
                let found = reply.map(|reply| self.taken(reply)).transpose();
                // If the caller is gone, dropping the element puts it back.
                drop(caller.send(found));
            }
            Err(error) => {
                drop(caller.send(Err(error)));
                if self.receipt.is_late {
                    // A failure is traced; the caller already has its error.
                    let _ = self.receipt.put_back().await;
                }
            }
        }
    }

    /// Asks until the server reports what this pop took, or that it took nothing.
    async fn answer(&mut self, caller: &mut oneshot::Sender<Outcome>) -> Result<Option<Reply>> {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let error = match self.ask_once().await {
                Ok(reply) => return Ok(reply.non_nil()),
                Err(error) => error,
            };
            if self.is_bare && error.is_ambiguous() {
                return Err(error);
            }
            let was_bare = std::mem::take(&mut self.is_bare);
            self.receipt.is_late |= error.is_ambiguous();
            if error.code() == Some("TRYAGAIN") && !self.receipt.is_late && !was_bare {
                self.is_bare = true;
                continue;
            }
            let goes_on = match self.receipt.is_late {
                true => error.is_ambiguous() || error.is_retryable(),
                false => self.is_patient && error.is_retryable(),
            };
            let is_over = Instant::now() + pause >= self.deadline;
            if !goes_on || is_over || self.receipt.client.caller.is_closed() {
                return Err(told(error));
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = caller.closed() => return Err(told(error)),
            }
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    async fn ask_once(&self) -> Result<Reply> {
        let Receipt { client, pop, .. } = &self.receipt;
        let take = match self.is_bare {
            true => take_bare(pop),
            false => self.receipt.take(),
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        client.caller.run(take.timeout(left)).await
    }

    fn taken(self, reply: Reply) -> Result<Taken> {
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
        Ok(Taken::new(
            self.receipt,
            self.is_bare,
            element,
            score,
            self.in_flight,
        ))
    }
}

/// Returns the error of a call that ends without an answer. It is not ambiguous, because what was
/// taken for the call is put back.
fn told(error: Error) -> Error {
    if !error.is_ambiguous() {
        return error;
    }
    let message =
        "no reply in time: nothing is taken for this call, and what was goes back by itself";
    Error::new(ErrorKind::Timeout, message).with_source(error)
}
