//! A server process and the handle to it.
//!
//! May import: `release`, `error`, `protocol`, `binary`, `process`, `tls`.

pub(crate) mod builder;
mod launch;
pub(crate) mod queries;
#[cfg(feature = "tls")]
mod tls;
pub(crate) mod user_urls;

use std::io;
use std::iter;
use std::net::{Ipv6Addr, TcpListener};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use crate::binary::Binary;
use crate::error::Error;
use crate::process::guarded_child::GuardedChild;
use crate::process::port::free_port;
use crate::process::server_files::ServerFiles;
use crate::protocol::connection::Connection;
use crate::protocol::reply::Reply;
use crate::server::builder::{Mode, ServerBuilder};
use crate::server::launch::Launch;
use crate::tls::Tls;

/// The number of further ports that are tried if another process takes the first.
const SPARE_PORTS: usize = 4;

/// The time that [`Server::stop`] and [`Server::command`] wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// A Redis or Valkey server that runs on 127.0.0.1 until this value is dropped or this process
/// ends.
///
/// Every method takes `&self`: share it as `&'static Server` or in an `Arc`.
///
/// ```
/// use purse_testkit::{Reply, Server};
///
/// let server = Server::start()?;
/// assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
/// assert_eq!(server.command(&["PING"])?, Reply::Simple("PONG".into()));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    settings: ServerBuilder,
    binary: Binary,
    port: u16,
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there is none"))]
    pub(crate) tls: Option<Tls>,
    // Before `process`, since fields are dropped in this order: the directory is removed here, and
    // only then does the watchdog learn that it is no longer needed.
    home: ServerFiles,
    process: Mutex<GuardedChild>,
}

impl Server {
    /// Starts the default server on a free port, and waits until it answers.
    ///
    /// # Errors
    ///
    /// The errors of [`ServerBuilder::start`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// assert_eq!(server.command(&["DBSIZE"])?.int(), Some(0));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// Settings to start another kind of server with.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().password("secret").databases(4).start()?;
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The one server of this process, started on first use.
    ///
    /// It is for tests that use only keys of their own: do not stop the server or change its
    /// settings.
    ///
    /// # Panics
    ///
    /// If it cannot be started, with the text of the [`Error`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// // Many tests share it: each has keys of its own.
    /// let server = Server::shared();
    /// server.command(&["SET", "my test:a", "1"])?;
    /// assert_eq!(Server::shared().port(), server.port());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Server> = LazyLock::new(|| match Server::start() {
            Ok(server) => server,
            Err(error) => panic!("no shared server: {}", full_text(&error)),
        });
        &SHARED
    }

    pub(crate) fn launch(settings: ServerBuilder, binary: Binary) -> Result<Self, Error> {
        match settings.port {
            Some(port) => Self::launch_on(port, iter::empty(), settings, binary),
            None => {
                let mode = settings.mode;
                let free_port = move || free_port(mode == Mode::ClusterNode);
                let first = free_port().map_err(Error::io("find a free port"))?;
                let spare = iter::repeat_with(free_port).map_while(Result::ok);
                Self::launch_on(first, spare.take(SPARE_PORTS), settings, binary)
            }
        }
    }

    /// Takes a spare port each time that others are faster to take one.
    fn launch_on(
        mut port: u16,
        mut spare: impl Iterator<Item = u16>,
        settings: ServerBuilder,
        binary: Binary,
    ) -> Result<Self, Error> {
        let home = ServerFiles::new().map_err(Error::io("make a directory for the server"))?;
        let process = loop {
            let launch = Launch {
                settings: &settings,
                binary: &binary,
                home: &home,
                port,
            };
            match launch.first() {
                Ok(process) => break process,
                Err(error) if launch::is_port_taken(&error) => port = spare.next().ok_or(error)?,
                Err(error) => return Err(error),
            }
        };
        // The directory and the process go if this fails.
        let tls = settings.tls.start(port, &home)?;
        Ok(Self {
            settings,
            binary,
            port,
            tls,
            home,
            process: Mutex::new(process),
        })
    }

    /// The address of database 0, with the password if there is one.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn url(&self) -> String {
        format!("redis://{}{}", self.credentials(), self.address())
    }

    /// The host and the port.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host(), self.port)
    }

    /// The password as the start of an address, if there is one.
    pub(crate) fn credentials(&self) -> String {
        match &self.settings.password {
            Some(password) => user_urls::credentials("", password),
            None => String::new(),
        }
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.settings.password.as_deref()
    }

    /// The address of a database by its number.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// assert_eq!(server.url_db(3), format!("{}/3", server.url()));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn url_db(&self, database: u8) -> String {
        format!("{}/{database}", self.url())
    }

    /// The address the server listens on, `127.0.0.1`.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The port the server listens on, the same after every restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of the server process, or of the last one if it has ended.
    pub fn pid(&self) -> u32 {
        self.process().id()
    }

    /// The binary that runs, with its flavour and version.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// println!("tested with {}", server.binary());
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn binary(&self) -> &Binary {
        &self.binary
    }

    /// Everything the server has logged, over all its restarts.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// assert!(server.log().contains("Ready to accept connections"));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn log(&self) -> String {
        self.home.log(0).unwrap_or_default()
    }

    /// Returns whether the server process exists, paused or not.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// server.kill()?;
    /// assert!(!server.is_running());
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn is_running(&self) -> bool {
        !self.process().has_ended()
    }

    /// Kills the server like `kill -9`, and waits until it is gone; does nothing if it is.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// server.kill()?; // what its clients see now is under test
    /// server.restart()?;
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn kill(&self) -> Result<(), Error> {
        self.process()
            .kill()
            .map(drop)
            .map_err(Error::io("kill the server"))
    }

    /// Asks the server to shut down, paused or not, and waits until it is gone; does nothing if it
    /// is.
    ///
    /// # Errors
    ///
    /// [`Error::DidNotStop`] if it takes longer than ten seconds: then it is killed.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// server.stop()?;
    /// assert!(server.log().contains("ready to exit"));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn stop(&self) -> Result<(), Error> {
        self.stop_process(&mut self.process())
    }

    /// Starts the server again on the same port and with the same files, its configuration among
    /// them (`CONFIG REWRITE`), and waits until it answers; if it runs, stops it first.
    ///
    /// The data survives only with [`ServerBuilder::append_only`].
    ///
    /// # Errors
    ///
    /// The errors of [`Server::stop`], and of [`ServerBuilder::start`].
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// let port = server.port();
    /// server.command(&["SET", "a", "1"])?;
    /// server.restart()?;
    /// assert_eq!(server.port(), port);
    /// assert_eq!(server.command(&["DBSIZE"])?.int(), Some(0), "the data are gone");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn restart(&self) -> Result<(), Error> {
        let mut process = self.process();
        self.stop_process(&mut process)?;
        let next = Launch {
            settings: &self.settings,
            binary: &self.binary,
            home: &self.home,
            port: self.port,
        }
        .start()?;
        std::mem::replace(&mut *process, next).dismiss();
        Ok(())
    }

    /// Suspends the server: connections stay open, and nothing is answered until
    /// [`Server::resume`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it does not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    ///
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// server.pause()?;
    /// let late = server.command_timeout(&["PING"], Duration::from_millis(20));
    /// assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    /// server.resume()?;
    /// assert_eq!(server.command(&["PING"])?.text(), Some("PONG"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn pause(&self) -> Result<(), Error> {
        self.process()
            .signal(Signal::STOP)
            .map_err(Error::io("pause the server"))
    }

    /// Lets a paused server go on; does nothing if it is not paused.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it does not run.
    pub fn resume(&self) -> Result<(), Error> {
        self.process()
            .signal(Signal::CONT)
            .map_err(Error::io("resume the server"))
    }

    /// Asks the server something over a connection of its own, on database 0; gives up after ten
    /// seconds.
    ///
    /// Use this method to inspect the server independently of the client under test. A refusal by
    /// the server is not an error here but a [`Reply::Error`].
    ///
    /// # Errors
    ///
    /// That of the connection; of the kind `TimedOut` if there was no answer in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::{Reply, Server};
    ///
    /// let server = Server::start()?;
    /// server.command(&["SET", "name", "Ada"])?;
    /// // A refusal is a reply, too.
    /// let refused = server.command(&["LPUSH", "name", "x"])?;
    /// assert!(matches!(refused, Reply::Error(text) if text.starts_with("WRONGTYPE")));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn command<A: AsRef<[u8]>>(&self, arguments: &[A]) -> io::Result<Reply> {
        self.command_timeout(arguments, PATIENCE)
    }

    /// Like [`Server::command`], with another limit.
    ///
    /// # Errors
    ///
    /// The errors of [`Server::command`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// let reply = server.command_timeout(&["BLPOP", "jobs", "0.01"], Duration::from_secs(20))?;
    /// assert!(reply.items().is_empty());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn command_timeout<A: AsRef<[u8]>>(
        &self,
        arguments: &[A],
        timeout: Duration,
    ) -> io::Result<Reply> {
        Connection::open(self.port, self.password(), timeout)?.command(arguments)
    }

    fn stop_process(&self, process: &mut GuardedChild) -> Result<(), Error> {
        let action = "stop the server";
        if process.terminate(PATIENCE).map_err(Error::io(action))? {
            return Ok(());
        }
        process.kill().map_err(Error::io(action))?;
        Err(Error::DidNotStop {
            port: self.port,
            waited: PATIENCE,
        })
    }

    fn process(&self) -> MutexGuard<'_, GuardedChild> {
        // A thread that panicked here left at worst a server that does not run.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Before its directory is removed. Nothing can be reported from here.
        let _ = self.kill();
    }
}

