//! The handshake: the socket, the login, and what the server says about itself.
//!
//! The connect timeout covers the credentials, the name lookup, the socket, TLS and the login. Host
//! names are resolved at each attempt. A TCP socket has `TCP_NODELAY` and, unless it is turned off,
//! keep-alive.
//!
//! One write holds `HELLO 3 AUTH user password SETNAME name`, `CLIENT SETINFO` twice, and `SELECT`,
//! `READONLY` or `CLIENT TRACKING ON` if they are needed. Each command is an array, so a password
//! may hold any character. Each reply is checked; only `CLIENT SETINFO` and, in RESP2, `CLIENT
//! SETNAME` may fail. A server that does not know HELLO is asked with `AUTH` in RESP2, which has no
//! tracking.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error_map::{self, Stage};
use super::settings::Settings;
use super::stream::Stream;
use crate::config::{Address, Credentials, Servers, Target};
use crate::resp::{Frame, Parser, Value, put_bytes, put_header};
use crate::util::timer::timeout;
use crate::{Error, ErrorKind, Reply, Result};

const LIBRARY: &str = "purse";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A recipe for connections: the server, the settings, and the purpose.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    pub(crate) settings: Arc<Settings>,
    pub(crate) endpoint: Endpoint,
    pub(crate) purpose: Purpose,
}

/// The server of a connection.
#[derive(Debug, Clone)]
pub(crate) enum Endpoint {
    /// The server of the client: a single one, or the primary that sentinels name.
    Target,
    /// A node of a cluster.
    Node(Address),
    /// A sentinel.
    Sentinel(Address),
}

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    Commands,
    /// Reads of a replica.
    Replica,
    /// Invalidation messages.
    Tracking,
    /// Commands to a sentinel.
    Sentinel,
}

/// The information that a server gives about itself in the handshake.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerInfo {
    /// `redis` or `valkey`.
    pub(crate) product: String,
    pub(crate) version: String,
    pub(crate) mode: String,
    /// The address to which the socket is connected; none for a unix socket.
    pub(crate) peer: Option<SocketAddr>,
}

/// Names the product and its version.
impl fmt::Display for ServerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = match self.product.as_str() {
            "redis" => "Redis",
            "valkey" => "Valkey",
            other => other,
        };
        write!(f, "{product} {}", self.version)
    }
}

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    pub(super) stream: Stream,
    /// The bytes that were read and not used yet.
    pub(super) read: BytesMut,
    pub(super) parser: Parser,
    pub(super) info: ServerInfo,
    pub(super) address: Arc<str>,
}

impl Dialer {
    /// Connects and logs in, within the connect timeout.
    pub(super) async fn open_in_time(self) -> Result<OpenConnection> {
        let opened = timeout(self.settings.connect_timeout, self.open()).await;
        opened.unwrap_or_else(|| {
            let error = error_map::connect_timeout(self.settings.target.tls.is_some());
            Err(error.with_server(self.settings.server.clone()))
        })
    }

    /// Connects and logs in.
    pub(crate) async fn open(&self) -> Result<OpenConnection> {
        let address = match (&self.endpoint, &self.settings.target.servers) {
            (Endpoint::Node(address) | Endpoint::Sentinel(address), _) => Some(address),
            (Endpoint::Target, Servers::Single(address)) => Some(address),
            (Endpoint::Target, Servers::Unix(_)) => None,
            (Endpoint::Target, Servers::Cluster(seeds)) => seeds.first(),
            (Endpoint::Target, Servers::Sentinel { sentinels, service }) => {
                return super::sentinel::open_primary(self, sentinels, service).await;
            }
        };
        self.open_at(address).await
    }

    /// Connects to `address`, or to the unix socket, and logs in.
    pub(super) async fn open_at(&self, address: Option<&Address>) -> Result<OpenConnection> {
        let shown = match address {
            Some(address) => address.to_string().into(),
            None => self.settings.server.clone(),
        };
        let opened = self.log_in(address, &shown).await;
        opened.map_err(|error| error.with_server(shown))
    }

