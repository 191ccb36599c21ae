//! One connection that ends once, and is never made anew.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::error::ErrorKind as FredKind;
use fred::interfaces::ClientLike;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::Plan;
use crate::command::Command;
use crate::driver::Task;
use crate::lease::Blueprint;
use crate::quiet::{Quiet, Replies};
use crate::{Error, ErrorKind, Reply, Result, convert, trace, wire};

/// One connection to one server, which ends once and is never made anew. Cheap to clone.
///
/// A [`Client`](crate::Client) connects again by itself, and what answers then may be another
/// server, or the same one without its data. Here all replies come from the same run of the same
/// server, so what was found out about it holds for all of them. It is for who must know, such as a
/// lock; make one with [`ClientBuilder::connect_session`](crate::ClientBuilder::connect_session).
///
/// It ends when the connection breaks, when three commands in a row get no reply, when a replica
/// refuses a write, or with the last clone.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse_client::{Client, Command};
///
/// let session = Client::builder(&url).connect_session().await?;
/// let reply = session.run(Command::write("INCR").key("visits")).await?;
/// assert_eq!(reply.into_int()?, 1);
/// session.end();
/// assert!(session.is_over());
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    client: FredClient,
    server: Arc<str>,
    command_timeout: Duration,
    quiet: Quiet,
    over: watch::Sender<bool>,
    /// Owns fred's task: aborted, it takes the connection along.
    attendant: JoinHandle<()>,
}

impl Session {
    pub(crate) async fn open(plan: Plan) -> Result<Self> {
        let blueprint = Blueprint::of(plan.writes.fred(), plan.connect_timeout);
        let client = blueprint.client(None);
        let connected = blueprint.in_time(Task::connected(&client)).await;
        let connected = match connected {
            Err(error) if error.kind() == ErrorKind::Timeout && has_sentinels(&client) => {
                Err(convert::sentinel_timeout())
            }
            connected => connected,
        };
        let mut task = connected.map_err(|error| error.with_server(plan.server.clone()))?;
        let over = watch::Sender::new(false);
        let ending = over.clone();
        let attendant = tokio::spawn(async move {
            task.over().await;
            ending.send_replace(true);
        });
        Ok(Self(Arc::new(Inner {
            client,
            server: plan.server,
            command_timeout: plan.writes.command_timeout(),
            quiet: Quiet::default(),
            over,
            attendant,
        })))
    }

    /// Runs a command, sent at most once, and waits for its reply.
    ///
    /// # Errors
    /// Any kind but the codecs'. Once the session is over, [`NotSent`](ErrorKind::NotSent) at once.
    /// A lost reply is [`Ambiguous`](ErrorKind::Ambiguous) for a command that may change data.
    ///
    /// # Cancel safety
    /// Dropped, the command may run or not.
    pub async fn run(&self, command: Command) -> Result<Reply> {
        let (name, key) = (command.name, command.keys.first().cloned());
        self.send(command).await.map_err(|error| {
            error
                .with_command(name, key)
                .with_server(self.0.server.clone())
        })
    }

    async fn send(&self, command: Command) -> Result<Reply> {
        if self.is_over() {
            return Err(Error::new(ErrorKind::NotSent, "not connected"));
        }
        let (name, effect) = (command.name, command.effect());
        let limit = command.timeout.unwrap_or(self.0.command_timeout);
        let sent = self.0.quiet.sent();
        let result = wire::send(&self.0.client, command, Some(limit)).await;
        match &result {
            Err(error) if *error.kind() == FredKind::Timeout => self.was_silent(limit, sent),
            _ => self.0.quiet.broken(),
        }
        result.map_err(|error| {
            let error = convert::command_error(error, name, effect);
            if convert::is_by_replica(&error) {
                self.end();
            }
            error
        })
    }

    fn was_silent(&self, limit: Duration, sent: Replies) {
        if let Some(timeouts) = self.0.quiet.lasted(limit, sent)
            && !self.is_over()
        {
            trace::unresponsive(&self.0.server, timeouts);
            self.end();
        }
    }

    /// The server, as messages name it: its address without the credentials.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// The number of the database that the session works on.
    #[must_use]
    pub fn database(&self) -> u8 {
        self.0.client.client_config().database.unwrap_or(0)
    }

    /// Whether it is one to the nodes of a cluster, which are several servers after all.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.0.client.is_clustered()
    }

    /// Whether the session is over, as far as it was noticed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        *self.0.over.borrow()
    }

    /// Resolves once the session is over.
    ///
    /// # Cancel safety
    /// Dropped, nothing happens.
    pub async fn over(&self) {
        // It cannot fail: the sender lives as long as `self`.
        let _ = self.0.over.subscribe().wait_for(|over| *over).await;
    }

    /// Ends the session at once; commands under way may have run or not.
    pub fn end(&self) {
        self.0.over.send_replace(true);
        self.0.attendant.abort();
    }
}

fn has_sentinels(client: &FredClient) -> bool {
    client.client_config().server.is_sentinel()
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.attendant.abort();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("server", &self.0.server)
            .field("is_over", &self.is_over())
            .finish_non_exhaustive()
    }
}
