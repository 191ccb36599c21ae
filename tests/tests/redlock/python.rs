//! Python's redis-purse and pottery contend for the same lock. Where there is no Python, the tests
//! say so and pass.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use purse::redlock::Release;
use purse_testkit::Masters;
use purse_tests::python::{interpreter, pottery, script};

use super::{PATIENCE, ask, eventually, redlock};

const TASKS: usize = 3;
const ROUNDS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn rust_and_python_exclude_each_other() {
    let python = interpreter(Path::new(env!("CARGO_TARGET_TMPDIR")));
    contend(python, "contend.py", "contended").await;
}

/// pottery puts `redlock:` before the key.
#[tokio::test(flavor = "multi_thread")]
async fn rust_and_pottery_exclude_each_other() {
    let python = pottery(Path::new(env!("CARGO_TARGET_TMPDIR")));
    contend(python, "pottery_contend.py", "redlock:contended").await;
}

async fn contend(python: Option<PathBuf>, name: &'static str, key: &'static str) {
    let Some(python) = python else { return };
    let masters = Arc::new(Masters::start(5).expect("it works"));
    let urls = masters.urls();
    let redlock = redlock(&urls).await;
    let theirs = tokio::task::spawn_blocking(move || script(&python, name, &urls));
    eventually("Python is at work", PATIENCE, || number(&masters) > 0).await;
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        // One name, or several with this one among them, with a fence: all exclude Python's.
        let names: &[_] = if task == 0 { &[key] } else { &[key, "other"] };
        let multi = redlock.fenced().multi(names).expect("names");
        let masters = masters.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let guard = multi.lock().await.expect("it works");
                let number = number(&masters);
                tokio::task::yield_now().await;
                ask(&masters[0], "SET", "number", &(number + 1).to_string());
                assert_eq!(guard.release().await.expect("it works"), Release::Released);
            }
        }));
    }
    for task in tasks {
        task.await.expect("it works");
    }
    theirs.await.expect("it works");
    assert_eq!(number(&masters), 2 * TASKS * ROUNDS);
}

fn number(masters: &Masters) -> usize {
    let number = ask(&masters[0], "GET", "number", "");
    number
        .text()
        .map_or(0, |text| text.parse().expect("a number"))
}
