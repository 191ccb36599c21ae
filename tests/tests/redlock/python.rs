//! Python's redis-purse contends for the same lock. Where there is no Python, the test says so and
//! passes.

use std::path::Path;
use std::sync::Arc;

use purse::redlock::Release;
use purse_testkit::Masters;
use purse_tests::python::{interpreter, script};

use super::{PATIENCE, ask, eventually, redlock};

const TASKS: usize = 3;
const ROUNDS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn rust_and_python_exclude_each_other() {
    let Some(python) = interpreter(Path::new(env!("CARGO_TARGET_TMPDIR"))) else {
        return;
    };
    let masters = Arc::new(Masters::start(5).unwrap());
    let urls = masters.urls();
    let redlock = redlock(&urls).await;
    let theirs = tokio::task::spawn_blocking(move || script(&python, "contend.py", &urls));
    eventually("Python is at work", PATIENCE, || number(&masters) > 0).await;
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        let (mutex, masters) = (redlock.mutex("contended"), masters.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let guard = mutex.lock().await.unwrap();
                let number = number(&masters);
                tokio::task::yield_now().await;
                ask(&masters[0], "SET", "number", &(number + 1).to_string());
                assert_eq!(guard.release().await.unwrap(), Release::Released);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    theirs.await.unwrap();
    assert_eq!(number(&masters), 2 * TASKS * ROUNDS);
}

fn number(masters: &Masters) -> usize {
    let number = ask(&masters[0], "GET", "number", "");
    number
        .text()
        .map_or(0, |text| text.parse().expect("a number"))
}
