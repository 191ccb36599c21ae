//! Blocking pops: nothing is lost, whoever stops waiting and whenever.
//!
//! A dropped fred future loses what its blocking command pops. So a task owns the wait: it asks in
//! slices, and when nobody waits any more it unblocks the connection, reads what came all the
//! same, and puts it back.

use std::time::Duration;

use fred::types::config::Server;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};

use crate::command::{Command, Effect};
use crate::lease::{Busy, Lease};
use crate::{Client, Error, ErrorKind, Reply, Result, convert, redirect, trace, wire};

/// The longest the server blocks for one command.
const SLICE: Duration = Duration::from_secs(2);
/// How long a reply may come after the server's own bound.
const MARGIN: Duration = Duration::from_secs(2);
/// How often in a row servers may send a wait elsewhere.
const MOST_REFUSALS: u32 = 20;
/// How much longer a wait pauses after each of these.
const REFUSAL: Duration = Duration::from_millis(5);
/// How often a closed client tries to put an element back.
const LAST_TRIES: u32 = 5;

/// A command that takes an element out, and how to put it back.
///
/// One that waits on the server is given without its last argument, the time to wait (BLPOP, BRPOP,
/// BZPOPMIN and the like have it there).
#[derive(Debug, Clone)]
pub struct BlockingPop {
    command: Command,
    put_back: PutBack,
}

/// How a reply becomes the command that undoes it.
type PutBack = fn(&Reply) -> Result<Command>;

impl BlockingPop {
    /// A pop by `command`, whose reply `put_back` turns into the command that undoes it.
    pub fn new(command: Command, put_back: PutBack) -> Self {
        Self { command, put_back }
    }

    fn slice(&self, wait: Duration) -> Command {
        self.command.clone().arg(server_seconds(wait))
    }
}

/// A time as the server is told it, in seconds: whole milliseconds, rounded up, and half a
/// millisecond on top. Redis 6.2 cuts what it computes from the text, and reads zero as "for ever".
fn server_seconds(wait: Duration) -> f64 {
    let millis = wait.as_micros().div_ceil(1_000).max(1);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a slice is some thousand milliseconds"
    )]
    let millis = millis as f64;
    (millis + 0.5) / 1_000.0
}

type Outcome = Result<Option<Reply>>;

impl Client {
    /// Waits for an element and takes it out; `None` once `wait` is over, and never if it is
    /// `None`. It looks at least once.
    ///
    /// Uses a connection of its own while it waits, from a pool of such.
    ///
    /// # Errors
    /// As [`run`](Self::run). [`Ambiguous`](ErrorKind::Ambiguous) where the connection breaks while
    /// it waits: an element may have been taken out.
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a command that answers with its key, if the
    /// key is one of fred's own words (`message`, `subscribe` and the like).
    ///
    /// # Cancel safety
    /// Dropped at any point, an element that was already taken is put back where it was. If the
    /// server cannot be reached just then, that is tried again until it succeeds; if the reply to
    /// putting it back is lost, it may be there twice. What the server sends on a connection that
    /// breaks in that same moment is lost.
    pub async fn pop_blocking(&self, pop: BlockingPop, wait: Option<Duration>) -> Outcome {
        let (name, key) = (pop.command.name, pop.command.keys.first().cloned());
        let outcome = match self.refuse(&pop) {
            Some(error) => Err(error),
            None => self.wait(pop, wait).await,
        };
        outcome.map_err(|error| {
            error
                .with_command(name, key)
                .with_server(self.server().into())
        })
    }

    /// Takes an element out if there is one, by a command that does not wait.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    /// As [`pop_blocking`](Self::pop_blocking).
    pub async fn pop_at_once(&self, pop: BlockingPop) -> Outcome {
        let (sender, waiter) = self.waiter(pop.put_back);
        let (client, busy) = (self.clone(), self.leases().busy());
        self.runtime().spawn(async move {
            let outcome = client.run(pop.command).await.map(Reply::non_nil);
            hand_over(&client, None, pop.put_back, sender, (outcome, busy)).await;
        });
        waiter.outcome().await
    }

