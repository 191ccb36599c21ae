//! The URL of a server, a cluster or a group of sentinels.
//!
//! `scheme://[user[:password]@]host[:port][/database][?parameter=value&…]`, or
//! `redis+unix://[user[:password]@]/path/of/socket[?parameter=value&…]`.
//!
//! The parser is written by hand because the `url` crate accepts what would be ignored here, and
//! because its errors do not tell the user what to encode. No error repeats a text that may be part
//! of a password.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::url_parameters::UrlParameters;
use super::{Address, Credentials, Servers, Target, config_error};
use crate::{Error, Result};

const HAS_UNIX_SOCKETS: bool = cfg!(feature = "unix-sockets");

/// The kind of servers that the end of a URL's scheme names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemeKind {
    Single,
    Cluster,
    Sentinel,
    Unix,
}

impl SchemeKind {
    pub(super) const fn default_port(self) -> u16 {
        match self {
            Self::Sentinel => 26379,
            Self::Single | Self::Cluster | Self::Unix => 6379,
        }
    }
}

/// The part of a URL in front of `://`.
pub(super) struct Scheme {
    pub(super) name: String,
    pub(super) kind: SchemeKind,
    secure: bool,
}

/// The parts of a URL behind `://`, not decoded yet.
struct UrlParts<'a> {
    userinfo: Option<&'a str>,
    host: &'a str,
    path: &'a str,
    query: &'a str,
}

/// Reads a URL. The target's `tls` is `None`; the second value is true if the URL asks for TLS.
pub(super) fn parse(url: &str) -> Result<(Target, bool)> {
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(config_error(
            "the URL contains a space or a control character, perhaps at its end: remove it, or \
             percent-encode it (a space is %20)",
        ));
    }
    let (scheme, rest) = url.split_once("://").ok_or_else(unknown_scheme)?;
    let scheme = Scheme::parse(scheme)?;
    let parts = UrlParts::split(rest, scheme.kind)?;
    let mut parameters = UrlParameters::parse(parts.query, &scheme)?;
    let login = parts.userinfo.map_or(Ok(None), login)?;
    let parameter_database = parameters.take("db").as_deref().map(database).transpose()?;
    let target = |servers, credentials, database| Target {
        servers,
        credentials,
        sentinel_credentials: None,
        database,
        tls: None,
    };
    if scheme.kind == SchemeKind::Unix {
        let credentials = either_login(login, parameters.login("username", "password"))?;
        let servers = Servers::Unix(parts.socket()?);
        let target = target(servers, credentials, parameter_database.unwrap_or(0));
        return Ok((target, scheme.secure));
    }
    let address = Address::parse(parts.host, scheme.kind.default_port())?;
    let database = either_database(parts.path, parameter_database)?;
    let servers = match scheme.kind {
        SchemeKind::Cluster => Servers::Cluster(parameters.nodes(address)?),
        SchemeKind::Sentinel => Servers::Sentinel {
            service: parameters.service()?.into(),
            sentinels: parameters.nodes(address)?,
        },
        SchemeKind::Single | SchemeKind::Unix => Servers::Single(address),
    };
    let sentinel_credentials = parameters.login("sentinelUsername", "sentinelPassword");
    let target = Target {
        sentinel_credentials,
        ..target(servers, login, database)
    };
    Ok((target, scheme.secure))
}

impl Scheme {
    fn parse(name: &str) -> Result<Self> {
        let name = name.to_ascii_lowercase();
        if ["unix", "redis+unix", "valkey+unix"].contains(&name.as_str()) {
            return if HAS_UNIX_SOCKETS {
                Ok(Self {
                    name,
                    kind: SchemeKind::Unix,
                    secure: false,
                })
            } else {
                Err(config_error(
                    "the URL names a unix socket, and purse was built without them: enable its \
                     feature unix-sockets",
                ))
            };
        }
        let (base, kind) = [
            ("-cluster", SchemeKind::Cluster),
            ("-sentinel", SchemeKind::Sentinel),
        ]
        .into_iter()
        .find_map(|(suffix, kind)| Some((name.strip_suffix(suffix)?, kind)))
        .unwrap_or((&name, SchemeKind::Single));
        let secure = match base {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(unknown_scheme()),
        };
        Ok(Self { name, kind, secure })
    }
}

