//! The files that the holders of a lock write to. No fault touches them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A number in a file that nothing but a lock protects.
#[derive(Debug)]
pub struct Counter(File);

impl Counter {
    /// Opens the counter of a key.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(folder: &Path, key: &str) -> io::Result<Self> {
        open(&folder.join(format!("{key}.counter"))).map(Self)
    }

    /// Reads the value, which is zero at first.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(&mut self) -> io::Result<u64> {
        let [value] = read(&mut self.0)?;
        Ok(value)
    }

    /// Sets the value.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&mut self, value: u64) -> io::Result<()> {
        write(&mut self.0, [value])
    }
}

/// A number in a file that refuses a fence that is smaller than an earlier one.
#[derive(Debug)]
pub struct Register(File);

/// The refusal of a fence, because the register has seen a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

impl Register {
    /// Opens the register of a key.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(folder: &Path, key: &str) -> io::Result<Self> {
        open(&folder.join(format!("{key}.register"))).map(Self)
    }

    /// Reads the value without a fence.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn value(&mut self) -> io::Result<u64> {
        let [_, value] = read(&mut self.0)?;
        Ok(value)
    }

    /// Reads the value. From now on the register refuses a smaller fence, because its write would
    /// overwrite the value without having seen this read.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(&mut self, fence: u64) -> io::Result<Result<u64, Stale>> {
        self.access(fence, None)
    }

    /// Sets the value.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&mut self, fence: u64, value: u64) -> io::Result<Result<u64, Stale>> {
        self.access(fence, Some(value))
    }

    fn access(&mut self, fence: u64, new: Option<u64>) -> io::Result<Result<u64, Stale>> {
        self.0.lock()?;
        let outcome = read(&mut self.0).and_then(|[greatest, value]| {
            if fence < greatest {
                return Ok(Err(Stale));
            }
            let value = new.unwrap_or(value);
            write(&mut self.0, [fence, value]).map(|()| Ok(value))
        });
        self.0.unlock()?;
        outcome
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

fn read<const N: usize>(file: &mut File) -> io::Result<[u64; N]> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    bytes.resize(8 * N, 0);
    let mut numbers = [0; N];
    for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
        *number = u64::from_le_bytes(*bytes);
    }
    Ok(numbers)
}

fn write<const N: usize>(file: &mut File, numbers: [u64; N]) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    // One call, so that a holder that is killed has written all bytes or none.
    file.write_all(numbers.map(u64::to_le_bytes).as_flattened())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_is_shared_by_all_that_open_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut here = Counter::open(folder.path(), "k").unwrap();
        let mut there = Counter::open(folder.path(), "k").unwrap();
        assert_eq!(there.read().unwrap(), 0);
        here.write(300).unwrap();
        assert_eq!(there.read().unwrap(), 300);
        assert_eq!(
            Counter::open(folder.path(), "l").unwrap().read().unwrap(),
            0
        );
    }

    #[test]
    fn register_refuses_stale_fences_after_next_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Register::open(folder.path(), "k").unwrap();
        let mut second = Register::open(folder.path(), "k").unwrap();
        assert_eq!(first.read(5).unwrap(), Ok(0));
        assert_eq!(first.write(5, 1).unwrap(), Ok(1));
        assert_eq!(second.read(6).unwrap(), Ok(1));
        assert_eq!(first.write(5, 2).unwrap(), Err(Stale));
        assert_eq!(first.read(5).unwrap(), Err(Stale));
        assert_eq!(second.write(6, 2).unwrap(), Ok(2));
        assert_eq!(second.read(6).unwrap(), Ok(2));
        assert_eq!(first.value().unwrap(), 2);
    }
}