    async fn log_in(&self, address: Option<&Address>, shown: &Arc<str>) -> Result<OpenConnection> {
        let credentials = match self.purpose {
            Purpose::Sentinel => self.settings.target.sentinel_credentials.clone(),
            _ => self.settings.credentials().await?,
        };
        let socket = self.socket(address).await?;
        let mut talk = LoginExchange::new(socket);
        match talk.hello(self, credentials.as_ref()).await {
            Ok(Some(info)) => return talk.finish(self, info, shown).await,
            // The server does not know HELLO, so it is asked in RESP2 on the same connection.
            Ok(None) => {}
            // Proxies close the connection after a command that they do not know.
            Err(error) if talk.awaits_hello() && error_map::is_end_of_stream(&error) => {
                if !self.closes_on_hello(address).await {
                    return Err(error);
                }
                talk = LoginExchange::new(self.socket(address).await?);
                // Such a proxy may know no CLIENT command either.
                talk.resp2(self, credentials.as_ref(), false).await?;
                return talk.finish(self, ServerInfo::default(), shown).await;
            }
            Err(error) => return Err(error),
        }
        talk.resp2(self, credentials.as_ref(), true).await?;
        talk.finish(self, ServerInfo::default(), shown).await
    }

    /// Returns whether a server that closed a connection does so because of HELLO: it answers a
    /// PING, and closes again after a HELLO.
    async fn closes_on_hello(&self, address: Option<&Address>) -> bool {
        let Ok(socket) = self.socket(address).await else {
            return false;
        };
        let mut talk = LoginExchange::new(socket);
        match talk.ask(&["PING"]).await {
            Ok(_) => talk.ask(&["HELLO", "3"]).await.is_err(),
            Err(_) => false,
        }
    }

    async fn socket(&self, address: Option<&Address>) -> Result<Stream> {
        let Some(address) = address else {
            return unix(&self.settings.target).await;
        };
        let socket = connect(address, self.settings.connect_timeout).await?;
        let is_set = socket.set_nodelay(true).and_then(|()| {
            let Some(idle) = self.settings.keep_alive else {
                return Ok(());
            };
            let keep_alive = socket2::TcpKeepalive::new()
                .with_time(idle)
                .with_interval((idle / 4).max(std::time::Duration::from_secs(1)));
            socket2::SockRef::from(&socket).set_tcp_keepalive(&keep_alive)
        });
        is_set.map_err(|error| error_map::io_error(error, Stage::Connect))?;
        let Some(tls) = &self.settings.target.tls else {
            return Ok(Stream::Tcp(socket));
        };
        let seed = match &self.settings.target.servers {
            Servers::Cluster(seeds) => seeds.first().map_or(&*address.host, |seed| &seed.host),
            _ => &address.host,
        };
        let name = tls.name_for(&address.host, seed);
        let socket = tls.connect(&name, socket).await;
        let socket = socket.map_err(|error| error_map::io_error(error, Stage::Tls))?;
        Ok(Stream::Tls(Box::new(socket)))
    }
}

/// Connects to the first address of a host that answers.
async fn connect(address: &Address, limit: Duration) -> Result<TcpStream> {
    let addresses = tokio::net::lookup_host((&*address.host, address.port)).await;
    let addresses = addresses.map_err(|error| error_map::io_error(error, Stage::Lookup))?;
    connect_to_any(&addresses.collect::<Vec<_>>(), limit).await
}

