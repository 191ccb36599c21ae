//! Pops that lose nothing: whoever stops waiting, and whatever fails.
//!
//! A pop has a *receipt*, a key of its own beside the collection. A script takes the element out
//! and notes it there in one step, so that where the reply is lost, the server can be asked again:
//! it answers what the receipt says. That exchange goes on where the caller does not, in a task.
//! Once the caller has the element the receipt goes; where there is no caller any more, another
//! script puts back what the receipt holds, once. What is still under way from an earlier request
//! finds an empty receipt, and does nothing.

mod attempt;
mod delivered;
mod detach;
mod receipt;
mod receipt_cleanup;
mod retry;
mod wait_queue;

use std::time::Duration;

use bytes::Bytes;
use std::time::Instant;

use crate::client::{closed, wait_closed};
use crate::{Client, Command, Error, ErrorKind, Result};
use attempt::{Outcome, PopAttempt};
use detach::DetachOnDrop;

pub use delivered::Taken;
pub(crate) use receipt_cleanup::ReceiptCleanup;
pub(crate) use wait_queue::WaitQueues;

/// Which element a pop takes, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pop {
    key: Bytes,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Front,
    Back,
    Lowest,
    Highest,
}

impl Pop {
    /// The first element of the list at `key`: `LPOP`.
    pub fn front(key: impl Into<Bytes>) -> Self {
        Self::new(key.into(), End::Front)
    }

    /// The last element of the list at `key`: `RPOP`.
    pub fn back(key: impl Into<Bytes>) -> Self {
        Self::new(key.into(), End::Back)
    }

    /// The element of the lowest score of the sorted set at `key`: `ZPOPMIN`.
    pub fn lowest(key: impl Into<Bytes>) -> Self {
        Self::new(key.into(), End::Lowest)
    }

    /// The element of the highest score of the sorted set at `key`: `ZPOPMAX`.
    pub fn highest(key: impl Into<Bytes>) -> Self {
        Self::new(key.into(), End::Highest)
    }

    const fn new(key: Bytes, end: End) -> Self {
        Self { key, end }
    }

    /// `script` on the key, in errors under the name of the command that takes the element out.
    fn named(&self, script: Command) -> Command {
        let mut script = script.key(self.key.clone());
        script.name = self.name();
        script
    }

    /// The command that takes the element out.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.end.takes()
    }
}

impl End {
    const fn takes(self) -> &'static str {
        match self {
            Self::Front => "LPOP",
            Self::Back => "RPOP",
            Self::Lowest => "ZPOPMIN",
            Self::Highest => "ZPOPMAX",
        }
    }

    const fn puts_back(self) -> &'static str {
        match self {
            Self::Front => "LPUSH",
            Self::Back => "RPUSH",
            Self::Lowest | Self::Highest => "ZADD",
        }
    }

    const fn counts(self) -> &'static str {
        match self {
            Self::Front | Self::Back => "LLEN",
            Self::Lowest | Self::Highest => "ZCARD",
        }
    }
}

impl Client {
    /// Takes an element out if there is one.
    ///
    /// `LPOP`, `RPOP`, `ZPOPMIN` or `ZPOPMAX` in a script, which notes the element at a key beside
    /// the collection: its receipt. One round trip, and `UNLINK` of the receipt, together with
    /// others of the same collection, which nobody waits for; atomic. Where the connection breaks,
    /// it asks again as long as a command may take.
    ///
    /// No element is lost or doubled, whatever breaks, as long as this process and its runtime
    /// live, and the server is not away for more than ten minutes and keeps what it did: a replica
    /// that takes over without the last writes has their elements once more. If the process dies
    /// between the pop and what it does with the element, the receipt has a copy for these ten
    /// minutes, under `key{key}:taken:<id>`, or `key:taken:<id>` where the key has a hash tag of
    /// its own: a score (nothing for a list), a space, and the element; an empty one stands for
    /// nothing. (A process that ends right after it got the element may leave the receipt as well,
    /// unless it [closes](Self::close) its client.) A user with limited rights needs those of the
    /// receipt besides: on keys that start with `key`, `GET`, `SET`, `PEXPIRE`, `UNLINK`, and
    /// `LPUSH`, `RPUSH` or `ZADD`, which puts back. While the slot of the key moves within a
    /// cluster, servers refuse to make new keys in it: until then pops do without receipts, and a
    /// lost reply is [`Ambiguous`](ErrorKind::Ambiguous).
    ///
    /// # Errors
    /// As [`run`](Self::run), but never `Ambiguous` outside of such a move:
    /// [`Timeout`](ErrorKind::Timeout) where the reply does not come in time. Nothing was taken for
    /// this call then; if something was, it is put back in the background.
    ///
    /// # Cancel safety
    /// Dropped at any point, the element stays where it was, or is put back in the background.
    #[doc(alias = "LPOP")]
    #[doc(alias = "RPOP")]
    #[doc(alias = "ZPOPMIN")]
    #[doc(alias = "ZPOPMAX")]
    pub async fn take(&self, pop: &Pop) -> Result<Option<Taken>> {
        self.named(pop, self.ask(pop, false).await)
    }

    /// Waits for an element and takes it out; `None` once `wait` is over, and never if it is
    /// `None`. It looks at least once.
    ///
    /// As [`take`](Self::take). While there is no element it [watches](Self::watch) the length of
    /// the collection (`LLEN`, `ZCARD`), once for all who wait for the same key in this process:
    /// who has waited longest is served first. Every two seconds it looks at the length besides, in
    /// case the server did not tell. Where the server does not let it watch, it looks every 50
    /// milliseconds.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    ///
    /// # Cancel safety
    /// As [`take`](Self::take).
    #[doc(alias = "BLPOP")]
    #[doc(alias = "BRPOP")]
    #[doc(alias = "BZPOPMIN")]
    #[doc(alias = "BZPOPMAX")]
    pub async fn take_wait(&self, pop: &Pop, wait: Option<Duration>) -> Result<Option<Taken>> {
        self.named(pop, self.wait(pop, wait).await)
    }

    async fn ask(&self, pop: &Pop, is_patient: bool) -> Outcome {
        if self.is_closed() {
            return Err(closed());
        }
        DetachOnDrop::new(self, PopAttempt::new(self, pop, is_patient)).await
    }

    async fn wait(&self, pop: &Pop, wait: Option<Duration>) -> Outcome {
        // Later than time can tell is never.
        let deadline = wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut closing = self.closing();
        let mut has_looked = false;
        if !self.wait_queues().has_waiting(pop) {
            if let Some(taken) = self.ask(pop, true).await? {
                return Ok(Some(taken));
            }
            has_looked = true;
        }
        let mut waiter = self.wait_queues().join(self, pop);
        loop {
            tokio::select! {
                biased;
                () = waiter.notified() => {}
                () = wait_closed(&mut closing) => return Err(closed()),
                () = sleep_until_deadline(deadline) => {
                    if has_looked {
                        return Ok(None);
                    }
                }
            }
            if let Some(taken) = self.ask(pop, true).await? {
                return Ok(Some(taken));
            }
            has_looked = true;
            waiter.requeue();
        }
    }

    fn named(&self, pop: &Pop, outcome: Outcome) -> Outcome {
        outcome.map_err(|error| {
            error
                .with_command(pop.end.takes(), Some(pop.key.clone()))
                .with_server(self.server().into())
        })
    }
}

fn runtime_ended() -> Error {
    let message = "the runtime of the client has ended: the command may have run, or not";
    Error::new(ErrorKind::Ambiguous, message)
}

/// Resolves at the deadline, and never without one.
async fn sleep_until_deadline(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => crate::util::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
