//! An element that was taken out, until the caller acknowledges it or it is put back.

use crate::util::timer::timeout;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::Deliveries;
use super::Pop;
use super::confirm::retry_until_decided;
use super::receipt::{self, Receipt};
use crate::core::CloseGuard;
use crate::telemetry::log;
use crate::{Command, Error, ErrorKind, Result, Script};

static PUSH_ONCE: Script = Script::write("PUSH ONCE", include_str!("../lua/push_once.lua"));

/// An element that was taken out by [`Client::take`](crate::Client::take).
///
/// [`ack`](Self::ack) confirms the delivery. Otherwise the element is put back: by
/// [`requeue`](Self::requeue), or in the background when this value is dropped. Decide within ten
/// minutes, because what is put back is the server's copy, which expires after this time.
#[must_use = "an element that is not acknowledged goes back to where it was"]
#[derive(Debug)]
pub struct Delivery(Option<Held>);

#[derive(Debug)]
struct Held {
    /// The receipt. If `without_receipt` is set, it was never made on the server.
    receipt: Receipt,
    without_receipt: bool,
    element: Bytes,
    score: Option<Bytes>,
    /// Lets a close wait until the element is where it belongs.
    in_flight: CloseGuard,
}

impl Delivery {
    pub(crate) const fn new(
        receipt: Receipt,
        without_receipt: bool,
        element: Bytes,
        score: Option<Bytes>,
        in_flight: CloseGuard,
    ) -> Self {
        Self(Some(Held {
            receipt,
            without_receipt,
            element,
            score,
            in_flight,
        }))
    }

    /// Returns the element.
    #[must_use]
    pub fn element(&self) -> Bytes {
        self.0
            .as_ref()
            .map(|held| held.element.clone())
            .unwrap_or_default()
    }

    /// Returns the score as the server wrote it, if the element was in a sorted set.
    #[must_use]
    pub fn score(&self) -> Option<Bytes> {
        self.0.as_ref().and_then(|held| held.score.clone())
    }

    /// Confirms the delivery. The server's copy is removed in the background.
    #[doc(alias = "acknowledge")]
    pub fn ack(mut self) {
        if let Some(held) = self.0.take()
            && !held.without_receipt
        {
            held.receipt.remove(held.in_flight);
        }
    }

    /// Puts the element back where it was. Waits for that as long as a command may take; after that
    /// it returns `Ok` and continues in the background.
    ///
    /// Redis: LPUSH, RPUSH or ZADD in a script. Complexity: O(1) for a list, O(log n) for a sorted
    /// set. Round trips: 1.
    ///
    /// # Errors
    /// Errors of the server that are permanent, such as [`WrongType`](ErrorKind::WrongType) if
    /// another value has replaced the collection. [`NotFound`](ErrorKind::NotFound) if the server's
    /// copy is gone.
    ///
    /// # Cancel safety
    /// If the future is dropped, the element is put back in the background.
    #[doc(alias = "nack")]
    pub async fn requeue(mut self) -> Result<()> {
        let Some(held) = self.0.take() else {
            return Ok(());
        };
        let client = held.receipt.client.clone();
        let task = client.caller.runtime().spawn(held.requeue());
        match timeout(client.caller.command_timeout(), task).await {
            Some(Ok(result)) => result,
            // The task continues, or the runtime has ended.
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Moves the element to the back of `list`: exactly once, although a reply may be lost. Waits
    /// for that as long as a command may take; after that it continues in the background. If it
    /// then fails permanently, the element is put back where it was.
    ///
    /// The move is atomic, except for the removal of the server's copy.
    ///
    /// Redis: RPUSH in a script. Complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// Errors of the server that are permanent, with the element. [`Timeout`](ErrorKind::Timeout),
    /// without the element, if there is no reply in time.
    ///
    /// # Cancel safety
    /// If the future is dropped, the move continues in the background.
    pub async fn dead_letter(self, list: Bytes) -> Result<(), (Error, Option<Self>)> {
        let Some(client) = self.0.as_ref().map(|held| held.receipt.client.clone()) else {
            return Ok(());
        };
        let (sender, outcome) = oneshot::channel();
        client.caller.runtime().spawn(async move {
            // If the caller is gone, dropping the element puts it back.
            drop(sender.send(self.push_to(list).await));
        });
        match timeout(client.caller.command_timeout(), outcome).await {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => {
                let message = "no reply in time: the element that cannot be decoded is moved in the background";
                let error = Error::new(ErrorKind::Timeout, message);
                Err((error.with_server(client.caller.server_name()), None))
            }
        }
    }

    async fn push_to(mut self, list: Bytes) -> Result<(), (Error, Option<Self>)> {
        let Some(held) = &self.0 else {
            return Ok(());
        };
        let client = held.receipt.client.clone();
        let mark = receipt::new_name(&list, client.caller.is_cluster());
        let push = Command::script(&PUSH_ONCE)
            .key(list)
            .key(mark.clone())
            .arg(held.element.clone())
            .arg(receipt::lifetime());
        match retry_until_decided(&client, push).await {
            Ok((_, may_still_execute)) => {
                self.ack();
                receipt::remove(&client, mark, may_still_execute).await;
                Ok(())
            }
            Err(error) if error.is_ambiguous() || error.is_retryable() => {
                log::warn_not_requeued(client.caller.server(), &error, &mark);
                // Whether it was pushed is unknown. The receipt keeps a copy for its time.
                self.0 = None;
                Err((error, None))
            }
            Err(error) => Err((error, Some(self))),
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(held) = self.0.take() {
            let runtime = held.receipt.client.caller.runtime().clone();
            runtime.spawn(held.requeue());
        }
    }
}

impl Held {
    async fn requeue(self) -> Result<()> {
        // All of `self` is dropped at the end, so a close waits until the element is back.
        let Receipt { client, pop, .. } = &self.receipt;
        match self.without_receipt {
            false if self.receipt.requeue().await? => Ok(()),
            false => {
                let message = "cannot requeue: the receipt has expired or was deleted";
                let error = Error::new(ErrorKind::NotFound, message);
                self.receipt.warn_not_requeued(&error);
                Err(error)
            }
            true => requeue_without_receipt(client, pop, &self.element, self.score.clone()).await,
        }
    }
}

/// Puts back an element without a receipt. If the reply is lost, the element may be there twice.
async fn requeue_without_receipt(
    client: &Deliveries,
    pop: &Pop,
    element: &Bytes,
    score: Option<Bytes>,
) -> Result<()> {
    let requeue = Command::write(pop.end.requeue_command()).key(pop.key.clone());
    let requeue = match score {
        Some(score) => requeue.arg("NX").arg(score),
        None => requeue,
    };
    let result = retry_until_decided(client, requeue.arg(element.clone())).await;
    result
        .map(drop)
        .inspect_err(|error| log::warn_not_requeued(client.caller.server(), error, &pop.key))
}
