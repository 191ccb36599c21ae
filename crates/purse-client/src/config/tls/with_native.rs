//! native-tls: the TLS library of the operating system.

use std::io;
use std::sync::Arc;

use fred::types::config::TlsConnector as FredConnector;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::net::TcpStream;
use tokio_native_tls::TlsConnector;
use tokio_native_tls::native_tls::{self, Certificate, Identity, TlsConnectorBuilder};

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
    connector(&native_tls::TlsConnector::builder())
}

fn custom(pem: &Pem<'_>) -> Result<Arc<dyn Connector>> {
    const CA: &str = "the CA certificates for TLS cannot be read as PEM";
    let mut builder = native_tls::TlsConnector::builder();
    builder.disable_built_in_roots(true);
    let authorities =
        Certificate::stack_from_pem(pem.authorities).map_err(|e| config_error_with(CA, e))?;
    if authorities.is_empty() {
        return Err(config_error(CA).with_source("it contains no certificate"));
    }
    for authority in authorities {
        builder.add_root_certificate(authority);
    }
    if let Some((chain, key)) = pem.client {
        builder.identity(Identity::from_pkcs8(chain, key).map_err(|e| {
            config_error_with(
                "the client certificate or its private key (PKCS #8) for TLS cannot be read as PEM",
                e,
            )
        })?);
    }
    connector(&builder)
}

fn from_fred(connector: &FredConnector) -> Option<Arc<dyn Connector>> {
    match connector {
        FredConnector::Native(connector) => Some(Arc::new(connector.clone())),
        #[allow(
            unreachable_patterns,
            reason = "fred has a variant for rustls if any crate of the build enables it"
        )]
        _ => None,
    }
}

fn connector(builder: &TlsConnectorBuilder) -> Result<Arc<dyn Connector>> {
    match builder.build() {
        Ok(connector) => Ok(Arc::new(TlsConnector::from(connector))),
        Err(error) => Err(config_error_with(
            "native-tls cannot use the TLS settings",
            error,
        )),
    }
}

impl Connector for TlsConnector {
    fn connect<'a>(
        &'a self,
        name: &'a str,
        socket: TcpStream,
    ) -> BoxFuture<'a, io::Result<TlsStream>> {
        async move {
            let stream = Self::connect(self, name, socket).await;
            stream.map(TlsStream::new).map_err(io::Error::other)
        }
        .boxed()
    }

    fn to_fred(&self) -> FredConnector {
        FredConnector::Native(self.clone())
    }
}

impl Encrypted for tokio_native_tls::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().get_ref().get_ref()
    }

    /// OpenSSL keeps the record that it has encrypted.
    fn keeps_offered(&self) -> bool {
        true
    }
}
