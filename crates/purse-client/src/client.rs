//! The client.

mod sending;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fred::clients::Client as FredClient;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all, try_join_all};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::builder::{ClientBuilder, Plan};
use crate::command::{Command, Effect, Subject};
use crate::driver::Driver;
use crate::gather::Gathering;
use crate::lane::Lane;
use crate::lease::Leases;
use crate::pop::{Lines, Removals};
use crate::redirect::{self, Work};
use crate::trackers::Trackers;
use crate::transaction::Transaction;
use crate::{Error, ErrorKind, Op, Reply, Result, convert};

pub(crate) use sending::{Sending, Start};

/// How long pops under way may take to end when the client closes.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection to a Redis or Valkey server, cluster or sentinel group. Cheap to clone.
///
/// Reads go over one set of connections and are sent again when a connection breaks; everything
/// that may change data goes over a connection of its own, in order, and is sent at most once.
/// What waits for an element holds no connection of its own: one for all watches keys, made on
/// demand.
///
/// The connections close when the last clone is dropped, or with [`close`](Self::close).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse_client::{Client, Command};
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
pub struct Client(Arc<Inner>);

struct Inner {
    reads: Vec<Lane>,
    writes: Lane,
    is_cluster: bool,
    next: AtomicUsize,
    server: Arc<str>,
    connect_timeout: Duration,
    gathering: Gathering,
    leases: Leases,
    trackers: Trackers,
    lines: Lines,
    removals: Removals,
    runtime: Handle,
    is_closed: AtomicBool,
    /// For those who wait for it; to look at it takes a lock.
    closing: watch::Sender<bool>,
}

