//! The files of one server, all in one temporary directory.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The directory of a server; removed when dropped.
#[derive(Debug)]
pub(crate) struct ServerFiles {
    directory: tempfile::TempDir,
}

impl ServerFiles {
    pub(crate) fn new() -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("purse-testkit-")
            .tempdir()?;
        fs::create_dir(directory.path().join("data"))?;
        Ok(Self { directory })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the current directory of the server, to which it writes.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.path().join("server.conf")
    }

    /// The log, to be written on at its end, and where that is.
    pub(crate) fn open_log(&self) -> io::Result<(File, u64)> {
        let file = File::options()
            .append(true)
            .create(true)
            .open(self.log_file())?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    /// Returns the log from the given byte on.
    pub(crate) fn log(&self, from: u64) -> io::Result<String> {
        let mut said = Vec::new();
        let mut file = File::open(self.log_file())?;
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    fn log_file(&self) -> PathBuf {
        self.path().join("server.log")
    }
}
