//! How a client is configured and connected.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use fred::types::config::Config;
use tokio::runtime::Handle;

use super::{Client, Session};
use crate::config::{Credentials, Servers, Target, Tls};
use crate::connection::{Provider, ReadFrom, Settings};
use crate::telemetry::{Event, EventHook};
use crate::util::timer::clamp;
use crate::{Error, ErrorKind, Result};

const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// The times that Linux takes; a socket option with another one fails each attempt to connect.
const KEEP_ALIVE_SECONDS: RangeInclusive<u64> = 1..=32_767;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A set of defaults for a client's use case.
///
/// # Examples
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, Preset};
///
/// let client = Client::builder(&url).preset(Preset::Locks).connect().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Preset {
    /// For data: a command may take five seconds, and reads are sent again when the connection
    /// breaks.
    #[default]
    Standard,
    /// For the masters of a lock: short timeouts, fast reconnects, one connection, and nothing is
    /// sent twice.
    Locks,
}

#[derive(Clone)]
enum TargetSource {
    Url(String),
    Fred(Box<Config>),
    Target(Box<Target>),
}

/// A builder of a [`Client`], from [`Client::builder`] or [`Client::from_fred`].
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use std::time::Duration;
///
/// use purse::{Client, Event};
///
/// let client = Client::builder(&url)
///     .command_timeout(Duration::from_secs(1))
///     .client_name("billing")
///     .on_event(|event| if let Event::Disconnected { cause, .. } = event { eprintln!("{cause}") })
///     .connect()
///     .await?;
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it connects"]
pub struct ClientBuilder {
    source: TargetSource,
    preset: Preset,
    command_timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    connections: usize,
    fail_fast: bool,
    retry_reads: Option<bool>,
    backoff: Option<(Duration, Duration)>,
    keep_alive: Option<Duration>,
    client_name: Option<String>,
    read_from: ReadFrom,
    credentials: Option<Credentials>,
    provider: Option<Provider>,
    certificates: Option<Arc<Certificates>>,
    hook: EventHook,
}

#[derive(Clone)]
struct Certificates {
    authorities: Vec<u8>,
    client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Certificates {
    fn read(&self) -> Result<Tls> {
        let client = self.client.as_ref();
        let client = client.map(|(certificate, key)| (&**certificate, &**key));
        Tls::custom(&self.authorities, client)
    }
}

impl ClientBuilder {
    fn new(source: TargetSource) -> Self {
        Self {
            source,
            preset: Preset::Standard,
            command_timeout: None,
            connect_timeout: None,
            connections: 1,
            fail_fast: false,
            retry_reads: None,
            backoff: None,
            keep_alive: Some(KEEP_ALIVE),
            client_name: None,
            read_from: ReadFrom::Primary,
            credentials: None,
            provider: None,
            certificates: None,
            hook: EventHook::default(),
        }
    }

    pub(crate) fn from_url(url: &str) -> Self {
        Self::new(TargetSource::Url(url.to_owned()))
    }

    pub(crate) fn from_config(config: Config) -> Self {
        Self::new(TargetSource::Fred(Box::new(config)))
    }

    /// Makes a builder for the servers, credentials and TLS settings of another client.
    pub(crate) fn from_target(settings: Arc<Settings>) -> Self {
        let mut builder = Self::new(TargetSource::Target(Box::new(settings.target.clone())));
        builder.provider.clone_from(&settings.provider);
        builder
    }

    /// Sets the defaults for a use case.
    pub const fn preset(mut self, preset: Preset) -> Self {
        self.preset = preset;
        self
    }

    /// Sets the time that each command may take, from its first poll to its reply; a year at most.
    /// Default: 5 s; 100 ms with [`Preset::Locks`].
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
    ///     .command_timeout(Duration::from_millis(500))
    ///     .connect_timeout(Duration::from_secs(2))
    ///     .connect()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub const fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = Some(timeout);
        self
    }

