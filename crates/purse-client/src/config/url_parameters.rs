//! The parameters of a URL, which follow its question mark.

use super::url::{Scheme, SchemeKind, decode};
use super::{Address, Credentials, config_error};
use crate::Result;

/// The decoded parameters of a URL; each of them is known to its scheme.
pub(super) struct UrlParameters {
    given: Vec<(&'static str, String)>,
    kind: SchemeKind,
}

impl UrlParameters {
    /// Reads `name=value&…`. Only `node` may be repeated.
    pub(super) fn parse(query: &str, scheme: &Scheme) -> Result<Self> {
        let known = parameter_names(scheme.kind);
        let mut given: Vec<(&'static str, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(&name) = known.iter().find(|known| **known == name) else {
                return Err(unknown_parameter_error(name, scheme));
            };
            if name != "node" && given.iter().any(|(other, _)| *other == name) {
                return Err(config_error(format!(
                    "the URL repeats the parameter {name}: give it once"
                )));
            }
            if value.contains('+') {
                return Err(config_error(format!(
                    "the parameter {name} contains a +, which may stand for itself or for a \
                     space: write %2B or %20"
                )));
            }
            given.push((name, decode(value, &format!("parameter {name}"))?));
        }
        Ok(Self {
            given,
            kind: scheme.kind,
        })
    }

    /// Removes and returns the value of a parameter.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.given.iter().position(|(other, _)| *other == name)?;
        Some(self.given.remove(at).1)
    }

    /// Removes and returns the login data that two parameters hold.
    pub(super) fn login(&mut self, username: &str, password: &str) -> Option<Credentials> {
        let (username, password) = (self.take(username), self.take(password));
        Credentials::from_parts(username.as_deref(), password.as_deref())
    }

    /// Removes and returns the name of the master for which the sentinels are asked.
    pub(super) fn service(&mut self) -> Result<String> {
        self.take("sentinelServiceName")
            .filter(|name| !name.is_empty())
            .ok_or_else(|| {
                config_error(
                    "the parameter sentinelServiceName is missing: it is the name under which the \
                     sentinels know the master, often ?sentinelServiceName=mymaster",
                )
            })
    }

    /// Removes the parameters `node` and returns them behind the URL's own host, each once.
    pub(super) fn nodes(&mut self, first: Address) -> Result<Vec<Address>> {
        let mut nodes = vec![first];
        while let Some(text) = self.take("node") {
            let node = Address::parse(&text, self.kind.default_port()).map_err(|error| {
                config_error(format!("the parameter node must be host:port: {error}"))
            })?;
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        Ok(nodes)
    }
}

const fn parameter_names(kind: SchemeKind) -> &'static [&'static str] {
    match kind {
        SchemeKind::Single => &["db"],
        SchemeKind::Cluster => &["db", "node"],
        SchemeKind::Sentinel => &[
            "db",
            "node",
            "sentinelServiceName",
            "sentinelUsername",
            "sentinelPassword",
        ],
        SchemeKind::Unix => &["db", "username", "password"],
    }
}

fn unknown_parameter_error(name: &str, scheme: &Scheme) -> crate::Error {
    let shown: String = name.chars().take(40).collect();
    config_error(format!(
        "a {}:// URL has no parameter \"{}\"; it has {}. A ? in the user or the password must be \
         written as %3F",
        scheme.name,
        shown.escape_debug(),
        parameter_names(scheme.kind).join(", "),
    ))
}
