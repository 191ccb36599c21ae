//! An element that was taken out, until the caller acknowledges it or it is put back.

use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::confirm::{MARK_TIME, retry_until_decided};
use super::consumer::Claim;
use super::{Deliveries, Pop};
use crate::core::CloseGuard;
use crate::telemetry::log;
use crate::util::timer::{millis, timeout};
use crate::{Command, Error, ErrorKind, Result, Script, sibling_key};

static PUSH_ONCE: Script = Script::write("PUSH ONCE", include_str!("../lua/push_once.lua"));

/// An element that was taken out by [`Client::take`](crate::Client::take).
///
/// [`ack`](Self::ack) confirms the delivery. Otherwise the element is put back: by
/// [`requeue`](Self::requeue), or in the background when this value is dropped. While the client
/// lives, the element stays with this value for as long as it takes.
#[must_use = "an element that is not acknowledged goes back to where it was"]
#[derive(Debug)]
pub struct Delivery(Option<Held>);

#[derive(Debug)]
struct Held {
    claim: Claim,
    element: Bytes,
    score: Option<Bytes>,
    /// Lets a close wait until the element is where it belongs.
    _in_flight: CloseGuard,
}

impl Delivery {
    pub(crate) fn new(claim: Claim, pop: &Pop) -> Result<Self> {
        let text = &claim.entry.text;
        let (score, element) = match pop.end.is_of_set() {
            false => (None, text.clone()),
            true => {
                let space = text.iter().position(|&byte| byte == b' ');
                let space = space.ok_or_else(|| {
                    let message = "an entry without a space between score and element";
                    Error::new(ErrorKind::Protocol, message)
                })?;
                (Some(text.slice(..space)), text.slice(space + 1..))
            }
        };
        let _in_flight = claim.client.caller.close_blockers().track();
        Ok(Self(Some(Held {
            claim,
            element,
            score,
            _in_flight,
        })))
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
        if let Some(held) = self.0.take() {
            held.claim.acknowledge();
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
    /// another value has replaced the collection. [`NotFound`](ErrorKind::NotFound) if other
    /// consumers have reclaimed the element, because this client could not renew its lease.
    ///
    /// # Cancel safety
    /// If the future is dropped, the element is put back in the background.
    #[doc(alias = "nack")]
    pub async fn requeue(mut self) -> Result<()> {
        let Some(held) = self.0.take() else {
            return Ok(());
        };
        let limit = held.claim.client.caller.command_timeout();
        match timeout(limit, held.claim.put_back()).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => {
                let message = "cannot requeue: other consumers have reclaimed the element";
                Err(Error::new(ErrorKind::NotFound, message))
            }
            // It continues in the background.
            None => Ok(()),
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
        let Some(client) = self.0.as_ref().map(|held| held.claim.client.clone()) else {
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
        let client = held.claim.client.clone();
        let id = Uuid::new_v4().simple();
        let mark = sibling_key(&list, &format!("mark:{id}"));
        let push = Command::script(&PUSH_ONCE)
            .key(list)
            .key(mark.clone())
            .arg(held.element.clone())
            .arg(millis(MARK_TIME));
        match retry_until_decided(&client, push).await {
            Ok((_, may_still_execute)) => {
                self.ack();
                remove(&client, mark, may_still_execute).await;
                Ok(())
            }
            Err(error) if error.is_ambiguous() || error.is_retryable() => {
                log::warn_not_requeued(client.caller.server(), &error, &mark);
                // Whether it was pushed is unknown. The pending list keeps it until the client ends.
                self.0 = None;
                Err((error, None))
            }
            Err(error) => Err((error, Some(self))),
        }
    }
}

/// Removes the mark of a push. If the request that made it may run again, lets it expire instead.
async fn remove(client: &Deliveries, mark: Bytes, may_still_execute: bool) {
    if may_still_execute {
        return;
    }
    let unlink = Command::write("UNLINK").key(mark.clone());
    if let Err(error) = retry_until_decided(client, unlink).await {
        log::warn_receipt_left(client.caller.server(), &error, &mark);
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(held) = self.0.take() {
            held.claim.give_back();
        }
    }
}

/// Puts back an element that is in no pending list. If the reply is lost, it may be there twice.
pub(super) async fn requeue_bare(client: &Deliveries, pop: &Pop, text: &Bytes) -> Result<()> {
    let requeue = Command::write(pop.end.requeue_command()).key(pop.key.clone());
    let space = text.iter().position(|&byte| byte == b' ');
    let requeue = match space.filter(|_| pop.end.is_of_set()) {
        Some(space) => requeue
            .arg("NX")
            .arg(text.slice(..space))
            .arg(text.slice(space + 1..)),
        None => requeue.arg(text.clone()),
    };
    let result = retry_until_decided(client, requeue).await;
    result
        .map(drop)
        .inspect_err(|error| log::warn_not_requeued(client.caller.server(), error, &pop.key))
}
