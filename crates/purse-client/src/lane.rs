//! One fred client, with bounds that hold, kept alive and watched for silence.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::error::{Error as FredError, ErrorKind as FredKind};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy};
use futures::FutureExt;
use tokio::time::{Instant, sleep, timeout};

use crate::command::{Command, Effect};
use crate::driver::{Driver, Task};
use crate::runners::{Runners, Running};
use crate::silence::{Sent, Silence};
use crate::still::Still;
use crate::transaction::Transaction;
use crate::{Error, ErrorKind, Reply, Result, convert, typed, wire};

/// fred takes a timeout of zero for none.
const SHORTEST: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Lane {
    runners: Runners,
    command_timeout: Duration,
    silence: Silence,
    still: Still,
    driver: Mutex<Option<Driver>>,
}

/// A command that was sent, or is with the next poll.
#[derive(Debug)]
pub(crate) struct Started {
    name: &'static str,
    effect: Effect,
    sent: Sent,
    running: Running,
}

impl Lane {
    pub(crate) fn new(
        config: Config,
        performance: PerformanceConfig,
        connection: ConnectionConfig,
        policy: ReconnectPolicy,
        command_timeout: Duration,
    ) -> Self {
        let client = FredClient::new(config, Some(performance), Some(connection), Some(policy));
        Self {
            runners: Runners::new(client),
            command_timeout,
            silence: Silence::default(),
            still: Still::default(),
            driver: Mutex::default(),
        }
    }

    pub(crate) const fn fred(&self) -> &FredClient {
        self.runners.client()
    }

    pub(crate) const fn command_timeout(&self) -> Duration {
        self.command_timeout
    }

    /// Connects; fails with the first attempt.
    pub(crate) async fn connect(&self) -> Result<(), FredError> {
        let task = Task::connected(self.fred()).await?;
        self.drive(task);
        Ok(())
    }

    /// Connects in the background, and goes on trying.
    pub(crate) fn connect_in_background(&self) {
        self.drive(Task::start(self.fred()));
    }

    fn drive(&self, task: Task) {
        let driver = Driver::new(self.fred(), task, self.silence.kick());
        *self.driver.lock().unwrap_or_else(PoisonError::into_inner) = Some(driver);
    }

    pub(crate) fn take_driver(&self) -> Option<Driver> {
        self.driver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "an async function keeps its arguments twice"
    )]
    pub(crate) fn run(
        &self,
        command: Command,
        server: &str,
    ) -> impl Future<Output = Result<Reply>> + Send {
        async move {
            if self.is_plain(&command) && self.is_connected() {
                let mut started = self.start(command);
                return poll_fn(|task| self.poll(&mut started, task, server)).await;
            }
            let (name, effect) = (command.name, command.effect());
            let (limit, fail_fast) = (command.timeout, command.fail_fast);
            if wire::is_too_long(&command) {
                let message =
                    format!("{name} has too many arguments to answer with what is stored");
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            let left = self.ready(limit, fail_fast).await?;
            let sent = self.silence.sent();
            let result = wire::send(self.fred(), command, left).await;
            let limit = limit.unwrap_or(self.command_timeout);
            self.answered(result, limit, sent, server)
                .map_err(|error| convert::command_error(error, name, effect))
        }
    }

    /// Whether `command` needs no more than to be sent; the same on all lanes of a client.
    pub(crate) fn is_plain(&self, command: &Command) -> bool {
        typed::is_one(command)
            && command.timeout.is_none()
            && command.node.is_none()
            && !wire::is_scripted(self.fred(), command)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.fred().is_connected()
    }

    /// Takes on a command that is plain, while the connection stands; it is sent with the first poll.
    pub(crate) fn start(&self, command: Command) -> Started {
        Started {
            name: command.name,
            effect: command.effect,
            sent: self.silence.sent(),
            running: self.runners.run(command),
        }
    }

    /// Goes on with a command that was started here; not to be called again once it is done.
    pub(crate) fn poll(
        &self,
        started: &mut Started,
        task: &mut Context<'_>,
        server: &str,
    ) -> Poll<Result<Reply>> {
        let result = ready!(self.runners.poll(&mut started.running, task));
        let Started {
            name, effect, sent, ..
        } = *started;
        let result = self.answered(result, self.command_timeout, sent, server);
        Poll::Ready(
            result
                .map(Reply)
                .map_err(|error| convert::command_error(error, name, effect)),
        )
    }

    pub(crate) async fn transact(&self, transaction: Transaction, server: &str) -> Result<Reply> {
        let (effect, limit) = (transaction.effect, transaction.timeout);
        let left = self.ready(limit, false).await?;
        let sent = self.silence.sent();
        let result = wire::send_transaction(self.fred(), transaction, left).await;
        let limit = limit.unwrap_or(self.command_timeout);
        self.answered(result, limit, sent, server)
            .map_err(|error| convert::command_error(error, "EVAL", effect))
    }

    /// Waits for the connection, as long as a command may take; whether it stands.
    pub(crate) async fn is_ready(&self) -> bool {
        self.ready(None, false).await.is_ok()
    }

    /// Waits for the connection, and gives the time that is left of `limit` if it is not the usual
    /// one.
    async fn ready(&self, limit: Option<Duration>, fail_fast: bool) -> Result<Option<Duration>> {
        let bound = limit.unwrap_or(self.command_timeout).max(SHORTEST);
        if self.is_connected() {
            return Ok(limit.map(|_| bound));
        }
        if fail_fast {
            return Err(not_connected());
        }
        self.ready_within(bound).boxed().await.map(Some)
    }

    /// Waits for the connection, and gives the time that is left of `bound`.
    async fn ready_within(&self, bound: Duration) -> Result<Duration> {
        let started = Instant::now();
        match timeout(bound, self.connected()).await {
            Ok(()) => Ok(bound.saturating_sub(started.elapsed()).max(SHORTEST)),
            Err(_) => Err(not_connected()),
        }
    }

    fn answered<T>(
        &self,
        result: Result<T, FredError>,
        limit: Duration,
        sent: Sent,
        server: &str,
    ) -> Result<T, FredError> {
        match &result {
            Err(error) if *error.kind() == FredKind::Timeout => {
                self.silence.lasted(limit, sent, self.fred(), server);
            }
            _ => self.silence.broken(),
        }
        result
    }

    /// Connects anew, since a replica has answered: the primary is elsewhere.
    pub(crate) fn look_for_primary(&self) {
        self.silence.refused(self.fred());
    }

    /// The owner of `slot` did not answer: looks whether it is another one by now, or answers on a
    /// new connection.
    pub(crate) fn look_for_owner(&self, slot: u16) {
        self.still
            .suspected(self.fred(), slot, self.command_timeout, &self.silence);
    }

    /// Resolves once the client is connected.
    async fn connected(&self) {
        let mut events = self.fred().reconnect_rx();
        while !self.fred().is_connected() {
            // fred announces a connection before it calls itself connected, and drops events when
            // it is slow to be read: hence the short look in between.
            let _ = timeout(Duration::from_millis(20), events.recv()).await;
            if !self.fred().is_connected() {
                sleep(Duration::from_millis(2)).await;
            }
        }
    }
}

fn not_connected() -> Error {
    Error::new(ErrorKind::NotSent, "not connected")
}
