//! Several servers that know nothing of each other.

use std::ops::Index;

use crate::error::Error;
use crate::server::Server;
use crate::server::builder::ServerBuilder;

/// Independent servers, as a lock that wants a majority of them needs.
///
/// ```
/// use purse_testkit::Masters;
///
/// let masters = Masters::start(3)?;
/// masters[1].kill()?;
/// assert_eq!(masters.urls().len(), 3);
/// assert_eq!(masters.iter().filter(|server| server.is_running()).count(), 2);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Masters {
    servers: Vec<Server>,
}

impl Masters {
    /// Starts this many default servers, and waits until all answer.
    ///
    /// # Errors
    ///
    /// The errors of [`ServerBuilder::start`], of the first server that fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Masters;
    ///
    /// let masters = Masters::start(3)?;
    /// assert!(masters.iter().all(|server| server.is_running()));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn start(count: usize) -> Result<Self, Error> {
        Self::start_with(count, &Server::builder())
    }

    /// Starts this many servers with these settings, and waits until all answer.
    ///
    /// # Errors
    ///
    /// The errors of [`ServerBuilder::start`], of the first server that fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::{Masters, Server};
    ///
    /// let masters = Masters::start_with(3, &Server::builder().password("secret"))?;
    /// assert!(masters.urls().iter().all(|url| url.starts_with("redis://:secret@")));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn start_with(count: usize, settings: &ServerBuilder) -> Result<Self, Error> {
        let servers = (0..count)
            .map(|_| settings.clone().start())
            .collect::<Result<_, _>>()?;
        Ok(Self { servers })
    }

    /// The address of each server.
    ///
    /// ```
    /// use purse_testkit::Masters;
    ///
    /// let masters = Masters::start(2)?;
    /// assert_eq!(masters.urls(), [masters[0].url(), masters[1].url()]);
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn urls(&self) -> Vec<String> {
        self.iter().map(Server::url).collect()
    }

    /// The servers, one after the other.
    ///
    /// ```
    /// use purse_testkit::Masters;
    ///
    /// let masters = Masters::start(3)?;
    /// for server in masters.iter().take(2) {
    ///     server.kill()?;
    /// }
    /// assert!(masters[2].is_running());
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn iter(&self) -> std::slice::Iter<'_, Server> {
        self.servers.iter()
    }

    /// Returns the number of servers, running or not.
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Returns whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }
}

impl Index<usize> for Masters {
    type Output = Server;

    fn index(&self, index: usize) -> &Server {
        &self.servers[index]
    }
}

impl<'a> IntoIterator for &'a Masters {
    type Item = &'a Server;
    type IntoIter = std::slice::Iter<'a, Server>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
