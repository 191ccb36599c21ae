//! Tasks that increment counters of their own, and the accounts of what ran.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use purse_client::{Client, Command, Error, ErrorKind, Reply};
use tokio::task::JoinHandle;

const TASKS: usize = 16;

/// A counter, and the result of its only increment.
#[derive(Debug)]
pub(crate) struct Increment {
    key: String,
    error: Option<Error>,
    /// The value of the counter that was read once the increment had failed.
    at_error: Option<i64>,
    took: Duration,
}

/// Tasks that increment counters until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Vec<Increment>>>,
}

impl Load {
    /// Starts tasks that increment one counter after the other.
    pub(crate) fn start(client: &Client, name: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicUsize::new(0));
        let tasks = (0..TASKS)
            .map(|task| {
                let (client, stop, done) = (client.clone(), stop.clone(), done.clone());
                let name = format!("{name}:{task}");
                tokio::spawn(async move {
                    let mut increments = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        // Every other counter is in the slot of `bar`, the others are in any slot.
                        let number = increments.len();
                        let key = match number % 2 {
                            0 => format!("{{bar}}{name}:{number}"),
                            _ => format!("{name}:{number}"),
                        };
                        increments.push(increment(&client, key).await);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    increments
                })
            })
            .collect();
        Self { stop, done, tasks }
    }

    /// Returns the number of increments with a result.
    pub(crate) fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Stops the tasks, and checks that each counter is as its result says.
    pub(crate) async fn check(self, client: &Client) -> Account {
        self.stop.store(true, Ordering::Relaxed);
        let mut increments = Vec::new();
        for task in self.tasks {
            increments.extend(task.await.expect("no panic"));
        }
        let mut account = Account::default();
        for increments in increments.chunks(1_000) {
            let mut batch = client.batch();
            let values: Vec<_> = increments
                .iter()
                .map(|increment| batch.add(client.op(get(&increment.key), count)))
                .collect();
            batch.send().await.expect("reads");
            for (increment, value) in increments.iter().zip(values) {
                account.add(increment, value.take().expect("a value"));
            }
        }
        println!("{account:?}");
        account
    }
}

async fn increment(client: &Client, key: String) -> Increment {
    let started = Instant::now();
    let result = client.run(Command::write("INCR").key(key.clone())).await;
    let took = started.elapsed();
    let error = result.err();
    let at_error = match &error {
        Some(_) => client.run(get(&key)).await.and_then(count).ok(),
        None => None,
    };
    Increment {
        key,
        error,
        at_error,
        took,
    }
}

fn get(key: &str) -> Command {
    Command::read("GET").key(key.to_owned())
}

fn count(reply: Reply) -> purse_client::Result<i64> {
    reply.non_nil().map_or(Ok(0), Reply::into_int)
}

/// The numbers of results.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) ok: usize,
    pub(crate) not_sent: usize,
    pub(crate) ambiguous: usize,
    pub(crate) refused: usize,
    pub(crate) longest: Duration,
}

impl Account {
    fn add(&mut self, increment: &Increment, value: i64) {
        let (number, is_exact) = match increment.error.as_ref().map(Error::kind) {
            None => (&mut self.ok, value == 1),
            Some(ErrorKind::Ambiguous) => (&mut self.ambiguous, value <= 1),
            Some(ErrorKind::NotSent) => (&mut self.not_sent, value == 0),
            // An error of the server, such as CLUSTERDOWN.
            Some(_) => (&mut self.refused, value == 0),
        };
        *number += 1;
        assert!(is_exact, "{value} after {increment:?}");
        if let Some(at_error) = increment.at_error {
            assert_eq!(value, at_error, "ran after its error: {increment:?}");
        }
        self.longest = self.longest.max(increment.took);
    }
}
