//! The server that all tests of a process share, and the way in which they connect to it.

use std::sync::LazyLock;

use purse::Client;
use purse_testkit::Server;

/// Lists the commands that the user of [`Way::User`] may run, and thus is held to the code.
const README: &str = include_str!("../../README.md");

/// The way in which tests connect to the shared server, from the variable `PURSE_WAY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As the default user.
    Plain,
    /// Over TLS, with a certificate authority of the server's own.
    Tls,
    /// As a user who may do no more than the documentation asks for.
    User,
    /// To a server that does not know HELLO, and so speaks RESP2.
    Resp2,
}

impl Way {
    /// Returns the way that `PURSE_WAY` names; without it, [`Way::Plain`].
    ///
    /// # Panics
    /// For a name that no way has.
    #[must_use]
    pub fn of_environment() -> Self {
        match std::env::var("PURSE_WAY").as_deref() {
            Err(_) | Ok("" | "plain") => Self::Plain,
            Ok("tls") => Self::Tls,
            Ok("user") => Self::User,
            Ok("resp2") => Self::Resp2,
            Ok(other) => panic!("PURSE_WAY is {other:?}, not plain, tls, user or resp2"),
        }
    }
}

/// Returns the server that the tests of this process share.
///
/// # Panics
/// If no server can be had.
#[must_use]
pub fn shared() -> &'static Server {
    static SHARED: LazyLock<Server> = LazyLock::new(|| match start() {
        Ok(server) => server,
        Err(error) => panic!("no shared server: {error}"),
    });
    &SHARED
}

fn start() -> Result<Server, Box<dyn std::error::Error>> {
    let builder = Server::builder();
    match Way::of_environment() {
        Way::Plain => Ok(builder.start()?),
        Way::Tls => Ok(builder.tls().start()?),
        Way::Resp2 => Ok(builder.config("rename-command", "HELLO \"\"").start()?),
        Way::User => {
            let server = builder.start()?;
            server.user("tests", "secret", "~* resetchannels -@all +eval +evalsha")?;
            for command in documented_commands() {
                // An older server does not know every command, and refuses the right to it.
                server.command(&["ACL", "SETUSER", "tests", &format!("+{command}")])?;
            }
            Ok(server)
        }
    }
}

/// Returns the commands in the table of rights of README.md, as `ACL SETUSER` names them.
fn documented_commands() -> Vec<String> {
    let table = README
        .split("## Servers and rights")
        .nth(1)
        .and_then(|rest| rest.split("What does not work").next());
    let rows = table.unwrap_or_default().lines();
    let rows = rows.filter(|line| line.starts_with('|'));
    let commands = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    commands
        .flat_map(|commands| commands.split('`').skip(1).step_by(2))
        .filter(|name| {
            name.chars()
                .all(|c| c.is_ascii_uppercase() || matches!(c, ' ' | '_'))
        })
        .map(|name| name.to_lowercase().replacen(' ', "|", 1))
        .collect()
}

#[test]
fn documented_commands_are_read_from_the_table() {
    let commands = documented_commands();
    for name in ["hello", "client|tracking", "zrevrangebylex", "bitfield_ro"] {
        assert!(commands.iter().any(|other| other == name), "{commands:?}");
    }
    assert!(!commands.iter().any(|name| name == "flushall"));
}

/// Returns a client of the shared server.
///
/// # Panics
/// If the server cannot be reached.
pub async fn client() -> Client {
    let server = shared();
    let builder = match Way::of_environment() {
        Way::Plain | Way::Resp2 => Client::builder(&server.url()),
        Way::User => Client::builder(&server.url_of("tests", "secret")),
        Way::Tls => {
            let certificates = server.certificates().map(|all| all.ca_pem().to_owned());
            Client::builder(&server.tls_url())
                .certificate_authorities(certificates.unwrap_or_default())
        }
    };
    match builder.connect().await {
        Ok(client) => client,
        Err(error) => panic!("{error}"),
    }
}
