//! The holds of locks that processes write down, each process into a file of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;

/// A hold of a lock by one holder.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The process that held it.
    pub process: usize,
    /// The number of this hold among those of the process.
    pub number: u64,
    /// The key of the lock.
    pub key: String,
    /// The moment of the request for the lock.
    pub requested: Nanos,
    /// The moment of acquisition, read after the lock had returned the guard.
    pub acquired: Nanos,
    /// The earliest end of the lease, as the guard reported it.
    pub until: Nanos,
    /// The moment before the release; `None` if the lease expired, or its holder died.
    pub released: Option<Nanos>,
    /// The fencing token, if the lock has one.
    pub fence: Option<u64>,
    /// The write to the counter that only the lock protects.
    pub write: Option<Write>,
    /// The outcome of the write to the register that checks fences.
    pub fenced_write: Option<FencedWrite>,
    /// True if the guard reported that it was valid after its lease had ended.
    pub has_stale_guard: bool,
}

/// A read and a write of the counter by one holder.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Write {
    /// The value that was read; the value written is one more.
    pub read: u64,
    /// The moment after the write; `None` if the holder died around the write, so that its outcome is
    /// unknown.
    pub at: Option<Nanos>,
}

/// The outcome of a write to the fenced register.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum FencedWrite {
    /// The holder died around the write, so that its outcome is unknown.
    Begun,
    /// The register accepted the write. This is the value read before; the value written is one more.
    Accepted(u64),
    /// The register refused the write at that moment, because it had seen a greater fence.
    Refused(Nanos),
}

impl Hold {
    /// Returns the end of the time in which no other holder may have the lock.
    #[must_use]
    pub fn end(&self) -> Nanos {
        self.released.map_or(self.until, |at| at.min(self.until))
    }

    /// Returns true if the lease had ended before its holder got the guard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end() <= self.acquired
    }
}

/// A file of holds, one on each line. A later line of a hold replaces an earlier one, so that the file
/// has the last state of a holder that is killed.
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

    /// Appends a line, by one write.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn append(&mut self, hold: &Hold) -> io::Result<()> {
        let mut line = serde_json::to_vec(hold)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}

const EXTENSION: &str = "history";

/// Reads the holds that all processes wrote down so far, in no order.
///
/// # Errors
/// Those of the file system, and lines that cannot be read.
pub fn read(folder: &Path) -> io::Result<Vec<Hold>> {
    let mut holds = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|word| word == EXTENSION) {
            holds.extend(parse_latest(&fs::read_to_string(path)?)?);
        }
    }
    Ok(holds)
}

/// Returns the last state of each hold of one process.
fn parse_latest(text: &str) -> io::Result<Vec<Hold>> {
    let mut holds = std::collections::BTreeMap::new();
    // A line without an end was cut off when its process was killed.
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
pub(crate) mod tests {
    use super::*;

    /// Returns a hold of process 1 on the key `k`.
    pub(crate) fn hold(number: u64, acquired: Nanos, until: Nanos) -> Hold {
        Hold {
            process: 1,
            number,
            key: "k".to_owned(),
            requested: acquired.saturating_sub(1),
            acquired,
            until,
            released: None,
            fence: None,
            write: None,
            fenced_write: None,
            has_stale_guard: false,
        }
    }

    #[test]
    fn log_returns_last_state_and_skips_torn_lines() {
        let folder = tempfile::tempdir().unwrap();
        let first = hold(1, 10, 30);
        let mut done = first.clone();
        done.released = Some(20);
        let mut second = hold(2, 40, 50);
        second.process = 7;
        let mut log = Log::open(folder.path(), 1).unwrap();
        log.append(&first).unwrap();
        log.append(&done).unwrap();
        log.0.write_all(b"{\"process\":1,\"num").unwrap();
        Log::open(folder.path(), 7)
            .unwrap()
            .append(&second)
            .unwrap();

        let mut holds = read(folder.path()).unwrap();
        holds.sort_by_key(|hold| hold.process);
        assert_eq!(holds, [done, second]);
    }
}