    /// Sets the time that each attempt to connect may take; a year at most. Default: 5 s; 300 ms
    /// with [`Preset::Locks`].
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Sets the number of connections, among which reads take turns. All writes use the first one,
    /// so that they keep their order. With more than one connection, a read may not see a write
    /// that was not awaited. Default: 1. A client of a cluster always has one connection per node,
    /// and a client with [`Preset::Locks`] always has one connection.
    pub const fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Sets whether a command fails at once while there is no connection, instead of waiting for
    /// one within its timeout. Default: no.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// use purse::{Client, Command, ErrorKind};
    ///
    /// let client = Client::builder(&url).fail_fast(true).connect().await?;
    /// server.stop()?;
    /// let error = client.run(Command::read("GET").key("page")).await.unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Timeout));
    /// # Ok(()) }
    /// ```
    pub const fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    /// Sets whether a read is sent again, three times at most, when the connection breaks. Default:
    /// yes; no with [`Preset::Locks`].
    pub const fn retry_reads(mut self, retry: bool) -> Self {
        self.retry_reads = Some(retry);
        self
    }

    /// Sets the pauses between attempts to connect. The first pause is zero. Each later one is at
    /// least `first`, grows up to `max`, and has up to 20 ms of jitter. Both values are at most a
    /// year. Default: 20 ms and 2 s; with [`Preset::Locks`], 20 ms and 500 ms.
    pub const fn backoff(mut self, first: Duration, max: Duration) -> Self {
        self.backoff = Some((clamp(first), clamp(max)));
        self
    }

    /// Sets how long a TCP connection may be idle before the kernel asks whether the peer is there;
    /// from 1 to 32,767 seconds, the range that Linux accepts. `None` turns keep-alive off.
    /// Default: 60 s.
    pub const fn keep_alive(mut self, idle: Option<Duration>) -> Self {
        self.keep_alive = idle;
        self
    }

    /// Sets the name of the connections in `CLIENT LIST`: printable ASCII without spaces. An empty
    /// name sets none. Servers that do not know `HELLO` get no name. Default: `purse:` and the
    /// version of purse.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let url = purse_testkit::Server::shared().url();
    /// use purse::{Client, Command};
    ///
    /// let client = Client::builder(&url).client_name("billing").connect().await?;
    /// let name = client.run(Command::read("CLIENT").arg("GETNAME")).await?;
    /// assert_eq!(name.into_bytes()?, "billing");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "CLIENT SETNAME")]
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// Sets where reads go. Anything but [`ReadFrom::Primary`] needs a cluster. Default: to the
    /// primary.
    ///
    /// # Examples
    /// ```
    /// use purse::{Client, ReadFrom};
    ///
    /// async fn connect() -> purse::Result<Client> {
    ///     // Such a read may miss the last writes.
    ///     Client::builder("redis-cluster://10.0.0.1")
    ///         .read_from(ReadFrom::PreferReplica)
    ///         .connect()
    ///         .await
    /// }
    /// ```
    #[doc(alias = "READONLY")]
    pub const fn read_from(mut self, read_from: ReadFrom) -> Self {
        self.read_from = read_from;
        self
    }

