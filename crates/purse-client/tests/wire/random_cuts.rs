//! Many commands in flight while the connection is cut at random bytes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use purse_client::{Command, ErrorKind, Script};
use purse_testkit::Proxy;

use crate::support::until;
use crate::wire::Wire;

const TASKS: usize = 64;
const CUTS: usize = 300;

static PUSH: Script = Script::write("PUSH", "return redis.call('RPUSH', KEYS[1], ARGV[1])");

/// Returns the seed of `PURSE_SEED`, or a new one, and prints it.
fn seed() -> u64 {
    let seed = std::env::var("PURSE_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    println!("PURSE_SEED={seed}");
    seed
}

/// Cuts the connections at random bytes, again once a new one was made.
async fn cut_at_random(proxy: &Proxy, mut random: fastrand::Rng) {
    for _ in 0..CUTS {
        let before = proxy.accepted_count();
        match random.bool() {
            true => proxy.cut_after_request_bytes(random.u64(1..6_000)),
            false => proxy.cut_after_reply_bytes(random.u64(1..1_000)),
        }
        until("the connection was cut", async || {
            proxy.accepted_count() > before
        })
        .await;
    }
}

/// Returns the numbers in the list, in their order.
fn numbers(wire: &Wire) -> Vec<usize> {
    let list = wire.server.command(&["LRANGE", "list", "0", "-1"]);
    let list = list.expect("LRANGE");
    let number = |item: &purse_testkit::Reply| item.text().expect("text").parse();
    list.items()
        .iter()
        .map(number)
        .collect::<Result<_, _>>()
        .expect("numbers")
}

/// Has tasks push increasing numbers while the connection is cut. A command is polled first when its
/// number is drawn, because the tasks share a thread.
async fn check_pushes(of: fn(usize) -> Command) {
    let wire = Wire::start().await;
    let random = fastrand::Rng::with_seed(seed());
    let next = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (client, next, stop) = (wire.client.clone(), next.clone(), stop.clone());
            tokio::spawn(async move {
                let mut results = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let result = client.run(of(number)).await;
                    results.push((number, result.map(drop)));
                }
                results
            })
        })
        .collect();
    cut_at_random(&wire.proxy, random).await;
    stop.store(true, Ordering::Relaxed);
    let mut results = HashMap::new();
    for task in tasks {
        results.extend(task.await.expect("no panic"));
    }
    wire.wait_working().await;
    let ran = numbers(&wire);
    let mut times = HashMap::new();
    for number in &ran {
        *times.entry(*number).or_insert(0) += 1;
    }
    let mut kinds = HashMap::new();
    for (number, result) in &results {
        let times = times.get(number).copied().unwrap_or(0);
        let kind = result.as_ref().err().map(|error| error.kind());
        let is_exact = match kind {
            None => times == 1,
            Some(ErrorKind::NotSent) => times == 0,
            Some(ErrorKind::Ambiguous) => times <= 1,
            Some(_) => false,
        };
        assert!(is_exact, "{number} ran {times} times: {result:?}");
        *kinds.entry(kind).or_insert(0) += 1;
    }
    let ends = ran.windows(2).position(|two| two[0] >= two[1]);
    assert_eq!(
        ends,
        None,
        "out of order: {:?}",
        ends.map(|at| &ran[at..at + 2])
    );
    assert!(kinds.contains_key(&None) && kinds.contains_key(&Some(ErrorKind::Ambiguous)));
    println!(
        "{kinds:?} after {} connections",
        wire.proxy.accepted_count()
    );
    assert_eq!(numbers(&wire), ran, "a command ran later");
}

#[tokio::test]
async fn writes_cut_at_random_run_as_their_results_say_in_order() {
    check_pushes(|number| Command::write("RPUSH").key("list").arg(number as i64)).await;
}

#[tokio::test]
async fn scripts_cut_at_random_run_as_their_results_say_in_order() {
    check_pushes(|number| Command::script(&PUSH).key("list").arg(number as i64)).await;
}

#[tokio::test]
async fn scripts_and_writes_cut_at_random_keep_their_order() {
    check_pushes(|number| {
        let command = match number % 2 {
            0 => Command::script(&PUSH),
            _ => Command::write("RPUSH"),
        };
        command.key("list").arg(number as i64)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_cut_at_random_return_their_own_values() {
    let wire = Wire::start().await;
    for task in 0..TASKS {
        let set = [
            "SET".to_owned(),
            format!("k{task}"),
            format!("value {task}"),
        ];
        wire.server.command(&set).expect("SET");
    }
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (client, stop) = (wire.client.clone(), stop.clone());
            tokio::spawn(async move {
                let mut failures = 0;
                while !stop.load(Ordering::Relaxed) {
                    let get = Command::read("GET").key(format!("k{task}"));
                    match client.run(get).await {
                        Ok(value) => {
                            assert_eq!(crate::wire::text(value), format!("value {task}"));
                        }
                        // A read is sent again three times.
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
                            failures += 1;
                        }
                    }
                }
                failures
            })
        })
        .collect();
    cut_at_random(&wire.proxy, fastrand::Rng::with_seed(seed())).await;
    stop.store(true, Ordering::Relaxed);
    let mut failures = 0;
    for task in tasks {
        failures += task.await.expect("each has its own value");
    }
    println!("{failures} reads failed");
    wire.wait_working().await;
}
