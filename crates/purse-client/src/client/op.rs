//! An operation: a command and the way to read its reply.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::FutureExt;

use super::Client;
use crate::command::ErrorContext;
use crate::core::Call;
use crate::{Command, Effect, Error, ErrorKind, Reply, Result};

/// One operation on the server, sent when it is first polled.
///
/// Methods of collections return it: `.await` it, or add it to a [`Batch`](crate::Batch). An
/// operation borrows nothing, so it can be spawned, joined or boxed. It takes one round trip; if
/// the server has forgotten a script, two.
///
/// # Cancel safety
/// If it is dropped before the first poll, nothing is sent. If it is dropped later, the command may
/// run or not, and its reply is discarded. An operation whose reply matters says so.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::{Client, Command, Op, Reply};
///
/// let client = Client::connect(&url).await?;
/// let visits: Op<i64> = client.op(Command::write("INCR").key("visits"), Reply::into_int);
/// assert_eq!(tokio::spawn(visits).await??, 1);
/// # Ok(())
/// # })
/// # }
/// ```
#[must_use = "an operation does nothing until it is awaited"]
pub struct Op<R>(OpState<R>);

#[expect(
    clippy::large_enum_variant,
    reason = "an operation is sent where it is, without an allocation"
)]
enum OpState<R> {
    Unsent(Parts<R>),
    Known(Option<Result<R>>),
    SentOp(SentOp<R>),
}

/// The client, the command, and how its reply is read.
pub(crate) type Parts<R> = (Client, Command, fn(Reply) -> Result<R>);

struct SentOp<R> {
    client: Client,
    call: Call,
    context: ErrorContext,
    effect: Effect,
    read: fn(Reply) -> Result<R>,
}

impl<R> Op<R> {
    /// Creates the operation that runs `command` on `client` and makes its result with `read`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Client, Command, Error, ErrorKind, Op, Reply};
    ///
    /// fn set_percent(client: &Client, percent: u8) -> Op<bool> {
    ///     let command = match percent {
    ///         0..=100 => Ok(Command::write("SET").key("percent").arg(u64::from(percent))),
    ///         _ => Err(Error::new(ErrorKind::InvalidInput, "more than 100 percent")),
    ///     };
    ///     Op::new(client, command, Reply::into_bool)
    /// }
    /// assert!(set_percent(&client, 50).await?);
    /// assert_eq!(set_percent(&client, 101).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # Ok(()) }
    /// ```
    pub fn new(client: &Client, command: Result<Command>, read: fn(Reply) -> Result<R>) -> Self {
        Self(match command {
            Ok(command) => OpState::Unsent((client.clone(), command, read)),
            Err(error) => OpState::Known(Some(Err(error.with_server(client.server_name())))),
        })
    }

    /// Returns what the operation is made of, before it is polled; otherwise its result.
    pub(crate) fn into_parts(self) -> Result<Parts<R>, Result<R>> {
        match self.0 {
            OpState::Unsent(parts) => Ok(parts),
            OpState::Known(Some(result)) => Err(result),
            OpState::Known(None) | OpState::SentOp(_) => Err(Err(Error::new(
                ErrorKind::InvalidInput,
                "the operation was polled before",
            ))),
        }
    }

    /// Reads the reply to a command of `effect`.
    pub(crate) fn read_reply(
        reply: Reply,
        read: fn(Reply) -> Result<R>,
        effect: Effect,
    ) -> Result<R> {
        read(reply).map_err(|error| effect.judge_unread(error))
    }

    /// Creates an operation whose result is known without the server.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Client, Command, Op, Reply};
    ///
    /// fn sum(client: &Client, keys: &[&'static str]) -> Op<u64> {
    ///     if keys.is_empty() {
    ///         return Op::ready(Ok(0)); // nothing to ask
    ///     }
    ///     let command = keys.iter().fold(Command::read("EXISTS"), |command, key| command.key(*key));
    ///     client.op(command, Reply::into_count)
    /// }
    /// assert_eq!(sum(&client, &[]).await?, 0);
    /// # Ok(()) }
    /// ```
    pub const fn ready(result: Result<R>) -> Self {
        Self(OpState::Known(Some(result)))
    }
}

/// Nothing in an operation is pinned in place.
impl<R> Unpin for Op<R> {}

impl<R: Send + 'static> Future for Op<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let OpState::Unsent(_) = &self.0 {
            let OpState::Unsent((client, command, read)) =
                std::mem::replace(&mut self.0, OpState::Known(None))
            else {
                unreachable!("the state was Unsent a line above");
            };
            self.0 = OpState::SentOp(SentOp {
                context: command.context(),
                effect: command.effect,
                call: client.call(command),
                client,
                read,
            });
        }
        match &mut self.0 {
            OpState::SentOp(sent) => {
                let result = ready!(sent.poll(cx));
                self.0 = OpState::Known(None);
                Poll::Ready(result)
            }
            OpState::Known(result) => match result.take() {
                Some(result) => Poll::Ready(result),
                None => panic!("an operation was polled after it had completed"),
            },
            OpState::Unsent(_) => unreachable!("an unsent operation was sent above"),
        }
    }
}

impl<R> SentOp<R> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<R>> {
        let answer = ready!(self.call.poll_unpin(cx));
        let result = answer.and_then(|answer| Op::read_reply(answer.reply, self.read, self.effect));
        Poll::Ready(result.map_err(|error| {
            let error = self.client.with_context(error, &self.context);
            match self.call.field_name() {
                Some(field) => error.with_field(field),
                None => error,
            }
        }))
    }
}

impl<R> fmt::Debug for Op<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            OpState::Unsent((_, command, _)) => f.debug_tuple("Op").field(&command.name).finish(),
            OpState::Known(_) => f.write_str("Op(known)"),
            OpState::SentOp(_) => f.write_str("Op(running)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allocators are slow with what is larger, and to move it costs more than to send a command.
    #[test]
    fn operation_takes_less_than_a_kilobyte() {
        let size = size_of::<Op<u64>>();
        assert!(size < 1 << 10, "{size} bytes");
    }
}
