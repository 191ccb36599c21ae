//! The settings of a client, as its connections need them.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::config::{Credentials, Target};
use crate::telemetry::EventHook;
use crate::{Error, ErrorKind, Result};

/// The servers to which a client sends its reads.
///
/// # Examples
/// ```no_run
/// # async fn connect() -> purse::Result<()> {
/// use purse::{Client, ReadFrom};
///
/// let builder = Client::builder("redis-cluster://localhost:7000");
/// let client = builder.read_from(ReadFrom::PreferReplica).connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ReadFrom {
    /// Reads go to the primary, so that a read sees each write before it.
    #[default]
    Primary,
    /// Reads go to a replica of the cluster's primary if one is connected, otherwise to the
    /// primary. A read may not see the last writes.
    PreferReplica,
}

/// The settings of a client.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) target: Target,
    /// The name of the servers in messages.
    pub(crate) server: Arc<str>,
    pub(crate) command_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) fail_fast: bool,
    pub(crate) retry_reads: bool,
    pub(crate) backoff: (Duration, Duration),
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) client_name: String,
    pub(crate) connections: usize,
    pub(crate) read_from: ReadFrom,
    pub(crate) provider: Option<Provider>,
    pub(crate) hook: EventHook,
}

type Renew = dyn Fn() -> BoxFuture<'static, Result<Credentials, Error>> + Send + Sync;

/// A source of credentials that change while a client lives.
#[derive(Clone)]
pub(crate) struct Provider(pub(crate) Arc<Renew>);

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}

impl Settings {
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            target: Target::from_url("redis://localhost", None).expect("a URL"),
            server: "localhost".into(),
            command_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            fail_fast: false,
            retry_reads: true,
            backoff: (Duration::ZERO, Duration::from_secs(1)),
            keep_alive: None,
            client_name: String::new(),
            connections: 1,
            read_from: ReadFrom::Primary,
            provider: None,
            hook: EventHook::default(),
        }
    }

    /// Returns the login data for the next connection to a server.
    pub(super) async fn credentials(&self) -> Result<Option<Credentials>> {
        match &self.provider {
            Some(Provider(renew)) => {
                // A panic must not end the task that drives the connection.
                let renewed = AssertUnwindSafe(async { renew().await })
                    .catch_unwind()
                    .await;
                let renewed = renewed.unwrap_or_else(|_| {
                    let message = "cannot connect: the credentials provider panicked";
                    Err(Error::new(ErrorKind::Config, message))
                });
                renewed.map(Some)
            }
            None => Ok(self.target.credentials.clone()),
        }
    }
}
