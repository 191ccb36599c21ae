//! Other ways into a server: as a user, and by IPv6.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::Error;
use crate::server::Server;
use crate::server::queries::run_command;

impl Server {
    /// Creates a user who may do what the rules say, or replaces the user of that name.
    ///
    /// The rules are those of `ACL SETUSER`, with spaces between: `~app:* +@read`. Like all users
    /// made at run time, this one is gone after a restart.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// server.user("app", "secret", "~app:* &* +@read +@write +@connection")?;
    /// let url = format!("redis://app:secret@127.0.0.1:{}", server.port());
    /// assert_eq!(server.url_of("app", "secret"), url);
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if a rule is not valid; [`Error::Io`] if the server does not answer.
    pub fn user(&self, name: &str, password: &str, rules: &str) -> Result<(), Error> {
        let password = format!(">{password}");
        let mut words = vec!["ACL", "SETUSER", name, "reset", "on", &password];
        words.extend(rules.split_whitespace());
        run_command(self, &words).map(drop)
    }

    /// Returns the address of database 0 for a user; the name and the password are
    /// percent-encoded.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// server.user("app", "p@ss", "~app:* +@read")?;
    /// let url = server.url_of("app", "p@ss");
    /// assert!(url.starts_with("redis://app:p%40ss@127.0.0.1:"));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn url_of(&self, name: &str, password: &str) -> String {
        format!("redis://{}{}", credentials(name, password), self.address())
    }

    /// Returns the address of database 0 by IPv6, with the password if there is one.
    ///
    /// The server listens there only after [`ServerBuilder::ipv6`](crate::ServerBuilder::ipv6).
    pub fn url_v6(&self) -> String {
        format!("redis://{}[::1]:{}", self.credentials(), self.port())
    }
}

/// Returns the start of an address, for that user.
pub(crate) fn credentials(name: &str, password: &str) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    format!("{}:{}@", encoded(name), encoded(password))
}
