//! The public client: `Client`, its builder, `Op`, `Batch` and `Session`.
//!
//! May import: `error`, `util`, `telemetry`, `config`, `command`, `connection`, `core`, `scan`,
//! `tracking`, `delivery`.

mod batch;
mod builder;
mod exactly_once;
mod op;
mod receipt_removal;
mod same_database;
mod scan_watch;
mod session;
mod take;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, PerformanceConfig, ReconnectPolicy, ServerConfig};
use tokio::runtime::Handle;

use crate::command::{Command, ErrorContext, key_slots};
use crate::connection::{Connection, Settings, error_map};
use crate::core::{Call, Caller, Core, OperationOptions};
use crate::delivery::DeliveryState;
use crate::telemetry::Stats;
use crate::util::timer::timeout;
use crate::{Error, Reply, Result};

pub use batch::{Batch, Operation, Pending};
pub use builder::{ClientBuilder, Preset};
pub use op::Op;
use receipt_removal::ReceiptRemoval;
pub use session::Session;

/// The time that deliveries in flight have to end when the client closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A client of a Redis or Valkey server, cluster or sentinel group. Cheap to clone.
///
/// All commands to one server share one connection, in the order in which they are first polled. A
/// read is sent again when the connection breaks. A command that may change data is sent at most
/// once. All calls that wait for elements share one further connection, which is made when it is
/// first needed. In a cluster, there is one such connection for each node.
///
/// The runtime on which the client was made drives the connections; it must have I/O enabled.
/// Operations may be polled on another runtime, or outside of tokio. Once the client's own runtime
/// has ended, each operation fails with [`Closed`](crate::ErrorKind::Closed).
///
/// The connections close when the last clone is dropped, or with [`close`](Self::close).
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::{Client, Command};
///
/// let client = Client::connect(&url).await?;
/// let reply = client.run(Command::write("INCR").key("visits")).await?;
/// assert_eq!(reply.into_int()?, 1);
/// client.close().await;
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    options: OperationOptions,
}

struct Inner {
    core: Arc<Core>,
    deliveries: Arc<DeliveryState>,
    receipts: Arc<ReceiptRemoval>,
    fred: OnceLock<FredClient>,
}

