//! The port that a relay listens on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::process::guarded_child::POLL;
use crate::process::port::free_port;
use crate::relay::Wait;

/// The time that a relay waits for a server to accept its connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Listens on 127.0.0.1 and, where the machine has IPv6, on ::1, because `localhost` may mean
/// either.
#[derive(Debug)]
pub(crate) struct Listeners {
    port: u16,
    sockets: Vec<Arc<TcpListener>>,
}

impl Listeners {
    /// Listens on a free port.
    pub(crate) fn bind() -> io::Result<Self> {
        loop {
            let port = free_port(false)?;
            match Self::bind_to(port) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                result => return result,
            }
        }
    }

    /// Listens on this port.
    pub(crate) fn bind_to(port: u16) -> io::Result<Self> {
        let mut sockets = vec![listen(Ipv4Addr::LOCALHOST.into(), port)?];
        match listen(Ipv6Addr::LOCALHOST.into(), port) {
            Ok(socket) => sockets.push(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            // The machine has no IPv6.
            Err(_) => {}
        }
        Ok(Self { port, sockets })
    }

    /// Returns the port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the next connection that waits to be accepted.
    pub(crate) fn accept(&self) -> Option<Arc<TcpStream>> {
        self.sockets.iter().find_map(|socket| {
            let (stream, _) = match socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(_) => {
                    // Without a free descriptor the connection would be reported again at once.
                    thread::sleep(POLL);
                    return None;
                }
            };
            prepare(stream).ok()
        })
    }

    /// Adds the sockets to a wait.
    pub(crate) fn wait_for(&self, wait: &mut Wait) {
        for socket in &self.sockets {
            wait.socket(socket, true, false);
        }
    }
}

/// Connects to the server on that port.
pub(crate) fn connect(port: u16) -> io::Result<Arc<TcpStream>> {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    prepare(TcpStream::connect_timeout(&address, CONNECT)?)
}

fn listen(host: IpAddr, port: u16) -> io::Result<Arc<TcpListener>> {
    let socket = TcpListener::bind((host, port))?;
    socket.set_nonblocking(true)?;
    Ok(Arc::new(socket))
}

fn prepare(stream: TcpStream) -> io::Result<Arc<TcpStream>> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    Ok(Arc::new(stream))
}
