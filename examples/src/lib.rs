//! Servers for the examples: yours, or ones that end with the program.

use std::env;

use purse_testkit::{Error, Masters, Server};

/// The server of the data.
#[derive(Debug)]
pub struct Store {
    url: String,
    _own: Option<Server>,
}

impl Store {
    /// The server that `PURSE_URL` names, or a new one.
    ///
    /// # Errors
    /// Where a new one is wanted and cannot be had.
    pub fn find() -> Result<Self, Error> {
        if let Ok(url) = env::var("PURSE_URL") {
            return Ok(Self { url, _own: None });
        }
        let server = Server::start()?;
        Ok(Self {
            url: server.url(),
            _own: Some(server),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The masters of the lock.
#[derive(Debug)]
pub struct Quorum {
    urls: Vec<String>,
    _own: Option<Masters>,
}

impl Quorum {
    /// The masters that `PURSE_MASTERS` names, separated by commas, or five new servers.
    ///
    /// # Errors
    /// Where new ones are wanted and cannot be had.
    pub fn find() -> Result<Self, Error> {
        if let Ok(urls) = env::var("PURSE_MASTERS") {
            let urls = urls.split(',').map(|url| url.trim().to_owned()).collect();
            return Ok(Self { urls, _own: None });
        }
        let masters = Masters::start(5)?;
        Ok(Self {
            urls: masters.urls(),
            _own: Some(masters),
        })
    }

    /// Where they are.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }
}