impl Client {
    /// Connects to the server that `url` names.
    ///
    /// - `redis://[[user]:password@]host[:port][/database]`
    /// - `rediss://…`: the same with TLS
    /// - `redis-cluster://…?node=host:port`
    /// - `redis-sentinel://…?sentinelServiceName=name&node=host:port`, where `sentinelUsername` and
    ///   `sentinelPassword` are the credentials of the sentinels
    /// - `redis+unix:///path?db=3`, with the feature `unix-sockets`
    ///
    /// `valkey` means `redis`. The parameter `db` is the database, of any URL. If a part of the URL
    /// cannot take effect, the error names the part. Percent-encode the characters `/ ? # @ %` in a
    /// user, a password and a parameter.
    ///
    /// # Errors
    /// The errors of [`ClientBuilder::connect`].
    ///
    /// # Cancel safety
    /// If the future is dropped, the connections are closed.
    ///
    /// # Examples
    /// ```
    /// use purse::Client;
    ///
    /// async fn connect() -> purse::Result<[Client; 3]> {
    ///     Ok([
    ///         Client::connect("redis://app:secret@cache.example/2").await?,
    ///         Client::connect("redis-cluster://10.0.0.1?node=10.0.0.2:6379").await?,
    ///         Client::connect("redis-sentinel://10.0.0.1:26379?sentinelServiceName=main").await?,
    ///     ])
    /// }
    /// ```
    #[doc(alias = "get_multiplexed_async_connection")]
    #[doc(alias = "get_connection_manager")]
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder(url).connect().await
    }

    pub(crate) fn new(settings: Arc<Settings>, runtime: Handle) -> Self {
        Self::of(Core::client(settings, runtime))
    }

    /// Makes a client that does not connect.
    pub(crate) fn unconnected(settings: Arc<Settings>, runtime: Handle) -> Self {
        Self::of(Core::unconnected(settings, runtime))
    }

    fn of(core: Arc<Core>) -> Self {
        Self {
            inner: Arc::new(Inner {
                core,
                deliveries: Arc::default(),
                receipts: Arc::default(),
                fred: OnceLock::new(),
            }),
            options: OperationOptions::new(),
        }
    }

    /// Returns a handle to the same client whose operations have other options.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use std::time::Duration;
    ///
    /// use purse::{Client, Command, OperationOptions};
    ///
    /// let client = Client::connect(&url).await?;
    /// let hasty = client.with(OperationOptions::new().timeout(Duration::from_millis(200)).fail_fast(true));
    /// hasty.run(Command::read("GET").key("k")).await?;
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[must_use]
    pub fn with(&self, options: OperationOptions) -> Self {
        Self {
            inner: self.inner.clone(),
            options,
        }
    }

    /// Runs a command and waits for its reply.
    ///
    /// # Errors
    /// Any kind but those of codecs. While there is no connection, the command waits for one within
    /// its timeout. If there is none in time, the error is [`NotSent`](crate::ErrorKind::NotSent),
    /// or has the kind of a cause that is permanent, such as [`Auth`](crate::ErrorKind::Auth). A
    /// lost reply is [`Ambiguous`](crate::ErrorKind::Ambiguous) for a command that may change data,
    /// and [`Timeout`](crate::ErrorKind::Timeout) for a read.
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the command would block or change the
    /// connection, which all callers share: run it on a [`Session`].
    ///
    /// # Cancel safety
    /// If the future is dropped while there is no connection, the command is not sent. Otherwise
    /// the command may or may not run.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// client.run(Command::write("SETRANGE").key("name").arg(0).arg("Ada")).await?;
    /// let name = client.run(Command::read("GETRANGE").key("name").arg(0).arg(1)).await?;
    /// assert_eq!(name.into_bytes()?, "Ad");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "query_async")]
    pub async fn run(&self, command: Command) -> Result<Reply> {
        let context = command.context();
        let result = self.call(command).await;
        let reply = result.map(|answer| answer.reply);
        reply.map_err(|error| self.with_context(error, &context))
    }

    /// Sends `PING` and returns the time until the reply.
    ///
    /// Redis: PING. Complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let url = purse_testkit::Server::shared().url();
    /// use std::time::Duration;
    ///
    /// use purse::Client;
    ///
    /// let client = Client::connect(&url).await?;
    /// let is_healthy = client.ping().await.is_ok_and(|took| took < Duration::from_secs(1));
    /// assert!(is_healthy);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "PING")]
    pub async fn ping(&self) -> Result<Duration> {
        let since = std::time::Instant::now();
        self.run(Command::read("PING")).await?;
        Ok(since.elapsed())
    }

    /// Returns the counters of the client, since it was made.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use purse::Client;
    ///
    /// let client = Client::connect(&url).await?;
    /// client.ping().await?;
    /// assert_eq!(client.stats().commands, 1);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let connections = self.inner.core.connections();
        let in_flight: usize = connections.iter().map(Connection::in_flight).sum();
        self.inner.core.counters.snapshot(in_flight)
    }

    /// Returns the future that runs `command` with the options of this handle.
    pub(crate) fn call(&self, command: Command) -> Call {
        Call::new(self.inner.core.clone(), self.options.apply(command))
    }

    /// Adds to an error what it is about.
    pub(crate) fn with_context(&self, error: Error, context: &ErrorContext) -> Error {
        self.inner.core.with_context(error, context)
    }

    /// Returns the operation that runs `command` and makes its result with `read`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Client, Command, Op, Reply};
    ///
    /// /// An operation of your own, which can be awaited or added to a batch.
    /// fn bit_count(client: &Client, key: &'static str) -> Op<u64> {
    ///     client.op(Command::read("BITCOUNT").key(key), Reply::into_count)
    /// }
    /// client.run(Command::write("SET").key("seen").arg("abc")).await?;
    /// assert_eq!(bit_count(&client, "seen").await?, 10);
    /// # Ok(()) }
    /// ```
    pub fn op<R>(&self, command: Command, read: fn(Reply) -> Result<R>) -> Op<R> {
        Op::new(self, Ok(command), read)
    }

    /// Returns the server, as messages name it: its address without the credentials.
    ///
    /// # Examples
    /// ```
    /// use purse::Client;
    ///
    /// async fn connect() -> purse::Result<()> {
    ///     let client = Client::connect("redis://app:secret@cache.example").await?;
    ///     println!("connected to {}", client.server()); // cache.example:6379
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn server(&self) -> &str {
        self.inner.core.server()
    }

    pub(crate) fn server_name(&self) -> Arc<str> {
        self.inner.core.server().clone()
    }

    /// Returns whether the client talks to a cluster.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.inner.core.cluster().is_some()
    }

    /// Returns the number of the database that the client works on.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.inner.core.settings.target.database
    }

    /// Returns whether the client has connections and all of them are up at this moment. Sends
    /// nothing.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.inner.core.is_connected()
    }

    /// Returns whether [`close`](Self::close) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.core.is_closed()
    }

    /// Checks that one command can work on all of `keys`: in a cluster they must share a slot.
    /// Outside of a cluster, this check always succeeds. Sends nothing.
    ///
    /// # Errors
    /// [`CrossSlot`](crate::ErrorKind::CrossSlot), which names two keys of different slots.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let url = purse_testkit::Server::shared().url();
    /// use purse::Client;
    ///
    /// let client = Client::connect(&url).await?;
    /// // Only a cluster refuses keys of several slots; a hash tag prevents that.
    /// assert!(client.same_slot(&["{user:7}friends".into(), "{user:7}blocked".into()]).is_ok());
    /// # Ok(()) }
    /// ```
    pub fn same_slot(&self, keys: &[bytes::Bytes]) -> Result<()> {
        match self.is_cluster() {
            true => key_slots::one_slot(keys),
            false => Ok(()),
        }
    }

    /// Returns the indexes of `keys` in groups that one command can work on. In a cluster, there is
    /// a group for each slot; elsewhere, all keys are in one group. Each group is in the order of
    /// the keys.
    #[must_use]
    pub fn group_by_slot<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a bytes::Bytes>,
    ) -> Vec<Vec<usize>> {
        key_slots::group(keys, self.is_cluster())
    }

    /// Returns a client of fred for the same servers, for commands that purse does not offer.
    ///
    /// The client of fred has connections of its own, which are made when this method is first
    /// called. It behaves as fred's documentation says. It cannot select a database above 255, nor
    /// in a cluster one other than 0: with such a database it never connects. It does not use
    /// [`credentials_provider`](ClientBuilder::credentials_provider).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// use purse::Client;
    /// use purse::fred::interfaces::ClientLike;
    ///
    /// let client = Client::connect(&url).await?;
    /// let fred = client.fred();
    /// fred.wait_for_connect().await?;
    /// let info: String = fred.info(None).await?;
    /// assert!(info.contains("uptime_in_seconds"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn fred(&self) -> &FredClient {
        self.inner.fred.get_or_init(|| {
            let settings = &self.inner.core.settings;
            let mut config = settings.target.to_fred().unwrap_or_else(|_| Config {
                server: ServerConfig::new_centralized("", 0),
                ..Config::default()
            });
            // A first attempt that fails must not be the last one.
            config.fail_fast = false;
            let performance = PerformanceConfig {
                default_command_timeout: settings.command_timeout,
                ..PerformanceConfig::default()
            };
            let policy = ReconnectPolicy::new_exponential(0, 20, 2_000, 2);
            let _runtime = self.inner.core.runtime.enter();
            let client = FredClient::new(config, Some(performance), None, Some(policy));
            // Its task runs until the client quits.
            drop(client.connect());
            client
        })
    }

    /// Closes all connections once the commands in flight have their replies. Every later command
    /// of any handle fails with [`Closed`](crate::ErrorKind::Closed).
    ///
    /// Takes three seconds at most: one for deliveries in flight, one for commands in flight, and
    /// one for the client of fred if there is one.
    ///
    /// # Cancel safety
    /// If the future is dropped, commands are still refused; the connections close in the
    /// background, or with the last handle.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let url = purse_testkit::Server::shared().url();
    /// use purse::{Client, Command, ErrorKind};
    ///
    /// let client = Client::connect(&url).await?;
    /// let clone = client.clone();
    /// client.close().await;
    /// assert!(clone.is_closed());
    /// let error = clone.run(Command::read("GET").key("page")).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Closed);
    /// # Ok(()) }
    /// ```
    pub async fn close(&self) {
        self.inner.core.stop_commands();
        // Deliveries in flight end, and put back what they hold.
        let _ = timeout(CLOSE_TIMEOUT, self.inner.core.close_blockers().wait_idle()).await;
        let core = self.inner.core.clone();
        let fred = self.inner.fred.get().cloned();
        let finish = self.inner.core.runtime.spawn(async move {
            core.finish(CLOSE_TIMEOUT).await;
            quit(fred).await;
        });
        let _ = timeout(2 * CLOSE_TIMEOUT, finish).await;
    }

    pub(crate) async fn wait_connected(&self) -> Result<()> {
        let settings = &self.inner.core.settings;
        let connected = timeout(settings.connect_timeout, self.inner.core.wait_connected()).await;
        let connected = connected.unwrap_or_else(|| {
            let late = error_map::connect_timeout(settings.target.tls.is_some());
            // The last failure may say more, such as that the server closes each connection.
            Err(match self.inner.core.cause() {
                Some(cause) => late.with_source(error_map::describe(&cause)),
                None => late,
            })
        });
        connected.map_err(|error| error.with_server(settings.server.clone()))
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.inner.core
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller {
            core: self.inner.core.clone(),
            options: self.options,
        }
    }

    /// Returns the error of a client that has ended, if it has.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.caller().check_open()
    }
}

