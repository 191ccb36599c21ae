//! The server that all tests of a process share, and the way in which they connect to it.

use std::sync::LazyLock;

use purse::Client;
use purse_testkit::Server;

/// What the least-privilege user of [`Way::User`] may do: what README.md lists for collections.
const RIGHTS: &str = include_str!("rights.txt");

/// How tests connect to the shared server, as the variable `PURSE_WAY` says.
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
/// Where no server can be had.
#[must_use]
pub fn shared() -> &'static Server {
    static SHARED: LazyLock<Server> = LazyLock::new(|| match start() {
        Ok(server) => server,
        Err(error) => panic!("no shared server: {error}"),
    });
    &SHARED
}

fn start() -> Result<Server, purse_testkit::Error> {
    let builder = Server::builder();
    match Way::of_environment() {
        Way::Plain => builder.start(),
        Way::Tls => builder.tls().start(),
        Way::Resp2 => builder.config("rename-command", "HELLO \"\"").start(),
        Way::User => {
            let server = builder.start()?;
            let rights = RIGHTS.lines().filter(|line| !line.starts_with('#'));
            server.user("tests", "secret", &rights.collect::<Vec<_>>().join(" "))?;
            Ok(server)
        }
    }
}

/// Returns a client of the shared server.
///
/// # Panics
/// Where the server cannot be reached.
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
