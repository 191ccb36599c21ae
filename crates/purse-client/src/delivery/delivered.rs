//! An element that was taken out, until it is in the right hands.

use crate::util::time::timeout;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::Deliveries;
use super::Pop;
use super::receipt::{self, Receipt};
use super::retry::settle;
use crate::core::InFlightGuard;
use crate::telemetry::trace;
use crate::{Command, Error, ErrorKind, Result, Script};

static PUSH_ONCE: Script = Script::write("PUSH ONCE", include_str!("../lua/push_once.lua"));

/// An element that was taken out for somebody.
///
/// [`keep`](Self::keep) it, or it goes back to where it was: by [`put_back`](Self::put_back), or in
/// the background when this is dropped. Decide within ten minutes: what goes back is the server's
/// copy, which it has for so long.
#[must_use = "an element that is not kept goes back to where it was"]
#[derive(Debug)]
pub struct Taken(Option<Held>);

#[derive(Debug)]
struct Held {
    /// Without one where `is_bare`: then it was never made.
    receipt: Receipt,
    is_bare: bool,
    element: Bytes,
    score: Option<Bytes>,
    /// Lets a close wait until the element is where it belongs.
    in_flight: InFlightGuard,
}

impl Taken {
    pub(crate) const fn new(
        receipt: Receipt,
        is_bare: bool,
        element: Bytes,
        score: Option<Bytes>,
        in_flight: InFlightGuard,
    ) -> Self {
        Self(Some(Held {
            receipt,
            is_bare,
            element,
            score,
            in_flight,
        }))
    }

    /// The element.
    #[must_use]
    pub fn element(&self) -> Bytes {
        self.0
            .as_ref()
            .map(|held| held.element.clone())
            .unwrap_or_default()
    }

    /// Its score as the server wrote it, if it was in a sorted set.
    #[must_use]
    pub fn score(&self) -> Option<Bytes> {
        self.0.as_ref().and_then(|held| held.score.clone())
    }

    /// Leaves it taken: from here on it is the caller's. The server's copy goes in the background.
    pub fn keep(mut self) {
        if let Some(held) = self.0.take()
            && !held.is_bare
        {
            held.receipt.remove(held.in_flight);
        }
    }

    /// Puts it back to where it was, and waits for that as long as a command may take; later it
    /// goes on in the background.
    ///
    /// # Errors
    /// What the server refuses for good, such as [`WrongType`](ErrorKind::WrongType) where another
    /// value has taken the place of the collection; [`NotFound`](ErrorKind::NotFound) where the
    /// server's copy is gone.
    ///
    /// # Cancel safety
    /// Dropped, it goes on in the background.
    pub async fn put_back(mut self) -> Result<()> {
        let Some(held) = self.0.take() else {
            return Ok(());
        };
        let client = held.receipt.client.clone();
        let task = client.caller.runtime().spawn(held.put_back());
        match timeout(client.caller.command_timeout(), task).await {
            Some(Ok(result)) => result,
            // It goes on, or the runtime has ended.
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Moves it to the back of `list`: exactly once, although a reply is lost. Waits for that as
    /// long as a command may take; later it goes on in the background, and where that fails for
    /// good, the element goes back to where it was.
    ///
    /// `RPUSH` in a script, O(1). One round trip, atomic but for the removal of the server's copy.
    ///
    /// # Errors
    /// What the server refuses for good, with the element; [`Timeout`](ErrorKind::Timeout) without.
    ///
    /// # Cancel safety
    /// Dropped, it goes on in the background.
    pub async fn move_to(self, list: Bytes) -> Result<(), (Error, Option<Self>)> {
        let Some(client) = self.0.as_ref().map(|held| held.receipt.client.clone()) else {
            return Ok(());
        };
        let (sender, outcome) = oneshot::channel();
        client.caller.runtime().spawn(async move {
            // Where nobody takes it, the element is put back by its drop.
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
        let mark = receipt::name(&list, client.caller.is_cluster());
        let push = Command::script(&PUSH_ONCE)
            .key(list)
            .key(mark.clone())
            .arg(held.element.clone())
            .arg(receipt::time());
        match settle(&client, push).await {
            Ok((_, is_late)) => {
                self.keep();
                receipt::remove(&client, mark, is_late).await;
                Ok(())
            }
            Err(error) if error.is_ambiguous() || error.is_retryable() => {
                trace::not_put_back(client.caller.server(), &error, &mark);
                // Nobody knows whether it was pushed; the receipt tells for its time what it was.
                self.0 = None;
                Err((error, None))
            }
            Err(error) => Err((error, Some(self))),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(held) = self.0.take() {
            let runtime = held.receipt.client.caller.runtime().clone();
            runtime.spawn(held.put_back());
        }
    }
}

impl Held {
    async fn put_back(self) -> Result<()> {
        // The count of it lasts until it is done: all of `self` is dropped at the end.
        let Receipt { client, pop, .. } = &self.receipt;
        match self.is_bare {
            false if self.receipt.put_back().await? => Ok(()),
            false => {
                let message = "not put back: the server's copy is gone, with the time or by others";
                let error = Error::new(ErrorKind::NotFound, message);
                self.receipt.not_put_back(&error);
                Err(error)
            }
            true => put_back_bare(client, pop, &self.element, self.score.clone()).await,
        }
    }
}

/// Puts an element back of which there is no receipt. If the reply is lost it may be there twice.
async fn put_back_bare(
    client: &Deliveries,
    pop: &Pop,
    element: &Bytes,
    score: Option<Bytes>,
) -> Result<()> {
    let put_back = Command::write(pop.end.puts_back()).key(pop.key.clone());
    let put_back = match score {
        Some(score) => put_back.arg("NX").arg(score),
        None => put_back,
    };
    let result = settle(client, put_back.arg(element.clone())).await;
    result
        .map(drop)
        .inspect_err(|error| trace::not_put_back(client.caller.server(), error, &pop.key))
}