    /// Runs a command in a task of its own: once it was polled, dropping the future does not stop it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    /// Dropped after its first poll, the command is sent all the same.
    pub async fn run_to_end(&self, command: Command) -> Result<Reply> {
        let (client, busy) = (self.clone(), self.leases().busy());
        let task = self.runtime().spawn(async move {
            let reply = client.run(command).await;
            drop(busy);
            reply
        });
        task.await.unwrap_or_else(|_| Err(runtime_ended()))
    }

    fn waiter(&self, put_back: PutBack) -> (oneshot::Sender<(Outcome, Busy)>, Waiter) {
        let (sender, reply) = oneshot::channel();
        let client = self.clone();
        (
            sender,
            Waiter {
                reply,
                client,
                put_back,
            },
        )
    }

    fn refuse(&self, pop: &BlockingPop) -> Option<Error> {
        if self.is_closed() {
            return Some(closed());
        }
        wire::is_blocking_reply_dropped(&pop.command).then(|| {
            let message = "fred takes a reply that starts with this key for a message of its own";
            Error::new(ErrorKind::InvalidInput, message)
        })
    }

    async fn wait(&self, pop: BlockingPop, wait: Option<Duration>) -> Outcome {
        let (sender, waiter) = self.waiter(pop.put_back);
        let wait = Wait {
            client: self.clone(),
            pop,
            // Later than time can tell is never.
            deadline: wait.and_then(|wait| Instant::now().checked_add(wait)),
            sender,
            refusals: 0,
        };
        self.runtime().spawn(wait.run(self.leases().busy()));
        waiter.outcome().await
    }
}

fn runtime_ended() -> Error {
    let message = "the runtime of the client has ended: the command may have run, or not";
    Error::new(ErrorKind::Ambiguous, message)
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the client is closed")
}

/// The caller's end: puts back what arrives between the last poll and the drop.
#[derive(Debug)]
struct Waiter {
    reply: oneshot::Receiver<(Outcome, Busy)>,
    client: Client,
    put_back: PutBack,
}

impl Waiter {
    async fn outcome(mut self) -> Outcome {
        match (&mut self.reply).await {
            Ok((outcome, _busy)) => outcome,
            Err(_) => Err(runtime_ended()),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.reply.close();
        if let Ok((Ok(Some(reply)), busy)) = self.reply.try_recv() {
            let (client, put_back) = (self.client.clone(), self.put_back);
            self.client.runtime().spawn(async move {
                give_back(&client, None, put_back, &reply).await;
                drop(busy);
            });
        }
    }
}

/// The task's end.
#[derive(Debug)]
struct Wait {
    client: Client,
    pop: BlockingPop,
    deadline: Option<Instant>,
    sender: oneshot::Sender<(Outcome, Busy)>,
    /// How often in a row a server sent it elsewhere.
    refusals: u32,
}

impl Wait {
    async fn run(mut self, busy: Busy) {
        let mut node = None;
        loop {
            let taken = tokio::select! {
                lease = self.client.leases().take(node.as_ref()) => lease,
                () = self.sender.closed() => return,
            };
            let lease = match taken {
                Ok(lease) => lease,
                Err(error) => return self.fail(error, busy),
            };
            let error = match self.pop(&lease).await {
                Ok(reply) => return self.end(lease, reply, busy).await,
                Err(error) => error,
            };
            if !self.goes_on(&error).await {
                return self.fail(error, busy);
            }
            node = self.importer(&lease, &error).await;
            // The lease is dropped, and closed with it: the reply of a command may still come.
        }
    }

    async fn end(self, lease: Lease, reply: Option<Reply>, busy: Busy) {
        let put_back = self.pop.put_back;
        let outcome = (Ok(reply), busy);
        hand_over(&self.client, Some(&lease), put_back, self.sender, outcome).await;
        self.client.leases().give(lease);
    }

    /// Whether it waits on after `error`: it does if the server took nothing out, for it is no
    /// longer the one to ask.
    async fn goes_on(&mut self, error: &Error) -> bool {
        self.client.heed(error);
        let was_refused = redirect::went_elsewhere(error) || convert::is_by_replica(error);
        if !was_refused || self.refusals >= MOST_REFUSALS {
            return false;
        }
        let pause = REFUSAL * self.refusals;
        self.refusals += 1;
        tokio::select! {
            () = sleep(pause) => true,
            () = self.sender.closed() => false,
        }
    }

