//! Several operations at once.

use std::collections::HashSet;
use std::fmt;
use std::task::Poll;

use bytes::Bytes;
use futures::poll;
use tokio::sync::oneshot;

use crate::command::{Command, Effect};
use crate::transaction::Transaction;
use crate::{Client, Error, ErrorKind, Op, Reply, Result, convert, redirect};

/// Operations under way at once.
const MOST_AT_ONCE: usize = 1_024;

/// Operations that are sent together: those that collections' methods return, of any types.
///
/// Without waiting for each reply, so they take about one round trip together, and in the order in
/// which they were added. Each has a result of its own: one that fails does not keep the others
/// from running. [`atomic`](Self::atomic) makes one step of them all, in between which nobody
/// else's commands run.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse_client::{Client, Command, Reply};
///
/// let client = Client::connect(&url).await?;
/// let mut batch = client.batch();
/// let visits = batch.add(client.op(Command::write("INCR").key("visits"), Reply::into_int));
/// let length = batch.add(client.op(Command::read("LLEN").key("visits"), Reply::into_count));
/// batch.send().await?;
/// assert_eq!(visits.take()?, 1);
/// assert!(length.take().is_err(), "visits is no list");
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a batch does nothing until it is sent"]
pub struct Batch {
    client: Client,
    entries: Vec<Entry>,
    atomic: bool,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) command: Command,
    pub(crate) answer: Answer,
}

/// An operation in a cluster, in case it is sent elsewhere, and so did not run.
struct Tied {
    slot: u16,
    command: Command,
}

/// The way to a result. One that is dropped before its command is sent says so.
#[derive(Debug)]
pub(crate) struct Answer(Option<oneshot::Sender<Result<Reply>>>);

/// The result of one operation of a [`Batch`], once that is sent.
#[must_use = "the operation may have failed"]
pub struct Pending<R>(Source<R>);

enum Source<R> {
    Known(Result<R>),
    Batch {
        answer: oneshot::Receiver<Result<Reply>>,
        read: fn(Reply) -> Result<R>,
        name: &'static str,
        key: Option<Bytes>,
        effect: Effect,
    },
}

impl Client {
    /// A batch of operations, empty yet.
    pub fn batch(&self) -> Batch {
        Batch {
            client: self.clone(),
            entries: Vec::new(),
            atomic: false,
        }
    }
}

impl Batch {
    /// Makes one transaction of the batch: all operations run in one step, or none of them is sent.
    ///
    /// One that fails is not undone with the others, as in `MULTI`; it has its own error. In a
    /// cluster all keys must share a slot. It is sent as one script: fred would send a `MULTI`
    /// whose reply is lost again.
    pub fn atomic(mut self) -> Self {
        self.atomic = true;
        self
    }

    /// Adds an operation of this batch's client. Its result is there once the batch is sent.
    pub fn add<R>(&mut self, operation: Op<R>) -> Pending<R> {
        let (client, command, read) = match operation.into_parts() {
            Ok(parts) => parts,
            Err(known) => return Pending(Source::Known(known)),
        };
        if !client.is_same(&self.client) {
            let message = "the operation is one of another client than the batch";
            return Pending(Source::Known(Err(Error::new(
                ErrorKind::InvalidInput,
                message,
            ))));
        }
        let (sender, answer) = oneshot::channel();
        let pending = Source::Batch {
            answer,
            read,
            name: command.name,
            key: command.keys.first().cloned(),
            effect: command.effect,
        };
        self.entries.push(Entry {
            command,
            answer: Answer(Some(sender)),
        });
        Pending(pending)
    }

    /// The number of operations to send.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sends the operations and waits for all their replies.
    ///
    /// One round trip for each 1024 operations, all on the connection that writes go over if there
    /// is a write among them; an atomic batch takes one. An empty batch sends nothing. In a cluster
    /// the order is kept within each slot. What it sent elsewhere since the slot has moved did not
    /// run, and is sent again, each by itself; but not where a later operation in the slot has run:
    /// then it is [`NotSent`](ErrorKind::NotSent), or has the cluster's error.
    ///
    /// # Errors
    /// Where the batch as a whole was not sent, or nothing is known of it: an atomic one, if its
    /// keys do not share a slot ([`CrossSlot`](ErrorKind::CrossSlot)), a command has more than 7000
    /// arguments or all of them a million ([`InvalidInput`](ErrorKind::InvalidInput)), or as
    /// [`Client::run`] fails. Each result then has an error of the same kind. What becomes of a
    /// single operation is in its result alone; where the connection breaks midway, the rest is
    /// [`NotSent`](ErrorKind::NotSent).
    ///
    /// # Cancel safety
    /// Dropped midway, operations may run or not; an atomic batch runs whole or not at all.
    pub async fn send(self) -> Result<()> {
        if self.atomic {
            return self.send_atomically().await;
        }
        let writes = self
            .entries
            .iter()
            .any(|entry| entry.command.effect == Effect::Write);
        let lane = if writes { Effect::Write } else { Effect::Read };
        let client = &self.client;
        let mut is_connected = true;
        let mut entries = self.entries.into_iter().peekable();
        while entries.peek().is_some() {
            let mut running = Vec::with_capacity(entries.len().min(MOST_AT_ONCE));
            for Entry { command, answer } in entries.by_ref().take(MOST_AT_ONCE) {
                let mut command = command.in_order();
                if writes {
                    // Those that wait for a connection by themselves go over it in any order.
                    is_connected = is_connected && client.can_write().await;
                    command = command.fail_fast();
                }
                let tied = Tied::of(&command, client);
                let give = answer.sending();
                let mut run = client.run_on(lane, command);
                let early = match poll!(&mut run) {
                    Poll::Ready(result) => Some(result),
                    Poll::Pending => None,
                };
                running.push((tied, give, early, run));
            }
            let mut outcomes = Vec::new();
            // One after the other, as the replies come: to wait for all of them at once would cost
            // more than it costs to send one.
            for (tied, give, early, run) in running {
                let result = match early {
                    Some(result) => result,
                    None => run.await,
                };
                match (tied, result) {
                    (Some(tied), Err(error)) if redirect::went_elsewhere(&error) => {
                        outcomes.push((tied.slot, Some((tied, give, error))));
                    }
                    (tied, result) => {
                        give(result);
                        outcomes.extend(tied.map(|tied| (tied.slot, None)));
                    }
                }
            }
            let mut slots_that_ran = HashSet::new();
            let mut elsewhere = Vec::new();
            for (slot, redirected) in outcomes.into_iter().rev() {
                match redirected {
                    None => {
                        slots_that_ran.insert(slot);
                    }
                    // To run it now would be out of order.
                    Some((_, give, error)) if slots_that_ran.contains(&slot) => give(Err(error)),
                    Some((tied, give, _)) => elsewhere.push((tied, give)),
                }
            }
            for (tied, give) in elsewhere.into_iter().rev() {
                give(client.run_on(lane, tied.command).await);
            }
        }
        Ok(())
    }

