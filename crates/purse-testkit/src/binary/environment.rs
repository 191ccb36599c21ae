//! What finding a server depends on, as a value, so that it can be tested.

use std::env;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The environment variables that discovery reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `PURSE_SERVER`.
    pub(crate) server: Option<OsString>,
    /// `PATH`.
    pub(crate) path: Option<OsString>,
    /// `PURSE_TESTKIT_CACHE`.
    pub(crate) testkit_cache: Option<OsString>,
    /// `XDG_CACHE_HOME`.
    pub(crate) xdg_cache: Option<OsString>,
    /// `HOME`, or what the system knows of it.
    pub(crate) home: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    pub(crate) fn current() -> Self {
        // An empty variable counts as unset, as in the shell's ${NAME:-}.
        let var = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            server: var("PURSE_SERVER"),
            path: var("PATH"),
            testkit_cache: var("PURSE_TESTKIT_CACHE"),
            xdg_cache: var("XDG_CACHE_HOME"),
            home: env::home_dir(),
        }
    }

    /// The first executable of that name on `PATH`.
    pub(crate) fn on_path(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(self.path.as_ref()?)
            .map(|folder| folder.join(name))
            .find(|file| is_executable(file))
    }

    /// The folder for fetched servers; `None` only without any home directory.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        if let Some(folder) = &self.testkit_cache {
            return Some(folder.into());
        }
        let caches = match &self.xdg_cache {
            Some(folder) => folder.into(),
            None => self.home.as_ref()?.join(".cache"),
        };
        Some(caches.join("purse-testkit"))
    }
}

fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
