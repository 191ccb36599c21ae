//! A contender process: its handle in the parent, and its main function.

use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::runtime;

use crate::contender::task::contend;
use crate::contender::{ContenderConfig, ControlFlags};
use crate::error::Failure;

/// The argument that makes the program a contender process.
const CONTEND: &str = "contend";

/// The time in which a process has to acquire a lock, or to end.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A contender process. Dropping it kills the process.
#[derive(Debug)]
pub struct ContenderProcess {
    child: Child,
    /// The standard input of the process, which ends when this is closed.
    control: Option<ChildStdin>,
}

impl ContenderProcess {
    /// Starts the program as a contender process.
    ///
    /// # Errors
    /// Those of the system.
    pub fn start(program: &Path, config: &ContenderConfig) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .arg(CONTEND)
            .arg(serde_json::to_string(config)?)
            .stdin(Stdio::piped())
            .spawn()?;
        let control = child.stdin.take();
        Ok(Self { child, control })
    }

    /// Checks that the process is running.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            Some(status) => Err(format!("a contender process ended unexpectedly: {status}").into()),
            None => Ok(()),
        }
    }

    /// Stops the process while it holds a lock, and resumes it after `time`.
    ///
    /// # Errors
    /// If the process acquires no lock.
    pub fn stop(&mut self, time: Duration) -> Result<(), Failure> {
        use std::io::Write as _;
        let control = self.control.as_mut().ok_or("the process is ending")?;
        control.write_all(b"freeze\n")?;
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let started = Instant::now();
        while waitid(WaitId::Pid(self.pid()), stopped)?.is_none() {
            self.check()?;
            if started.elapsed() > TIMEOUT {
                return Err("a contender process acquired no lock in time".into());
            }
            thread::sleep(Duration::from_millis(3));
        }
        thread::sleep(time);
        Ok(kill_process(self.pid(), Signal::CONT)?)
    }

    /// Kills the process by SIGKILL.
    ///
    /// # Errors
    /// Those of the system.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Requests the process to end.
    pub fn request_end(&mut self) {
        self.control = None;
    }

    /// Requests the process to end, and waits until it has ended.
    ///
    /// # Errors
    /// If the process failed, or does not end.
    pub fn join(mut self) -> Result<(), Failure> {
        self.request_end();
        let started = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("a contender process failed: {status}").into()),
                None if started.elapsed() > TIMEOUT => {
                    return Err("a contender process does not end".into());
                }
                None => thread::sleep(Duration::from_millis(3)),
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for ContenderProcess {
    fn drop(&mut self) {
        // A failure cannot be reported here. Without standard input the process ends as well.
        let _ = self.kill();
    }
}

/// Runs the program as a contender process; returns `None` if its arguments do not ask for that.
#[must_use]
pub fn main() -> Option<Result<(), Failure>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(CONTEND) {
        return None;
    }
    let config = arguments.next().unwrap_or_default();
    Some(
        serde_json::from_str(&config)
            .map_err(Into::into)
            .and_then(run),
    )
}

fn run(config: ContenderConfig) -> Result<(), Failure> {
    let flags = Arc::new(ControlFlags::default());
    let parent = flags.clone();
    thread::spawn(move || {
        for line in std::io::stdin().lines() {
            match line.as_deref() {
                Ok("freeze") => parent.freeze.store(true, Ordering::SeqCst),
                _ => break,
            }
        }
        parent.end.store(true, Ordering::SeqCst);
    });
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(contend(config, flags))
}
