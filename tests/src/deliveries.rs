//! Elements that are pushed to queues and popped from them, and what became of them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use purse::{Client, Error, RedisQueue};
use tokio::task::JoinHandle;

/// The longest time until all elements have returned once no fault is left.
const PATIENCE: Duration = Duration::from_secs(30);

/// A record of the elements of one queue.
#[derive(Debug, Default)]
struct Book {
    pushed: HashSet<u32>,
    maybe_pushed: HashSet<u32>,
    popped: Vec<u32>,
}

/// For each queue a task that pushes and a task that pops, one element at a time.
#[derive(Debug)]
pub struct Deliveries {
    routes: Vec<Route>,
    stop: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Route {
    queue: RedisQueue<u32>,
    book: Arc<Mutex<Book>>,
    arrived: Arc<AtomicUsize>,
    tasks: [JoinHandle<()>; 2],
}

impl Deliveries {
    /// Starts the two tasks for a queue of each name, which is a part of its key.
    #[must_use]
    pub fn start(client: &Client, names: &[String]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let route = |name: &String| {
            let queue = RedisQueue::new(client, format!("deliveries:{name}"));
            let (book, arrived) = (Arc::default(), Arc::default());
            let push = push(queue.clone(), Arc::clone(&book), stop.clone());
            let pop = pop(
                queue.clone(),
                Arc::clone(&book),
                Arc::clone(&arrived),
                stop.clone(),
            );
            let tasks = [tokio::spawn(push), tokio::spawn(pop)];
            Route {
                queue,
                book,
                arrived,
                tasks,
            }
        };
        Self {
            routes: names.iter().map(route).collect(),
            stop,
        }
    }

    /// Waits until more has arrived on each queue.
    ///
    /// # Panics
    /// If it takes longer than `most`.
    pub async fn wait_progress(&self, most: Duration) {
        let started = Instant::now();
        for route in &self.routes {
            let arrived = || route.arrived.load(Ordering::SeqCst);
            let goal = arrived() + 10;
            while arrived() < goal {
                let waited = started.elapsed();
                assert!(waited < most, "nothing within {most:?}: {:?}", route.queue);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// Ends the tasks, and accounts for every element: none arrived twice, none came from nowhere,
    /// and none is missing. Only a push may be unsure of itself.
    ///
    /// # Panics
    /// If an element is missing, arrived twice or came from nowhere.
    pub async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        for route in self.routes {
            for task in route.tasks {
                if let Err(error) = task.await {
                    panic!("{error}");
                }
            }
            let mut book =
                std::mem::take(&mut *route.book.lock().unwrap_or_else(PoisonError::into_inner));
            // What was taken for a call that failed comes back in the background.
            let deadline = Instant::now() + PATIENCE;
            while book.is_missing_any() || !matches!(route.queue.is_empty().await, Ok(true)) {
                assert!(Instant::now() < deadline, "{:?}: {book:?}", route.queue);
                match route.queue.pop_timeout(Duration::from_millis(50)).await {
                    Ok(Some(element)) => book.popped.push(element),
                    Ok(None) => {}
                    Err(error) => expect_honest(&error),
                }
            }
            book.check();
        }
    }
}

impl Book {
    fn is_missing_any(&self) -> bool {
        let popped: HashSet<u32> = self.popped.iter().copied().collect();
        !self.pushed.is_subset(&popped)
    }

    fn check(&self) {
        let popped: HashSet<u32> = self.popped.iter().copied().collect();
        assert_eq!(popped.len(), self.popped.len(), "twice");
        let strange = |n: &&u32| !self.pushed.contains(n) && !self.maybe_pushed.contains(n);
        assert_eq!(popped.iter().find(strange), None, "from nowhere");
    }
}

async fn push(queue: RedisQueue<u32>, book: Arc<Mutex<Book>>, stop: Arc<AtomicBool>) {
    let mut element = 0;
    while !stop.load(Ordering::SeqCst) {
        element += 1;
        let result = queue.push(element).await;
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(_) => {
                book.pushed.insert(element);
            }
            Err(error) if error.is_ambiguous() => {
                book.maybe_pushed.insert(element);
            }
            Err(error) => expect_honest(&error),
        }
    }
}

async fn pop(
    queue: RedisQueue<u32>,
    book: Arc<Mutex<Book>>,
    arrived: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) {
    while !stop.load(Ordering::SeqCst) {
        let result = queue.pop_timeout(Duration::from_secs(1)).await;
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(Some(element)) => {
                book.popped.push(element);
                arrived.fetch_add(1, Ordering::SeqCst);
            }
            Ok(None) => {}
            Err(error) => expect_honest(&error),
        }
    }
}

/// Only an error that says that nothing happened will do.
fn expect_honest(error: &Error) {
    assert!(error.is_retryable(), "{error:?}");
}
