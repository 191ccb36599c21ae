//! The check of operations on objects that two clients hold.

use std::sync::Arc;

use super::Client;
use crate::{Error, ErrorKind, Result};

impl Client {
    /// Returns whether both are handles to one client.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Checks that one operation can work on objects of both clients: they must use the same
    /// database of the same server, or of the same cluster. Sends nothing.
    ///
    /// Clones of one client pass, and so do two clients with equal servers and database in their
    /// URLs; credentials, timeouts and other settings may differ. Of clusters and sentinel
    /// groups, one address in common is enough; a sentinel group must have the same service.
    ///
    /// Two URLs may also name one server differently, as `localhost` and `127.0.0.1`. They pass if
    /// both clients were connected to the same address and port, or to clusters with a common node.
    /// Otherwise they are refused, because an operation on the wrong server destroys data.
    ///
    /// Every operation on several objects makes this check before it sends anything.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput), which names both databases.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let url = purse_testkit::Server::shared().url();
    /// use purse::Client;
    ///
    /// let client = Client::connect(&url).await?;
    /// let same = Client::connect(&url).await?;
    /// assert!(client.same_database(&same).is_ok());
    ///
    /// let other = Client::connect(&format!("{url}/3")).await?;
    /// assert!(client.same_database(&other).is_err());
    /// # Ok(()) }
    /// ```
    pub fn same_database(&self, other: &Self) -> Result<()> {
        let is_same = self.is_same(other)
            || self.database() == other.database()
                && self.inner.core.is_same_server(&other.inner.core);
        if is_same {
            return Ok(());
        }
        let message = format!(
            "the operation uses objects of two databases, {} of {} and {} of {}: create their \
             handles with one client, or with clients of equal URLs",
            self.database(),
            self.server(),
            other.database(),
            other.server(),
        );
        Err(Error::new(ErrorKind::InvalidInput, message))
    }
}
