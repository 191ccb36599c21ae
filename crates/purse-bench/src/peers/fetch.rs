//! The peers in Python and Node: fetched once, into the folder `target/bench/peers`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::protocol::Result;

/// The peers in Python, each with its package; the script is `peers/python/<name>.py`.
const PYTHON: [(&str, &str); 2] = [
    ("redis-purse", "redis-purse==2.0.2"),
    ("pottery", "pottery==3.0.1"),
];
/// The peers in Node, with the script `peers/node/<name>.js`; `package.json` there has the versions.
const NODE: [&str; 2] = ["redlock", "redlock-universal"];

/// The command that starts each peer in another language, or the reason why there is none.
#[derive(Debug, Default)]
pub(crate) struct PeerCommands(HashMap<&'static str, std::result::Result<Vec<OsString>, String>>);

impl PeerCommands {
    /// Fetches the packages that are missing.
    pub(crate) fn fetch(target: &Path) -> Self {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let folder = target.join("peers");
        let mut commands = HashMap::new();
        for (name, package) in PYTHON {
            let script = scripts.join("python").join(format!("{name}.py"));
            let command = install_python(&folder, package)
                .map(|python| vec![python.into(), script.into()])
                .map_err(|error| error.to_string());
            commands.insert(name, command);
        }
        let modules =
            install_node(&folder, &scripts.join("node")).map_err(|error| error.to_string());
        for name in NODE {
            let command = modules.clone().map(|modules| {
                let script = modules.join(format!("{name}.js"));
                vec!["node".into(), script.into()]
            });
            commands.insert(name, command);
        }
        Self(commands)
    }

    /// Returns the program and the arguments that start the peer.
    pub(crate) fn command(&self, name: &str) -> Result<Vec<OsString>> {
        match self.0.get(name) {
            Some(command) => command.clone().map_err(Into::into),
            None => Err(format!("no peer is called {name}").into()),
        }
    }
}

/// Installs a package into an environment of its own, and returns the interpreter.
fn install_python(folder: &Path, package: &str) -> Result<PathBuf> {
    let environment = folder.join(package);
    let python = environment.join("bin/python");
    let complete = environment.join("complete");
    if !complete.exists() {
        eprintln!("fetching {package}");
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", package]))?;
        std::fs::write(&complete, "")?;
    }
    Ok(python)
}

/// Installs the packages, and copies the scripts next to them, because Node looks for modules there.
fn install_node(folder: &Path, scripts: &Path) -> Result<PathBuf> {
    let modules = folder.join("node");
    std::fs::create_dir_all(&modules)?;
    for entry in std::fs::read_dir(scripts)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), modules.join(entry.file_name()))?;
        }
    }
    let complete = modules.join("complete");
    if !complete.exists() {
        eprintln!("fetching the peers in Node");
        run(Command::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund"])
            .current_dir(&modules))?;
        std::fs::write(&complete, "")?;
    }
    Ok(modules)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or_default();
    Err(format!("{command:?}: {last}").into())
}
