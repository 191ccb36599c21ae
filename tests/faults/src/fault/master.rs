//! A master behind a proxy, and the way to do each fault to it.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use purse_testkit::{Reply, Server, ServerBuilder};
use tokio::runtime::Handle;

use crate::error::Failure;
use crate::fault::Fault;
use crate::fault::proxy::{Flow, Proxy};

/// The number of values that a server loads in [`Fault::Loading`], and the bytes of each. The server
/// serves its clients after every two megabytes.
const LOAD: [&str; 2] = ["400", "20000"];

/// A server behind a proxy of its own.
#[derive(Debug)]
pub struct FaultyMaster {
    server: Server,
    proxy: Proxy,
}

impl FaultyMaster {
    /// Starts a server, and a proxy before it.
    ///
    /// # Errors
    /// If the server or the proxy does not start.
    pub fn start(settings: ServerBuilder, runtime: &Handle) -> Result<Self, Failure> {
        let server = settings.start()?;
        let proxy = Proxy::start(server.port(), runtime)?;
        Ok(Self { server, proxy })
    }

    /// Returns the server itself.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the proxy before the server.
    #[must_use]
    pub const fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Begins the fault, waits for `time` if the fault lasts, and heals it.
    ///
    /// # Errors
    /// If the fault cannot be begun or healed.
    pub fn inject(&self, fault: Fault, time: Duration) -> Result<(), Failure> {
        self.begin(fault)?;
        if fault.lasts() {
            thread::sleep(time);
        }
        self.heal(fault)
    }

    /// Begins the fault. An event, such as a closed connection, is over when this returns.
    ///
    /// # Errors
    /// If the server refuses it.
    pub fn begin(&self, fault: Fault) -> Result<(), Failure> {
        match fault {
            Fault::Kill => self.server.kill()?,
            Fault::Pause => self.server.pause()?,
            Fault::BlackHole => self.proxy.set_flow(Flow::Held, Flow::Held),
            Fault::Mute => self.proxy.set_flow(Flow::Open, Flow::Held),
            Fault::HalfOpen => self.proxy.make_half_open(),
            Fault::Delay => {
                let late = Flow::Late(Duration::from_millis(30));
                self.proxy.set_flow(late, late);
            }
            Fault::LostReply => self.proxy.lose_replies(3),
            Fault::Close => self.proxy.close_all(),
            Fault::ClientKill => self.run_command(&["CLIENT", "KILL", "TYPE", "normal"])?,
            Fault::ScriptFlush => self.run_command(&["SCRIPT", "FLUSH"])?,
            Fault::OutOfMemory => self.run_command(&["CONFIG", "SET", "maxmemory", "1"])?,
            // No server listens there, so the data stay.
            Fault::ReadOnly => self.run_command(&["REPLICAOF", "127.0.0.1", "1"])?,
            Fault::Loading => self.reload()?,
            Fault::FlushAll => self.run_command(&["FLUSHALL"])?,
        }
        Ok(())
    }

    /// Ends the fault.
    ///
    /// # Errors
    /// If the server refuses it, or does not start.
    pub fn heal(&self, fault: Fault) -> Result<(), Failure> {
        match fault {
            Fault::Kill => self.server.restart()?,
            Fault::Pause => self.server.resume()?,
            Fault::BlackHole | Fault::Mute | Fault::Delay => {
                self.proxy.set_flow(Flow::Open, Flow::Open);
            }
            Fault::LostReply => self.proxy.lose_replies(0),
            Fault::OutOfMemory => self.run_command(&["CONFIG", "SET", "maxmemory", "0"])?,
            Fault::ReadOnly => self.run_command(&["REPLICAOF", "NO", "ONE"])?,
            Fault::HalfOpen
            | Fault::Close
            | Fault::ClientKill
            | Fault::ScriptFlush
            | Fault::Loading
            | Fault::FlushAll => {}
        }
        Ok(())
    }

    /// Lets the server load its data again, and serve its clients now and then while it loads.
    fn reload(&self) -> Result<(), Failure> {
        let [count, size] = LOAD;
        self.run_command(&["DEBUG", "POPULATE", count, "filler", size])?;
        self.run_command(&["CONFIG", "SET", "rdbcompression", "no"])?;
        self.run_command(&["CONFIG", "SET", "key-load-delay", "500"])?;
        self.run_command(&["DEBUG", "RELOAD"])?;
        self.run_command(&["CONFIG", "SET", "key-load-delay", "0"])
    }

    /// Runs a command that the server must not refuse.
    ///
    /// # Errors
    /// If the server refuses it, or does not reply.
    pub fn run_command(&self, words: &[&str]) -> Result<(), Failure> {
        match self.retry_while_loading(words)? {
            Reply::Error(reply) => Err(format!("{words:?}: {reply}").into()),
            _ => Ok(()),
        }
    }

    /// Repeats a command until the server is not loading.
    fn retry_while_loading(&self, words: &[&str]) -> io::Result<Reply> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let reply = self.server.command(words)?;
            let is_loading = reply
                .error()
                .is_some_and(|text| text.starts_with("LOADING"));
            if !is_loading || Instant::now() > deadline {
                return Ok(reply);
            }
            thread::sleep(Duration::from_millis(3));
        }
    }
}
