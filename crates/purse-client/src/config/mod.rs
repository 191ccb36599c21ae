//! Where a client connects to, as which user, and how the connection is encrypted.
//!
//! [`Target`] holds this data in one form, whether it comes from a URL (`url.rs`) or from a fred
//! configuration (`fred_config.rs`). Each part of the input either takes effect or is refused with
//! [`ErrorKind::Config`](crate::ErrorKind::Config). This folder does no network I/O except for the
//! TLS handshake.
//!
//! May import: `error`.

mod address;
mod credentials;
mod fred_config;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
mod url;
mod url_parameters;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use address::Address;
pub use credentials::Credentials;
pub(crate) use tls::Tls;

use crate::{Error, ErrorKind, Result};

/// The servers that a client connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Servers {
    /// A single server.
    Single(Address),
    /// A single server that listens on a unix socket.
    Unix(PathBuf),
    /// A cluster. The addresses are the nodes from which the others are discovered.
    Cluster(Vec<Address>),
    /// The master that sentinels name.
    Sentinel {
        /// The addresses of the sentinels.
        sentinels: Vec<Address>,
        /// The name under which the sentinels know the master.
        service: Arc<str>,
    },
}

impl Servers {
    /// Returns whether both name the same server, cluster or sentinel group, as far as the names
    /// show: an address in common identifies a cluster or the sentinels of a group.
    pub(crate) fn name_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Single(one), Self::Single(other)) => one.is_same(other),
            (Self::Unix(one), Self::Unix(other)) => one == other,
            (Self::Cluster(one), Self::Cluster(other)) => intersect(one, other),
            (
                Self::Sentinel { sentinels, service },
                Self::Sentinel {
                    sentinels: others,
                    service: other,
                },
            ) => service == other && intersect(sentinels, others),
            _ => false,
        }
    }
}

/// Returns whether both have an address in common.
pub(crate) fn intersect(one: &[Address], other: &[Address]) -> bool {
    one.iter()
        .any(|one| other.iter().any(|other| one.is_same(other)))
}

/// A description of what a client connects to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) servers: Servers,
    /// The login data of the servers. `None` means that the client does not log in.
    pub(crate) credentials: Option<Credentials>,
    /// The login data of the sentinels. They are independent of `credentials`.
    pub(crate) sentinel_credentials: Option<Credentials>,
    /// The number of the database; 0 is the one that a new connection uses anyway.
    pub(crate) database: u32,
    pub(crate) tls: Option<Tls>,
}

impl Target {
    /// Reads a URL. A URL that asks for TLS gets `tls`, or settings with the [system's root
    /// certificates](Tls::system), which need not exist if there is `tls`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if a part of the URL cannot take effect. The message never contains
    /// the password or the whole URL.
    pub(crate) fn from_url(url: &str, tls: Option<Tls>) -> Result<Self> {
        let (mut target, secure) = url::parse(url)?;
        if secure {
            target.tls = Some(tls.map_or_else(Tls::system, Ok)?);
        }
        Ok(target)
    }

    /// Returns the name of the servers for messages. It contains no credentials.
    pub(crate) fn label(&self) -> Arc<str> {
        match &self.servers {
            Servers::Single(address) => address.to_string().into(),
            Servers::Unix(path) => path.display().to_string().into(),
            Servers::Cluster(seeds) => format!("cluster {}", FirstAddress(seeds)).into(),
            Servers::Sentinel { sentinels, service } => {
                format!("{service} by sentinel {}", FirstAddress(sentinels)).into()
            }
        }
    }
}

/// The first of several addresses.
struct FirstAddress<'a>(&'a [Address]);

impl std::fmt::Display for FirstAddress<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.first().map_or(Ok(()), |address| address.fmt(f))
    }
}

/// Makes an error of kind [`ErrorKind::Config`].
fn config_error(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}
