//! Operations that each add one to a value, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use purse::{Client, Error, ErrorKind, RedisHash, RedisList, RedisSortedSet, Result};
use tokio::task::JoinHandle;

/// A value that is counted up by a command, by a script, or by its length.
#[derive(Clone, Debug)]
enum Value {
    Field(RedisHash<String, i64>),
    Score(RedisSortedSet<String>),
    Length(RedisList<u8>),
}

impl Value {
    async fn add(&self) -> Result<u64> {
        match self {
            Self::Field(hash) => hash.increment("n", 1).await.map(i64::unsigned_abs),
            Self::Score(set) => set.increment("n", 1.0).await.map(whole),
            Self::Length(list) => list.push_back(0).await,
        }
    }

    async fn read(&self) -> Result<u64> {
        match self {
            Self::Field(hash) => hash.get("n").await.map(|n| n.unwrap_or(0).unsigned_abs()),
            Self::Score(set) => set.score("n").await.map(|n| whole(n.unwrap_or(0.0))),
            Self::Length(list) => list.len().await,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was counted up from zero"
)]
fn whole(score: f64) -> u64 {
    score as u64
}

/// The outcomes of the additions to one value.
#[derive(Debug, Default)]
struct Count {
    done: AtomicU64,
    ambiguous: AtomicU64,
    failed: AtomicU64,
}

impl Count {
    /// Returns true if the outcomes of the additions so far allow this value.
    fn allows(&self, value: u64) -> bool {
        let done = self.done.load(Ordering::SeqCst);
        (done..=done + self.ambiguous.load(Ordering::SeqCst)).contains(&value)
    }

    fn count_failure(&self, error: &Error) {
        let count = match error.kind() {
            ErrorKind::Ambiguous => &self.ambiguous,
            _ if error.is_retryable() => &self.failed,
            _ => panic!("{error:?}"),
        };
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// Tasks that add to values, without a pause and one addition at a time each, and read them.
#[derive(Debug)]
pub struct Tally {
    values: Vec<(Value, Arc<Count>)>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Tally {
    /// Starts three tasks for each name, which is a part of the keys.
    #[must_use]
    pub fn start(client: &Client, names: &[String]) -> Self {
        let values = names.iter().flat_map(|name| {
            let key = |kind: &str| format!("tally:{kind}:{name}");
            [
                Value::Field(RedisHash::new(client, key("field"))),
                Value::Score(RedisSortedSet::new(client, key("score"))),
                Value::Length(RedisList::new(client, key("length"))),
            ]
        });
        let values: Vec<_> = values.map(|value| (value, Arc::default())).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = values.iter().cloned();
        let tasks = tasks.map(|(value, count)| tokio::spawn(work(value, count, stop.clone())));
        Self {
            tasks: tasks.collect(),
            values,
            stop,
        }
    }

    /// Waits until each task has done more.
    ///
    /// # Panics
    /// If it takes longer than `most`.
    pub async fn wait_progress(&self, most: Duration) {
        let started = Instant::now();
        let done = |count: &Count| count.done.load(Ordering::SeqCst);
        for (value, count) in &self.values {
            let goal = done(count) + 10;
            while done(count) < goal {
                let waited = started.elapsed();
                assert!(waited < most, "no progress within {most:?}: {value:?}");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// Ends the tasks, and compares what the values are with what they can be.
    ///
    /// # Panics
    /// If they differ, or a task met anything but successes and honest failures.
    pub async fn end(self) -> Totals {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            if let Err(error) = task.await {
                panic!("{error}");
            }
        }
        let mut totals = Totals::default();
        for (value, count) in self.values {
            match value.read().await {
                Ok(number) => assert!(count.allows(number), "{number} {value:?}: {count:?}"),
                Err(error) => panic!("{error:?}"),
            }
            totals.done += count.done.load(Ordering::SeqCst);
            totals.ambiguous += count.ambiguous.load(Ordering::SeqCst);
            totals.failed += count.failed.load(Ordering::SeqCst);
        }
        totals
    }
}

/// The number of additions by their outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// They succeeded.
    pub done: u64,
    /// They may have taken place.
    pub ambiguous: u64,
    /// They did not take place.
    pub failed: u64,
}

async fn work(value: Value, count: Arc<Count>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        match value.add().await {
            Ok(number) => {
                count.done.fetch_add(1, Ordering::SeqCst);
                assert!(count.allows(number), "{number} {value:?}: {count:?}");
            }
            Err(error) => count.count_failure(&error),
        }
        match value.read().await {
            Ok(number) => assert!(count.allows(number), "{number} {value:?}: {count:?}"),
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
}