    /// The node that the slot is moving to, if that is why the server of `lease` refused.
    async fn importer(&self, lease: &Lease, error: &Error) -> Option<Server> {
        if lease.is_to_one_node() || !redirect::went_elsewhere(error) {
            return None;
        }
        let key = self.pop.command.keys.first()?;
        redirect::importer(lease.fred(), fred::util::redis_keyslot(key)).await
    }

    /// Pops in slices until there is something, or nobody waits for it any more.
    async fn pop(&mut self, lease: &Lease) -> Outcome {
        let mut closing = self.client.closing();
        loop {
            let left = self
                .deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let wait = left.map_or(SLICE, |left| left.min(SLICE));
            let name = self.pop.command.name;
            let failed = |error| convert::command_error(error, name, Effect::Write);
            if lease.is_to_one_node() {
                let asked = wire::asking(lease.fred(), MARGIN).await;
                asked.map_err(|error| convert::command_error(error, name, Effect::Read))?;
            }
            let reply = wire::send_blocking(lease.fred(), self.pop.slice(wait), wait + MARGIN);
            tokio::pin!(reply);
            let came = tokio::select! {
                biased;
                reply = &mut reply => Some(reply),
                () = self.sender.closed() => None,
                () = is_closed(&mut closing) => None,
            };
            let given_up = came.is_none();
            let reply = match came {
                Some(reply) => reply,
                None => lease.unblock_until(reply, &self.client).await,
            };
            let reply = reply.map_err(failed)?;
            let over = self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline);
            match reply.non_nil() {
                Some(reply) => return Ok(Some(reply)),
                None if over || self.sender.is_closed() => return Ok(None),
                None if given_up => return Err(closed()),
                None => self.refusals = 0,
            }
        }
    }

    fn fail(self, error: Error, busy: Busy) {
        // Nobody waiting is no failure: an error holds no element.
        let _ = self.sender.send((Err(error), busy));
    }
}

/// Gives the outcome to the caller, or the element back if there is no caller any more.
///
/// The caller gets the count of it as well, so that a close waits until it has taken it.
async fn hand_over(
    client: &Client,
    lease: Option<&Lease>,
    put_back: PutBack,
    sender: oneshot::Sender<(Outcome, Busy)>,
    outcome: (Outcome, Busy),
) {
    if let Err((Ok(Some(reply)), busy)) = sender.send(outcome) {
        give_back(client, lease, put_back, &reply).await;
        drop(busy);
    }
}

/// Resolves once the client is closed, or gone.
async fn is_closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closed| *closed).await;
}

/// Puts an element back, over the connection it came by if there is one, and else until it works.
///
/// A closed client makes a connection for it, and gives up after some tries; so does an open one
/// whose server refuses the element for good.
async fn give_back(client: &Client, lease: Option<&Lease>, put_back: PutBack, reply: &Reply) {
    let mut pause = Duration::from_millis(10);
    let mut lease = lease;
    let mut last_tries = 0;
    loop {
        let Err(error) = try_give_back(client, lease.take(), put_back, reply).await else {
            return;
        };
        last_tries += u32::from(client.is_closed());
        let may_work_later = error.is_ambiguous() || error.is_retryable();
        if !may_work_later || last_tries >= LAST_TRIES {
            return trace::not_given_back(client.server(), &error, reply);
        }
        trace::give_back_failed(client.server(), &error, pause);
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

async fn try_give_back(
    client: &Client,
    lease: Option<&Lease>,
    put_back: PutBack,
    reply: &Reply,
) -> Result<()> {
    let command = put_back(reply)?;
    let name = command.name;
    let sent = match lease {
        Some(lease) => wire::send(lease.fred(), command, None).await,
        None if client.is_closed() => {
            let lease = client.leases().take(None).await?;
            wire::send(lease.fred(), command, None).await
        }
        None => return client.run(command).await.map(drop),
    };
    sent.map(drop)
        .map_err(|error| convert::command_error(error, name, Effect::Write))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_never_told_to_wait_for_ever() {
        for (wait, seconds) in [
            (Duration::ZERO, 0.0015),
            (Duration::from_nanos(1), 0.0015),
            (Duration::from_millis(1), 0.0015),
            (Duration::from_micros(1_001), 0.0025),
            (Duration::from_secs(2), 2.0005),
        ] {
            assert_eq!(server_seconds(wait), seconds, "{wait:?}");
        }
    }
}
