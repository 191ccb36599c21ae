//! Brings a server up: one attempt, on one port.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::binary::Binary;
use crate::error::Error;
use crate::process::guarded_child::{ChildCommand, GuardedChild, POLL};
use crate::process::server_files::ServerFiles;
use crate::protocol::connection::Connection;
use crate::protocol::reply::Reply;
use crate::server::builder::{Mode, ServerBuilder};

/// The time that a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time that one answer may take before the server is asked again.
const PROBE: Duration = Duration::from_secs(1);

/// The number of lines of a log in an error.
const LOG_LINES: usize = 15;

/// All that an attempt depends on.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) settings: &'a ServerBuilder,
    pub(crate) binary: &'a Binary,
    pub(crate) home: &'a ServerFiles,
    pub(crate) port: u16,
}

impl Launch<'_> {
    /// Writes the server's configuration, starts it and waits until it answers.
    pub(crate) fn first(&self) -> Result<GuardedChild, Error> {
        let file = self.settings.config_file(self.binary, self.port);
        fs::write(self.home.config_file(), file)
            .map_err(Error::io("write the server's configuration"))?;
        self.start()
    }

    /// Starts the server, with what it may have written into its configuration, and waits until it
    /// answers.
    pub(crate) fn start(&self) -> Result<GuardedChild, Error> {
        let (mut process, log_start) = self
            .spawn()
            .map_err(Error::io(format!("run {}", self.binary.path().display())))?;
        match self.wait_for_answer(&mut process, log_start) {
            Ok(()) => Ok(process),
            Err(error) => {
                // The directory is still in use, by the next attempt or by the server's owner.
                process.dismiss();
                Err(error)
            }
        }
    }

    /// The process, and where in the log its own words begin.
    fn spawn(&self) -> io::Result<(GuardedChild, u64)> {
        let config = self.home.config_file();
        let (log, log_start) = self.home.open_log()?;
        let mut arguments = vec![config.as_os_str()];
        if self.settings.mode == Mode::Sentinel {
            arguments.push(OsStr::new("--sentinel"));
        }
        let process = GuardedChild::spawn(ChildCommand {
            program: self.binary.path(),
            arguments: &arguments,
            environment: &self.settings.environment,
            directory: &self.home.data(),
            remove: self.home.path(),
            log,
        })?;
        Ok((process, log_start))
    }

    fn wait_for_answer(&self, process: &mut GuardedChild, log_start: u64) -> Result<(), Error> {
        let log = || tail(&self.home.log(log_start).unwrap_or_default());
        let started = Instant::now();
        while !self.answers(process.id()) {
            if process.has_ended() {
                let status = process.kill().map_err(Error::io("reap the server"))?;
                return Err(Error::Ended {
                    binary: self.binary.to_string(),
                    port: self.port,
                    status: status.to_string(),
                    log: log(),
                });
            }
            if started.elapsed() > PATIENCE {
                return Err(Error::NoAnswer {
                    binary: self.binary.to_string(),
                    port: self.port,
                    waited: PATIENCE,
                    log: log(),
                });
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Returns whether that very process, and not another that was faster to take the port, answers
    /// and has loaded its data.
    fn answers(&self, pid: u32) -> bool {
        let ask = || -> io::Result<bool> {
            let password = self.settings.password.as_deref();
            let mut connection = Connection::open(self.port, password, PROBE)?;
            let info = connection.command(&["INFO", "server"])?;
            let own = format!("process_id:{pid}");
            let is_ours = info
                .text()
                .is_some_and(|text| text.lines().any(|line| line == own));
            Ok(is_ours && connection.command(&["PING"])? == Reply::Simple("PONG".to_owned()))
        };
        // Every error means the same: not yet.
        ask().unwrap_or(false)
    }
}

/// Returns whether the server ended because another process has its port.
pub(crate) fn is_port_taken(error: &Error) -> bool {
    matches!(error, Error::Ended { log, .. } if log.contains("already in use") || log.contains("Address in use"))
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