impl Client {
    /// Connects to the server that `url` names.
    ///
    /// `redis://[[user]:password@]host[:port][/database]`, `rediss://` with TLS,
    /// `redis-cluster://`, `redis-sentinel://…?sentinelServiceName=name`, `redis+unix:///path`;
    /// `valkey` in place of `redis` is the same.
    ///
    /// # Errors
    /// As [`ClientBuilder::connect`].
    ///
    /// # Cancel safety
    /// Dropped midway, the connections are closed.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder(url).connect().await
    }

    /// Configures a client for the server that `url` names.
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::from_url(url)
    }

    /// Configures a client from a configuration of fred's, for what a URL cannot say.
    pub fn from_fred(config: Config) -> ClientBuilder {
        ClientBuilder::from_config(config)
    }

    /// Configures another client for the same server and credentials.
    pub fn to_builder(&self) -> ClientBuilder {
        ClientBuilder::from_config(self.fred().client_config())
    }

    pub(crate) fn new(plan: Plan) -> Self {
        let leases = Leases::new(plan.writes.fred(), plan.connect_timeout);
        Self(Arc::new(Inner {
            reads: plan.reads,
            is_cluster: plan.writes.fred().is_clustered(),
            writes: plan.writes,
            next: AtomicUsize::new(0),
            server: plan.server,
            connect_timeout: plan.connect_timeout,
            gathering: Gathering::default(),
            leases,
            trackers: Trackers::default(),
            lines: Lines::default(),
            removals: Removals::default(),
            runtime: Handle::current(),
            is_closed: AtomicBool::new(false),
            closing: watch::Sender::new(false),
        }))
    }

    /// Runs a command and waits for its reply.
    ///
    /// # Errors
    /// Any kind but the codecs'. While there is no connection, the command waits for one within
    /// its timeout and is [`NotSent`](ErrorKind::NotSent) if none comes. A lost reply is
    /// [`Ambiguous`](ErrorKind::Ambiguous) for a command that may change data.
    ///
    /// # Cancel safety
    /// Dropped, the command may run or not.
    pub async fn run(&self, command: Command) -> Result<Reply> {
        self.run_on(command.effect(), command).await
    }

    /// Runs a command on the lane of commands of `effect`.
    ///
    /// Boxed as a trait object: the types of fred's futures are deep enough already, and a program
    /// that nests ours a few times would meet the compiler's limit.
    pub(crate) fn run_on(&self, effect: Effect, command: Command) -> BoxFuture<'_, Result<Reply>> {
        let run = async move {
            let subject = command.subject();
            let result = self.perform(effect, command).await;
            result.map_err(|error| self.told(error, &subject))
        };
        run.boxed()
    }

    /// Adds to an error what it is about.
    pub(crate) fn told(&self, error: Error, subject: &Subject) -> Error {
        subject.add_to(error, &self.0.server)
    }

    /// Runs a command on the lane of commands of `effect`; its error does not tell of which one it
    /// is.
    ///
    /// What is seldom needed is boxed here and below, since each operation pays for the largest of
    /// its branches.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async function keeps its arguments twice"
    )]
    pub(crate) fn perform(
        &self,
        effect: Effect,
        command: Command,
    ) -> impl Future<Output = Result<Reply>> + Send {
        async move {
            match self.is_closed() {
                true => Err(closed()),
                false => self.perform_though_closed(effect, command).await,
            }
        }
    }

    /// As [`perform`](Self::perform), also on a client that is closed, as long as its connections
    /// stand.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async function keeps its arguments twice"
    )]
    pub(crate) fn perform_though_closed(
        &self,
        effect: Effect,
        command: Command,
    ) -> impl Future<Output = Result<Reply>> + Send {
        async move {
            let lane = self.0.lane(effect);
            let result = if self.is_cluster() {
                redirect::run(self, lane, Work::Command(command))
                    .boxed()
                    .await
            } else {
                lane.run(command, &self.0.server).await
            };
            result.inspect_err(|error| self.heed(error))
        }
    }

    /// Runs a transaction.
    pub(crate) async fn transact(&self, transaction: Transaction) -> Result<Reply> {
        let reply = if self.is_closed() {
            Err(closed())
        } else {
            let lane = self.0.lane(transaction.effect);
            if self.is_cluster() {
                redirect::run(self, lane, Work::Transaction(transaction)).await
            } else {
                lane.transact(transaction, &self.0.server).await
            }
        };
        reply.map_err(|error| {
            self.heed(&error);
            error
                .with_command("atomic batch", None)
                .with_server(self.0.server.clone())
        })
    }

    /// Connects anew where the error says that the primary is elsewhere.
    ///
    /// Not in a cluster: it says where.
    pub(crate) fn heed(&self, error: &Error) {
        if convert::is_by_replica(error) {
            self.0.lanes().for_each(Lane::look_for_primary);
        }
    }

    /// Whether both are clones of one client.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The operation that runs `command` and makes its result with `read`.
    pub fn op<R>(&self, command: Command, read: fn(Reply) -> Result<R>) -> Op<R> {
        Op::new(self, Ok(command), read)
    }

    /// The server, as messages name it: its address without the credentials.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// Whether the client talks to a cluster.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.0.is_cluster
    }

    fn has_sentinels(&self) -> bool {
        self.fred().client_config().server.is_sentinel()
    }

    /// The number of the database that the client works on.
    #[must_use]
    pub fn database(&self) -> u8 {
        self.0.writes.fred().client_config().database.unwrap_or(0)
    }

    /// Whether all connections stand at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !self.is_closed() && self.0.lanes().all(Lane::is_connected)
    }

    /// Whether [`close`](Self::close) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Acquire)
    }

    /// fred's client, for commands that purse has no word for.
    ///
    /// It sends each command once. What fred's own documentation says of dropped futures and of
    /// blocking commands holds: never block on it, all writes of this client would wait.
    #[must_use]
    pub fn fred(&self) -> &FredClient {
        self.0.writes.fred()
    }

    /// Closes all connections, after the commands under way have got their replies; every later
    /// command of any clone fails with [`Closed`](ErrorKind::Closed).
    ///
    /// Takes about a second at most.
    ///
    /// # Cancel safety
    /// Dropped midway, the connections close in the background.
    pub async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.0.closing.send_replace(true);
        // Reads in company are sent, and pops under way end, and put back what they hold.
        let _ = timeout(GOODBYE, self.0.leases.settled()).await;
        self.0.leases.close();
        // The task cannot panic; it ends early only with the runtime, and the connections with it.
        let _ = self.0.runtime.spawn(goodbye(self.0.drivers())).await;
    }

    /// Waits for the connection of writes, as long as a command may take; whether it stands.
    pub(crate) async fn can_write(&self) -> bool {
        !self.is_closed() && self.0.writes.is_ready().await
    }

    pub(crate) async fn wait_connected(&self) -> Result<()> {
        let tls = self.fred().client_config().uses_tls();
        let connect = async {
            let connected = try_join_all(self.0.lanes().map(Lane::connect)).await;
            connected
                .map(drop)
                .map_err(|error| convert::connect_error(error, tls))
        };
        // fred bounds each step of connecting, not their sum.
        let bounded = timeout(self.0.connect_timeout, connect)
            .await
            .unwrap_or_else(|_| Err(convert::connect_timeout(tls)));
        let bounded = match bounded {
            Err(error) if error.kind() == ErrorKind::Timeout && self.has_sentinels() => {
                Err(convert::sentinel_timeout())
            }
            other => other,
        };
        bounded.map_err(|error| error.with_server(self.0.server.clone()))
    }

    pub(crate) fn connect_in_background(&self) {
        for lane in self.0.lanes() {
            lane.connect_in_background();
        }
    }

    /// The connections that reads go over, and how long each may take to be ready.
    pub(crate) fn readers(&self) -> (Vec<&FredClient>, Duration) {
        let lanes = match &*self.0.reads {
            [] => std::slice::from_ref(&self.0.writes),
            reads => reads,
        };
        (
            lanes.iter().map(Lane::fred).collect(),
            self.0.connect_timeout,
        )
    }

    pub(crate) fn gathering(&self) -> &Gathering {
        &self.0.gathering
    }

    pub(crate) fn leases(&self) -> &Leases {
        &self.0.leases
    }

    pub(crate) fn trackers(&self) -> &Trackers {
        &self.0.trackers
    }

    pub(crate) fn lines(&self) -> &Lines {
        &self.0.lines
    }

    pub(crate) fn removals(&self) -> &Removals {
        &self.0.removals
    }

    /// How long a command may take that does not say it itself.
    pub(crate) fn command_timeout(&self) -> Duration {
        self.0.writes.command_timeout()
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.subscribe()
    }
}

