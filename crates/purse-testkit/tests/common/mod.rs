//! What several of these test files need.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::error::Error;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use purse_testkit::Server;

/// Names the part that a test plays when it runs itself again as another process.
const ROLE: &str = "PURSE_TESTKIT_TEST_ROLE";

/// Marks the lines a rerun test prints for the test that runs it.
const MARK: &str = "@@ ";

/// Waits until the condition holds; panics if it does not within ten seconds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(10), "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The temporary directory of a server that answers.
pub(crate) fn home(server: &Server) -> PathBuf {
    let answer = server
        .command(&["CONFIG", "GET", "dir"])
        .expect("the server answers");
    let data = Path::new(answer.items()[1].text().expect("the path is text"));
    data.parent().expect("it lies in another").to_owned()
}

/// Returns true if no process listens on the port, not even one that is stopped.
pub(crate) fn refuses(port: u16) -> bool {
    let attempt =
        TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_secs(1));
    attempt.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// The error and all its causes.
pub(crate) fn full_text(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The part to play, if this process was started by [`rerun`].
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// The command that runs one test of this file in another process, in that role.
pub(crate) fn rerun(test: &str, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test has a path"));
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Says something to the test that runs this one; one line.
pub(crate) fn report(text: &str) {
    println!("{MARK}{text}");
}

/// The first line that the rerun test tells.
pub(crate) fn read_report(child: &mut Child) -> String {
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let mut reader = BufReader::new(stdout);
    let line = reader
        .by_ref()
        .lines()
        .map(|line| line.expect("the output is text"))
        .find_map(|line| Some(line.split_once(MARK)?.1.to_owned()))
        .expect("the rerun test tells something");
    // Kept open, or the next words of the test harness there would end the process.
    child.stdout = Some(reader.into_inner());
    line
}
