//! [`Tls`] over the libraries that are in the build.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use fred::types::config::{Config, Server, ServerConfig, TlsConfig, TlsConnector, TlsHostMapping};
use futures::future::BoxFuture;
use tokio::net::TcpStream;

use super::TlsStream;
use crate::config::address::ipv6_without_zone;
use crate::config::{Address, config_error};
use crate::{Error, Result};

/// Certificates that a client is given, as PEM text.
pub(super) struct Pem<'a> {
    /// The certificates of the authorities that the client trusts, and of no others.
    pub(super) authorities: &'a [u8],
    /// The certificate chain and the private key with which the client identifies itself.
    pub(super) client: Option<(&'a [u8], &'a [u8])>,
}

/// A TLS library.
pub(super) struct Library {
    pub(super) system: fn() -> Result<Arc<dyn Connector>>,
    pub(super) custom: fn(&Pem<'_>) -> Result<Arc<dyn Connector>>,
    /// Returns the connector if it belongs to this library.
    pub(super) from_fred: fn(&TlsConnector) -> Option<Arc<dyn Connector>>,
}

/// A connector of a TLS library.
pub(super) trait Connector: Send + Sync {
    /// Does the handshake. An IPv6 address in `name` has no zone.
    fn connect<'a>(
        &'a self,
        name: &'a str,
        socket: TcpStream,
    ) -> BoxFuture<'a, io::Result<TlsStream>>;

    fn to_fred(&self) -> TlsConnector;
}

/// The libraries in the build. The first is the default one.
const LIBRARIES: &[Library] = &[
    #[cfg(any(feature = "tls-rustls", feature = "tls-rustls-ring"))]
    super::with_rustls::LIBRARY,
    #[cfg(feature = "tls-native")]
    super::with_native::LIBRARY,
];

/// TLS settings: a connector, and the names that the certificates of servers must have.
#[derive(Clone)]
pub(crate) struct Tls {
    connector: Arc<dyn Connector>,
    /// Finds the name of a cluster's node by its IP address.
    hostnames: TlsHostMapping,
    /// The names that were given for single hosts.
    names: Arc<BTreeMap<Arc<str>, String>>,
}

impl Tls {
    fn new(connector: Arc<dyn Connector>) -> Self {
        Self {
            connector,
            hostnames: TlsHostMapping::None,
            names: Arc::default(),
        }
    }

    /// Makes the settings of `rediss://` URLs, which trust the system's root certificates. rustls,
    /// and native-tls where it uses OpenSSL, trust those in the file that the variable
    /// `SSL_CERT_FILE` names instead.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if there are no root certificates.
    pub(crate) fn system() -> Result<Self> {
        Ok(Self::new((LIBRARIES[0].system)()?))
    }

    /// Makes settings that trust the authorities in `ca_pem` only. `client` is the certificate
    /// chain and the private key of the client, both in PEM. native-tls reads PKCS #8 keys only.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if a PEM text cannot be read.
    pub(crate) fn custom(ca_pem: &[u8], client: Option<(&[u8], &[u8])>) -> Result<Self> {
        let pem = Pem {
            authorities: ca_pem,
            client,
        };
        Ok(Self::new((LIBRARIES[0].custom)(&pem)?))
    }

    /// Takes over the certificates of `other`. The names of servers stay.
    pub(crate) fn set_certificates(&mut self, other: Self) {
        self.connector = other.connector;
    }

    /// Reads the TLS settings of a fred configuration.
    pub(in crate::config) fn from_fred(config: &Config) -> Result<Option<Self>> {
        let Some(tls) = &config.tls else {
            return Ok(None);
        };
        let connector = LIBRARIES
            .iter()
            .find_map(|library| (library.from_fred)(&tls.connector))
            .ok_or_else(|| {
                config_error(
                    "the configuration has a TLS connector of a library that purse was built \
                     without: enable its feature tls-native, or tls-rustls",
                )
            })?;
        Ok(Some(Self {
            connector,
            hostnames: tls.hostnames.clone(),
            names: Arc::new(names_from(&config.server)?),
        }))
    }

    /// Writes the settings into a fred configuration.
    pub(in crate::config) fn apply(tls: Option<&Self>, config: &mut Config) {
        config.tls = tls.map(|tls| TlsConfig {
            connector: tls.connector.to_fred(),
            hostnames: tls.hostnames.clone(),
        });
    }

    /// Makes fred's form of an address, with the name for the handshake.
    pub(in crate::config) fn fred_server(tls: Option<&Self>, address: &Address) -> Server {
        // fred would use "[::1]", with its brackets, as the name.
        let name = tls.map(|tls| tls.certificate_name(&address.host).to_owned());
        let name = name.filter(|name| **name != *address.host || name.contains(':'));
        Server::new_with_tls(address.bracketed_host(), address.port, name)
    }

    /// Returns the name to [`connect`](Self::connect) with for a cluster's node that `seed`
    /// reported as `host`. It is another one than `host` only if `host` is an IP address and a fred
    /// configuration maps it.
    pub(crate) fn name_for<'a>(&self, host: &'a str, seed: &str) -> Cow<'a, str> {
        let mapped = host
            .parse::<IpAddr>()
            .ok()
            .and_then(|ip| match &self.hostnames {
                TlsHostMapping::None => None,
                TlsHostMapping::DefaultHost => Some(seed.to_owned()),
                TlsHostMapping::Custom(mapping) => mapping.map(&ip, seed),
            });
        mapped.map_or(Cow::Borrowed(host), Cow::Owned)
    }

    /// Encrypts a connection to `name`, which is a host without brackets.
    ///
    /// # Errors
    /// The TLS library's error is inside the returned one. With rustls, the kind is
    /// [`io::ErrorKind::InvalidInput`] if `name` is not a name that a certificate can have, and
    /// [`io::ErrorKind::InvalidData`] if the handshake fails. With native-tls, it is
    /// [`io::ErrorKind::Other`].
    pub(crate) async fn connect(&self, name: &str, socket: TcpStream) -> io::Result<TlsStream> {
        let name = self.certificate_name(name);
        self.connector.connect(name, socket).await
    }

    /// Returns the name that the certificate of `host` must have.
    fn certificate_name<'a>(&'a self, host: &'a str) -> &'a str {
        match self.names.get(host) {
            Some(name) => name,
            None => ipv6_without_zone(host).unwrap_or(host),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("connector", &self.connector.to_fred())
            .field("hostnames", &self.hostnames)
            .field("names", &self.names)
            .finish()
    }
}

/// Collects the names that a fred configuration gives for single servers.
fn names_from(server: &ServerConfig) -> Result<BTreeMap<Arc<str>, String>> {
    let mut names = BTreeMap::new();
    let mut hosts = server.hosts();
    // Servers on different ports of a host share its name here.
    hosts.sort();
    for server in &hosts {
        let host = Address::new(&server.host, server.port).host;
        let name = server.tls_server_name.as_deref();
        let name = name.unwrap_or(&host).trim_matches(['[', ']']).to_owned();
        match names.insert(host.clone(), name.clone()) {
            Some(other) if other != name => {
                return Err(config_error(format!(
                    "the configuration names the TLS servers \"{other}\" and \"{name}\" for the \
                     host {host}: use one name"
                )));
            }
            _ => {}
        }
    }
    names.retain(|host, name| **host != **name);
    Ok(names)
}

/// Makes an error about TLS settings, with its cause.
pub(super) fn config_error_with<E>(message: &'static str, source: E) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    config_error(message).with_source(source)
}
