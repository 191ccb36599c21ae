//! One connection that ends once, and is never made again.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::command::{Command, Effect};
use crate::config::Servers;
use crate::connection::{
    Connection, ConnectionOptions, Dialer, Endpoint, Purpose, Settings, Status, error_map,
};
use crate::core::{Call, Core, Role, in_time, wait_up};
use crate::{Error, ErrorKind, Reply, Result};

/// One connection to one server, which ends once and is never made again. Cheap to clone.
///
/// A [`Client`](crate::Client) reconnects, possibly to another server, or to the same server
/// without its data. All replies of a session come from one run of one server, so a property of the
/// server that was checked once holds for the whole session. Use a session if you need this, as a
/// lock does, and for commands that occupy or change a connection, such as `BLPOP` and `WATCH`.
/// [`ClientBuilder::connect_session`](crate::ClientBuilder::connect_session) opens one.
///
/// The session ends when the connection breaks, when three commands in a row get no reply, when a
/// replica refuses a write, or with the last clone.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::{Client, Command};
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
pub struct Session(Arc<Core>);

impl Session {
    pub(crate) async fn open(settings: Arc<Settings>, runtime: Handle) -> Result<Self> {
        let (limit, server) = (settings.connect_timeout, settings.server.clone());
        let tls = settings.target.tls.is_some();
        let dialer = Dialer {
            settings,
            endpoint: Endpoint::Target,
            purpose: Purpose::Commands,
        };
        let options = ConnectionOptions {
            is_single: true,
            ..ConnectionOptions::default()
        };
        let core = Core::single(dialer, options, runtime, Arc::default(), Role::Session);
        let session = Self(core);
        let late = || error_map::connect_timeout(tls);
        let opened = match session.0.first() {
            Some(connection) => in_time(limit, late, wait_up(connection)).await,
            None => Ok(()),
        };
        opened.map_err(|error| error.with_server(server))?;
        Ok(session)
    }

    /// Runs a command, sent at most once, and waits for its reply.
    ///
    /// A command that blocks must do so for less than its timeout.
    ///
    /// # Errors
    /// Any kind but those of codecs. Once the session is over, [`NotSent`](ErrorKind::NotSent) at
    /// once. A lost reply is [`Ambiguous`](ErrorKind::Ambiguous) for a command that may change
    /// data.
    ///
    /// # Cancel safety
    /// If the future is dropped, the command may run or not.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let url = purse_testkit::Server::shared().url();
    /// use std::time::Duration;
    ///
    /// use purse::{Client, Command};
    ///
    /// let session = Client::builder(&url).connect_session().await?;
    /// session.run(Command::write("RPUSH").key("jobs").arg("first")).await?;
    /// // A command that blocks occupies this connection alone.
    /// let pop = Command::write("BLPOP").key("jobs").arg(1).timeout(Duration::from_secs(2));
    /// let [_, job] = session.run(pop).await?.into_array()?;
    /// assert_eq!(job.into_bytes()?, "first");
    /// # Ok(()) }
    /// ```
    pub async fn run(&self, command: Command) -> Result<Reply> {
        let context = command.context();
        let answer = match self.is_over() {
            true => Err(Error::new(ErrorKind::NotSent, "not connected")),
            false => Call::new(self.0.clone(), command).await,
        };
        let reply = answer.map(|answer| answer.reply);
        reply.map_err(|error| self.0.with_context(error, &context))
    }

    /// Returns the server, as messages name it: its address without the credentials.
    #[must_use]
    pub fn server(&self) -> &str {
        self.0.server()
    }

    /// Returns the number of the database that the session works on.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.0.settings.target.database
    }

    /// Returns whether the URL names a cluster, whose nodes are several servers.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        matches!(self.0.settings.target.servers, Servers::Cluster(_))
    }

    /// Returns whether the session is over, as far as the client has noticed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.is_closed() || self.connection().is_none_or(Connection::is_over)
    }

    /// Waits until the session is over.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// use purse::Client;
    ///
    /// let session = Client::builder(&url).connect_session().await?;
    /// server.kill()?;
    /// session.over().await;
    /// assert!(session.is_over());
    /// # Ok(()) }
    /// ```
    pub async fn over(&self) {
        let Some(connection) = self.connection() else {
            return;
        };
        let mut status = connection.status();
        // It cannot fail: the sender lives as long as `self`.
        let _ = status
            .wait_for(|status| matches!(status, Status::Over))
            .await;
    }

    /// Ends the session at once; commands in flight may have run or not.
    pub fn end(&self) {
        self.0.stop_commands();
        if let Some(connection) = self.connection() {
            connection.end();
        }
    }

    fn connection(&self) -> Option<&Connection> {
        self.0.connection(Effect::Write)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("server", self.0.server())
            .field("is_over", &self.is_over())
            .finish_non_exhaustive()
    }
}
