//! One connection of a client to a TLS port.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::ServerConnection;

use crate::relay::Wait;

/// The number of bytes of requests that are held before the client has to wait.
const LIMIT: usize = 1 << 20;

/// A connection of a client, and the plain connection to the server that belongs to it.
#[derive(Debug)]
pub(crate) struct TlsConnection {
    client: Arc<TcpStream>,
    server: Arc<TcpStream>,
    tls: ServerConnection,
    /// Decrypted, not yet sent to the server.
    requests: Vec<u8>,
    client_ended: bool,
    /// True if the server was told that the client has ended.
    server_told: bool,
    server_ended: bool,
}

impl TlsConnection {
    pub(crate) fn new(
        client: Arc<TcpStream>,
        server: Arc<TcpStream>,
        tls: ServerConnection,
    ) -> Self {
        Self {
            client,
            server,
            tls,
            requests: Vec::new(),
            client_ended: false,
            server_told: false,
            server_ended: false,
        }
    }

    /// Closes both connections.
    pub(crate) fn close(&self) {
        // One that its peer has closed cannot be shut down.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    /// Does all I/O that is possible without waiting; returns whether the connection continues.
    pub(crate) fn turn(&mut self) -> io::Result<bool> {
        let read = self.read_client();
        // Even after an error the client learns of it by an alert.
        self.write_client()?;
        read?;
        self.write_server()?;
        self.read_server()?;
        Ok(!self.server_ended || self.tls.wants_write())
    }

    pub(crate) fn wait_for(&self, wait: &mut Wait) {
        let writes = self.tls.wants_write();
        wait.socket(&self.client, self.takes_requests(), writes);
        wait.socket(
            &self.server,
            self.takes_replies(),
            !self.requests.is_empty(),
        );
    }

    fn takes_requests(&self) -> bool {
        !self.client_ended && self.requests.len() < LIMIT
    }

    fn takes_replies(&self) -> bool {
        !self.server_ended && !self.tls.is_handshaking() && !self.tls.wants_write()
    }

    fn read_client(&mut self) -> io::Result<()> {
        while self.takes_requests() {
            match none_if_blocked(self.tls.read_tls(&mut &*self.client))? {
                None => break,
                Some(0) => self.client_ended = true,
                Some(_) => {}
            }
            let state = self
                .tls
                .process_new_packets()
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            self.client_ended |= state.peer_has_closed();
            let mut decrypted = vec![0; state.plaintext_bytes_to_read()];
            self.tls.reader().read_exact(&mut decrypted)?;
            self.requests.append(&mut decrypted);
        }
        Ok(())
    }

    fn write_server(&mut self) -> io::Result<()> {
        while !self.requests.is_empty() {
            match none_if_blocked((&*self.server).write(&self.requests))? {
                None => break,
                Some(count) => drop(self.requests.drain(..count)),
            }
        }
        if self.client_ended && self.requests.is_empty() && !self.server_told {
            self.server_told = true;
            self.server.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    fn read_server(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 16 << 10];
        while self.takes_replies() {
            match none_if_blocked((&*self.server).read(&mut buffer))? {
                None => break,
                Some(0) => {
                    self.server_ended = true;
                    self.tls.send_close_notify();
                }
                // It fits: the buffer of the TLS connection is empty, and larger.
                Some(count) => self.tls.writer().write_all(&buffer[..count])?,
            }
            self.write_client()?;
        }
        Ok(())
    }

    fn write_client(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            if none_if_blocked(self.tls.write_tls(&mut &*self.client))?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Returns `None` where nothing is possible without waiting.
fn none_if_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
