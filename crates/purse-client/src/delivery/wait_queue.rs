//! Wait queues: the waiters for elements of one key, first in, first out.
//!
//! Each wait queue has one task, the notifier, which ends with it. The notifier watches the length
//! of the collection, and notifies as many waiters as there are elements, less those that were
//! notified and have not answered.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use std::time::Instant;
use tokio::sync::{Notify, oneshot};

use crate::util::time::sleep;

use super::Deliveries;
use super::Pop;
use crate::util::sync::Mutex;
use crate::{Command, Reply, Result, Watch};

/// The time between two reads of the length without a message. After it, the notifier notifies one
/// more waiter if there is an element.
const BACKSTOP: Duration = Duration::from_secs(2);
/// The pauses between two reads of the length if it cannot be watched.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The name of a wait queue: the key, and the command that counts its elements.
type Name = (Bytes, &'static str);

/// The wait queues of one client.
#[derive(Debug, Default)]
pub(crate) struct WaitQueues {
    next: AtomicU64,
    lines: Mutex<HashMap<Name, WaitQueue>>,
}

#[derive(Debug)]
struct WaitQueue {
    /// The waiters, by the order in which they joined.
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
    /// The number of waiters that were notified and have not answered.
    called: usize,
    /// Lets the notifier read the length again.
    look: Arc<Notify>,
}

/// A place in a wait queue, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiter<'a> {
    client: &'a Deliveries,
    name: Name,
    number: u64,
    call: oneshot::Receiver<()>,
    is_called: bool,
}

impl WaitQueues {
    /// Returns whether there is a waiter for what `pop` would take.
    pub(crate) fn has_waiting(&self, pop: &Pop) -> bool {
        let lines = self.lock();
        lines
            .get(&name(pop))
            .is_some_and(|line| !line.waiting.is_empty())
    }

    /// Joins the end of the queue.
    pub(crate) fn join<'a>(&self, client: &'a Deliveries, pop: &Pop) -> Waiter<'a> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = name(pop);
        Waiter {
            client,
            call: self.stand(client, &name, number),
            name,
            number,
            is_called: false,
        }
    }

    /// Enters the queue at the place of `number`. The first waiter starts the notifier.
    fn stand(&self, client: &Deliveries, name: &Name, number: u64) -> oneshot::Receiver<()> {
        let (sender, call) = oneshot::channel();
        let mut lines = self.lock();
        if let Some(line) = lines.get_mut(name) {
            if line.waiting.is_empty() {
                // When the notifier last read the length, there was no waiter.
                line.look.notify_one();
            }
            line.waiting.insert(number, sender);
            return call;
        }
        let look = Arc::new(Notify::new());
        let line = WaitQueue {
            waiting: BTreeMap::from([(number, sender)]),
            called: 0,
            look: look.clone(),
        };
        lines.insert(name.clone(), line);
        // A runtime that has ended drops the notifier at once, which ends the queue.
        drop(lines);
        let bell = Notifier {
            client: client.clone(),
            name: name.clone(),
            look,
        };
        client.caller.runtime().spawn(bell.ring());
        call
    }

    /// Returns the numbers of waiters and of notified waiters. A queue without waiters ends.
    fn count(&self, name: &Name) -> Option<(usize, usize)> {
        let mut lines = self.lock();
        let line = lines.get(name)?;
        if line.waiting.is_empty() {
            lines.remove(name);
            return None;
        }
        Some((line.waiting.len(), line.called))
    }

    /// Ends the queue of a notifier that has ended. Its waiters are notified.
    fn end(&self, bell: &Notifier) {
        let mut lines = self.lock();
        let is_its_own = lines
            .get(&bell.name)
            .is_some_and(|line| Arc::ptr_eq(&line.look, &bell.look));
        let ended = is_its_own.then(|| lines.remove(&bell.name));
        drop(lines);
        drop(ended);
    }

    /// Notifies the first `many` waiters.
    fn call(&self, name: &Name, many: usize) {
        let mut lines = self.lock();
        let Some(line) = lines.get_mut(name) else {
            return;
        };
        let mut left = many;
        while left > 0
            && let Some((_, caller)) = line.waiting.pop_first()
        {
            if caller.send(()).is_ok() {
                line.called += 1;
                left -= 1;
            }
        }
    }

    /// Lets the notifier read the length again, after `answered` notified waiters have answered.
    fn look(&self, name: &Name, number: u64, answered: usize) {
        if let Some(line) = self.lock().get_mut(name) {
            line.waiting.remove(&number);
            line.called = line.called.saturating_sub(answered);
            line.look.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, WaitQueue>> {
        self.lines.lock()
    }
}

fn name(pop: &Pop) -> Name {
    (pop.key.clone(), pop.end.counts())
}

impl Waiter<'_> {
    /// Waits until the waiter is notified.
    pub(crate) async fn notified(&mut self) {
        if !self.is_called {
            // The notifier ends early only with the runtime, and the queue with it. The next
            // attempt then reports that.
            let _ = (&mut self.call).await;
            self.is_called = true;
        }
    }

    /// Returns to its place after a notification without an element.
    pub(crate) fn requeue(&mut self) {
        let lines = &self.client.shared.wait_queues;
        lines.look(&self.name, self.number, usize::from(self.is_called));
        self.is_called = false;
        self.call = lines.stand(self.client, &self.name, self.number);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        // It may have been notified without having been polled since.
        let is_called = self.is_called || self.call.try_recv().is_ok();
        let lines = &self.client.shared.wait_queues;
        lines.look(&self.name, self.number, usize::from(is_called));
    }
}