    /// Sets the user and password, instead of those of the URL or of a
    /// [provider](Self::credentials_provider).
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # let url = server.url();
    /// use purse::{Client, Credentials};
    ///
    /// server.user("app", "secret", "~app:* +@read +@write +@connection")?;
    /// let client = Client::builder(&url)
    ///     .credentials(Credentials::new("app", "secret"))
    ///     .connect()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "AUTH")]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self.provider = None;
        self
    }

    /// Calls `provider` for the credentials of each new connection, so that a client keeps working
    /// when a token expires. These credentials are used instead of the user and password of the
    /// URL, of fred's configuration, or of [`credentials`](Self::credentials).
    ///
    /// If `provider` fails, the attempt to connect fails. If it panics, the attempt fails with
    /// [`ErrorKind::Config`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = purse_testkit::Server::start()?;
    /// # server.command(&["ACL", "SETUSER", "app", "on", ">token", "~*", "+@all"])?;
    /// # let url = server.url();
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use purse::{Client, Credentials};
    ///
    /// async fn token() -> String {
    ///     "token".to_owned() // from the cloud's metadata service, say
    /// }
    /// let client = Client::builder(&url)
    ///     .credentials_provider(|| async { Ok(Credentials::new("app", token().await)) })
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn credentials_provider<F>(
        mut self,
        provider: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Credentials>> + Send + 'static,
    {
        self.provider = Some(Provider(Arc::new(move || Box::pin(provider()))));
        self
    }

    /// Trusts the certificate authorities in `pem`, which is PEM text, and no others. Needs one of
    /// the `tls-` features and a URL with TLS.
    ///
    /// # Examples
    /// ```
    /// use purse::Client;
    ///
    /// async fn connect() -> Result<Client, Box<dyn std::error::Error>> {
    ///     let authority = std::fs::read("/etc/app/ca.pem")?;
    ///     let builder = Client::builder("rediss://cache.example").certificate_authorities(authority);
    ///     Ok(builder.connect().await?)
    /// }
    /// ```
    pub fn certificate_authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        let client = self
            .certificates
            .and_then(|certificates| Arc::unwrap_or_clone(certificates).client);
        self.certificates = Some(Arc::new(Certificates {
            authorities: pem.into(),
            client,
        }));
        self
    }

    /// Trusts the certificate authorities in `authorities`, and no others, and identifies the
    /// client with a certificate and its private key. All three are PEM text; native-tls reads PKCS
    /// #8 keys only. Needs one of the `tls-` features and a URL with TLS.
    ///
    /// # Examples
    /// ```
    /// use std::fs::read;
    ///
    /// use purse::Client;
    ///
    /// async fn connect() -> Result<Client, Box<dyn std::error::Error>> {
    ///     let (authority, certificate) = (read("ca.pem")?, read("client.pem")?);
    ///     let builder = Client::builder("rediss://cache.example")
    ///         .client_certificate(authority, certificate, read("client.key")?);
    ///     Ok(builder.connect().await?)
    /// }
    /// ```
    pub fn client_certificate(
        mut self,
        authorities: impl Into<Vec<u8>>,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.certificates = Some(Arc::new(Certificates {
            authorities: authorities.into(),
            client: Some((certificate.into(), key.into())),
        }));
        self
    }

    /// Calls `hook` for each [`Event`] of the client's connections. The hook runs on the task that
    /// drives the connection, so it must return soon. A panic of the hook is ignored.
    pub fn on_event(mut self, hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.hook = EventHook::new(hook);
        self
    }

    /// Connects. Fails if the first attempt fails.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a configuration that cannot work, and outside of a tokio runtime.
    /// [`ErrorKind::Auth`] for refused credentials. [`ErrorKind::Timeout`] or
    /// [`ErrorKind::NotSent`] if no server answers. [`ErrorKind::Protocol`] if something else
    /// answers. Each error names the server, and is returned within the connect timeout.
    ///
    /// # Cancel safety
    /// If the future is dropped, the connections are closed.
    ///
    /// # Examples
    /// ```
    /// use purse::{Client, ErrorKind};
    ///
    /// async fn connect(url: &str) -> purse::Result<Client> {
    ///     let client = Client::builder(url).connect().await;
    ///     client.inspect_err(|error| match error.kind() {
    ///         ErrorKind::Config => eprintln!("fix the URL: {error}"),
    ///         ErrorKind::Auth => eprintln!("fix the password or the rights: {error}"),
    ///         _ => eprintln!("try again: {error}"),
    ///     })
    /// }
    /// ```
    pub async fn connect(self) -> Result<Client> {
        let client = self.connect_lazy()?;
        client.wait_connected().await?;
        Ok(client)
    }

    /// Returns a client that connects in the background and keeps trying. Commands wait for the
    /// connection within their timeout, or fail at once with [`fail_fast`](Self::fail_fast).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a configuration that cannot work, and outside of a tokio runtime.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let url = purse_testkit::Server::shared().url();
    /// use purse::{Client, Command};
    ///
    /// // The program starts although the server may not be there yet.
    /// let client = Client::builder(&url).connect_lazy()?;
    /// client.run(Command::read("GET").key("page")).await?;
    /// assert!(client.is_connected());
    /// # Ok(()) }
    /// ```
    pub fn connect_lazy(self) -> Result<Client> {
        let runtime = runtime()?;
        Ok(Client::new(Arc::new(self.settings()?), runtime))
    }

    /// Opens a [`Session`]: one connection that is never made again. In a cluster, the session
    /// connects to the first node of the URL.
    ///
    /// # Errors
    /// The errors of [`connect`](Self::connect).
    ///
    /// # Cancel safety
    /// If the future is dropped, the connection is closed.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let url = purse_testkit::Server::shared().url();
    /// use purse::{Client, Command};
    ///
    /// let session = Client::builder(&url).connect_session().await?;
    /// // A transaction that fails if another client changes the key meanwhile.
    /// session.run(Command::write("WATCH").key("stock")).await?;
    /// assert!(session.run(Command::read("GET").key("stock")).await?.is_nil());
    /// session.run(Command::write("MULTI")).await?;
    /// session.run(Command::write("SET").key("stock").arg(9)).await?;
    /// let replies = session.run(Command::write("EXEC")).await?;
    /// assert!(replies.non_nil().is_some(), "the transaction ran");
    /// # Ok(()) }
    /// ```
    pub async fn connect_session(self) -> Result<Session> {
        let runtime = runtime()?;
        Session::open(Arc::new(self.settings()?), runtime).await
    }

    /// Returns a client that does not connect. Use such a client for [`Client::watch`], which has a
    /// connection of its own. Every other command fails with [`ErrorKind::NotSent`].
    ///
    /// # Errors
    /// The errors of [`connect_lazy`](Self::connect_lazy).
    pub fn unconnected(self) -> Result<Client> {
        let runtime = runtime()?;
        Ok(Client::unconnected(Arc::new(self.settings()?), runtime))
    }

    /// Returns the server, as messages name it, without the credentials; and the number of the
    /// database.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a configuration that cannot work.
    ///
    /// # Examples
    /// ```
    /// use purse::Client;
    ///
    /// let (server, database) = Client::builder("redis://:secret@cache.example:7000/3").target().unwrap();
    /// assert_eq!((&*server, database), ("cache.example:7000", 3));
    /// ```
    pub fn target(&self) -> Result<(Arc<str>, u32)> {
        let settings = self.clone().settings()?;
        Ok((settings.server, settings.target.database))
    }

    fn settings(self) -> Result<Settings> {
        let certificates = self.certificates.as_deref().map(Certificates::read);
        let certificates = certificates.transpose()?;
        let mut target = match self.source {
            TargetSource::Url(url) => Target::from_url(&url, certificates.clone())?,
            TargetSource::Fred(config) => Target::from_fred(&config)?,
            TargetSource::Target(target) => *target,
        };
        let server = target.label();
        let invalid = |message: String| {
            Err(Error::new(ErrorKind::Config, message).with_server(server.clone()))
        };
        if let Some(credentials) = self.credentials {
            target.credentials = Some(credentials);
        }
        if let Some(certificates) = certificates {
            let Some(tls) = &mut target.tls else {
                return invalid("certificates need TLS: use a rediss:// URL".to_owned());
            };
            tls.set_certificates(certificates);
        }
        let locks = self.preset == Preset::Locks;
        let either = |set: Option<Duration>, of_locks: u64| {
            let default = Duration::from_millis(if locks { of_locks } else { 5_000 });
            clamp(set.unwrap_or(default))
        };
        let command_timeout = either(self.command_timeout, 100);
        let connect_timeout = either(self.connect_timeout, 300);
        if command_timeout.is_zero() || connect_timeout.is_zero() {
            return invalid("a timeout must be longer than zero".to_owned());
        }
        let client_name = self
            .client_name
            .unwrap_or_else(|| format!("purse:{VERSION}"));
        if !client_name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return invalid(format!(
                "the client name {client_name:?} must consist of printable ASCII without spaces"
            ));
        }
        let is_valid = |idle: Duration| KEEP_ALIVE_SECONDS.contains(&idle.as_secs());
        if !self.keep_alive.is_none_or(is_valid) {
            return invalid("keep_alive must be from 1 to 32767 seconds".to_owned());
        }
        let is_cluster = matches!(target.servers, Servers::Cluster(_));
        if self.read_from != ReadFrom::Primary && !is_cluster {
            return invalid("reads from replicas need a redis-cluster:// URL".to_owned());
        }
        let longest = Duration::from_millis(if locks { 500 } else { 2_000 });
        Ok(Settings {
            target,
            server,
            command_timeout,
            connect_timeout,
            fail_fast: self.fail_fast,
            retry_reads: self.retry_reads.unwrap_or(!locks),
            backoff: self.backoff.unwrap_or((Duration::from_millis(20), longest)),
            keep_alive: self.keep_alive,
            client_name,
            connections: if locks { 1 } else { self.connections },
            read_from: self.read_from,
            provider: self.provider,
            hook: self.hook,
        })
    }
}

fn runtime() -> Result<Handle> {
    Handle::try_current().map_err(|error| {
        let message = "a client must be made within a tokio runtime, which drives its connections";
        Error::new(ErrorKind::Config, message).with_source(error)
    })
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
