//! The layering that ARCHITECTURE.md draws, asked of cargo and of the sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of all crates that `package` needs when it is built for use.
fn needs(package: &str, features: &[&str]) -> Vec<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(root())
        .args([
            "tree",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{lib}",
            "--package",
            package,
        ])
        .args(features);
    let output = tree.output().expect("cargo");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout).expect("text");
    names
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .collect()
}

fn refuses(package: &str, features: &[&str], unwanted: &[&str]) {
    let needs = needs(package, features);
    assert!(needs.len() > 1, "{package}: {needs:?}");
    for unwanted in unwanted {
        assert!(
            !needs.iter().any(|name| name == unwanted),
            "{package} needs {unwanted}"
        );
    }
}

#[test]
fn the_lock_stands_without_codecs_and_collections() {
    refuses(
        "purse-redlock",
        &[],
        &["purse_codec", "purse_collections", "serde_json"],
    );
    assert!(
        needs("purse-redlock", &[])
            .iter()
            .any(|name| name == "purse_client")
    );
}

#[test]
fn the_codec_stands_without_tokio_and_fred() {
    refuses(
        "purse-codec",
        &["--all-features"],
        &["tokio", "fred", "purse_client"],
    );
}

#[test]
fn the_client_knows_neither_codecs_nor_what_is_above_it() {
    refuses(
        "purse-client",
        &[],
        &["purse_codec", "purse_collections", "purse_redlock", "purse"],
    );
}

#[test]
fn the_testkit_knows_no_purse_and_no_client() {
    refuses(
        "purse-testkit",
        &[],
        &[
            "purse",
            "purse_client",
            "purse_codec",
            "fred",
            "redis",
            "tokio",
        ],
    );
}

#[test]
fn no_test_or_example_reaches_the_facade() {
    refuses(
        "purse",
        &[],
        &[
            "purse_testkit",
            "purse_tests",
            "purse_faults",
            "purse_examples",
            "proptest",
        ],
    );
}

fn sources(krate: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("crates").join(krate).join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("text");
                sources.push((path, source));
            }
        }
    }
    sources
}

const CRATES: [&str; 6] = [
    "purse",
    "purse-client",
    "purse-codec",
    "purse-collections",
    "purse-redlock",
    "purse-testkit",
];

#[test]
fn only_the_client_calls_fred() {
    for krate in CRATES.into_iter().filter(|krate| *krate != "purse-client") {
        for (path, source) in sources(krate) {
            let calls = source
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains("fred::"));
            assert!(!calls, "{} calls fred", path.display());
        }
    }
}

#[test]
fn files_stay_small_and_the_facade_has_no_logic() {
    for krate in CRATES {
        for (path, source) in sources(krate) {
            assert!(
                source.lines().count() <= 600,
                "{} has over 600 lines",
                path.display()
            );
        }
    }
    let facade = fs::read_to_string(root().join("crates/purse/src/lib.rs")).expect("text");
    let code = facade
        .lines()
        .filter(|line| !line.is_empty() && !line.trim_start().starts_with("//"));
    assert!(code.clone().count() <= 80);
    assert!(!facade.contains("fn ") && !facade.contains("::*"));
}
