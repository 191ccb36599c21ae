//! The TLS port of a server.

use crate::Server;
use crate::server::builder::ServerBuilder;
use crate::tls::{Authority, Certificates};

impl ServerBuilder {
    /// Opens a TLS port, too: [`Server::tls_url`]. The plain port stays open.
    ///
    /// The certificates are made when the server starts: [`Server::certificates`]. The port speaks
    /// TLS 1.2 and 1.3, and stays the same after a restart. It is served by this process, not by
    /// the server: while the server is down, a connection is accepted and then closed, and while
    /// the server is paused, the handshake succeeds.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().tls().start()?;
    /// assert!(server.tls_url().starts_with("rediss://localhost:"));
    /// let certificates = server.certificates().expect("the server has a TLS port");
    /// assert!(certificates.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn tls(mut self) -> Self {
        self.tls.is_wanted = true;
        self
    }

    /// Opens a TLS port that accepts only clients with a certificate of its CA, such as
    /// [`Certificates::client_pem`].
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().tls_demand_client_certificate().start()?;
    /// let certificates = server.certificates().expect("the server has a TLS port");
    /// let identity = (certificates.client_pem(), certificates.client_key_pem());
    /// assert!(identity.1.starts_with("-----BEGIN PRIVATE KEY-----"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn tls_demand_client_certificate(mut self) -> Self {
        self.tls.demands_client_certificate = true;
        self.tls()
    }

    /// Opens a TLS port whose certificate has this name, and not `localhost`, `127.0.0.1` and
    /// `::1`; repeatable.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// // For a client that has to refuse a certificate of another name.
    /// let server = Server::builder().tls_name("cache.example").start()?;
    /// assert!(server.tls_url().starts_with("rediss://localhost:"));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn tls_name(mut self, name: impl Into<String>) -> Self {
        self.tls.names.push(name.into());
        self.tls()
    }

    /// Opens a TLS port whose certificate is signed by this CA; without it, each server has a CA of
    /// its own.
    ///
    /// ```
    /// use purse_testkit::{Authority, Server};
    ///
    /// let authority = Authority::generate()?;
    /// let servers = [
    ///     Server::builder().tls_authority(&authority).start()?,
    ///     Server::builder().tls_authority(&authority).start()?,
    /// ];
    /// let trusted = authority.pem(); // by a client of both
    /// # let _ = (servers, trusted);
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn tls_authority(mut self, authority: &Authority) -> Self {
        self.tls.authority = Some(authority.clone());
        self.tls()
    }
}

impl Server {
    /// Returns the address of the TLS port, with the host `localhost`, and the password if there is
    /// one.
    ///
    /// # Panics
    ///
    /// If the server was started without [`ServerBuilder::tls`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().tls().start()?;
    /// assert_eq!(server.tls_url(), format!("rediss://localhost:{}", server.tls_port()));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn tls_url(&self) -> String {
        format!(
            "rediss://{}localhost:{}",
            self.credentials(),
            self.tls_port()
        )
    }

    /// Returns the TLS port, the same after every restart.
    ///
    /// # Panics
    ///
    /// If the server was started without [`ServerBuilder::tls`].
    pub fn tls_port(&self) -> u16 {
        match &self.tls {
            Some(tls) => tls.port,
            None => panic!("the server has no TLS port: start it with ServerBuilder::tls"),
        }
    }

    /// Returns the certificates of the TLS port; `None` if the server has none.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().tls().start()?;
    /// assert!(server.certificates().is_some());
    /// assert!(Server::start()?.certificates().is_none());
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn certificates(&self) -> Option<&Certificates> {
        self.tls.as_ref().map(|tls| &tls.certificates)
    }
}
