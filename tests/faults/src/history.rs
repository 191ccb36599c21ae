//! What holders write down, each process into a file of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;

/// A lock that somebody held.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The process that held it.
    pub process: usize,
    /// Which of the holds of that process it was.
    pub number: u64,
    /// The lock.
    pub key: String,
    /// When it was asked for.
    pub asked: Nanos,
    /// When the holder had it: a reading of the clock after the lock's answer.
    pub acquired: Nanos,
    /// Until when its guard said that it would hold.
    pub until: Nanos,
    /// When it began to be given back; `None` if it was left to expire, or its holder died.
    pub released: Option<Nanos>,
    /// Its fence, if it has one.
    pub fence: Option<u64>,
    /// What was written to the counter that only the lock protects.
    pub write: Option<Write>,
    /// What became of the write to the register that looks at fences.
    pub fenced_write: Option<FencedWrite>,
    /// Whether the guard passed for valid after its time.
    pub deceived: bool,
}

/// A read and a write of the counter.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Write {
    /// What was read; one more was written.
    pub read: u64,
    /// When it was done; `None` if the holder died about then, and nobody knows.
    pub at: Option<Nanos>,
}

/// What became of a write to the fenced register.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum FencedWrite {
    /// The holder died about then, and nobody knows.
    Begun,
    /// It was accepted: one more than this was written, which was read before.
    Accepted(u64),
    /// It was refused at that moment, since a greater fence had been there.
    Refused(Nanos),
}

impl Hold {
    /// The end of the time in which nobody else may hold the lock.
    #[must_use]
    pub fn end(&self) -> Nanos {
        self.released.map_or(self.until, |at| at.min(self.until))
    }

    /// Whether it was over before its holder knew of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end() <= self.acquired
    }
}

/// A file of holds, one a line; a later line about a hold replaces an earlier one, so that what a
/// holder knew is kept when it is killed.
#[derive(Debug)]
pub struct Log(File);

impl Log {
    /// Opens the log of a process.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(folder: &Path, process: usize) -> io::Result<Self> {
        let path = folder.join(format!("{process}.{EXTENSION}"));
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self(file))
    }

    /// Adds a line, whole or not at all.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn add(&mut self, hold: &Hold) -> io::Result<()> {
        let mut line = serde_json::to_vec(hold)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}

const EXTENSION: &str = "history";

/// All that the processes wrote down so far, in no order.
///
/// # Errors
/// Those of the file system, and lines that cannot be read.
pub fn read(folder: &Path) -> io::Result<Vec<Hold>> {
    let mut holds = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|word| word == EXTENSION) {
            holds.extend(latest(&fs::read_to_string(path)?)?);
        }
    }
    Ok(holds)
}

/// The last line about each hold of one process.
fn latest(text: &str) -> io::Result<Vec<Hold>> {
    let mut holds = std::collections::BTreeMap::new();
    // A line without an end is one that its writer was killed at.
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let hold: Hold = serde_json::from_str(line)?;
        holds.insert(hold.number, hold);
    }
    Ok(holds.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::hold;

    #[test]
    fn log_returns_last_state_and_skips_torn_lines() {
        let folder = tempfile::tempdir().unwrap();
        let first = hold(1, 10, 30);
        let mut done = first.clone();
        done.released = Some(20);
        let mut second = hold(2, 40, 50);
        second.process = 7;
        let mut log = Log::open(folder.path(), 1).unwrap();
        log.add(&first).unwrap();
        log.add(&done).unwrap();
        log.0.write_all(b"{\"process\":1,\"num").unwrap();
        Log::open(folder.path(), 7).unwrap().add(&second).unwrap();

        let mut holds = read(folder.path()).unwrap();
        holds.sort_by_key(|hold| hold.process);
        assert_eq!(holds, [done, second]);
    }
}
