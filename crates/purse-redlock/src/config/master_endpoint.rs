//! The endpoints of the masters.

use std::fmt;

use purse_client::{Client, ClientBuilder, Preset};

/// One server that votes on locks, given as a URL, a client or a client builder.
///
/// A lock does not use the connections of the client that it is given. It makes its own connections
/// to the same server and database, with the same credentials. The other settings, such as
/// timeouts, are those of [`Preset::Locks`], unless a [`ClientBuilder`] sets others.
///
/// A Redis Cluster cannot be a master, because its replies come from any of its nodes.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use std::time::Duration;
///
/// use purse::Client;
/// use purse::redlock::{Master, Redlock};
///
/// // With a longer timeout than the preset of locks has.
/// let masters = urls.iter().map(|url| {
///     Master::from(Client::builder(url).connect_timeout(Duration::from_secs(1)))
/// });
/// let redlock = Redlock::builder(masters).build().await?;
/// # Ok(()) }
/// ```
pub struct Master(ClientBuilder);

impl Master {
    pub(crate) fn into_builder(self) -> ClientBuilder {
        self.0.preset(Preset::Locks)
    }
}

impl From<&str> for Master {
    fn from(url: &str) -> Self {
        Self(Client::builder(url))
    }
}

impl From<String> for Master {
    fn from(url: String) -> Self {
        Self::from(url.as_str())
    }
}

impl From<&String> for Master {
    fn from(url: &String) -> Self {
        Self::from(url.as_str())
    }
}

impl From<Client> for Master {
    fn from(client: Client) -> Self {
        Self::from(&client)
    }
}

impl From<&Client> for Master {
    fn from(client: &Client) -> Self {
        Self(client.to_builder())
    }
}

impl From<ClientBuilder> for Master {
    fn from(builder: ClientBuilder) -> Self {
        Self(builder)
    }
}

/// Prints nothing but the type, because a URL may contain a password.
impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_password() {
        let master = Master::from("redis://:secret@localhost:6379");
        assert!(!format!("{master:?}").contains("secret"));
    }
}
