//! A server with clients on one thread.

use purse_testkit::Server;
use tokio::runtime::{Builder, Runtime};

use crate::clients::Clients;
use crate::error::Result;
use crate::operations::{Library, Operation};

/// A server with a client of each library, whose tasks all run on one thread.
///
/// A client therefore works only while [`run`](Self::run) runs, and all its costs are counted there.
#[derive(Debug)]
pub struct Fixture {
    runtime: Runtime,
    clients: Clients,
    /// Dropped last, after the clients.
    _server: Server,
}

impl Fixture {
    /// Starts the server, and connects the clients.
    ///
    /// # Errors
    /// If no server starts or a client cannot connect.
    pub fn start() -> Result<Self> {
        let server = Server::start()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let clients = runtime.block_on(Clients::connect(&server.url()))?;
        Ok(Self {
            runtime,
            clients,
            _server: server,
        })
    }

    /// Runs the operation `times` times, one after the other.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn run(&self, operation: &Operation, library: Library, times: usize) -> Result<()> {
        let run = operation.run(library, &self.clients, times);
        self.runtime.block_on(run)
    }
}