    async fn send_atomically(self) -> Result<()> {
        let Self {
            client, entries, ..
        } = self;
        if entries.is_empty() {
            return Ok(());
        }
        let (commands, answers): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .map(|entry| (entry.command, entry.answer))
            .unzip();
        let names: Vec<_> = commands.iter().map(|command| command.name).collect();
        let answers: Vec<_> = answers.into_iter().map(Answer::sending).collect();
        let replies = match Transaction::new(&client, commands) {
            Ok(transaction) => client.transact(transaction).await,
            Err(error) => Err(error),
        };
        let replies = replies.and_then(|reply| outcomes(reply, &names));
        match replies {
            Ok(replies) => {
                for error in replies.iter().filter_map(|reply| reply.as_ref().err()) {
                    client.heed(error);
                }
                for (give, reply) in answers.into_iter().zip(replies) {
                    give(reply);
                }
                Ok(())
            }
            Err(error) => {
                for give in answers {
                    give(Err(Error::new(error.kind(), "the atomic batch failed")));
                }
                Err(error)
            }
        }
    }
}

impl Tied {
    fn of(command: &Command, client: &Client) -> Option<Self> {
        let key = command.keys.first().filter(|_| client.is_cluster())?;
        let mut command = command.clone();
        command.in_order = false;
        Some(Self {
            slot: fred::util::redis_keyslot(key),
            command,
        })
    }
}

impl Answer {
    /// What takes the result; from here on the command may be sent.
    fn sending(mut self) -> impl FnOnce(Result<Reply>) {
        let answer = self.0.take();
        move |result| {
            if let Some(answer) = answer {
                // Whoever dropped the result does not want it.
                let _ = answer.send(result);
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(answer) = self.0.take() {
            let _ = answer.send(Err(not_sent()));
        }
    }
}

/// The reply or error of each operation.
fn outcomes(reply: Reply, names: &[&'static str]) -> Result<Vec<Result<Reply>>> {
    let replies = reply.into_list()?;
    if replies.len() != names.len() {
        return Err(Error::new(
            ErrorKind::Protocol,
            "the batch has another number of replies",
        ));
    }
    let outcome = |(reply, name): (Reply, &&'static str)| {
        let mut parts = reply.into_list()?.into_iter();
        let worked = parts.next().map_or(Ok(0), Reply::into_int)? == 1;
        // A nil at the end of an array is left out by the server.
        let rest = parts.next().unwrap_or_else(Reply::nil);
        if worked {
            return Ok(Ok(rest));
        }
        let error = rest.into_bytes()?;
        Ok(Err(convert::reply_error(
            &String::from_utf8_lossy(&error),
            name,
        )))
    };
    replies.into_iter().zip(names).map(outcome).collect()
}

fn not_sent() -> Error {
    Error::new(ErrorKind::NotSent, "the batch has not been sent")
}

impl<R> Pending<R> {
    /// The operation's result.
    ///
    /// # Errors
    /// Those of the operation; [`NotSent`](ErrorKind::NotSent) if the batch was not sent. If it was
    /// dropped while it was being sent, a write is [`Ambiguous`](ErrorKind::Ambiguous).
    pub fn take(self) -> Result<R> {
        let (mut answer, read, name, key, effect) = match self.0 {
            Source::Known(result) => return result,
            Source::Batch {
                answer,
                read,
                name,
                key,
                effect,
            } => (answer, read, name, key, effect),
        };
        let result = match answer.try_recv() {
            Ok(reply) => reply.and_then(|reply| Op::read_reply(reply, read, effect)),
            Err(oneshot::error::TryRecvError::Empty) => Err(not_sent()),
            Err(oneshot::error::TryRecvError::Closed) => Err(match effect {
                Effect::Read => not_sent(),
                Effect::Write => Error::new(
                    ErrorKind::Ambiguous,
                    "the batch was dropped: the command may have run, or not",
                ),
            }),
        };
        result.map_err(|error| error.with_command(name, key))
    }
}

impl<R> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Known(_) => f.write_str("Pending(known)"),
            Source::Batch { name, .. } => write!(f, "Pending({name})"),
        }
    }
}
