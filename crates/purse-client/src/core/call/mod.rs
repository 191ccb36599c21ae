//! The future of a command, from its first poll to its reply.

mod refused;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Core, Role};
use crate::command::catalog::{Occupancy, occupancy};
use crate::command::script_batch::ScriptBatch;
use crate::command::{Command, Effect};
use crate::config::Address;
use crate::connection::{Connection, Delivered, Ending, Failure, Terms, Waiting, error_map};
use crate::telemetry::OperationSpan;
use crate::util::time::Sleep;
use crate::{Error, ErrorKind, Reply, Result};
use refused::Redirects;

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
    work: Work,
    terms: Option<Terms>,
    state: State,
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
enum Work {
    Command(Command),
    Batch(Box<ScriptBatch>),
}

enum State {
    New,
    Waiting(Waiting<Result<Delivered, Failure>>),
    Pausing(Sleep),
    /// Waits until the slot map has changed.
    Looking(BoxFuture<'static, bool>),
    Done,
}

/// The knowledge of the node for a command.
enum Found {
    /// Its connection, and whether to send ASKING.
    Route((Connection, bool)),
    Change(BoxFuture<'static, bool>),
}

impl Call {
    pub(crate) fn new(core: Arc<Core>, command: Command) -> Self {
        Self::of(core, Work::Command(command))
    }

    pub(crate) fn batch(core: Arc<Core>, batch: ScriptBatch) -> Self {
        Self::of(core, Work::Batch(Box::new(batch)))
    }

    const fn of(core: Arc<Core>, work: Work) -> Self {
        Self {
            core,
            work,
            terms: None,
            state: State::New,
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
        match &self.work {
            Work::Command(command) => Some(command),
            Work::Batch(_) => None,
        }
    }

    /// Sends the command, or returns the state that waits for the slot map.
    fn start(&mut self) -> Result<State> {
        let terms = match self.terms {
            Some(terms) => terms,
            None => {
                if let Work::Command(command) = &self.work {
                    check(command, self.core.role)?;
                }
                let terms = match &self.work {
                    Work::Command(command) => self.core.terms_of(command),
                    Work::Batch(batch) => self.core.terms(batch.timeout, batch.fail_fast),
                };
                *self.terms.insert(terms)
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
            None => match self.wait_nodes(terms)? {
                Found::Route(route) => route,
                Found::Change(change) => return Ok(State::Looking(change)),
            },
        };
        self.was_asking = asking;
        self.send(connection, terms, asking, false)
    }

    /// Waits until the nodes of the cluster are known.
    fn wait_nodes(&self, terms: Terms) -> Result<Found> {
        let Some(cluster) = self.core.cluster() else {
            return Err(self.fail(Failure::NotSent(None)));
        };
        if let Some(ending) = cluster.ending() {
            return Err(error_map::ended_error(ending));
        }
        if terms.fail_fast || terms.deadline <= Instant::now() {
            return Err(self.fail(Failure::NotSent(cluster.cause())));
        }
        // A change before this line wakes no one, so the nodes are looked up once more.
        let change = cluster.wait_change(terms.deadline).boxed();
        Ok(match self.route(None) {
            Some(route) => Found::Route(route),
            None => Found::Change(change),
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
        terms: Terms,
        asking: bool,
        whole: bool,
    ) -> Result<State> {
        let sent = match &self.work {
            Work::Command(command) => connection.send(command, terms, asking, whole),
            Work::Batch(batch) => connection
                .send_script_batch(batch, terms, asking)
                .map(|ticket| (ticket, false)),
        };
        match sent {
            Ok((ticket, by_hash)) => {
                self.was_by_hash = by_hash;
                Ok(State::Waiting(Waiting::new(
                    connection,
                    ticket,
                    terms.deadline,
                    self.core.runtime.id(),
                )))
            }
            Err(failure) => Err(self.fail(failure)),
        }
    }

    /// Decides what a failure means: the next state, or the error of the call.
    fn resume(&mut self, failure: Failure, connection: Connection) -> Result<State> {
        let Some(terms) = self.terms else {
            return Err(self.fail(failure));
        };
        let has_time = terms.deadline > Instant::now();
        match &failure {
            Failure::Refused(words) => {
                return self.resume_refused(words.clone(), connection, terms);
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
        match &self.work {
            Work::Command(command) => command.name,
            Work::Batch(_) => "EVAL",
        }
    }

    /// Returns the key that decides to which node it goes.
    fn key(&self) -> Option<&Bytes> {
        match &self.work {
            Work::Command(command) => command.keys.first(),
            Work::Batch(batch) => batch.keys.first(),
        }
    }

    fn effect(&self) -> Effect {
        match &self.work {
            Work::Command(command) => command.effect,
            Work::Batch(batch) => batch.effect,
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer>> {
        loop {
            let next = match &mut self.state {
                State::New => self.start(),
                State::Waiting(waiting) => {
                    let outcome = ready!(waiting.poll_unpin(cx));
                    let connection = waiting.connection().clone();
                    match outcome.and_then(|outcome| outcome) {
                        Ok(delivered) => return Poll::Ready(Ok(answer(delivered))),
                        Err(failure) => self.resume(failure, connection),
                    }
                }
                State::Pausing(pause) => {
                    ready!(pause.poll_unpin(cx));
                    self.start()
                }
                State::Looking(change) => {
                    ready!(change.poll_unpin(cx));
                    self.start()
                }
                State::Done => panic!("a call was polled after it had completed"),
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
        self.state = State::Done;
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

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::New => "New",
            Self::Waiting(_) => "Waiting",
            Self::Pausing(_) => "Pausing",
            Self::Looking(_) => "Looking",
            Self::Done => "Done",
        })
    }
}
