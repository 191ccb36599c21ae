//! A child process that cannot outlive this one.
//!
//! No signal or exit hook can promise that: this process may be killed. So a small shell script
//! waits on a pipe held by this process, and ends the child when the pipe closes.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// The pause between two checks of a condition that nothing announces.
pub(crate) const POLL: Duration = Duration::from_millis(3);

const WATCHDOG: &str = include_str!("watchdog.sh");

/// The process to run.
#[derive(Debug)]
pub(crate) struct ChildCommand<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: &'a [&'a OsStr],
    pub(crate) environment: &'a [(OsString, OsString)],
    /// The current directory of the process.
    pub(crate) directory: &'a Path,
    /// Removed by the watchdog once this process is dead.
    pub(crate) remove: &'a Path,
    /// The file for its standard output and error.
    pub(crate) log: File,
}

/// A running or ended child and its watchdog; killed when dropped.
#[derive(Debug)]
pub(crate) struct GuardedChild {
    child: Child,
    /// The pipe the watchdog waits on.
    lifeline: ChildStdin,
    status: Option<ExitStatus>,
}

impl GuardedChild {
    pub(crate) fn spawn(task: ChildCommand<'_>) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WATCHDOG, "sh"]).arg(task.remove);
        if !task.environment.is_empty() {
            // The task's variables are set for the program alone: something like LD_PRELOAD
            // should not act on the shell.
            command.arg("/usr/bin/env");
            command.args(task.environment.iter().map(|(name, value)| {
                let mut pair = name.clone();
                pair.push("=");
                pair.push(value);
                pair
            }));
        }
        let mut child = command
            .arg(task.program)
            .args(task.arguments)
            .current_dir(task.directory)
            .stdin(Stdio::piped())
            .stdout(task.log.try_clone()?)
            .stderr(task.log)
            // Out of reach of Ctrl-C, which is for this process: the rest follows from that.
            .process_group(0)
            .spawn()?;
        let lifeline = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            child,
            lifeline,
            status: None,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether the process has ended; leaves it unreaped, so that its pid stays its own.
    pub(crate) fn has_ended(&self) -> bool {
        if self.status.is_some() {
            return true;
        }
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // An error means that it is no longer our child: another process reaped it.
        !matches!(waitid(WaitId::Pid(self.pid()), look), Ok(None))
    }

    /// Sends a signal, unless the process has ended.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        match self.status {
            Some(_) => Err(io::ErrorKind::NotFound.into()),
            None => Ok(kill_process(self.pid(), signal)?),
        }
    }

    /// Kills the process, which no state of it can prevent, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        self.child.kill()?;
        self.reap()
    }

    /// Asks the process to end, stopped or not; says whether it did so in time.
    pub(crate) fn terminate(&mut self, patience: Duration) -> io::Result<bool> {
        if self.status.is_some() {
            return Ok(true);
        }
        self.signal(Signal::TERM)?;
        self.signal(Signal::CONT)?;
        let asked = Instant::now();
        while !self.has_ended() {
            if asked.elapsed() > patience {
                return Ok(false);
            }
            thread::sleep(POLL);
        }
        self.reap()?;
        Ok(true)
    }

    /// Ends the process, and its watchdog without touching the directory.
    pub(crate) fn dismiss(mut self) {
        // As when dropped, nothing can be done about a failure.
        let _ = self.kill();
        // If the watchdog is gone already, there is nothing to tell it.
        let _ = self.lifeline.write_all(b"dismiss\n");
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        // First the watchdog forgets the pid, then the system may give it to another process.
        let _ = self.lifeline.write_all(b"reaped\n");
        // `Child::wait` closes stdin, but the lifeline was taken out of the child.
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for GuardedChild {
    fn drop(&mut self) {
        // Nothing can be reported from here; the watchdog tries once more.
        let _ = self.kill();
    }
}
