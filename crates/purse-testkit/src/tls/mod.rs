//! TLS ports of servers.
//!
//! # Implementation details
//!
//! None of the prebuilt servers is built with TLS (checked: each says "Failed finding TLS support"
//! or does not know `tls-port`). So the TLS port is a relay that terminates TLS with rustls and
//! forwards what it decrypts to the plain port. It works with every server.
//!
//! May import: `error`, `process`, `relay`.

mod certificates;
mod tls_connection;
mod tls_port_state;

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

pub use certificates::{Authority, Certificates};

use crate::error::Error;
use crate::process::server_files::ServerFiles;
use crate::relay::{Listeners, RelayThread};
use tls_port_state::TlsPortState;

/// The names in the certificate of a server, unless others are given.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The settings of a TLS port.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {
    pub(crate) is_wanted: bool,
    pub(crate) demands_client_certificate: bool,
    pub(crate) names: Vec<String>,
    pub(crate) authority: Option<Authority>,
}

/// A TLS port that is open.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) port: u16,
    pub(crate) certificates: Certificates,
    /// Closes the port when dropped.
    _engine: RelayThread<TlsPortState>,
}

impl TlsSettings {
    /// Opens the TLS port of the server on that port, if one is wanted.
    pub(crate) fn start(&self, port: u16, home: &ServerFiles) -> Result<Option<Tls>, Error> {
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
        let engine = RelayThread::start(
            "purse-testkit-tls",
            TlsPortState::new(port, listeners, config),
        )
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
