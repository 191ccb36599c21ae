//! The address of a server, and how it is written.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use super::config_error;
use crate::Result;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address {
    /// A name or an IP address. An IPv6 address has no brackets and may have a zone: `fe80::1%eth0`.
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl Address {
    /// Makes an address. The brackets around an IPv6 address are removed.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        Self {
            host: bare.unwrap_or(host).into(),
            port,
        }
    }

    /// Reads `host`, `host:port`, `[address]` or `[address]:port`.
    ///
    /// The errors do not repeat the text because it may be part of a password in which a character
    /// is not percent-encoded.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self> {
        if text.contains(',') {
            return Err(config_error(
                "the URL lists several hosts: name one host there, and each further node of a \
                 cluster or sentinel group by a parameter node=host:port",
            ));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => parse_bracketed(rest)?,
            None => parse_name(text)?,
        };
        let port = port.map_or(Ok(default_port), parse_port)?;
        Ok(Self {
            host: host.into(),
            port,
        })
    }

    /// Returns whether both are the same address; host names have no case.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.port == other.port && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// Returns the host as URLs write it: an IPv6 address is in brackets.
    pub(super) fn bracketed_host(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.to_string()
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.bracketed_host(), self.port)
    }
}

/// Returns the IPv6 address of `host` without its zone, if `host` is one.
#[cfg(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
))]
pub(super) fn ipv6_without_zone(host: &str) -> Option<&str> {
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok().then_some(address)
}

fn parse_bracketed(rest: &str) -> Result<(String, Option<&str>)> {
    const WRONG: &str = "the brackets in the URL must enclose an IPv6 address, as in [::1]:6379 or [fe80::1%25eth0]";
    let (inside, after) = rest.split_once(']').ok_or_else(|| config_error(WRONG))?;
    let (address, zone) = match inside.split_once('%') {
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").unwrap_or(zone))),
        None => (inside, None),
    };
    let zone_is_valid = zone.is_none_or(|zone| !zone.is_empty() && zone.bytes().all(is_name_byte));
    if address.parse::<Ipv6Addr>().is_err() || !zone_is_valid {
        return Err(config_error(WRONG));
    }
    let port = match after.strip_prefix(':') {
        Some(port) => Some(port),
        None if after.is_empty() => None,
        None => return Err(config_error(WRONG)),
    };
    let host = zone.map_or_else(|| address.to_owned(), |zone| format!("{address}%{zone}"));
    Ok((host, port))
}

fn parse_name(text: &str) -> Result<(String, Option<&str>)> {
    let (host, port) = match text.split_once(':') {
        Some((_, port)) if port.contains(':') => {
            return Err(config_error(
                "the host contains several colons: an IPv6 address must be in brackets, \
                 as in [::1]:6379",
            ));
        }
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if host.is_empty() {
        return Err(config_error(
            "the host is missing: write redis://host:port, and percent-encode each / ? # in the \
             user and the password",
        ));
    }
    if !host.bytes().all(is_name_byte) {
        return Err(config_error(
            "the host contains a character that no host name has: percent-encode each / ? # in \
             the user and the password, and write an international name in its punycode form",
        ));
    }
    Ok((host.to_owned(), port))
}

fn parse_port(text: &str) -> Result<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(config_error(
            "the port must be a number from 1 to 65535; if it is part of the password, \
             percent-encode each / ? # in the user and the password",
        )),
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
