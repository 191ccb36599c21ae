//! Python's redis-purse 2.0.2 reads what purse writes, and the other way round.
//!
//! Where there is no Python, both tests say so and pass.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::TryStreamExt;
use purse::{Client, RedisHash, RedisList};
use purse_testkit::Server;
use serde::{Deserialize, Serialize};

#[path = "../../examples/hash.rs"]
#[allow(dead_code, reason = "as a program of its own it has a main function")]
mod hash;
#[path = "../../examples/redlock.rs"]
#[allow(dead_code, reason = "as a program of its own it has a main function")]
mod redlock;

const PACKAGE: &str = "redis-purse==2.0.2";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Plant {
    name: String,
    healthiness: f64,
    tasty: bool,
}

fn carrot() -> Plant {
    Plant {
        name: "carrot".into(),
        healthiness: 5.0,
        tasty: false,
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("a program that starts");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A Python with redis-purse in it, made once and kept in the target folder.
fn python() -> Option<PathBuf> {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("no python3 here: nothing to compare with");
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let environment = folder.join(PACKAGE);
    let python = environment.join("bin/python");
    let complete = environment.join("complete");
    let lock = File::create(folder.join("python.lock")).expect("a file to lock");
    lock.lock().expect("a lock");
    if !complete.exists() {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]));
        File::create(complete).expect("a file");
    }
    Some(python)
}

fn script(python: &Path, name: &str, url: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("python")
        .join(name);
    run(Command::new(python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(file)
        .arg(url));
}

const TEXTS: [&str; 6] = ["a", "ä€😀", "", "\"quoted\"", "null", "12"];

fn raw() -> [Vec<u8>; 3] {
    [vec![], (0..=255).collect(), b"[1, 2]".to_vec()]
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_what_rust_writes() {
    let Some(python) = python() else { return };
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    hash::run(&server.url()).await.unwrap();
    let masters: Vec<_> = (0..5).map(|database| server.url_db(database)).collect();
    redlock::run(&server.url(), &masters).await.unwrap();

    let texts: RedisList<String> = RedisList::new(&client, "rs:texts");
    texts.extend(TEXTS).await.unwrap();
    let bytes: RedisList<Vec<u8>> = RedisList::new(&client, "rs:bytes");
    bytes.extend(raw()).await.unwrap();
    let dicts: RedisList<Plant> = RedisList::new(&client, "rs:dicts");
    dicts.push_back(carrot()).await.unwrap();
    let counts: RedisHash<u8, u8> = RedisHash::new(&client, "rs:counts");
    counts.set(7, 42).await.unwrap();

    script(&python, "read.py", &server.url());
}

#[tokio::test]
async fn rust_reads_what_python_writes() {
    let Some(python) = python() else { return };
    let server = Server::start().unwrap();
    script(&python, "write.py", &server.url());

    let client = Client::connect(&server.url()).await.unwrap();
    let texts: RedisList<String> = RedisList::new(&client, "py:texts");
    assert_eq!(texts.to_vec().await.unwrap(), TEXTS);
    assert_eq!(texts.position("12").await.unwrap(), Some(5));
    let bytes: RedisList<Vec<u8>> = RedisList::new(&client, "py:bytes");
    assert_eq!(bytes.to_vec().await.unwrap(), raw());
    let dicts: RedisList<Plant> = RedisList::new(&client, "py:dicts");
    assert_eq!(dicts.to_vec().await.unwrap(), [carrot()]);
    let plants: RedisHash<String, Plant> = RedisHash::new(&client, "py:plants");
    let plants: HashMap<String, Plant> = plants.iter().try_collect().await.unwrap();
    assert_eq!(plants.len(), 4);
    assert_eq!(
        plants["broccoli"],
        Plant {
            name: "broccoli".into(),
            healthiness: 12.2,
            tasty: true
        }
    );
    let numbers: RedisList<u64> = RedisList::new(&client, "py:numbers");
    assert_eq!(
        numbers.to_vec().await.unwrap(),
        (0..=100).collect::<Vec<_>>()
    );
}
