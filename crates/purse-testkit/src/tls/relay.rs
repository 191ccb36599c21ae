//! All connections of a TLS port.

use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use crate::relay::{Listeners, Turn, Wait, connect};
use crate::tls::link::Link;

/// The state of a TLS port.
#[derive(Debug)]
pub(crate) struct Relay {
    upstream: u16,
    listeners: Listeners,
    config: Arc<ServerConfig>,
    links: Vec<Link>,
}

impl Relay {
    pub(crate) fn new(upstream: u16, listeners: Listeners, config: Arc<ServerConfig>) -> Self {
        Self {
            upstream,
            listeners,
            config,
            links: Vec::new(),
        }
    }
}

impl Turn for Relay {
    fn turn(&mut self) {
        while let Some(client) = self.listeners.accept() {
            // Without a server the connection is closed: the client is dropped here.
            if let Ok(server) = connect(self.upstream)
                && let Ok(tls) = ServerConnection::new(self.config.clone())
            {
                self.links.push(Link::new(client, server, tls));
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

impl Drop for Relay {
    fn drop(&mut self) {
        // The thread may still hold the sockets for a moment.
        for link in &self.links {
            link.close();
        }
    }
}
