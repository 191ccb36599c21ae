//! The sockets that a connection may use.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::config::tls::TlsStream;

/// A socket: TCP, TLS over TCP, or a unix socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream>),
    #[cfg(feature = "unix-sockets")]
    Unix(tokio::net::UnixStream),
}

impl Stream {
    /// Discards what the kernel has not sent yet when the socket is closed, so that no command
    /// arrives long after its error was returned.
    pub(super) fn abandon(&self) {
        if let Some(tcp) = self.tcp() {
            // Where the option is refused, the kernel sends the rest as it would without it.
            let _ = socket2::SockRef::from(tcp).set_linger(Some(std::time::Duration::ZERO));
        }
    }

    /// Returns how many of these bytes the TLS layer may keep, and send later, when it accepts none
    /// because the socket takes none.
    ///
    /// OpenSSL keeps one encrypted record, and sends it with the bytes that it is given next. rustls
    /// accepts what it encrypts.
    pub(super) fn may_hold(&self, offered: usize) -> usize {
        const RECORD: usize = 16 << 10;
        match self {
            Self::Tls(socket) if socket.keeps_offered() => offered.min(RECORD),
            _ => 0,
        }
    }

    /// Returns the address to which the socket is connected; none for a unix socket.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.tcp().and_then(|tcp| tcp.peer_addr().ok())
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket),
            Self::Tls(socket) => Some(socket.tcp()),
            #[cfg(feature = "unix-sockets")]
            Self::Unix(_) => None,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(socket) => Pin::new(socket).poll_read(cx, buf),
            #[cfg(feature = "unix-sockets")]
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(socket) => Pin::new(socket).poll_write(cx, buf),
            #[cfg(feature = "unix-sockets")]
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(socket) => Pin::new(socket).poll_flush(cx),
            #[cfg(feature = "unix-sockets")]
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(socket) => Pin::new(socket).poll_shutdown(cx),
            #[cfg(feature = "unix-sockets")]
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