/// The error and its causes, on one line.
fn full_text(error: &dyn std::error::Error) -> String {
    let causes = iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl ServerBuilder {
    /// Starts the server, and waits until it answers.
    ///
    /// # Errors
    ///
    /// The errors of [`Release::locate`](crate::Release::locate); [`Error::Ended`] or [`Error::NoAnswer`], with the end of the
    /// server's log, if it does not come up within ten seconds; [`Error::Io`] if its directory
    /// cannot be made; [`Error::NoIpv6`] after [`ServerBuilder::ipv6`]; `Error::Tls` after
    /// `ServerBuilder::tls`.
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::builder().config("maxmemory", "100mb").start()?;
    /// assert!(server.is_running());
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn start(self) -> Result<Server, Error> {
        if self.uses_ipv6 {
            require_ipv6()?;
        }
        let binary = match &self.binary {
            Some(path) => Binary::at(path)?,
            None => self.release.locate()?,
        };
        Server::launch(self, binary)
    }
}

/// Returns an error unless a socket can be bound to `::1`.
fn require_ipv6() -> Result<(), Error> {
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::NoIpv6 { source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Release;

    #[test]
    fn port_taken_by_others_is_given_up() {
        let binary = Release::Default.locate().unwrap();
        let other = Server::start().unwrap();
        let free = free_port(false).unwrap();
        let launch = |spare: &[u16]| {
            let (settings, spare) = (Server::builder(), spare.iter().copied());
            Server::launch_on(other.port(), spare, settings, binary.clone())
        };
        assert_eq!(launch(&[other.port(), free]).unwrap().port(), free);
        assert!(matches!(launch(&[]), Err(Error::Ended { .. })));
    }
}
