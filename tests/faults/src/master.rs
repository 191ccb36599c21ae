//! One master, and the faults that can be done to it.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use purse_testkit::{Reply, Server, ServerBuilder};
use tokio::runtime::Handle;

use crate::plan::Fault;
use crate::proxy::{Flow, Proxy};

/// How many values a server has to load, and how many bytes each has, when it is to take a while: it
/// looks at its clients every two megabytes.
const LOAD: [&str; 2] = ["400", "20000"];

/// What goes wrong with the machinery itself.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A server behind a network of its own.
#[derive(Debug)]
pub struct FaultyMaster {
    server: Server,
    proxy: Proxy,
}

impl FaultyMaster {
    /// Starts a server and a proxy before it.
    ///
    /// # Errors
    /// If one of them does not start.
    pub fn start(settings: ServerBuilder, runtime: &Handle) -> Result<Self, Failure> {
        let server = settings.start()?;
        let proxy = Proxy::before(server.port(), runtime)?;
        Ok(Self { server, proxy })
    }

    /// The server itself.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// The network before the server.
    #[must_use]
    pub const fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Does what the fault says, keeps to it for so long, and mends it.
    ///
    /// # Errors
    /// If it cannot be done or mended.
    pub fn suffer(&self, fault: Fault, time: Duration) -> Result<(), Failure> {
        self.begin(fault)?;
        if fault.lasts() {
            thread::sleep(time);
        }
        self.mend(fault)
    }

    /// Does what the fault says; what comes and goes by itself is over soon.
    ///
    /// # Errors
    /// If it cannot be done.
    pub fn begin(&self, fault: Fault) -> Result<(), Failure> {
        match fault {
            Fault::Kill => self.server.kill()?,
            Fault::Pause => self.server.pause()?,
            Fault::BlackHole => self.proxy.flow(Flow::Held, Flow::Held),
            Fault::Mute => self.proxy.flow(Flow::Open, Flow::Held),
            Fault::HalfOpen => self.proxy.half_open(),
            Fault::Delay => {
                let late = Flow::Late(Duration::from_millis(30));
                self.proxy.flow(late, late);
            }
            Fault::LostReply => self.proxy.lose_replies(3),
            Fault::Close => self.proxy.close(),
            Fault::ClientKill => self.run_command(&["CLIENT", "KILL", "TYPE", "normal"])?,
            Fault::ScriptFlush => self.run_command(&["SCRIPT", "FLUSH"])?,
            Fault::OutOfMemory => self.run_command(&["CONFIG", "SET", "maxmemory", "1"])?,
            // Nobody listens there, so the data stay.
            Fault::ReadOnly => self.run_command(&["REPLICAOF", "127.0.0.1", "1"])?,
            Fault::Loading => self.load()?,
            Fault::FlushAll => self.run_command(&["FLUSHALL"])?,
        }
        Ok(())
    }

    /// Ends what the fault began.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub fn mend(&self, fault: Fault) -> Result<(), Failure> {
        match fault {
            Fault::Kill => self.server.restart()?,
            Fault::Pause => self.server.resume()?,
            Fault::BlackHole | Fault::Mute | Fault::Delay => {
                self.proxy.flow(Flow::Open, Flow::Open);
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

    /// Lets the server load its data anew, and look at its clients every now and then meanwhile.
    fn load(&self) -> Result<(), Failure> {
        let [count, size] = LOAD;
        self.run_command(&["DEBUG", "POPULATE", count, "filler", size])?;
        self.run_command(&["CONFIG", "SET", "rdbcompression", "no"])?;
        self.run_command(&["CONFIG", "SET", "key-load-delay", "500"])?;
        self.run_command(&["DEBUG", "RELOAD"])?;
        self.run_command(&["CONFIG", "SET", "key-load-delay", "0"])
    }

    /// Tells the server something that it must not refuse.
    ///
    /// # Errors
    /// If it refuses, or does not answer.
    pub fn run_command(&self, words: &[&str]) -> Result<(), Failure> {
        match self.ask(words)? {
            Reply::Error(reply) => Err(format!("{words:?}: {reply}").into()),
            _ => Ok(()),
        }
    }

    /// Asks until the server is not busy loading.
    fn ask(&self, words: &[&str]) -> io::Result<Reply> {
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

impl Fault {
    /// Whether it is a state, as opposed to an event.
    #[must_use]
    pub const fn lasts(self) -> bool {
        !matches!(
            self,
            Self::HalfOpen
                | Self::Close
                | Self::ClientKill
                | Self::ScriptFlush
                | Self::Loading
                | Self::FlushAll
        )
    }
}
