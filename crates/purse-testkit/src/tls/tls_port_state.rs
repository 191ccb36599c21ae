//! All connections of a TLS port.

use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use crate::relay::{Listeners, RelayState, Wait, connect};
use crate::tls::tls_connection::TlsConnection;

/// The state of a TLS port.
#[derive(Debug)]
pub(crate) struct TlsPortState {
    upstream: u16,
    listeners: Listeners,
    config: Arc<ServerConfig>,
    links: Vec<TlsConnection>,
}

impl TlsPortState {
    pub(crate) fn new(upstream: u16, listeners: Listeners, config: Arc<ServerConfig>) -> Self {
        Self {
            upstream,
            listeners,
            config,
            links: Vec::new(),
        }
    }
}

impl RelayState for TlsPortState {
    fn turn(&mut self) {
        while let Some(client) = self.listeners.accept() {
            // Without a server the connection is closed: the client is dropped here.
            if let Ok(server) = connect(self.upstream)
                && let Ok(tls) = ServerConnection::new(self.config.clone())
            {
                self.links.push(TlsConnection::new(client, server, tls));
            }
        }
        self.links.retain_mut(|link| {
            let goes_on = link.turn().unwrap_or(false);
            if !goes_on {
                link.close();
            }
            goes_on
        });
    }

    fn wait_for(&self, wait: &mut Wait) {
        self.listeners.wait_for(wait);
        for link in &self.links {
            link.wait_for(wait);
        }
    }
}

impl Drop for TlsPortState {
    fn drop(&mut self) {
        // The thread may still hold the sockets for a moment.
        for link in &self.links {
            link.close();
        }
    }
}
