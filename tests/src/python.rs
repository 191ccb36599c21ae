//! Python's redis-purse and pottery, for tests of what both languages share.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

const PURSE: &str = "redis-purse==2.0.2";
const POTTERY: &str = "pottery==3.0.1";

/// A Python with redis-purse in it, made once and kept in `folder`; `None` where there is no
/// Python.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn interpreter(folder: &Path) -> Option<PathBuf> {
    with(PURSE, folder)
}

/// Like [`interpreter`], with pottery in place of redis-purse.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn pottery(folder: &Path) -> Option<PathBuf> {
    with(POTTERY, folder)
}

fn with(package: &str, folder: &Path) -> Option<PathBuf> {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("no python3 here: nothing to compare with");
        return None;
    }
    let environment = folder.join(package);
    let python = environment.join("bin/python");
    let complete = environment.join("complete");
    let lock = file(&folder.join("python.lock"));
    if let Err(error) = lock.lock() {
        panic!("{error}");
    }
    if !complete.exists() {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", package]));
        file(&complete);
    }
    Some(python)
}

/// Returns the lines that a program in Python prints.
///
/// # Panics
/// If it fails.
#[must_use]
pub fn lines(python: &Path, program: &str, arguments: &[String]) -> Vec<String> {
    let output = Command::new(python)
        .args(["-c", program])
        .args(arguments)
        .output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines().map(str::to_owned).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Runs a script of the folder `python`.
///
/// # Panics
/// If it fails.
pub fn script(python: &Path, name: &str, urls: &[String]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("python")
        .join(name);
    run(Command::new(python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(file)
        .args(urls));
}

fn file(path: &Path) -> File {
    match File::create(path) {
        Ok(file) => file,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn run(command: &mut Command) {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?}: {error}"),
    };
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
