//! The servers of a test process and their files are removed, however the process ends.
//!
//! Each test runs itself again as another process, which starts a server and comes to harm.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Child;

use common::{eventually, home, read_report, refuses, report, rerun, role};
use purse_testkit::Server;
use rustix::process::{Pid, Signal, kill_process};

/// A server of another process.
struct Foreign {
    owner: Child,
    port: u16,
    home: PathBuf,
}

/// In the other process: makes the server known to the test.
fn report_server(server: &Server, home: &Path) {
    report(&format!("{} {}", server.port(), home.display()));
}

/// In the other process: starts a server and makes it known to the test.
fn start() -> Server {
    let server = Server::start().unwrap();
    report_server(&server, &home(&server));
    server
}

/// In the other process: waits for its end.
fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

impl Foreign {
    fn of(test: &str) -> Self {
        let mut owner = rerun(test, "owner").spawn().unwrap();
        let line = read_report(&mut owner);
        let (port, home) = line.split_once(' ').unwrap();
        Self {
            owner,
            port: port.parse().unwrap(),
            home: home.into(),
        }
    }

    fn assert_gone(&self) {
        eventually("nobody listens on the port", || refuses(self.port));
        eventually("the directory is removed", || !self.home.exists());
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // For a test that failed before it came to that.
        let _ = self.owner.kill();
        let _ = self.owner.wait();
    }
}

#[test]
fn killed_process_leaves_no_server() {
    if role().is_some() {
        let _server = start();
        hang();
    }
    let mut foreign = Foreign::of("killed_process_leaves_no_server");
    assert!(!refuses(foreign.port));
    assert!(foreign.home.is_dir());
    foreign.owner.kill().unwrap();
    foreign.owner.wait().unwrap();
    foreign.assert_gone();
}

#[test]
fn killed_process_leaves_no_paused_server() {
    if role().is_some() {
        let server = Server::start().unwrap();
        server.restart().unwrap();
        let home = home(&server);
        server.pause().unwrap();
        report_server(&server, &home);
        hang();
    }
    let mut foreign = Foreign::of("killed_process_leaves_no_paused_server");
    foreign.owner.kill().unwrap();
    foreign.owner.wait().unwrap();
    foreign.assert_gone();
}

#[test]
fn killed_process_leaves_no_folder_of_a_dead_server() {
    if role().is_some() {
        let server = Server::start().unwrap();
        let home = home(&server);
        server.kill().unwrap();
        report_server(&server, &home);
        hang();
    }
    let mut foreign = Foreign::of("killed_process_leaves_no_folder_of_a_dead_server");
    assert!(foreign.home.is_dir());
    foreign.owner.kill().unwrap();
    foreign.owner.wait().unwrap();
    foreign.assert_gone();
}

#[test]
fn interrupted_process_leaves_no_server() {
    if role().is_some() {
        let _server = start();
        hang();
    }
    let mut foreign = Foreign::of("interrupted_process_leaves_no_server");
    kill_process(Pid::from_child(&foreign.owner), Signal::INT).unwrap();
    let status = foreign.owner.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()));
    foreign.assert_gone();
}

#[test]
fn panicking_process_leaves_no_server() {
    if role().is_some() {
        let _server = start();
        panic!("as the test wants it");
    }
    let mut foreign = Foreign::of("panicking_process_leaves_no_server");
    assert!(!foreign.owner.wait().unwrap().success());
    foreign.assert_gone();
}

#[test]
fn aborted_process_leaves_no_server() {
    if role().is_some() {
        let _server = start();
        std::process::abort();
    }
    let mut foreign = Foreign::of("aborted_process_leaves_no_server");
    assert!(foreign.owner.wait().unwrap().signal().is_some());
    foreign.assert_gone();
}

#[test]
fn exiting_process_leaves_no_leaked_server() {
    if role().is_some() {
        std::mem::forget(start());
        std::process::exit(7);
    }
    let mut foreign = Foreign::of("exiting_process_leaves_no_leaked_server");
    assert_eq!(foreign.owner.wait().unwrap().code(), Some(7));
    foreign.assert_gone();
}

#[test]
fn ending_process_leaves_no_shared_server() {
    if role().is_some() {
        let server = Server::shared();
        report_server(server, &home(server));
        return;
    }
    let mut foreign = Foreign::of("ending_process_leaves_no_shared_server");
    assert!(foreign.owner.wait().unwrap().success());
    foreign.assert_gone();
}
