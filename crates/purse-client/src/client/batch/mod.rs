//! Several operations at once.

mod chunk;
mod operation;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Client, Op};
use crate::command::batch_script::ScriptBatch;
use crate::command::{Command, Effect, Feature};
use crate::connection::{ServerInfo, error_map};
use crate::core::{Call, Role, check};
use crate::telemetry::OperationSpan;
use crate::util::sync::Mutex;
use crate::{Error, ErrorKind, Reply, Result};
use chunk::Chunk;
pub use operation::Operation;

/// The commands that are sent at once, with one deadline.
const MAX_CHUNK: usize = 1_024;

/// A list of operations that are sent together, of any result types.
///
/// The operations are sent in the order in which they were added, without waiting for each reply,
/// so they take about one round trip together. Each operation has a result of its own, and runs
/// even if another operation fails. [`atomic`](Self::atomic) runs all operations in one step, so
/// that no other command runs in between. [`run`](Self::run) takes a tuple of operations and returns
/// the tuple of their results; [`add`](Self::add) takes one after the other.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::{Client, Command, Reply};
///
/// let client = Client::connect(&url).await?;
/// let mut batch = client.batch();
/// let visits = batch.add(client.op(Command::write("INCR").key("visits"), Reply::into_int));
/// let length = batch.add(client.op(Command::read("LLEN").key("visits"), Reply::into_count));
/// batch.send().await?;
/// assert_eq!(visits.take()?, 1);
/// assert!(length.take().is_err(), "visits is not a list");
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a batch does nothing until it is sent"]
pub struct Batch {
    client: Client,
    commands: Vec<Command>,
    board: Arc<ResultBoard>,
    atomic: bool,
}

/// The results of a batch, which its [`Pending`] operations share.
#[derive(Debug, Default)]
struct ResultBoard(Mutex<Vec<ResultSlot>>);

/// The result of one operation.
#[derive(Debug)]
enum ResultSlot {
    Unsent,
    /// The batch is being sent, or was dropped while it was sent.
    Sending,
    Done(Result<Reply>),
    Taken,
}

/// A handle to the result of one operation of a [`Batch`], which is there once the batch is sent.
///
/// # Examples
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
/// use purse::{Command, Pending, Reply};
///
/// let mut batch = client.batch();
/// let set: Pending<()> = batch.add(client.op(Command::write("SET").key("n").arg(1), |_| Ok(())));
/// let n: Pending<i64> = batch.add(client.op(Command::write("INCR").key("n"), Reply::into_int));
/// batch.send().await?;
/// set.take()?;
/// assert_eq!(n.take()?, 2);
/// # Ok(()) }
/// ```
#[must_use = "the operation may have failed"]
pub struct Pending<R>(PendingResult<R>);

enum PendingResult<R> {
    Known(Result<R>),
    /// The result of several operations, made of theirs.
    Composed {
        effect: Effect,
        take: Box<dyn FnOnce() -> Result<R> + Send>,
    },
    Batch {
        board: Arc<ResultBoard>,
        index: usize,
        read: fn(Reply) -> Result<R>,
        effect: Effect,
        subject: Subject,
    },
}

/// The parts of an operation that its error names.
struct Subject {
    name: &'static str,
    key: Option<Bytes>,
    field: Option<Bytes>,
    index: i64,
    server: Arc<str>,
}

impl Subject {
    fn add_to(self, error: Error) -> Error {
        let error = error
            .shift_index(self.index)
            .with_command(self.name, self.key)
            .with_server(self.server);
        match self.field {
            Some(field) => error.with_field(field),
            None => error,
        }
    }
}

impl ResultBoard {
    fn set(&self, index: usize, result: Result<Reply>) {
        self.0.lock()[index] = ResultSlot::Done(result);
    }

    fn mark_sending(&self, indexes: std::ops::Range<usize>) {
        self.0.lock()[indexes]
            .iter_mut()
            .for_each(|place| *place = ResultSlot::Sending);
    }
}

impl Client {
    /// Creates an empty batch of operations.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Reply};
    ///
    /// let mut batch = client.batch();
    /// let visits: Vec<_> = ["home", "about"]
    ///     .map(|page| batch.add(client.op(Command::write("INCR").key(page), Reply::into_int)))
    ///     .into();
    /// batch.send().await?;
    /// for count in visits {
    ///     assert_eq!(count.take()?, 1);
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "pipe")]
    #[doc(alias = "pipeline")]
    pub fn batch(&self) -> Batch {
        Batch {
            client: self.clone(),
            commands: Vec::new(),
            board: Arc::default(),
            atomic: false,
        }
    }
}

