//! The future of a command, from its first poll to its reply.

mod resend;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Core, Role};
use crate::command::batch_script::ScriptBatch;
use crate::command::catalog::{Occupancy, occupancy};
use crate::command::{Command, Effect};
use crate::config::Address;
use crate::connection::{
    CommandTiming, Connection, Delivered, Ending, Failure, ReplyFuture, error_map,
};
use crate::telemetry::OperationSpan;
use crate::util::timer::Sleep;
use crate::{Error, ErrorKind, Reply, Result};
use resend::Redirects;

/// A read is sent again at most this many times.
const MAX_RETRIES: u32 = 3;

/// A reply and its origin.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) origin: Origin,
}

/// One connection to one process of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin(u64);

/// A future that sends a command with its first poll and completes with the reply.
///
/// It follows redirections of a cluster, sends a script whole if the server does not know it, and
/// sends a read again when the connection breaks. All of this ends with the deadline of the
/// command.
#[derive(Debug)]
#[must_use = "a call does nothing until it is polled"]
pub(crate) struct Call {
    core: Arc<Core>,
    request: Request,
    timing: Option<CommandTiming>,
    state: CallState,
    retries: u32,
    /// The redirections, if there were any.
    redirects: Option<Box<Redirects>>,
    /// True if a closed client sends it while it is still connected.
    though_closed: bool,
    /// True if the node runs it although it only imports the slot.
    asking: bool,
    /// True if the last request was sent with ASKING.
    was_asking: bool,
    /// True if the last request was a script that was sent by its hash.
    was_by_hash: bool,
    span: Option<OperationSpan>,
}

#[derive(Debug)]
enum Request {
    Command(Command),
    Batch(Box<ScriptBatch>),
}

enum CallState {
    New,
    AwaitingReply(ReplyFuture<Result<Delivered, Failure>>),
    Pausing(Sleep),
    /// Waits until the slot map has changed.
    AwaitingRoute(BoxFuture<'static, bool>),
    Done,
}

/// The result of looking up the node of a command.
enum RouteLookup {
    /// Its connection, and whether to send ASKING.
    Route((Connection, bool)),
    Change(BoxFuture<'static, bool>),
}

impl Call {
    pub(crate) fn new(core: Arc<Core>, command: Command) -> Self {
        Self::of(core, Request::Command(command))
    }

    pub(crate) fn batch(core: Arc<Core>, batch: ScriptBatch) -> Self {
        Self::of(core, Request::Batch(Box::new(batch)))
    }

    const fn of(core: Arc<Core>, request: Request) -> Self {
        Self {
            core,
            request,
            timing: None,
            state: CallState::New,
            retries: 0,
            redirects: None,
            though_closed: false,
            asking: false,
            was_asking: false,
            was_by_hash: false,
            span: None,
        }
    }

    /// Lets a closed client send it while it is still connected.
    pub(crate) fn allow_closed(mut self) -> Self {
        self.though_closed = true;
        self
    }

    /// Lets the node run it although it only imports the slot.
    pub(crate) const fn with_asking(mut self) -> Self {
        self.asking = true;
        self
    }

    pub(crate) const fn command(&self) -> Option<&Command> {
        match &self.request {
            Request::Command(command) => Some(command),
            Request::Batch(_) => None,
        }
    }

    /// Sends the command, or returns the state that waits for the slot map.
    fn start(&mut self) -> Result<CallState> {
        let timing = match self.timing {
            Some(timing) => timing,
            None => {
                if let Request::Command(command) = &self.request {
                    check(command, self.core.role)?;
                }
                let timing = match &self.request {
                    Request::Command(command) => self.core.timing_of(command),
                    Request::Batch(batch) => self.core.timing(batch.timeout, batch.fail_fast),
                };
                *self.timing.insert(timing)
            }
        };
        if self.core.is_closed() && !self.though_closed {
            return Err(error_map::ended_error(Ending::Closed));
        }
        let next = self
            .redirects
            .as_mut()
            .and_then(|redirects| redirects.next.take());
        let (connection, asking) = match self.route(next) {
            Some(route) => route,
            None => match self.wait_nodes(timing)? {
                RouteLookup::Route(route) => route,
                RouteLookup::Change(change) => return Ok(CallState::AwaitingRoute(change)),
            },
        };
        self.was_asking = asking;
        self.send(connection, timing, asking, false)
    }

    /// Waits until the nodes of the cluster are known.
    fn wait_nodes(&self, timing: CommandTiming) -> Result<RouteLookup> {
        let Some(cluster) = self.core.cluster() else {
            return Err(self.fail(Failure::NotSent(None)));
        };
        if let Some(ending) = cluster.ending() {
            return Err(error_map::ended_error(ending));
        }
        if timing.fail_fast || timing.deadline <= Instant::now() {
            return Err(self.fail(Failure::NotSent(cluster.cause())));
        }
        // A change before this line wakes no one, so the nodes are looked up once more.
        let change = cluster.wait_change(timing.deadline).boxed();
        Ok(match self.route(None) {
            Some(route) => RouteLookup::Route(route),
            None => RouteLookup::Change(change),
        })
    }

    /// Finds the connection for the command; `None` while the nodes of the cluster are not known.
    fn route(&self, next: Option<(Address, bool)>) -> Option<(Connection, bool)> {
        // The pages of a scan go over the connection of writes, so that all come from one server.
        let is_first = self
            .command()
            .is_some_and(|command| command.on_first_connection);
        let effect = match is_first {
            true => Effect::Write,
            false => self.effect(),
        };
        let Some(cluster) = self.core.cluster() else {
            let connection = self.core.connection(effect)?;
            return Some((connection.clone(), self.asking));
        };
        if let Some((address, asking)) = next {
            return Some((cluster.connection(&address), asking));
        }
        if let Some(node) = self.command().and_then(|command| command.node.as_deref()) {
            return Some((cluster.connection(node), false));
        }
        let connection = cluster.route(self.key().map(|key| &**key), effect)?;
        Some((connection, false))
    }

