//! rustls.

use std::io;
use std::sync::Arc;

use fred::types::config::TlsConnector as FredConnector;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, RootCertStore};

use super::TlsStream;
use super::enabled::{Connector, Library, Pem, config_error_with};
use super::stream::Encrypted;
use crate::Result;
use crate::config::config_error;

pub(super) const LIBRARY: Library = Library {
    system,
    custom,
    from_fred,
};

fn system() -> Result<Arc<dyn Connector>> {
    let mut found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let error = config_error(
            "the system has no readable root certificates: install them, or name a PEM file by \
             the variable SSL_CERT_FILE",
        );
        return Err(match found.errors.pop() {
            Some(cause) => error.with_source(cause),
            None => error,
        });
    }
    Ok(connector(builder(roots)?.with_no_client_auth()))
}

fn custom(pem: &Pem<'_>) -> Result<Arc<dyn Connector>> {
    const CA: &str = "the CA certificates for TLS cannot be read as PEM";
    const CHAIN: &str = "the client certificate for TLS cannot be read as PEM";
    const KEY: &str = "the client's private key for TLS cannot be read as PEM";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem.authorities, CA)? {
        roots
            .add(certificate)
            .map_err(|e| config_error_with(CA, e))?;
    }
    let builder = builder(roots)?;
    let config = match pem.client {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = certificates(chain, CHAIN)?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| config_error_with(KEY, e))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| {
                config_error_with(
                    "the client certificate for TLS does not fit its private key",
                    e,
                )
            })?
        }
    };
    Ok(connector(config))
}

fn from_fred(connector: &FredConnector) -> Option<Arc<dyn Connector>> {
    match connector {
        FredConnector::Rustls(connector) => Some(Arc::new(connector.clone())),
        #[allow(
            unreachable_patterns,
            reason = "fred has a variant for native-tls if any crate of the build enables it"
        )]
        _ => None,
    }
}

/// Reads at least one certificate.
fn certificates(pem: &[u8], message: &'static str) -> Result<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| config_error_with(message, error))?;
    if read.is_empty() {
        return Err(config_error(message).with_source("it contains no certificate"));
    }
    Ok(read)
}

fn builder(roots: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots))
        .map_err(|error| {
            config_error_with(
                "the installed rustls CryptoProvider has no TLS 1.2 or 1.3",
                error,
            )
        })
}

/// Returns the provider that the program installed, or else the one that purse was built with.
///
/// `ClientConfig::builder()` would panic if two providers are in the build and none is installed.
fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().map_or_else(|| Arc::new(built_in_provider()), Arc::clone)
}

#[cfg(feature = "tls-rustls")]
fn built_in_provider() -> CryptoProvider {
    tokio_rustls::rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(not(feature = "tls-rustls"))]
fn built_in_provider() -> CryptoProvider {
    tokio_rustls::rustls::crypto::ring::default_provider()
}

fn connector(config: ClientConfig) -> Arc<dyn Connector> {
    Arc::new(TlsConnector::from(Arc::new(config)))
}

impl Connector for TlsConnector {
    fn connect<'a>(
        &'a self,
        name: &'a str,
        socket: TcpStream,
    ) -> BoxFuture<'a, io::Result<TlsStream>> {
        async move {
            // An IP address becomes `ServerName::IpAddress`.
            let name = ServerName::try_from(name.to_owned())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            Ok(TlsStream::new(Self::connect(self, name, socket).await?))
        }
        .boxed()
    }

    fn to_fred(&self) -> FredConnector {
        FredConnector::Rustls(self.clone())
    }
}

impl Encrypted for tokio_rustls::client::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}
