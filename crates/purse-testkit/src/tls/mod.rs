//! TLS ports of servers.
//!
//! # Implementation details
//!
//! None of the prebuilt servers is built with TLS (checked: each says "Failed finding TLS support"
//! or does not know `tls-port`). So the TLS port is a relay that terminates TLS with rustls and
//! forwards what it decrypts to the plain port. It works with every server.

mod certificates;
mod link;
mod relay;

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

pub use certificates::{Authority, Certificates};

use crate::builder::ServerBuilder;
use crate::error::Error;
use crate::home::Home;
use crate::relay::{Engine, Listeners};
use crate::server::Server;
use relay::Relay;

/// The names in the certificate of a server, unless others are given.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The settings of a TLS port.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {
    is_wanted: bool,
    demands_client_certificate: bool,
    names: Vec<String>,
    authority: Option<Authority>,
}

/// A TLS port that is open.
#[derive(Debug)]
pub(crate) struct Tls {
    port: u16,
    certificates: Certificates,
    /// Closes the port when dropped.
    _engine: Engine<Relay>,
}

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
    pub fn tls_demand_client_certificate(mut self) -> Self {
        self.tls.demands_client_certificate = true;
        self.tls()
    }

    /// Opens a TLS port whose certificate has this name, and not `localhost`, `127.0.0.1` and
    /// `::1`; repeatable.
    pub fn tls_name(mut self, name: impl Into<String>) -> Self {
        self.tls.names.push(name.into());
        self.tls()
    }

    /// Opens a TLS port whose certificate is signed by this CA; without it, each server has a CA of
    /// its own.
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
    pub fn certificates(&self) -> Option<&Certificates> {
        self.tls.as_ref().map(|tls| &tls.certificates)
    }
}

impl TlsSettings {
    /// Opens the TLS port of the server on that port, if one is wanted.
    pub(crate) fn start(&self, port: u16, home: &Home) -> Result<Option<Tls>, Error> {
        if !self.is_wanted {
            return Ok(None);
        }
        let names = match self.names.as_slice() {
            [] => NAMES.map(str::to_owned).to_vec(),
            names => names.to_vec(),
        };
        let authority = match &self.authority {
            Some(authority) => authority.clone(),
            None => Authority::generate()?,
        };
        let certificates = Certificates::sign(&authority, names, home.path().join("tls"))?;
        let config = Arc::new(self.config(&certificates)?);
        let listeners = Listeners::bind().map_err(Error::io("listen on a TLS port"))?;
        let tls_port = listeners.port();
        let engine = Engine::start("purse-testkit-tls", Relay::new(port, listeners, config))
            .map_err(Error::io("start the thread of a TLS port"))?;
        Ok(Some(Tls {
            port: tls_port,
            certificates,
            _engine: engine,
        }))
    }

    fn config(&self, certificates: &Certificates) -> Result<ServerConfig, Error> {
        let failed = |reason: String| Error::Tls {
            action: "make the settings",
            reason,
        };
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?;
        let builder = match self.demands_client_certificate {
            false => builder.with_no_client_auth(),
            true => {
                let mut roots = RootCertStore::empty();
                roots
                    .add(certificates.ca_der())
                    .map_err(|error| failed(error.to_string()))?;
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder
                    .with_client_cert_verifier(verifier.map_err(|error| failed(error.to_string()))?)
            }
        };
        let (chain, key) = certificates.server_der();
        builder
            .with_single_cert(vec![chain], key)
            .map_err(|error| failed(error.to_string()))
    }
}
