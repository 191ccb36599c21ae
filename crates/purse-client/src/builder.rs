//! How a client is configured and connected.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fred::interfaces::ClientLike;
use fred::types::RespVersion;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, ServerConfig, TcpConfig,
};

use crate::client::Client;
use crate::command::LONGEST;
use crate::convert;
use crate::lane::Lane;
use crate::session::Session;
use crate::{Error, ErrorKind, Result};

/// What a client is tuned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Preset {
    /// Data: reads are sent again when the connection breaks, five seconds for each command.
    #[default]
    Standard,
    /// Masters of a lock: one connection, nothing is sent twice, short bounds, fast reconnects.
    Locks,
}

#[derive(Clone)]
enum Target {
    Url(String),
    Fred(Box<Config>),
}

/// Configures a [`Client`]; get one from [`Client::builder`] or [`Client::from_fred`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it connects"]
pub struct ClientBuilder {
    target: Target,
    preset: Preset,
    command_timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    connections: usize,
}

/// What the builder works out before anything touches the network.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) reads: Vec<Lane>,
    pub(crate) writes: Lane,
    pub(crate) server: Arc<str>,
    pub(crate) connect_timeout: Duration,
}

impl ClientBuilder {
    fn new(target: Target) -> Self {
        Self {
            target,
            preset: Preset::Standard,
            command_timeout: None,
            connect_timeout: None,
            connections: 1,
        }
    }

    pub(crate) fn from_url(url: &str) -> Self {
        Self::new(Target::Url(url.to_owned()))
    }

    pub(crate) fn from_config(config: Config) -> Self {
        Self::new(Target::Fred(Box::new(config)))
    }

    /// Tunes the client for a use.
    pub const fn preset(mut self, preset: Preset) -> Self {
        self.preset = preset;
        self
    }

    /// Bounds the wait for each reply, by a year at most. Default: 5 s; 100 ms with
    /// [`Preset::Locks`].
    pub const fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = Some(timeout);
        self
    }

    /// Bounds each attempt to connect. Default: 5 s; 300 ms with [`Preset::Locks`].
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How many connections carry the reads; one more carries the writes, so that they keep their
    /// order. Default: 1.
    pub const fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Connects, and gives up on the first failure.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a configuration that cannot work, [`ErrorKind::Auth`] for refused
    /// credentials, [`ErrorKind::Timeout`] or [`ErrorKind::NotSent`] where no server answers. Each
    /// names the server, and comes within the connect timeout.
    ///
    /// # Cancel safety
    /// Dropped midway, the connections are closed.
    pub async fn connect(self) -> Result<Client> {
        let client = Client::new(self.plan(true)?);
        client.wait_connected().await?;
        Ok(client)
    }

    /// Starts to connect in the background and goes on trying; commands wait for the connection
    /// within their timeout, or fail at once if they are [`fail_fast`](crate::Command::fail_fast).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a configuration that cannot work.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_lazy(self) -> Result<Client> {
        let client = Client::new(self.plan(false)?);
        client.connect_in_background();
        Ok(client)
    }

    /// Connects once, over one connection that is never made anew.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    /// Dropped midway, the connection is closed.
    pub async fn connect_session(self) -> Result<Session> {
        Session::open(self.plan(true)?).await
    }

    /// A client that does not connect, for [`Client::watch`] alone, which has a connection of its
    /// own; every other command fails.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a configuration that cannot work.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn unconnected(self) -> Result<Client> {
        Ok(Client::new(self.plan(true)?))
    }

    /// The server, as messages name it, without the credentials; and the number of the database.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a configuration that cannot work.
    pub fn target(&self) -> Result<(Arc<str>, u8)> {
        let plan = self.clone().plan(true)?;
        let database = plan.writes.fred().client_config().database;
        Ok((plan.server, database.unwrap_or(0)))
    }

    /// `fail_fast`: whether a first attempt that fails is the last one.
    fn plan(self, fail_fast: bool) -> Result<Plan> {
        let mut config = match self.target {
            Target::Url(url) => config_of(&url)?,
            Target::Fred(config) => *config,
        };
        config.fail_fast = fail_fast;
        // In RESP2 fred adds an element to arrays that look like messages, also within others.
        config.version = RespVersion::RESP3;
        let server = label(&config.server);
        let locks = self.preset == Preset::Locks;
        let command_timeout = self
            .command_timeout
            .unwrap_or(Duration::from_millis(if locks { 100 } else { 5_000 }))
            .min(LONGEST);
        let connect_timeout = self
            .connect_timeout
            .unwrap_or(Duration::from_millis(if locks { 300 } else { 5_000 }))
            .min(LONGEST);
        if command_timeout.is_zero() || connect_timeout.is_zero() {
            return Err(Error::new(
                ErrorKind::Config,
                "a timeout of zero: fred would wait for ever",
            )
            .with_server(server));
        }
        let performance = PerformanceConfig {
            default_command_timeout: command_timeout,
            ..PerformanceConfig::default()
        };
        let lane = |attempts: u32| {
            let connection = ConnectionConfig {
                connection_timeout: connect_timeout,
                internal_command_timeout: connect_timeout,
                max_command_attempts: attempts,
                // See `redirect`.
                max_redirections: 0,
                tcp: TcpConfig {
                    nodelay: Some(true),
                    ..TcpConfig::default()
                },
                ..ConnectionConfig::default()
            };
            let mut policy =
                ReconnectPolicy::new_exponential(0, 20, if locks { 500 } else { 2_000 }, 2);
            policy.set_jitter(20);
            Lane::new(
                config.clone(),
                performance.clone(),
                connection,
                policy,
                command_timeout,
            )
        };
        let reads = if locks {
            Vec::new()
        } else {
            (0..self.connections).map(|_| lane(3)).collect()
        };
        Ok(Plan {
            reads,
            writes: lane(1),
            server,
            connect_timeout,
        })
    }
}

fn config_of(url: &str) -> Result<Config> {
    let secure = url.starts_with("rediss") || url.starts_with("valkeys");
    if secure && !HAS_TLS {
        return Err(Error::new(
            ErrorKind::Config,
            "the URL asks for TLS, and purse was built without it: enable one of its tls- features",
        ));
    }
    let known = ["redis", "valkey"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    if !known {
        return Err(Error::new(
            ErrorKind::Config,
            "the URL should start with redis://, rediss://, redis-cluster://, redis-sentinel:// or redis+unix://",
        ));
    }
    Config::from_url(url).map_err(|error| convert::connect_error(error, secure))
}

const HAS_TLS: bool = cfg!(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
));

/// The name of the server for messages; never its credentials.
fn label(server: &ServerConfig) -> Arc<str> {
    let hosts = server.hosts();
    let host = hosts
        .first()
        .map_or_else(|| "a unix socket".to_owned(), ToString::to_string);
    match server {
        ServerConfig::Clustered { .. } => format!("cluster {host}").into(),
        ServerConfig::Sentinel { service_name, .. } => {
            format!("{service_name} by sentinel {host}").into()
        }
        _ => host.into(),
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("preset", &self.preset)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}