fn unknown_scheme() -> Error {
    config_error(
        "the URL must start with redis://, rediss:// (TLS), valkey:// or valkeys:// (TLS), one of \
         these with -cluster or -sentinel (redis-cluster://), or redis+unix://",
    )
}

impl<'a> UrlParts<'a> {
    fn split(rest: &'a str, kind: SchemeKind) -> Result<Self> {
        if rest.contains('#') {
            return Err(config_error(
                "the URL contains a # (a fragment), which has no meaning here: remove the \
                 fragment, or write a # of the user or the password as %23",
            ));
        }
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
        // A password may contain an unescaped @, a host may not.
        let (userinfo, host) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, authority),
        };
        // In redis://user:12/34@host, user:12 looks like the host.
        let is_path_only = kind == SchemeKind::Unix && authority.is_empty();
        if !is_path_only && (path.contains('@') || query.contains('@')) {
            return Err(config_error(
                "the URL contains an unescaped @ behind the host: percent-encode each / ? # @ in \
                 the user, the password and the parameters (%2F %3F %23 %40)",
            ));
        }
        Ok(Self {
            userinfo,
            host,
            path,
            query,
        })
    }

    /// Returns the path of the unix socket.
    fn socket(&self) -> Result<PathBuf> {
        if !(self.host.is_empty() || self.host == "localhost") {
            return Err(config_error(
                "the URL of a unix socket has no host: write the absolute path of the socket \
                 behind the slashes, as in redis+unix:///run/redis.sock",
            ));
        }
        let path = decode(self.path, "path of the unix socket")?;
        if path.len() < 2 || path.contains('\0') {
            return Err(config_error(
                "the path of the unix socket is missing: write redis+unix:///path/of/socket",
            ));
        }
        Ok(path.into())
    }
}

/// Reads `user`, `user:password` or `:password`. Both parts may be empty, which is no login.
fn login(userinfo: &str) -> Result<Option<Credentials>> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let user = decode(user, "user")?;
    let password = decode(password, "password")?;
    Ok(Credentials::from_parts(Some(&user), Some(&password)))
}

fn either_login(
    userinfo: Option<Credentials>,
    parameters: Option<Credentials>,
) -> Result<Option<Credentials>> {
    if userinfo.is_some() && parameters.is_some() {
        return Err(config_error(
            "the URL names a user or password in front of the path and by the parameters username \
             and password: give one of them",
        ));
    }
    Ok(userinfo.or(parameters))
}

fn either_database(path: &str, parameter: Option<u32>) -> Result<u32> {
    let path = match path.strip_prefix('/').unwrap_or(path) {
        "" => None,
        number => Some(database(number)?),
    };
    match (path, parameter) {
        (Some(path), Some(parameter)) if path != parameter => Err(config_error(format!(
            "the URL's path names database {path}, and its parameter db names database \
             {parameter}: give one of them"
        ))),
        (path, parameter) => Ok(path.or(parameter).unwrap_or(0)),
    }
}

/// Reads the number of a database.
fn database(text: &str) -> Result<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse::<i32>().ok().filter(|_| digits);
    number.and_then(|n| n.try_into().ok()).ok_or_else(|| {
        let shown: String = text.chars().take(20).collect();
        config_error(format!(
            "the database must be a number from 0 to {}, and not \"{}\"",
            i32::MAX,
            shown.escape_debug()
        ))
    })
}

/// Removes the percent encoding of `text`; `what` names it in errors.
pub(super) fn decode(text: &str, what: &str) -> Result<String> {
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return Err(config_error(format!(
            "the {what} contains a % without two hexadecimal digits: write a percent sign as %25"
        )));
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(config_error(format!(
            "the {what} is not valid UTF-8 after percent decoding"
        ))),
    }
}
