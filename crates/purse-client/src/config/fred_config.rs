//! Conversions between [`Target`] and fred's configuration.
//!
//! [`Target::from_fred`] refuses what a target cannot hold. Three of fred's fields have no effect
//! because purse has its own settings for them: `fail_fast`, `version` and `tracing`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use fred::types::RespVersion;
use fred::types::config::{Blocking, ClusterDiscoveryPolicy, Config, Server, ServerConfig};

use super::{Address, Credentials, Servers, Target, Tls, config_error};
use crate::Result;

impl Target {
    /// Reads a fred configuration.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if purse cannot honour a part of it.
    pub(crate) fn from_fred(config: &Config) -> Result<Self> {
        if config.blocking != Blocking::Block {
            return Err(config_error(
                "fred's setting `blocking` must be Blocking::Block: purse runs blocking commands \
                 on connections of their own",
            ));
        }
        let tls = Tls::from_fred(config)?;
        let (servers, sentinel_credentials) = servers_from(&config.server)?;
        if tls.is_some() && matches!(servers, Servers::Unix(_)) {
            return Err(config_error(
                "a unix socket cannot be used with TLS: remove `tls`",
            ));
        }
        Ok(Self {
            servers,
            credentials: Credentials::from_parts(
                config.username.as_deref(),
                config.password.as_deref(),
            ),
            sentinel_credentials,
            database: config.database.unwrap_or(0).into(),
            tls,
        })
    }

    /// Makes a fred configuration with the same servers, credentials, database and TLS settings,
    /// which speaks RESP3.
    ///
    /// The credentials are quoted where necessary, because fred sends them as inline text.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if fred cannot select the database.
    pub(crate) fn to_fred(&self) -> Result<Config> {
        let (username, password) = quote_credentials(self.credentials.as_ref());
        let mut config = Config {
            server: self.server_config()?,
            username,
            password,
            database: self.fred_database()?,
            version: RespVersion::RESP3,
            ..Config::default()
        };
        Tls::apply(self.tls.as_ref(), &mut config);
        Ok(config)
    }

    fn fred_database(&self) -> Result<Option<u8>> {
        let in_cluster = matches!(self.servers, Servers::Cluster(_));
        match u8::try_from(self.database) {
            Ok(0) => Ok(None),
            Ok(number) if !in_cluster => Ok(Some(number)),
            _ => Err(config_error(format!(
                "fred cannot select database {}: it knows databases 0 to 255, and only database \
                 0 in a cluster",
                self.database
            ))),
        }
    }

    fn server_config(&self) -> Result<ServerConfig> {
        let server = |address| Tls::fred_server(self.tls.as_ref(), address);
        Ok(match &self.servers {
            Servers::Single(address) => ServerConfig::Centralized {
                server: server(address),
            },
            Servers::Unix(path) => unix_config(path)?,
            Servers::Cluster(seeds) => ServerConfig::Clustered {
                hosts: seeds.iter().map(server).collect(),
                policy: ClusterDiscoveryPolicy::default(),
            },
            Servers::Sentinel { sentinels, service } => {
                let (username, password) = quote_credentials(self.sentinel_credentials.as_ref());
                ServerConfig::Sentinel {
                    hosts: sentinels.iter().map(server).collect(),
                    service_name: service.to_string(),
                    username,
                    password,
                }
            }
        })
    }
}

fn servers_from(server: &ServerConfig) -> Result<(Servers, Option<Credentials>)> {
    let servers = match server {
        ServerConfig::Centralized { server } => Servers::Single(address_from(server)?),
        ServerConfig::Clustered { hosts, policy } => {
            if *policy != ClusterDiscoveryPolicy::ConfigEndpoint {
                return Err(config_error(
                    "fred's cluster discovery policy must be ConfigEndpoint: purse always asks \
                     the configured nodes",
                ));
            }
            Servers::Cluster(addresses_from(hosts)?)
        }
        ServerConfig::Sentinel {
            hosts,
            service_name,
            username,
            password,
        } => {
            if service_name.is_empty() {
                return Err(config_error("the name of the sentinel service is empty"));
            }
            let servers = Servers::Sentinel {
                sentinels: addresses_from(hosts)?,
                service: service_name.as_str().into(),
            };
            let login = Credentials::from_parts(username.as_deref(), password.as_deref());
            return Ok((servers, login));
        }
        #[allow(
            unreachable_patterns,
            reason = "fred has a variant for unix sockets if any crate of the build enables it"
        )]
        other => {
            let path = unix_path(other).ok_or_else(|| config_error(NO_UNIX_SOCKETS))?;
            Servers::Unix(path.to_owned())
        }
    };
    Ok((servers, None))
}

const NO_UNIX_SOCKETS: &str = "the configuration names a unix socket, and purse was built without \
                               them: enable its feature unix-sockets";

#[cfg(feature = "unix-sockets")]
fn unix_path(server: &ServerConfig) -> Option<&Path> {
    match server {
        ServerConfig::Unix { path } => Some(path),
        _ => None,
    }
}

#[cfg(not(feature = "unix-sockets"))]
fn unix_path(_: &ServerConfig) -> Option<&Path> {
    None
}

#[cfg(feature = "unix-sockets")]
fn unix_config(path: &Path) -> Result<ServerConfig> {
    Ok(ServerConfig::Unix {
        path: path.to_owned(),
    })
}

#[cfg(not(feature = "unix-sockets"))]
fn unix_config(_: &Path) -> Result<ServerConfig> {
    Err(config_error(NO_UNIX_SOCKETS))
}

fn addresses_from(servers: &[Server]) -> Result<Vec<Address>> {
    if servers.is_empty() {
        return Err(config_error("the configuration names no server"));
    }
    servers.iter().map(address_from).collect()
}

fn address_from(server: &Server) -> Result<Address> {
    if server.host.is_empty() || server.port == 0 {
        return Err(config_error(format!(
            "the server \"{server}\" needs a host and a port from 1 to 65535"
        )));
    }
    Ok(Address::new(&server.host, server.port))
}

fn quote_credentials(credentials: Option<&Credentials>) -> (Option<String>, Option<String>) {
    let username = credentials.and_then(Credentials::username);
    let password = credentials.map(Credentials::secret);
    let quote = |text| quote(text).into_owned();
    (username.map(quote), password.map(quote))
}

/// Quotes `text` for the server's parser of inline commands, unless it is one plain word.
///
/// fred sends HELLO as inline text, in which a space ends a word and CR LF ends the command.
fn quote(text: &str) -> Cow<'_, str> {
    let is_plain = |b: u8| b.is_ascii_graphic() && !b"\"'\\".contains(&b) || !b.is_ascii();
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut quoted = String::with_capacity(text.len() + 8);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // A string grows without a failure.
            '\0'..='\x1f' | '\x7f' => drop(write!(quoted, "\\x{:02x}", u32::from(c))),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn quote_protects_what_inline_commands_split() {
        for (text, expected) in [
            ("plain-пароль:/@#", "plain-пароль:/@#"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("it's", "\"it's\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("x\r\nSET a 1", "\"x\\x0d\\x0aSET a 1\""),
        ] {
            assert_eq!(quote(text), expected);
        }
    }
}