impl Batch {
    /// Makes the batch atomic: either all operations run in one step, or none runs.
    ///
    /// If an operation fails, the others are not undone, as in `MULTI`; the failed operation has
    /// its own error. In a cluster, all keys must share a slot. The batch is sent as one script.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Reply};
    ///
    /// client.run(Command::write("SET").key("{account}a").arg(100)).await?;
    /// let mut transfer = client.batch().atomic();
    /// let amount = 30;
    /// let take = Command::write("DECRBY").key("{account}a").arg(amount);
    /// let give = Command::write("INCRBY").key("{account}b").arg(amount);
    /// let (left, got) = (
    ///     transfer.add(client.op(take, Reply::into_int)),
    ///     transfer.add(client.op(give, Reply::into_int)),
    /// );
    /// transfer.send().await?;
    /// assert_eq!((left.take()?, got.take()?), (70, 30));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "MULTI")]
    #[doc(alias = "EXEC")]
    #[doc(alias = "transaction")]
    pub fn atomic(mut self) -> Self {
        self.atomic = true;
        self
    }

    /// Adds an operation of this batch's client. Its result is there once the batch is sent.
    ///
    /// An operation of another client is not sent, and its result is an error of kind
    /// [`InvalidInput`](ErrorKind::InvalidInput). That holds for a client of the same database too,
    /// because it may be another user with other rights.
    ///
    /// An operation on many elements is encoded as a whole and held in memory until the batch is
    /// sent. All its commands are sent, also if one of them fails. If it cannot be encoded, none of
    /// them is sent.
    pub fn add<O: Operation>(&mut self, operation: O) -> Pending<O::Output> {
        operation.add_to(self)
    }

    fn add_op<R>(&mut self, operation: Op<R>) -> Pending<R> {
        let (client, command, read) = match operation.into_parts() {
            Ok(parts) => parts,
            Err(known) => return Pending(PendingResult::Known(known)),
        };
        if !client.is_same(&self.client) {
            let message = "the operation is one of another client than the batch";
            return Pending(PendingResult::Known(Err(Error::new(
                ErrorKind::InvalidInput,
                message,
            ))));
        }
        if let Err(error) = check(&command, Role::Client) {
            let error = client.with_context(error, &command.context());
            return Pending(PendingResult::Known(Err(error)));
        }
        let command = client.options.apply(command);
        let mut places = self.board.0.lock();
        places.push(ResultSlot::Unsent);
        let pending = PendingResult::Batch {
            board: self.board.clone(),
            index: places.len() - 1,
            read,
            effect: command.effect,
            subject: Subject {
                name: command.name,
                key: command.keys.first().cloned(),
                field: command.field_name(),
                index: command.first_index(),
                server: client.server_name(),
            },
        };
        drop(places);
        self.commands.push(command);
        Pending(pending)
    }

    /// Adds an operation, mostly a tuple of operations, sends the batch, and returns the results.
    ///
    /// A batch takes one round trip for every 1024 commands; an atomic batch takes one in all.
    ///
    /// # Errors
    /// The errors of [`send`](Self::send), and the error of the first operation that failed. The
    /// other operations run nevertheless, and their results are dropped:
    /// [`Error::is_retryable`] is false if one of them may have changed something. If an operation
    /// removes elements that must not be lost, use [`add`](Self::add), which keeps each result.
    ///
    /// # Cancel safety
    /// That of [`send`](Self::send).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, ErrorKind, Reply};
    ///
    /// let visit = || client.op(Command::write("INCR").key("visits"), Reply::into_int);
    /// let kind = client.op(Command::read("TYPE").key("visits"), Reply::into_bytes);
    /// let (first, second, kind) = client.batch().run((visit(), visit(), kind)).await?;
    /// assert_eq!((first, second, kind.as_ref()), (1, 2, &b"string"[..]));
    ///
    /// let length = client.op(Command::read("LLEN").key("visits"), Reply::into_count);
    /// let error = client.batch().atomic().run((visit(), length)).await.unwrap_err();
    /// assert_eq!((error.kind(), error.operation()), (ErrorKind::WrongType, Some(1)));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "batch_all")]
    #[doc(alias = "join")]
    pub async fn run<O: Operation>(mut self, operation: O) -> Result<O::Output> {
        let pending = self.add(operation);
        self.send().await?;
        pending.take()
    }

