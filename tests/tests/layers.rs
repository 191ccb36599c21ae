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
fn lock_crate_needs_no_codecs_or_collections() {
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
fn codec_crate_needs_no_tokio_or_fred() {
    refuses(
        "purse-codec",
        &["--all-features"],
        &["tokio", "fred", "purse_client"],
    );
}

#[test]
fn lease_crate_needs_no_client_or_codecs() {
    refuses(
        "purse-lease",
        &[],
        &["fred", "redis", "purse_client", "purse_codec", "serde"],
    );
}

#[test]
fn client_crate_needs_no_codecs_or_upper_layers() {
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
            "purse_book",
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

const CRATES: [&str; 7] = [
    "purse",
    "purse-client",
    "purse-codec",
    "purse-collections",
    "purse-lease",
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
    assert!(
        !code
            .clone()
            .any(|line| line.contains("fn ") || line.contains("::*"))
    );
}

/// The folders of a crate, or files beside its `lib.rs`, and what each may import, from the lowest to
/// the highest.
type Folders = &'static [(&'static str, &'static [&'static str])];

const FOLDERS: [(&str, Folders); 6] = [
    ("purse-client", CLIENT_FOLDERS),
    ("purse-lease", LEASE_FOLDERS),
    ("purse-redlock", REDLOCK_FOLDERS),
    ("purse-testkit", TESTKIT_FOLDERS),
    ("purse-codec", CODEC_FOLDERS),
    ("purse-collections", COLLECTIONS_FOLDERS),
];

const CLIENT_FOLDERS: Folders = &[
    ("error", &[]),
    ("util", &[]),
    ("resp", &[]),
    ("telemetry", &["error"]),
    ("config", &["error"]),
    ("command", &["error", "util", "resp", "config"]),
    (
        "connection",
        &["error", "util", "resp", "telemetry", "config", "command"],
    ),
    (
        "cluster",
        &[
            "error",
            "util",
            "telemetry",
            "config",
            "command",
            "connection",
        ],
    ),
    (
        "core",
        &[
            "error",
            "util",
            "telemetry",
            "config",
            "command",
            "connection",
            "cluster",
        ],
    ),
    ("scan", &["error", "config", "command", "core"]),
    (
        "tracking",
        &[
            "error",
            "util",
            "resp",
            "telemetry",
            "config",
            "command",
            "connection",
            "cluster",
            "core",
        ],
    ),
    (
        "delivery",
        &["error", "util", "telemetry", "command", "core", "tracking"],
    ),
    (
        "client",
        &[
            "error",
            "util",
            "telemetry",
            "config",
            "command",
            "connection",
            "core",
            "scan",
            "tracking",
            "delivery",
        ],
    ),
];

const LEASE_FOLDERS: Folders = &[
    ("clock", &[]),
    ("auto_extend", &[]),
    ("shutdown", &[]),
    ("deadline", &["clock"]),
    ("timer", &["clock"]),
    ("renewal", &["auto_extend", "clock", "deadline"]),
    ("lost_reason", &[]),
    ("validity", &["clock", "timer", "lost_reason"]),
    ("lost", &["lost_reason", "validity"]),
];

const REDLOCK_FOLDERS: Folders = &[
    ("error", &[]),
    ("keys", &["error"]),
    ("config", &["error"]),
    ("runtime", &[]),
    ("telemetry", &["error", "keys"]),
    ("master", &["keys", "config", "telemetry"]),
    ("quorum", &["master"]),
    (
        "membership",
        &["error", "config", "telemetry", "master", "quorum"],
    ),
    ("state", &["error", "config", "runtime", "master", "quorum"]),
    (
        "lease",
        &["error", "runtime", "telemetry", "master", "quorum", "state"],
    ),
    (
        "acquire",
        &[
            "error",
            "runtime",
            "telemetry",
            "master",
            "quorum",
            "state",
            "lease",
        ],
    ),
    (
        "lock",
        &[
            "error",
            "keys",
            "config",
            "telemetry",
            "state",
            "lease",
            "acquire",
        ],
    ),
    (
        "election",
        &[
            "error", "keys", "runtime", "quorum", "state", "lease", "acquire", "lock",
        ],
    ),
    (
        "redlock",
        &["error", "keys", "master", "state", "lock", "election"],
    ),
    (
        "builder",
        &[
            "error",
            "config",
            "runtime",
            "master",
            "membership",
            "state",
            "redlock",
        ],
    ),
];

const TESTKIT_FOLDERS: Folders = &[
    ("release", &[]),
    ("error", &["release"]),
    ("protocol", &[]),
    ("binary", &["release", "error"]),
    ("process", &[]),
    ("relay", &["process"]),
    ("tls", &["error", "process", "relay"]),
    (
        "server",
        &["release", "error", "protocol", "binary", "process", "tls"],
    ),
    ("proxy", &["error", "relay", "server"]),
    ("group", &["error", "process", "protocol", "server"]),
];

const CODEC_FOLDERS: Folders = &[
    ("error", &[]),
    ("codec", &["error"]),
    ("scratch", &[]),
    ("bounded", &[]),
    ("input", &["error", "codec", "scratch"]),
    ("raw", &["error", "codec"]),
    ("readable", &["error", "codec"]),
    (
        "json",
        &["error", "codec", "scratch", "readable", "bounded"],
    ),
    ("plain", &["error", "codec", "scratch", "readable", "json"]),
    (
        "msgpack",
        &["error", "codec", "scratch", "readable", "bounded"],
    ),
    (
        "bincode",
        &["error", "codec", "scratch", "readable", "bounded"],
    ),
    ("validated", &["error", "codec"]),
];

