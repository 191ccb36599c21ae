//! A process that contends, seen from outside.

use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::runtime;

use crate::contender::{Brief, Wishes, contend};
use crate::master::Failure;

/// The word by which the program knows that it is to contend.
const CONTEND: &str = "contend";

/// How long a process may take until it holds a lock, or ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of contenders, which ends with this value.
#[derive(Debug)]
pub struct Holder {
    child: Child,
    /// Closed, it tells the process to end.
    orders: Option<ChildStdin>,
}

impl Holder {
    /// Starts the program as a process of contenders.
    ///
    /// # Errors
    /// Those of the system.
    pub fn start(program: &Path, brief: &Brief) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .arg(CONTEND)
            .arg(serde_json::to_string(brief)?)
            .stdin(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take();
        Ok(Self { child, orders })
    }

    /// Fails if the process has ended by itself.
    ///
    /// # Errors
    /// If it has.
    pub fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            Some(status) => {
                Err(format!("a process of contenders ended by itself: {status}").into())
            }
            None => Ok(()),
        }
    }

    /// Stops the process at a moment when it holds a lock, for so long.
    ///
    /// # Errors
    /// If it does not come to hold a lock.
    pub fn stop(&mut self, time: Duration) -> Result<(), Failure> {
        use std::io::Write as _;
        let orders = self.orders.as_mut().ok_or("it was told to end")?;
        orders.write_all(b"freeze\n")?;
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let asked = Instant::now();
        while waitid(WaitId::Pid(self.pid()), stopped)?.is_none() {
            self.check()?;
            if asked.elapsed() > PATIENCE {
                return Err("a process of contenders held no lock for long".into());
            }
            thread::sleep(Duration::from_millis(3));
        }
        thread::sleep(time);
        Ok(kill_process(self.pid(), Signal::CONT)?)
    }

    /// Kills the process like `kill -9`.
    ///
    /// # Errors
    /// Those of the system.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Tells the process to end.
    pub fn end(&mut self) {
        self.orders = None;
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// If it failed, or goes on.
    pub fn join(mut self) -> Result<(), Failure> {
        self.end();
        let asked = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("contenders failed: {status}").into()),
                None if asked.elapsed() > PATIENCE => return Err("contenders do not end".into()),
                None => thread::sleep(Duration::from_millis(3)),
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Nothing can be reported from here; without its standard input it ends as well.
        let _ = self.kill();
    }
}

/// What the program does as a process of contenders; `None` if it was started to do something else.
#[must_use]
pub fn main() -> Option<Result<(), Failure>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(CONTEND) {
        return None;
    }
    let brief = arguments.next().unwrap_or_default();
    Some(
        serde_json::from_str(&brief)
            .map_err(Into::into)
            .and_then(run),
    )
}

fn run(brief: Brief) -> Result<(), Failure> {
    let wishes = Arc::new(Wishes::default());
    let told = wishes.clone();
    thread::spawn(move || {
        for line in std::io::stdin().lines() {
            match line.as_deref() {
                Ok("freeze") => told.freeze.store(true, Ordering::SeqCst),
                _ => break,
            }
        }
        told.end.store(true, Ordering::SeqCst);
    });
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(contend(brief, wishes))
}
