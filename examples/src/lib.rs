//! Servers for the examples: those that the environment names, or new ones that end with the program.

use std::env;

use purse_testkit::{Error, Masters, Server};

/// A server for the data of an example.
#[derive(Debug)]
pub struct Store {
    url: String,
    _own: Option<Server>,
}

impl Store {
    /// Returns the server that `PURSE_URL` names, or starts one.
    ///
    /// # Errors
    /// If a new server does not start.
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

    /// Returns the address of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The masters for the locks of an example.
#[derive(Debug)]
pub struct Quorum {
    urls: Vec<String>,
    _own: Option<Masters>,
}

impl Quorum {
    /// Returns the masters that `PURSE_MASTERS` names, separated by commas, or starts five servers.
    ///
    /// # Errors
    /// If a new server does not start.
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

    /// Returns the addresses of the masters.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }
}
