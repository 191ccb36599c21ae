//! A proxy that makes the faults of a network.

use std::time::Duration;

use crate::error::Error;
use crate::relay::proxy_state::ProxyState;
use crate::relay::{Listeners, RelayThread};
use crate::server::Server;

/// The time that [`Proxy::refuse`] waits for the port.
const PATIENCE: Duration = Duration::from_secs(10);

/// A TCP proxy in front of a server, which makes the faults of a network on demand.
///
/// The proxy forwards all bytes unchanged and in order until one of its methods is called. A fault
/// is in effect when the method returns. A client's connection is closed when the server cannot be
/// reached. When the proxy is dropped, it closes all connections and its thread ends.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use std::time::Duration;
///
/// use purse_testkit::{Proxy, Server};
///
/// let server = Server::start()?;
/// let proxy = Proxy::to(&server)?;
/// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
/// client.write_all(b"PING\r\n")?;
/// let mut reply = [0; 7];
/// client.read_exact(&mut reply)?;
/// assert_eq!(&reply, b"+PONG\r\n");
/// assert_eq!(proxy.requests(), b"PING\r\n");
///
/// // Half-open: the client can send, and no reply comes.
/// proxy.swallow_existing();
/// client.write_all(b"PING\r\n")?;
/// assert!(proxy.wait_until(Duration::from_secs(10), |proxy| proxy.requests().len() == 12));
/// assert_eq!(proxy.reply_bytes(), 7);
///
/// proxy.cut();
/// assert_eq!(client.read(&mut reply)?, 0);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    engine: RelayThread<ProxyState>,
    port: u16,
    credentials: String,
}