async fn connect_to_any(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    // One address that does not answer must not take the time of all.
    let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    for (index, address) in addresses.iter().enumerate() {
        let is_last = index + 1 == addresses.len();
        let limit = if is_last { limit } else { share };
        match timeout(limit, TcpStream::connect(address)).await {
            Some(Ok(socket)) => return Ok(socket),
            Some(Err(error)) => last = error,
            None => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(error_map::io_error(last, Stage::Connect))
}

#[cfg(feature = "unix-sockets")]
async fn unix(target: &Target) -> Result<Stream> {
    let Servers::Unix(path) = &target.servers else {
        return Err(Error::new(ErrorKind::Config, "no address"));
    };
    let socket = tokio::net::UnixStream::connect(path).await;
    socket
        .map(Stream::Unix)
        .map_err(|error| error_map::io_error(error, Stage::Connect))
}

#[cfg(not(feature = "unix-sockets"))]
async fn unix(_: &Target) -> Result<Stream> {
    let message = "purse was built without unix sockets: enable its feature unix-sockets";
    Err(Error::new(ErrorKind::Config, message))
}

/// A connection during its handshake.
struct LoginExchange {
    stream: Stream,
    read: BytesMut,
    parser: Parser,
    out: Vec<u8>,
    /// The expectation of each reply that is missing, in order.
    expected: std::collections::VecDeque<ExpectedReply>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExpectedReply {
    Hello,
    Login,
    /// An error of it is ignored.
    Optional,
    Database,
    Tracking,
    Replica,
}

impl LoginExchange {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            read: BytesMut::with_capacity(1 << 10),
            parser: Parser::default(),
            out: Vec::new(),
            expected: std::collections::VecDeque::new(),
        }
    }

    /// Returns whether nothing was answered yet.
    fn awaits_hello(&self) -> bool {
        self.expected.front() == Some(&ExpectedReply::Hello)
    }

    fn put(&mut self, words: &[&str], expected: ExpectedReply) {
        put_header(&mut self.out, words.len());
        words
            .iter()
            .for_each(|word| put_bytes(&mut self.out, word.as_bytes()));
        self.expected.push_back(expected);
    }

    /// Sends HELLO and the commands after it in one write. Returns what the server says about
    /// itself, or `None` if it does not know HELLO.
    async fn hello(
        &mut self,
        dialer: &Dialer,
        credentials: Option<&Credentials>,
    ) -> Result<Option<ServerInfo>> {
        let name = &dialer.settings.client_name;
        let mut hello = vec!["HELLO", "3"];
        if let Some(credentials) = credentials {
            let user = credentials.username().unwrap_or("default");
            hello.extend(["AUTH", user, credentials.secret()]);
        }
        if !name.is_empty() {
            hello.extend(["SETNAME", name.as_str()]);
        }
        self.put(&hello, ExpectedReply::Hello);
        self.put_library(dialer);
        self.set_up(dialer);
        self.flush().await?;
        let info = match self.reply().await? {
            Ok(value) => server_info(Reply(value)),
            Err(words) if error_map::is_hello_unknown(&words) => {
                // The commands after HELLO were sent already; what they say depends on HELLO.
                while !self.expected.is_empty() {
                    let _ = self.reply().await?;
                }
                return Ok(None);
            }
            Err(words) => return Err(error_map::handshake_error(&words, Stage::Login)),
        };
        self.check().await?;
        Ok(Some(info))
    }

    /// Sends one command and returns its reply.
    async fn ask(&mut self, words: &[&str]) -> Result<Result<Value, Bytes>> {
        self.put(words, ExpectedReply::Optional);
        self.flush().await?;
        self.reply().await
    }

    /// Logs in with the commands of servers that do not know HELLO; `introduces` says whether also
    /// to send the names of the connection and the library.
    async fn resp2(
        &mut self,
        dialer: &Dialer,
        credentials: Option<&Credentials>,
        introduces: bool,
    ) -> Result<()> {
        if let Some(credentials) = credentials {
            let mut auth = vec!["AUTH"];
            auth.extend(credentials.username());
            auth.push(credentials.secret());
            self.put(&auth, ExpectedReply::Login);
        }
        if introduces {
            self.introduce(dialer);
        }
        if dialer.purpose != Purpose::Tracking {
            self.set_up(dialer);
        }
        self.flush().await?;
        self.check().await?;
        if dialer.purpose == Purpose::Tracking {
            let message = "the server does not speak RESP3 (HELLO 3), which tracking needs";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Ok(())
    }

    /// Says the name of the connection, which is otherwise a part of HELLO, and the library's.
    fn introduce(&mut self, dialer: &Dialer) {
        let name = &dialer.settings.client_name;
        if !name.is_empty() {
            self.put(&["CLIENT", "SETNAME", name], ExpectedReply::Optional);
        }
        self.put_library(dialer);
    }

    fn put_library(&mut self, dialer: &Dialer) {
        if dialer.purpose == Purpose::Sentinel {
            return;
        }
        for (attribute, value) in [("LIB-NAME", LIBRARY), ("LIB-VER", VERSION)] {
            self.put(
                &["CLIENT", "SETINFO", attribute, value],
                ExpectedReply::Optional,
            );
        }
    }

    fn set_up(&mut self, dialer: &Dialer) {
        let database = dialer.settings.target.database;
        if database > 0 && dialer.purpose != Purpose::Sentinel {
            self.put(&["SELECT", &database.to_string()], ExpectedReply::Database);
        }
        match dialer.purpose {
            Purpose::Tracking => self.put(&["CLIENT", "TRACKING", "ON"], ExpectedReply::Tracking),
            Purpose::Replica => self.put(&["READONLY"], ExpectedReply::Replica),
            Purpose::Commands | Purpose::Sentinel => {}
        }
    }

    /// Reads the replies that are missing.
    async fn check(&mut self) -> Result<()> {
        while let Some(expected) = self.expected.front().copied() {
            let Err(words) = self.reply().await? else {
                continue;
            };
            match expected {
                ExpectedReply::Optional => {}
                ExpectedReply::Tracking => {
                    let words = String::from_utf8_lossy(&words);
                    return Err(error_map::reply_error(&words, "CLIENT"));
                }
                ExpectedReply::Database => {
                    return Err(error_map::handshake_error(&words, Stage::Database));
                }
                _ => return Err(error_map::handshake_error(&words, Stage::Login)),
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let out = std::mem::take(&mut self.out);
        let written = self.stream.write_all(&out).await;
        written.map_err(|error| error_map::io_error(error, Stage::Login))?;
        let flushed = self.stream.flush().await;
        flushed.map_err(|error| error_map::io_error(error, Stage::Login))
    }

    /// Reads one reply.
    async fn reply(&mut self) -> Result<Result<Value, Bytes>> {
        loop {
            let frame = self.parser.next(&mut self.read);
            match frame.map_err(error_map::not_a_server)? {
                Some(Frame::Reply(value)) => {
                    self.expected.pop_front();
                    return Ok(Ok(value));
                }
                Some(Frame::Error(words)) => {
                    self.expected.pop_front();
                    return Ok(Err(words));
                }
                Some(Frame::Push(_)) => continue,
                None => {}
            }
            let read = self.stream.read_buf(&mut self.read).await;
            if read.map_err(|error| error_map::io_error(error, Stage::Login))? == 0 {
                let end = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(error_map::io_error(end, Stage::Login));
            }
        }
    }

    /// Checks that the server is what the connection wants.
    async fn finish(
        self,
        dialer: &Dialer,
        mut info: ServerInfo,
        address: &Arc<str>,
    ) -> Result<OpenConnection> {
        info.peer = self.stream.peer();
        let wants_cluster = matches!(dialer.endpoint, Endpoint::Node(_));
        if wants_cluster && info.mode == "standalone" {
            let message =
                "cannot connect: the server is not part of a cluster; use redis:// for it";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let mut opened = OpenConnection {
            stream: self.stream,
            read: self.read,
            parser: self.parser,
            info,
            address: address.clone(),
        };
        let has_sentinels = matches!(dialer.settings.target.servers, Servers::Sentinel { .. });
        if has_sentinels && matches!(dialer.endpoint, Endpoint::Target) {
            opened = super::sentinel::check_role(opened).await?;
        }
        Ok(opened)
    }
}

impl OpenConnection {
    /// Sends one command and returns its reply.
    pub(super) async fn call(self, words: &[&str]) -> Result<(Self, Result<Value, Bytes>)> {
        let Self {
            stream,
            read,
            parser,
            info,
            address,
        } = self;
        let mut talk = LoginExchange {
            stream,
            read,
            parser,
            out: Vec::new(),
            expected: std::collections::VecDeque::new(),
        };
        let reply = talk.ask(words).await?;
        let opened = Self {
            stream: talk.stream,
            read: talk.read,
            parser: talk.parser,
            info,
            address,
        };
        Ok((opened, reply))
    }
}

/// Reads the reply of HELLO.
fn server_info(reply: Reply) -> ServerInfo {
    let mut info = ServerInfo::default();
    for (name, value) in reply.into_pairs().unwrap_or_default() {
        let text = |value: Reply| {
            let bytes = value.into_bytes().unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        match text(name).as_str() {
            "server" => info.product = text(value),
            "version" => info.version = text(value),
            "mode" => info.mode = text(value),
            _ => {}
        }
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address on which the kernel drops every attempt: no process accepts, and the backlog is full.
    async fn silent_address() -> (socket2::Socket, Vec<TcpStream>, SocketAddr) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.expect("a socket");
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        socket.bind(&any.into()).expect("a free port");
        socket.listen(0).expect("a listener");
        let address = socket.local_addr().expect("an address");
        let address = address.as_socket().expect("a TCP address");
        let mut accepted = Vec::new();
        while let Some(socket) =
            timeout(Duration::from_millis(100), TcpStream::connect(address)).await
        {
            accepted.push(socket.expect("a connection"));
        }
        (socket, accepted, address)
    }

    #[tokio::test]
    async fn address_that_does_not_answer_leaves_time_for_the_next_one() {
        let (_listener, _backlog, silent) = silent_address().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let addresses = [silent, address];
        let limit = Duration::from_secs(4);
        let socket = timeout(limit, connect_to_any(&addresses, limit)).await;
        let socket = socket.expect("a result").expect("the second address");
        assert_eq!(socket.peer_addr().expect("an address"), address);
    }
}