    /// Returns the number of commands to send.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Returns whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Sends the operations and waits for all their replies.
    ///
    /// A batch takes one round trip for every 1024 commands; an atomic batch takes one in all. An
    /// empty batch sends nothing. In a cluster, operations on one slot run in the order in which
    /// they were added. An operation that the cluster redirected did not run, and is sent again
    /// alone. So is a script that the server has forgotten. If a later operation in the same slot
    /// has already run, the operation fails with [`NotSent`](ErrorKind::NotSent) instead.
    /// Operations that are sent together have the longest of their timeouts.
    ///
    /// # Errors
    /// A batch that is not atomic always returns `Ok`: what became of each operation is in its
    /// [`Pending`]. If the connection breaks midway, an operation whose bytes were not sent as a
    /// whole is [`NotSent`](ErrorKind::NotSent), and a write that was sent is
    /// [`Ambiguous`](ErrorKind::Ambiguous).
    ///
    /// An atomic batch fails with [`CrossSlot`](ErrorKind::CrossSlot) if its keys do not share a
    /// slot, with [`InvalidInput`](ErrorKind::InvalidInput) if one command has more than 7000
    /// arguments or all commands together have more than a million, and with the errors of
    /// [`Client::run`]. Each result then has an error of the same kind.
    ///
    /// # Cancel safety
    /// If the future is dropped, each operation may or may not run. An atomic batch runs as a whole
    /// or not at all.
    #[doc(alias = "query_async")]
    pub async fn send(self) -> Result<()> {
        if self.commands.is_empty() {
            return Ok(());
        }
        let span = OperationSpan::open("batch", self.client.server());
        span.run(self.send_all()).await
    }

    async fn send_all(self) -> Result<()> {
        if self.atomic {
            self.board.mark_sending(0..self.commands.len());
            return self.send_atomically().await;
        }
        let writes = self
            .commands
            .iter()
            .any(|command| command.effect == Effect::Write);
        let effect = if writes { Effect::Write } else { Effect::Read };
        let Self {
            client,
            commands,
            board,
            ..
        } = self;
        if let Err(error) = client.check_open() {
            for index in 0..commands.len() {
                board.set(index, Err(error.duplicate()));
            }
            return Ok(());
        }
        for (number, commands) in commands.chunks(MAX_CHUNK).enumerate() {
            let start = number * MAX_CHUNK;
            Chunk::send(&client, &board, effect, start, commands)
                .finish()
                .await;
        }
        Ok(())
    }

    async fn send_atomically(self) -> Result<()> {
        let Self {
            client,
            commands,
            board,
            ..
        } = self;
        let named = |command: &Command| (command.name, Feature::of(command));
        let names: Vec<_> = commands.iter().map(named).collect();
        let key = commands.iter().find_map(|command| command.keys.first());
        let key = key.cloned();
        let (limit, fail_fast) = limits(&client, &commands);
        let batch = ScriptBatch::new(commands).and_then(|mut batch| {
            client.same_slot(&batch.keys)?;
            batch.timeout = Some(limit);
            batch.fail_fast = fail_fast;
            Ok(batch)
        });
        let replies = match batch {
            Ok(batch) => {
                let call = Call::batch(client.core().clone(), batch);
                let answer = call.await;
                let server = client.core().server_info(key.as_deref());
                answer.and_then(|answer| outcomes(answer.reply, &names, server.as_deref()))
            }
            Err(error) => Err(error),
        };
        match replies {
            Ok(replies) => {
                let mut is_by_replica = false;
                for (index, reply) in replies.into_iter().enumerate() {
                    let error = reply.as_ref().err();
                    is_by_replica |= error.is_some_and(error_map::has_readonly_code);
                    board.set(index, reply);
                }
                if is_by_replica {
                    client.core().leave_replica();
                }
                Ok(())
            }
            Err(error) => {
                let error = client.core().explain(error);
                for index in 0..names.len() {
                    let message = "the atomic batch failed";
                    board.set(index, Err(Error::new(error.kind(), message)));
                }
                Err(error
                    .with_command("atomic batch", None)
                    .with_server(client.server_name()))
            }
        }
    }
}

/// Returns the longest time that one of the commands may take, and whether one of them fails fast,
/// as far as they say it themselves.
fn limits(client: &Client, commands: &[Command]) -> (Duration, Option<bool>) {
    let default = client.core().settings.command_timeout;
    let limit = |command: &Command| command.timeout.unwrap_or(default);
    let longest = commands.iter().map(limit).max();
    let fail_fast = commands.iter().filter_map(|command| command.fail_fast);
    (longest.unwrap_or(default), fail_fast.max())
}