async fn quit(fred: Option<FredClient>) {
    if let Some(fred) = fred {
        // A client that cannot reach its server cannot quit; it ends with its task.
        let _ = timeout(CLOSE_TIMEOUT, fred.quit()).await;
    }
}

/// Dropping a client of fred alone would leak its task.
impl Drop for Inner {
    fn drop(&mut self) {
        self.core.end_features();
        if let Some(fred) = self.fred.take() {
            self.core.runtime.spawn(quit(Some(fred)));
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", self.inner.core.server())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Configures a client for the server that `url` names.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let url = purse_testkit::Server::shared().url();
    /// use std::time::Duration;
    ///
    /// use purse::Client;
    ///
    /// let client = Client::builder(&url)
    ///     .command_timeout(Duration::from_secs(1))
    ///     .client_name("billing")
    ///     .connect()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::from_url(url)
    }

    /// Configures a client from a configuration of fred.
    ///
    /// fred's settings `fail_fast`, `version` and `tracing` have no effect, because purse has
    /// settings of its own. If purse does not support another setting,
    /// [`connect`](ClientBuilder::connect) fails with [`Config`](crate::ErrorKind::Config).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// use purse::Client;
    /// use purse::fred::types::config::Config;
    ///
    /// let client = Client::from_fred(Config::from_url(&url)?).connect().await?;
    /// # Ok(()) }
    /// ```
    pub fn from_fred(config: Config) -> ClientBuilder {
        ClientBuilder::from_config(config)
    }

    /// Configures another client with the same servers, credentials and TLS settings. Timeouts and
    /// other settings have their defaults.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use std::time::Duration;
    ///
    /// use purse::Command;
    ///
    /// // The same server, with other timeouts and a connection of its own.
    /// let reports = client.to_builder().command_timeout(Duration::from_secs(60)).connect().await?;
    /// reports.run(Command::read("GET").key("page")).await?;
    /// # Ok(()) }
    /// ```
    pub fn to_builder(&self) -> ClientBuilder {
        ClientBuilder::from_target(self.inner.core.settings.clone())
    }
}
