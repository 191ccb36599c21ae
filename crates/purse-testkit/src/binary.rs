//! A server binary that has been asked for its version.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;

/// Which of the two families a server belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        })
    }
}

/// The version numbers of a server; compare them only within one [`Flavour`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number.
    pub minor: u16,
    /// The third number.
    pub patch: u16,
}

impl Version {
    /// The version `major.minor.patch`.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.splitn(3, '.').map(|number| {
            // A release candidate says "8.0.0-rc1".
            let digits = number.find(|c: char| !c.is_ascii_digit());
            number[..digits.unwrap_or(number.len())].parse().ok()
        });
        Some(Self::new(
            numbers.next()??,
            numbers.next()??,
            numbers.next()??,
        ))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A server binary on this machine, known to run; displays as `Valkey 9.1.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    path: PathBuf,
    flavour: Flavour,
    version: Version,
}

impl Binary {
    /// Runs the file with `--version` and reads what it says.
    ///
    /// # Errors
    ///
    /// [`Error::NotAServer`] if the file is missing, does not run on this machine, or says
    /// something that neither Redis nor Valkey says.
    pub fn at(path: impl AsRef<Path>) -> Result<Self, Error> {
        let given = path.as_ref();
        let refuse = |reason: String| Error::NotAServer {
            path: given.to_owned(),
            reason,
        };
        // Absolute, since servers are started in a directory of their own.
        let path = std::path::absolute(given).map_err(|e| refuse(e.to_string()))?;
        let output = Command::new(&path)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|e| refuse(e.to_string()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let (flavour, version) = Self::parse(&said).ok_or_else(|| {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let first = said.lines().chain(complaint.lines()).next();
            refuse(format!(
                "`--version` said {:?} ({})",
                first.unwrap_or_default(),
                output.status
            ))
        })?;
        Ok(Self {
            path,
            flavour,
            version,
        })
    }

    /// Reads `Valkey server v=9.1.2 sha=…` and the like.
    fn parse(said: &str) -> Option<(Flavour, Version)> {
        let flavour = match said.split_whitespace().next()? {
            "Redis" => Flavour::Redis,
            "Valkey" => Flavour::Valkey,
            _ => return None,
        };
        let version = said.split_whitespace().find_map(|w| w.strip_prefix("v="))?;
        Some((flavour, Version::parse(version)?))
    }

    /// The absolute path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Redis or Valkey.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The version numbers, of the flavour's own counting.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns whether `DEBUG` is locked until a directive unlocks it.
    pub(crate) fn locks_debug(&self) -> bool {
        self.flavour == Flavour::Valkey || self.version.major >= 7
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flavour, self.version)
    }
}
