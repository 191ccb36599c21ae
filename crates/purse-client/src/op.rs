//! An operation: a command and the way to read its reply.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::client::{Sending, Start};
use crate::command::Subject;
use crate::{Client, Command, Effect, Error, ErrorKind, Reply, Result};

/// One operation on the server, sent when it is first polled.
///
/// What a collection's method returns: `.await` it. It borrows nothing, so it can be spawned,
/// joined or boxed as it is. It takes one round trip (a second one, once, where a script is not
/// yet in the server's cache). Reads of one thing that come at the same moment go as one command.
///
/// # Cancel safety
/// Dropped before the first poll, nothing is sent. Dropped later, the command may run or not, and
/// whatever it answers is discarded; each operation whose reply matters says so.
#[must_use = "an operation does nothing until it is awaited"]
pub struct Op<R>(State<R>);

enum State<R> {
    Ready(Ready<R>),
    Known(Option<Result<R>>),
    Sent(Sent<R>),
    Running(BoxFuture<'static, Result<R>>),
}

/// The client, the command, and how its reply is read.
pub(crate) type Parts<R> = (Client, Command, fn(Reply) -> Result<R>);

struct Ready<R> {
    client: Client,
    command: Command,
    read: fn(Reply) -> Result<R>,
}

/// One whose command is under way, with nothing around it.
struct Sent<R> {
    client: Client,
    sending: Sending,
    subject: Subject,
    effect: Effect,
    read: fn(Reply) -> Result<R>,
}

impl<R> Op<R> {
    /// The operation that runs `command` on `client` and makes its result with `read`.
    pub fn new(client: &Client, command: Result<Command>, read: fn(Reply) -> Result<R>) -> Self {
        Self(match command {
            Ok(command) => State::Ready(Ready {
                client: client.clone(),
                command,
                read,
            }),
            Err(error) => State::Known(Some(Err(error.with_server(client.server().into())))),
        })
    }

    /// What the operation is made of, before it is polled; else its result.
    pub(crate) fn into_parts(self) -> Result<Parts<R>, Result<R>> {
        match self.0 {
            State::Ready(ready) => Ok((ready.client, ready.command, ready.read)),
            State::Known(Some(result)) => Err(result),
            State::Known(None) | State::Sent(_) | State::Running(_) => Err(Err(Error::new(
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
        read(reply).map_err(|error| match (error.kind(), effect) {
            // It ran, whatever its reply means.
            (ErrorKind::Protocol, Effect::Write) => {
                Error::new(ErrorKind::Ambiguous, "the reply could not be read").with_source(error)
            }
            _ => error,
        })
    }

    /// The operation whose result is known without asking the server.
    pub const fn known(result: Result<R>) -> Self {
        Self(State::Known(Some(result)))
    }
}

/// Nothing in an operation is pinned in place: what runs is boxed.
impl<R> Unpin for Op<R> {}

impl<R: Send + 'static> Future for Op<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Ready(_) = &self.0 {
            let State::Ready(ready) = std::mem::replace(&mut self.0, State::Known(None)) else {
                unreachable!("the state was Ready a line above");
            };
            self.0 = ready.start();
        }
        match &mut self.0 {
            State::Sent(sent) => {
                let result = ready!(sent.poll(task));
                self.0 = State::Known(None);
                Poll::Ready(result)
            }
            State::Running(future) => future.poll_unpin(task),
            State::Known(result) => match result.take() {
                Some(result) => Poll::Ready(result),
                None => panic!("an operation was polled after it had completed"),
            },
            State::Ready(_) => unreachable!("a ready operation was started above"),
        }
    }
}

impl<R: Send + 'static> Ready<R> {
    fn start(self) -> State<R> {
        let Self {
            client,
            command,
            read,
        } = self;
        let (subject, effect) = (command.subject(), command.effect);
        match client.start(command) {
            Start::Now(sending) => State::Sent(Sent {
                client,
                sending,
                subject,
                effect,
                read,
            }),
            Start::Later(command) => State::Running(run(client, command, subject, read).boxed()),
        }
    }
}

#[expect(
    clippy::manual_async_fn,
    reason = "an async function keeps its arguments twice"
)]
fn run<R>(
    client: Client,
    command: Command,
    subject: Subject,
    read: fn(Reply) -> Result<R>,
) -> impl Future<Output = Result<R>> + Send {
    async move {
        let effect = command.effect;
        let reply = client.perform(effect, command).await;
        let result = reply.and_then(|reply| Op::read_reply(reply, read, effect));
        result.map_err(|error| client.told(error, &subject))
    }
}

impl<R> Sent<R> {
    /// Not to be called again once it is ready.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Result<R>> {
        let reply = ready!(self.client.poll(&mut self.sending, task));
        let result = reply.and_then(|reply| Op::read_reply(reply, self.read, self.effect));
        Poll::Ready(result.map_err(|error| self.client.told(error, &self.subject)))
    }
}

impl<R> Drop for Sent<R> {
    fn drop(&mut self) {
        self.client.ended(&self.sending);
    }
}

impl<R> fmt::Debug for Op<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Ready(ready) => f.debug_tuple("Op").field(&ready.command.name).finish(),
            State::Known(_) => f.write_str("Op(known)"),
            State::Sent(_) | State::Running(_) => f.write_str("Op(running)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allocators are slow with what is larger, and to move it costs more than to send a command.
    #[tokio::test]
    async fn what_runs_takes_less_than_a_kilobyte() {
        let client = Client::builder("redis://127.0.0.1:1").unconnected();
        let client = client.expect("a configuration");
        let op = client.op(Command::read("GET").key("key"), Ok);
        let State::Ready(ready) = op.0 else {
            panic!("it was not polled");
        };
        let Ready {
            client,
            command,
            read,
        } = ready;
        let subject = command.subject();
        let size = size_of_val(&run(client, command, subject, read));
        assert!(size < 1 << 10, "{size} bytes");
    }
}