impl Inner {
    fn lane(&self, effect: Effect) -> &Lane {
        self.lane_at(self.next_lane(effect))
    }

    /// The number of the lane whose turn it is; none is that of writes.
    fn next_lane(&self, effect: Effect) -> Option<usize> {
        match self.reads.len() {
            0 => None,
            _ if effect == Effect::Write => None,
            1 => Some(0),
            lanes => Some(self.next.fetch_add(1, Ordering::Relaxed) % lanes),
        }
    }

    fn lane_at(&self, index: Option<usize>) -> &Lane {
        index.map_or(&self.writes, |index| &self.reads[index])
    }

    fn lanes(&self) -> impl Iterator<Item = &Lane> {
        std::iter::once(&self.writes).chain(&self.reads)
    }

    fn drivers(&self) -> Vec<Driver> {
        self.lanes().filter_map(Lane::take_driver).collect()
    }
}

/// Dropping fred's handles alone would leak its tasks and its connections.
impl Drop for Inner {
    fn drop(&mut self) {
        self.runtime.spawn(goodbye(self.drivers()));
    }
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the client is closed")
}

/// Resolves once the client is closed, or gone.
pub(crate) async fn is_closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closed| *closed).await;
}

async fn goodbye(drivers: Vec<Driver>) {
    join_all(drivers.into_iter().map(Driver::goodbye)).await;
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.0.server)
            .finish_non_exhaustive()
    }
}