    fn send(
        &mut self,
        connection: Connection,
        timing: CommandTiming,
        asking: bool,
        whole: bool,
    ) -> Result<CallState> {
        let sent = match &self.request {
            Request::Command(command) => connection.send(command, timing, asking, whole),
            Request::Batch(batch) => connection
                .send_script_batch(batch, timing, asking)
                .map(|ticket| (ticket, false)),
        };
        match sent {
            Ok((ticket, by_hash)) => {
                self.was_by_hash = by_hash;
                Ok(CallState::AwaitingReply(ReplyFuture::new(
                    connection,
                    ticket,
                    timing.deadline,
                    self.core.runtime.id(),
                )))
            }
            Err(failure) => Err(self.fail(failure)),
        }
    }

    /// Decides what a failure means: the next state, or the error of the call.
    fn resume(&mut self, failure: Failure, connection: Connection) -> Result<CallState> {
        let Some(timing) = self.timing else {
            return Err(self.fail(failure));
        };
        let has_time = timing.deadline > Instant::now();
        match &failure {
            Failure::ErrorReply(words) => {
                return self.resume_error_reply(words.clone(), connection, timing);
            }
            Failure::Rerouted if has_time => return self.start(),
            Failure::Lost(_)
                if has_time
                    && self.effect() == Effect::Read
                    && self.core.role == Role::Client
                    && self.core.settings.retry_reads
                    && self.retries < MAX_RETRIES =>
            {
                self.retries += 1;
                return self.start();
            }
            _ => {}
        }
        if let Some(cluster) = self.core.cluster()
            && matches!(
                failure,
                Failure::Lost(_) | Failure::Late | Failure::NotSent(_)
            )
        {
            cluster.request_refresh();
        }
        // A command that was redirected and had no time left did not run.
        if matches!(failure, Failure::NotSent(_))
            && let Some(redirects) = self.redirects.take()
        {
            return Err(redirects.last);
        }
        Err(self.fail(failure))
    }

    fn fail(&self, failure: Failure) -> Error {
        error_map::command_error(failure, self.name(), self.effect())
    }

    /// Returns the field of a hash that it is about.
    pub(crate) fn field_name(&self) -> Option<Bytes> {
        self.command().and_then(Command::field_name)
    }

    fn name(&self) -> &'static str {
        match &self.request {
            Request::Command(command) => command.name,
            Request::Batch(_) => "EVAL",
        }
    }

    /// Returns the key that decides to which node it goes.
    fn key(&self) -> Option<&Bytes> {
        match &self.request {
            Request::Command(command) => command.keys.first(),
            Request::Batch(batch) => batch.keys.first(),
        }
    }

    fn effect(&self) -> Effect {
        match &self.request {
            Request::Command(command) => command.effect,
            Request::Batch(batch) => batch.effect,
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer>> {
        loop {
            let next = match &mut self.state {
                CallState::New => self.start(),
                CallState::AwaitingReply(waiting) => {
                    let outcome = ready!(waiting.poll_unpin(cx));
                    let connection = waiting.connection().clone();
                    match outcome.and_then(|outcome| outcome) {
                        Ok(delivered) => return Poll::Ready(Ok(answer(delivered))),
                        Err(failure) => self.resume(failure, connection),
                    }
                }
                CallState::Pausing(pause) => {
                    ready!(pause.poll_unpin(cx));
                    self.start()
                }
                CallState::AwaitingRoute(change) => {
                    ready!(change.poll_unpin(cx));
                    self.start()
                }
                CallState::Done => panic!("a call was polled after it had completed"),
            };
            match next {
                Ok(state) => self.state = state,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Future for Call {
    type Output = Result<Answer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let span = match self.span.take() {
            Some(span) => span,
            None => OperationSpan::open(self.name(), self.core.server()),
        };
        let step = {
            let _entered = span.enter();
            self.step(cx)
        };
        self.span = Some(span);
        let result = ready!(step);
        self.state = CallState::Done;
        if let Err(error) = &result {
            self.core.counters.add_error(error.kind());
        }
        Poll::Ready(result)
    }
}

fn answer(delivered: Delivered) -> Answer {
    Answer {
        reply: Reply(delivered.value),
        origin: Origin(delivered.generation),
    }
}

/// Refuses a command whose replies no connection can tell apart, and one that would hold up or
/// change a connection that others share.
pub(crate) fn check(command: &Command, role: Role) -> Result<()> {
    let why = match occupancy(command) {
        Occupancy::Shared => return Ok(()),
        Occupancy::Unpaired => {
            "the command has no reply, or several, or changes the protocol: use a client of your own"
        }
        _ if role == Role::Session => return Ok(()),
        Occupancy::Blocking => {
            "a blocking command would hold up all other commands of the client: use a session"
        }
        Occupancy::Connection => {
            "the command changes its connection, which others share: use a session"
        }
    };
    Err(Error::new(ErrorKind::InvalidInput, why))
}

impl std::fmt::Debug for CallState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::New => "New",
            Self::AwaitingReply(_) => "AwaitingReply",
            Self::Pausing(_) => "Pausing",
            Self::AwaitingRoute(_) => "AwaitingRoute",
            Self::Done => "Done",
        })
    }
}
