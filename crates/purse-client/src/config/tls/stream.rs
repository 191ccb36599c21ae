//! An encrypted connection, whichever library encrypts it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A stream of a TLS library over a TCP socket.
pub(crate) trait Encrypted: AsyncRead + AsyncWrite + Send + Unpin {
    /// Returns the socket below the encryption.
    fn tcp(&self) -> &TcpStream;

    /// Returns whether a write that accepts nothing may keep some of the bytes that it was offered,
    /// and send them with the bytes that are written next.
    fn keeps_offered(&self) -> bool {
        false
    }
}

/// A TLS connection.
///
/// What is written may stay in the buffers of the TLS library until the stream is flushed.
pub(crate) struct TlsStream(Box<dyn Encrypted>);

impl TlsStream {
    pub(crate) fn new(stream: impl Encrypted + 'static) -> Self {
        Self(Box::new(stream))
    }

    /// Returns the socket below the encryption.
    pub(crate) fn tcp(&self) -> &TcpStream {
        self.0.tcp()
    }

    /// Returns whether a write that accepts nothing may keep some of the bytes that it was offered.
    pub(crate) fn keeps_offered(&self) -> bool {
        self.0.keeps_offered()
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsStream").field(self.tcp()).finish()
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}