/// The task of a wait queue. If it is dropped with its runtime, the queue ends.
struct Notifier {
    client: Deliveries,
    name: Name,
    look: Arc<Notify>,
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.client.shared.wait_queues.end(self);
    }
}

impl Notifier {
    /// Notifies waiters until there are none.
    async fn ring(self) {
        let Self { client, name, look } = &self;
        let lines = &client.shared.wait_queues;
        let mut pause = SHORTEST_PAUSE;
        let mut since = Instant::now();
        while lines.count(name).is_some() {
            let (there, watch) = read(client, name).await;
            let Some((_, called)) = lines.count(name) else {
                return;
            };
            match there {
                Ok(0) => {}
                Ok(there) => {
                    // The futures of notified waiters may not be polled.
                    let is_overdue = since.elapsed() >= BACKSTOP;
                    if is_overdue {
                        since = Instant::now();
                    }
                    let least = usize::from(is_overdue);
                    lines.call(name, there.saturating_sub(called).max(least));
                }
                // Each waiter gets the error by its own attempt.
                Err(_) => lines.call(name, usize::MAX),
            }
            let Some(mut watch) = watch else {
                sleep(pause).await;
                pause = (2 * pause).min(LONGEST_PAUSE);
                continue;
            };
            pause = SHORTEST_PAUSE;
            tokio::select! {
                () = watch.changed() => {
                    // A single waiter needs no count of the elements.
                    if lines.count(name) == Some((1, 0)) {
                        lines.call(name, 1);
                    }
                }
                () = look.notified() => {}
                () = sleep(BACKSTOP) => {}
            }
        }
    }
}

/// Returns the number of elements, and a watch on it if the server allows one.
async fn read(client: &Deliveries, (key, counts): &Name) -> (Result<usize>, Option<Watch>) {
    let count = || Command::read(counts).key(key.clone());
    let number = |reply: Reply| {
        let there = reply.into_count()?;
        Ok(usize::try_from(there).unwrap_or(usize::MAX))
    };
    match client.tracking().watch(count()).await {
        Ok((reply, watch)) => (number(reply), Some(watch)),
        Err(_) => (client.caller.run(count()).await.and_then(number), None),
    }
}