/// The reply or error of each operation.
fn outcomes(
    reply: Reply,
    names: &[(&'static str, Option<&'static Feature>)],
    server: Option<&ServerInfo>,
) -> Result<Vec<Result<Reply>>> {
    let replies = reply.into_list()?;
    if replies.len() != names.len() {
        return Err(Error::new(
            ErrorKind::Protocol,
            "the batch has another number of replies",
        ));
    }
    let outcome = |(reply, (name, feature)): (Reply, &(&str, Option<&'static Feature>))| {
        let mut parts = reply.into_list()?.into_iter();
        let worked = parts.next().map_or(Ok(0), Reply::into_int)? == 1;
        // A nil at the end of an array is left out by the server.
        let rest = parts.next().unwrap_or_else(Reply::nil);
        if worked {
            return Ok(Ok(rest));
        }
        let error = rest.into_bytes()?;
        let error = error_map::reply_error(&String::from_utf8_lossy(&error), name);
        Ok(Err(error_map::explain_unsupported(error, *feature, server)))
    };
    replies.into_iter().zip(names).map(outcome).collect()
}

fn not_sent_error() -> Error {
    Error::new(ErrorKind::NotSent, "the batch has not been sent")
}

impl<R> Pending<R> {
    /// Creates the handle of a result that is known without the server.
    ///
    /// # Examples
    /// ```
    /// use purse::{Error, ErrorKind, Pending};
    ///
    /// let refused: Pending<u64> = Pending::ready(Err(Error::new(ErrorKind::InvalidInput, "no element")));
    /// assert_eq!(refused.take().unwrap_err().kind(), ErrorKind::InvalidInput);
    /// ```
    pub const fn ready(result: Result<R>) -> Self {
        Self(PendingResult::Known(result))
    }

    /// Creates the handle of a result that is made of the results of other operations. `effect` is
    /// [`Effect::Write`] if one of them may change something. An implementation of [`Operation`]
    /// calls this; see its example.
    pub fn from_fn(effect: Effect, take: impl FnOnce() -> Result<R> + Send + 'static) -> Self {
        let take = Box::new(take);
        Self(PendingResult::Composed { effect, take })
    }

    /// Returns the effect of the operation, if it is sent.
    const fn effect(&self) -> Effect {
        match &self.0 {
            PendingResult::Known(_) => Effect::Read,
            PendingResult::Composed { effect, .. } | PendingResult::Batch { effect, .. } => *effect,
        }
    }

    /// Returns the result of the operation.
    ///
    /// # Errors
    /// Returns the error of the operation, or [`NotSent`](ErrorKind::NotSent) if the batch was not
    /// sent. If the batch was dropped while it was sent, a write is
    /// [`Ambiguous`](ErrorKind::Ambiguous).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, ErrorKind, Reply};
    ///
    /// let mut batch = client.batch();
    /// let visits = batch.add(client.op(Command::write("INCR").key("visits"), Reply::into_int));
    /// drop(batch);
    /// assert_eq!(visits.take().unwrap_err().kind(), ErrorKind::NotSent);
    /// # Ok(()) }
    /// ```
    pub fn take(self) -> Result<R> {
        let (board, index, read, effect, subject) = match self.0 {
            PendingResult::Known(result) => return result,
            PendingResult::Composed { take, .. } => return take(),
            PendingResult::Batch {
                board,
                index,
                read,
                effect,
                subject,
            } => (board, index, read, effect, subject),
        };
        let place = board
            .0
            .lock()
            .get_mut(index)
            .map(|place| std::mem::replace(place, ResultSlot::Taken));
        let result = match place {
            Some(ResultSlot::Done(reply)) => {
                reply.and_then(|reply| Op::read_reply(reply, read, effect))
            }
            Some(ResultSlot::Sending) if effect == Effect::Write => Err(Error::new(
                ErrorKind::Ambiguous,
                "the batch was dropped: the command may have run, or not",
            )),
            _ => Err(not_sent_error()),
        };
        result.map_err(|error| subject.add_to(error))
    }
}

impl<R> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            PendingResult::Known(_) => f.write_str("Pending(known)"),
            PendingResult::Composed { .. } => f.write_str("Pending(several)"),
            PendingResult::Batch { subject, .. } => write!(f, "Pending({})", subject.name),
        }
    }
}