impl Proxy {
    /// Starts a proxy in front of a port of this machine, on a free port of 127.0.0.1 and, where
    /// there is one, of ::1.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system has no free port or thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::{Proxy, Server};
    ///
    /// // In front of any port, also one that has no server yet.
    /// let server = Server::start()?;
    /// let proxy = Proxy::start(server.port())?;
    /// assert_ne!(proxy.port(), server.port());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(port: u16) -> Result<Self, Error> {
        Self::start_with(port, String::new())
    }

    /// Starts a proxy in front of a server; [`Proxy::url`] contains the password of the server.
    ///
    /// # Errors
    ///
    /// The errors of [`Proxy::start`].
    pub fn to(server: &Server) -> Result<Self, Error> {
        Self::start_with(server.port(), server.credentials())
    }

    fn start_with(upstream: u16, credentials: String) -> Result<Self, Error> {
        let listeners = Listeners::bind().map_err(Error::io("listen as a proxy"))?;
        let port = listeners.port();
        let engine =
            RelayThread::start("purse-testkit-proxy", ProxyState::new(upstream, listeners))
                .map_err(Error::io("start the thread of a proxy"))?;
        Ok(Self {
            engine,
            port,
            credentials,
        })
    }

    /// Returns the address of the proxy, with the scheme `redis`.
    ///
    /// ```
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let server = Server::builder().password("secret").start()?;
    /// let proxy = Proxy::to(&server)?;
    /// assert_eq!(proxy.url(), format!("redis://:secret@127.0.0.1:{}", proxy.port()));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn url(&self) -> String {
        format!("redis://{}127.0.0.1:{}", self.credentials, self.port)
    }

    /// Returns the port of the proxy.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes all connections now, on both sides; new ones work.
    ///
    /// ```
    /// use std::io::Read;
    /// use std::net::TcpStream;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// proxy.cut();
    /// assert_eq!(client.read(&mut [0])?, 0, "the end");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn cut(&self) {
        self.engine.with(ProxyState::cut);
    }

    /// Forwards exactly this many more bytes to the server, then closes all connections on both
    /// sides; new ones work.
    ///
    /// The bytes of all connections count together. With 0 it is [`Proxy::cut`].
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// // The server reads half of a command, and never the rest.
    /// let server = Server::start()?;
    /// let proxy = Proxy::to(&server)?;
    /// proxy.cut_after_request_bytes(5);
    /// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// client.write_all(b"SET a 1\r\n")?;
    /// assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
    /// assert_eq!(server.command(&["EXISTS", "a"])?.int(), Some(0));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn cut_after_request_bytes(&self, count: u64) {
        self.engine.with(|state| match count {
            0 => state.cut(),
            _ => state.requests.left = Some(count),
        });
    }

    /// Forwards exactly this many more bytes to clients, then closes all connections on both sides;
    /// new ones work.
    ///
    /// The bytes of all connections count together. With 0 it is [`Proxy::cut`].
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// // The command ran, and its client does not know it.
    /// let server = Server::start()?;
    /// let proxy = Proxy::to(&server)?;
    /// proxy.cut_after_reply_bytes(2);
    /// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// client.write_all(b"SET a 1\r\n")?;
    /// let mut reply = Vec::new();
    /// client.read_to_end(&mut reply)?;
    /// assert_eq!(reply, b"+O");
    /// assert_eq!(server.command(&["GET", "a"])?.text(), Some("1"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn cut_after_reply_bytes(&self, count: u64) {
        self.engine.with(|state| match count {
            0 => state.cut(),
            _ => state.replies.left = Some(count),
        });
    }

    /// Delays each direction: what arrives from now on is forwarded that much later, in order.
    ///
    /// [`Duration::ZERO`] ends the delay. What is held already is forwarded when it is due.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    /// use std::time::{Duration, Instant};
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// proxy.delay(Duration::from_millis(20));
    /// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// let start = Instant::now();
    /// client.write_all(b"PING\r\n")?;
    /// client.read_exact(&mut [0; 7])?;
    /// assert!(start.elapsed() >= Duration::from_millis(40), "there and back");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn delay(&self, delay: Duration) {
        self.engine.with(|state| {
            state.requests.delay = delay;
            state.replies.delay = delay;
        });
    }

    /// Delays what arrives from clients from now on.
    pub fn delay_requests(&self, delay: Duration) {
        self.engine.with(|state| state.requests.delay = delay);
    }

    /// Delays what arrives from the server from now on.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    /// use std::time::{Duration, Instant};
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// proxy.delay_replies(Duration::from_millis(20));
    /// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// let start = Instant::now();
    /// client.write_all(b"PING\r\n")?;
    /// client.read_exact(&mut [0; 7])?;
    /// assert!(start.elapsed() >= Duration::from_millis(20));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn delay_replies(&self, delay: Duration) {
        self.engine.with(|state| state.replies.delay = delay);
    }

    /// Makes all open connections half-open: they stay open, and nothing is forwarded on them in
    /// either direction, neither bytes nor the end of the peer. New connections work.
    ///
    /// Bytes that a delay holds back are lost. [`Proxy::cut`] closes such connections.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read, Write};
    /// use std::net::TcpStream;
    /// use std::time::Duration;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// assert!(proxy.wait_until(Duration::from_secs(10), |proxy| proxy.open_count() == 1));
    /// proxy.swallow_existing();
    /// client.write_all(b"PING\r\n")?;
    /// client.set_read_timeout(Some(Duration::from_millis(20)))?;
    /// let error = client.read(&mut [0]).unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn swallow_existing(&self) {
        self.engine.with(ProxyState::swallow_existing);
    }

    /// Forgets connections like a firewall does: one on which nothing was sent for longer than this
    /// becomes half-open when its client or the server sends something again.
    ///
    /// [`Duration::MAX`] ends this for connections that are not forgotten yet.
    pub fn forget_idle(&self, limit: Duration) {
        self.engine.with(|state| state.forget_idle(limit));
    }

    /// Refuses new connections as if no process listened on the port, or accepts them again. Open
    /// connections work.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if another process took the port while it was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::TcpStream;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// proxy.refuse(true)?;
    /// assert!(TcpStream::connect(("127.0.0.1", proxy.port())).is_err());
    /// proxy.refuse(false)?;
    /// assert!(TcpStream::connect(("127.0.0.1", proxy.port())).is_ok());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse(&self, refuses: bool) -> Result<(), Error> {
        if refuses {
            self.engine.with(|state| {
                state.accept();
                state.is_refusing = true;
            });
            // The thread closes the sockets, since only then it does not wait on them.
            self.engine.wait_until(PATIENCE, || {
                self.engine.inspect(|state| state.listeners.is_none())
            });
            return Ok(());
        }
        self.engine.with(|state| {
            state.is_refusing = false;
            if state.listeners.is_none() {
                let listeners = Listeners::bind_to(self.port);
                state.listeners = Some(listeners.map_err(Error::io("listen as a proxy again"))?);
            }
            Ok(())
        })
    }

    /// Returns the number of connections accepted so far.
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use std::time::Duration;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// for _ in 0..2 {
    ///     drop(TcpStream::connect(("127.0.0.1", proxy.port()))?);
    /// }
    /// assert!(proxy.wait_until(Duration::from_secs(10), |proxy| proxy.accepted_count() == 2));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn accepted_count(&self) -> usize {
        self.engine.inspect(ProxyState::accepted_count)
    }

    /// Returns the number of connections that are open, half-open ones included.
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use std::time::Duration;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// let client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// assert!(proxy.wait_until(Duration::from_secs(10), |proxy| proxy.open_count() == 1));
    /// drop(client);
    /// assert!(proxy.wait_until(Duration::from_secs(10), |proxy| proxy.open_count() == 0));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_count(&self) -> usize {
        self.engine.inspect(ProxyState::open_count)
    }

    /// Returns the number of bytes forwarded to the server so far.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::net::TcpStream;
    /// use std::time::Duration;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// TcpStream::connect(("127.0.0.1", proxy.port()))?.write_all(b"PING\r\n")?;
    /// assert!(proxy.wait_until(Duration::from_secs(10), |proxy| proxy.request_bytes() == 6));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn request_bytes(&self) -> u64 {
        self.engine.inspect(|state| state.requests.forwarded)
    }

    /// Returns the number of bytes forwarded to clients so far.
    pub fn reply_bytes(&self) -> u64 {
        self.engine.inspect(|state| state.replies.forwarded)
    }

    /// Returns what clients sent, in the order of arrival, whether it was forwarded or not.
    ///
    /// At most 16 MiB are recorded: see [`Proxy::forget_requests`].
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// client.write_all(b"PING\r\n")?;
    /// client.read_exact(&mut [0; 7])?;
    /// assert_eq!(proxy.requests(), b"PING\r\n");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn requests(&self) -> Vec<u8> {
        self.engine.inspect(|state| state.record_of(|_| true))
    }

    /// Returns what a client sent on one connection, numbered from 0 in the order of acceptance.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// for command in ["PING\r\n", "ECHO\r\n"] {
    ///     let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    ///     client.write_all(command.as_bytes())?;
    ///     client.read_exact(&mut [0; 7])?;
    /// }
    /// assert_eq!(proxy.requests_of(1), b"ECHO\r\n");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn requests_of(&self, connection: usize) -> Vec<u8> {
        self.engine
            .inspect(|state| state.record_of(|number| number == connection))
    }

    /// Forgets what clients sent so far, so that [`Proxy::requests`] starts with what they send
    /// next.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// client.write_all(b"PING\r\n")?;
    /// client.read_exact(&mut [0; 7])?;
    /// // The handshake, say, is not what the test looks at.
    /// proxy.forget_requests();
    /// assert!(proxy.requests().is_empty());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn forget_requests(&self) {
        self.engine.with(ProxyState::forget_record);
    }

    /// Waits until the condition holds, which is asked each time that something happened on a
    /// connection; returns whether it held before the timeout.
    ///
    /// This blocks the thread: in asynchronous code call it where blocking is allowed.
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use std::time::Duration;
    ///
    /// use purse_testkit::{Proxy, Server};
    ///
    /// let proxy = Proxy::to(Server::shared())?;
    /// let client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    /// assert!(proxy.wait_until(Duration::from_secs(10), |proxy| proxy.open_count() == 1));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_until(&self, timeout: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        self.engine.wait_until(timeout, || condition(self))
    }
}
