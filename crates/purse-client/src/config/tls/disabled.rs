//! TLS in a build without a TLS feature: types that have no value, and errors that say so.

use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use fred::types::config::{Config, Server};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::config::{Address, config_error};
use crate::{Error, Result};

/// The TLS settings of a build without TLS. There are none.
#[derive(Debug, Clone)]
pub(crate) enum Tls {}

/// A TLS connection of a build without TLS. There is none.
#[derive(Debug)]
pub(crate) enum TlsStream {}

impl Tls {
    /// Returns an error of kind [`ErrorKind::Config`](crate::ErrorKind::Config).
    pub(crate) fn system() -> Result<Self> {
        Err(missing_feature_error("the URL asks for TLS"))
    }

    /// Returns an error of kind [`ErrorKind::Config`](crate::ErrorKind::Config).
    pub(crate) fn custom(_: &[u8], _: Option<(&[u8], &[u8])>) -> Result<Self> {
        Err(missing_feature_error(
            "the client is given certificates for TLS",
        ))
    }

    /// Cannot be called.
    pub(crate) fn set_certificates(&mut self, other: Self) {
        match other {}
    }

    /// Returns an error if the configuration asks for TLS, which fred can have without purse.
    pub(in crate::config) fn from_fred(config: &Config) -> Result<Option<Self>> {
        if config.uses_tls() {
            return Err(missing_feature_error("the configuration asks for TLS"));
        }
        Ok(None)
    }

    pub(in crate::config) fn apply(_: Option<&Self>, _: &mut Config) {}

    pub(in crate::config) fn fred_server(_: Option<&Self>, address: &Address) -> Server {
        Server::new(address.bracketed_host(), address.port)
    }

    /// Cannot be called.
    pub(crate) fn name_for<'a>(&self, _: &'a str, _: &str) -> Cow<'a, str> {
        match *self {}
    }

    /// Cannot be called.
    pub(crate) async fn connect(&self, _: &str, _: TcpStream) -> io::Result<TlsStream> {
        match *self {}
    }
}

impl TlsStream {
    /// Cannot be called.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match *self {}
    }

    /// Cannot be called.
    pub(crate) fn keeps_offered(&self) -> bool {
        match *self {}
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

fn missing_feature_error(what: &str) -> Error {
    config_error(format!(
        "{what}, and purse was built without it: enable one of its tls- features"
    ))
}
