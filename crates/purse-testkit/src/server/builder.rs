//! How a server is to be run.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;

use crate::binary::Binary;
use crate::release::Release;
use crate::tls::TlsSettings;

/// The mode in which a server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One that keeps data.
    #[default]
    Plain,
    /// One that keeps data as a node of a cluster.
    ClusterNode,
    /// One that watches others.
    Sentinel,
}

/// Settings for a [`Server`](crate::Server); from [`Server::builder`](crate::Server::builder).
///
/// ```
/// use purse_testkit::Server;
///
/// let server = Server::builder()
///     .config("maxmemory", "100mb")
///     .config("maxmemory-policy", "allkeys-lru")
///     .start()?;
/// let policy = server.command(&["CONFIG", "GET", "maxmemory-policy"])?;
/// assert_eq!(policy.items()[1].text(), Some("allkeys-lru"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder starts nothing before `start`"]
pub struct ServerBuilder {
    pub(crate) release: Release,
    pub(crate) binary: Option<PathBuf>,
    directives: Vec<(String, String)>,
    pub(crate) password: Option<String>,
    append_only: bool,
    databases: Option<u16>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) port: Option<u16>,
    pub(crate) mode: Mode,
    pub(crate) uses_ipv6: bool,
    pub(crate) tls: TlsSettings,
}

impl ServerBuilder {
    /// Runs this release; without it, [`Release::Default`].
    ///
    /// ```
    /// use purse_testkit::{Release, Server};
    ///
    /// let server = Server::builder().release(Release::Default).start()?;
    /// println!("{}", server.binary());
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// Runs this file instead of the release that was asked for.
    ///
    /// ```
    /// use purse_testkit::{Release, Server};
    ///
    /// let path = Release::Default.locate()?.path().to_owned();
    /// let server = Server::builder().binary(&path).start()?;
    /// assert_eq!(server.binary().path(), path);
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.binary = Some(path.into());
        self
    }

    /// Adds a directive, with its value written as in a `redis.conf`: `("save", "60 1")`.
    ///
    /// Repeatable, also with the same name; a value with spaces in it that is meant as one needs
    /// double quotes around it. For the port and the password there are methods of their own.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().config("list-max-listpack-size", "128").start()?;
    /// let reply = server.command(&["CONFIG", "GET", "list-max-listpack-size"])?;
    /// assert_eq!(reply.items()[1].text(), Some("128"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn config(mut self, directive: impl Into<String>, value: impl Into<String>) -> Self {
        self.directives.push((directive.into(), value.into()));
        self
    }

    /// Asks clients for this password; [`Server::url`](crate::Server::url) contains it.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().password("secret").start()?;
    /// assert_eq!(server.url(), format!("redis://:secret@127.0.0.1:{}", server.port()));
    /// assert_eq!(server.command(&["PING"])?.text(), Some("PONG"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Writes every change to disk before it is answered, so that data outlive
    /// [`Server::kill`](crate::Server::kill) and [`Server::restart`](crate::Server::restart).
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().append_only().start()?;
    /// server.command(&["SET", "a", "1"])?;
    /// server.kill()?;
    /// server.restart()?;
    /// assert_eq!(server.command(&["GET", "a"])?.text(), Some("1"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn append_only(mut self) -> Self {
        self.append_only = true;
        self
    }

    /// Has this many databases; without it, 16.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().databases(1).start()?;
    /// let refused = server.command(&["SELECT", "1"])?;
    /// assert!(refused.error().is_some());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn databases(mut self, count: u16) -> Self {
        self.databases = Some(count);
        self
    }

    /// Sets an environment variable for the server process alone.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Listens on this port; without it, on a free one.
    ///
    /// ```
    /// use purse_testkit::{Error, Server};
    ///
    /// /// For a program whose configuration names the port.
    /// fn start() -> Result<Server, Error> {
    ///     Server::builder().port(7000).start()
    /// }
    /// ```
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Listens on `::1`, too: [`Server::url_v6`](crate::Server::url_v6).
    ///
    /// [`ServerBuilder::start`] fails with [`Error::NoIpv6`](crate::Error::NoIpv6) where the machine has no IPv6.
    pub fn ipv6(mut self) -> Self {
        self.uses_ipv6 = true;
        self
    }

    /// These settings, for a node of a cluster.
    pub(crate) fn cluster_node(mut self) -> Self {
        self.mode = Mode::ClusterNode;
        self
    }

    /// Settings for a sentinel of the same release, with nothing else of these.
    pub(crate) fn sentinel(&self) -> Self {
        Self {
            release: self.release,
            binary: self.binary.clone(),
            environment: self.environment.clone(),
            mode: Mode::Sentinel,
            ..Self::default()
        }
    }

    /// The configuration file; later lines win, so the user's own come last.
    pub(crate) fn config_file(&self, binary: &Binary, port: u16) -> String {
        let mut file = format!(
            "bind 127.0.0.1{}\n\
             port {port}\n\
             daemonize no\n\
             protected-mode no\n",
            if self.uses_ipv6 { " ::1" } else { "" }
        );
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(file, "{name} {value}");
        };
        if self.mode != Mode::Sentinel {
            line("save", "\"\"");
            // Five seconds else, for more replicas to come: here they come one by one.
            line("repl-diskless-sync-delay", "0");
            if binary.locks_debug() {
                line("enable-debug-command", "yes");
            }
        }
        if self.mode == Mode::ClusterNode {
            line("cluster-enabled", "yes");
            line("cluster-announce-ip", "127.0.0.1");
            line("cluster-node-timeout", "2000");
        }
        if self.append_only {
            line("appendonly", "yes");
            line("appendfsync", "always");
        }
        if let Some(count) = self.databases {
            line("databases", &count.to_string());
        }
        if let Some(password) = &self.password {
            line("requirepass", &quote(password));
            line("masterauth", &quote(password));
        }
        for (name, value) in &self.directives {
            match value.as_str() {
                "" => line(name, "\"\""),
                value => line(name, value),
            }
        }
        file
    }
}

/// The text as one word of a configuration file.
pub(crate) fn quote(text: &str) -> String {
    let mut word = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => word.extend(['\\', char::from(byte)]),
            b' '..=b'~' => word.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(word, "\\x{byte:02x}");
            }
        }
    }
    word.push('"');
    word
}