const COLLECTIONS_FOLDERS: Folders = &[
    ("ttl", &[]),
    ("number", &[]),
    ("encode", &[]),
    ("handle", &[]),
    ("key", &["ttl", "encode", "handle"]),
    ("bulk", &["encode"]),
    ("stream", &[]),
    (
        "hash",
        &["ttl", "number", "encode", "handle", "key", "bulk", "stream"],
    ),
    ("list", &["encode", "handle", "key", "bulk", "stream"]),
    ("set", &["encode", "handle", "key", "bulk", "stream"]),
    (
        "sorted_set",
        &["encode", "handle", "key", "bulk", "stream", "list"],
    ),
    (
        "keyspace",
        &["ttl", "encode", "handle", "key", "bulk", "stream"],
    ),
    ("queue", &["encode", "handle", "key", "bulk"]),
];

/// The lines of code of a source, without comments and unit tests.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests {").next();
    let lines = code.unwrap_or_default().lines();
    lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.split(" // ").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The first names of all paths that start with `crate::`.
fn crate_imports(code: &str) -> Vec<String> {
    let name = |path: &str| {
        let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
        path[..end.unwrap_or(path.len())].to_owned()
    };
    let mut names = Vec::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(list) => {
                let list = list.split_once("};").map_or(list, |(list, _)| list);
                let list = list.replace([' ', '\n'], "");
                names.extend(list.split(',').filter(|path| !path.is_empty()).map(name));
            }
            None => names.push(name(after)),
        }
    }
    names
}

#[test]
fn folders_import_only_as_the_table_allows() {
    for (krate, folders) in FOLDERS {
        check_imports(krate, folders);
    }
}

fn check_imports(krate: &str, folders: Folders) {
    let src = root().join("crates").join(krate).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).expect("text");
    let folder_of = |name: &str| {
        let exported = code(&lib).split("pub use ").skip(1).find_map(|export| {
            let (path, _) = export.split_once(';')?;
            let (folder, names) = path.trim_start_matches("crate::").split_once("::")?;
            let mut names = names.split(|c: char| !c.is_alphanumeric() && c != '_');
            names.any(|other| other == name).then(|| folder.to_owned())
        });
        exported.unwrap_or_else(|| name.to_owned())
    };
    let mut seen = std::collections::HashSet::new();
    for (path, source) in sources(krate) {
        let inside = path.strip_prefix(&src).expect("in the crate");
        let first = inside.components().next().expect("a part").as_os_str();
        let folder = first.to_str().expect("text").trim_end_matches(".rs");
        let is_test = |part: &str| matches!(part.trim_end_matches(".rs"), "tests" | "testing");
        let mut parts = inside
            .components()
            .filter_map(|part| part.as_os_str().to_str());
        if folder == "lib" || parts.any(is_test) {
            continue;
        }
        let row = folders.iter().find(|(name, _)| *name == folder);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{krate}: {folder} is not in the table"));
        for name in crate_imports(&code(&source)) {
            let other = folder_of(&name);
            if other != folder {
                let is_allowed = allowed.contains(&&*other);
                assert!(is_allowed, "{} imports {name} of {other}", path.display());
                seen.insert((folder.to_owned(), other));
            }
        }
    }
    for (place, (folder, allowed)) in folders.iter().enumerate() {
        for other in *allowed {
            let is_lower = folders[..place].iter().any(|(name, _)| name == other);
            assert!(is_lower, "{krate}: {other} is not below {folder}");
            let is_used = seen.contains(&((*folder).to_owned(), (*other).to_owned()));
            assert!(
                is_used,
                "{krate}: {folder} does not import {other}: take it out"
            );
        }
    }
}

#[test]
fn folder_heads_match_the_table() {
    for (krate, folders) in FOLDERS {
        let src = root().join("crates").join(krate).join("src");
        for (folder, allowed) in folders {
            let Ok(source) = fs::read_to_string(src.join(folder).join("mod.rs")) else {
                continue;
            };
            let head: Vec<_> = source
                .lines()
                .map_while(|line| line.strip_prefix("//!"))
                .map(str::trim)
                .collect();
            let head = head.join(" ");
            let list: Vec<_> = allowed.iter().map(|name| format!("`{name}`")).collect();
            let list = match list.is_empty() {
                true => "nothing of this crate".to_owned(),
                false => list.join(", "),
            };
            let sentence = format!("May import: {list}.");
            assert!(
                head.contains(&sentence),
                "{krate}/{folder}/mod.rs: {sentence}"
            );
        }
    }
}

#[test]
fn folders_hold_at_most_twelve_files() {
    for (krate, _) in FOLDERS {
        let mut count = std::collections::HashMap::new();
        for (path, _) in sources(krate) {
            let folder = path.parent().expect("a folder").to_owned();
            if folder.ends_with("src/tests") {
                // Tests of the crate as a whole, one file for each method.
                continue;
            }
            *count.entry(folder).or_insert(0) += 1;
        }
        for (folder, files) in count {
            assert!(files <= 12, "{}: {files} files", folder.display());
        }
    }
}
