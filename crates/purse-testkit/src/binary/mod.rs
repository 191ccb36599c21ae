//! A server binary that has been asked for its version.
//!
//! May import: `release`, `error`.

mod cache;
mod environment;
mod fetch;
mod search_order;
mod wheels;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::release::{Flavour, Version};

/// A server binary on this machine, known to run; displays as `Valkey 9.1.2`.
///
/// ```
/// use purse_testkit::{Binary, Release};
///
/// let binary: Binary = Release::Default.locate()?;
/// println!("{binary} is {}", binary.path().display());
/// # Ok::<_, purse_testkit::Error>(())
/// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use purse_testkit::{Binary, Error};
    ///
    /// let refused = Binary::at("/bin/sh");
    /// assert!(matches!(refused, Err(Error::NotAServer { .. })));
    /// ```
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
    ///
    /// ```
    /// use purse_testkit::Release;
    ///
    /// let binary = Release::Default.locate()?;
    /// let said = std::process::Command::new(binary.path()).arg("--version").output()?;
    /// assert!(said.status.success());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Redis or Valkey.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The version numbers, of the flavour's own counting.
    ///
    /// ```
    /// use purse_testkit::Server;
    ///
    /// let server = Server::start()?;
    /// if server.binary().version().major < 7 {
    ///     println!("skipped: the server is too old");
    /// }
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
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
