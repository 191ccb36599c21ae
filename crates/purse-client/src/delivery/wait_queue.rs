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

use crate::util::timer::sleep;

use super::Deliveries;
use super::Pop;
use crate::util::sync::Mutex;
use crate::{Command, Reply, Result, Watch};

/// The time between two reads of the length without a message. After it, the notifier notifies one
/// more waiter if there is an element.
const BACKSTOP: Duration = Duration::from_secs(2);
/// The pauses between two reads of the length if it cannot be watched.
const MIN_PAUSE: Duration = Duration::from_millis(2);
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// The name of a wait queue: the key, and the command that counts its elements.
type Name = (Bytes, &'static str);

/// The wait queues of one client.
#[derive(Debug, Default)]
pub(crate) struct WaitQueues {
    next: AtomicU64,
    queues: Mutex<HashMap<Name, WaitQueue>>,
}

#[derive(Debug)]
struct WaitQueue {
    /// The waiters, by the order in which they joined.
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
    /// The number of waiters that were notified and have not answered.
    notified: usize,
    /// Lets the notifier read the length again.
    recheck: Arc<Notify>,
}

/// A place in a wait queue, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiter<'a> {
    client: &'a Deliveries,
    name: Name,
    number: u64,
    notification: oneshot::Receiver<()>,
    is_notified: bool,
}

impl WaitQueues {
    /// Returns whether there is a waiter for what `pop` would take.
    pub(crate) fn has_waiting(&self, pop: &Pop) -> bool {
        let queues = self.lock();
        queues
            .get(&name_of(pop))
            .is_some_and(|queue| !queue.waiting.is_empty())
    }

    /// Joins the end of the queue.
    pub(crate) fn join<'a>(&self, client: &'a Deliveries, pop: &Pop) -> Waiter<'a> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = name_of(pop);
        Waiter {
            client,
            notification: self.enqueue(client, &name, number),
            name,
            number,
            is_notified: false,
        }
    }

    /// Enters the queue at the place of `number`. The first waiter starts the notifier.
    fn enqueue(&self, client: &Deliveries, name: &Name, number: u64) -> oneshot::Receiver<()> {
        let (sender, notification) = oneshot::channel();
        let mut queues = self.lock();
        if let Some(queue) = queues.get_mut(name) {
            if queue.waiting.is_empty() {
                // When the notifier last read the length, there was no waiter.
                queue.recheck.notify_one();
            }
            queue.waiting.insert(number, sender);
            return notification;
        }
        let recheck = Arc::new(Notify::new());
        let queue = WaitQueue {
            waiting: BTreeMap::from([(number, sender)]),
            notified: 0,
            recheck: recheck.clone(),
        };
        queues.insert(name.clone(), queue);
        // A runtime that has ended drops the notifier at once, which ends the queue.
        drop(queues);
        let notifier = Notifier {
            client: client.clone(),
            name: name.clone(),
            recheck,
        };
        client.caller.runtime().spawn(notifier.run());
        notification
    }

    /// Returns the numbers of waiters and of notified waiters. A queue without waiters ends.
    fn count(&self, name: &Name) -> Option<(usize, usize)> {
        let mut queues = self.lock();
        let queue = queues.get(name)?;
        if queue.waiting.is_empty() {
            queues.remove(name);
            return None;
        }
        Some((queue.waiting.len(), queue.notified))
    }

    /// Ends the queue of a notifier that has ended. Its waiters are notified.
    fn end(&self, notifier: &Notifier) {
        let mut queues = self.lock();
        let is_its_own = queues
            .get(&notifier.name)
            .is_some_and(|queue| Arc::ptr_eq(&queue.recheck, &notifier.recheck));
        let ended = is_its_own.then(|| queues.remove(&notifier.name));
        drop(queues);
        drop(ended);
    }

    /// Notifies the first `many` waiters.
    fn notify(&self, name: &Name, many: usize) {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(name) else {
            return;
        };
        let mut left = many;
        while left > 0
            && let Some((_, caller)) = queue.waiting.pop_first()
        {
            if caller.send(()).is_ok() {
                queue.notified += 1;
                left -= 1;
            }
        }
    }

    /// Lets the notifier read the length again, after `answered` notified waiters have answered.
    fn recheck(&self, name: &Name, number: u64, answered: usize) {
        if let Some(queue) = self.lock().get_mut(name) {
            queue.waiting.remove(&number);
            queue.notified = queue.notified.saturating_sub(answered);
            queue.recheck.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, WaitQueue>> {
        self.queues.lock()
    }
}

fn name_of(pop: &Pop) -> Name {
    (pop.key.clone(), pop.end.len_command())
}

impl Waiter<'_> {
    /// Waits until the waiter is notified.
    pub(crate) async fn notified(&mut self) {
        if !self.is_notified {
            // The notifier ends early only with the runtime, and the queue with it. The next
            // attempt then reports that.
            let _ = (&mut self.notification).await;
            self.is_notified = true;
        }
    }

    /// Returns to its place after a notification without an element.
    pub(crate) fn requeue(&mut self) {
        let queues = &self.client.shared.wait_queues;
        queues.recheck(&self.name, self.number, usize::from(self.is_notified));
        self.is_notified = false;
        self.notification = queues.enqueue(self.client, &self.name, self.number);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        // It may have been notified without having been polled since.
        let is_notified = self.is_notified || self.notification.try_recv().is_ok();
        let queues = &self.client.shared.wait_queues;
        queues.recheck(&self.name, self.number, usize::from(is_notified));
    }
}

/// The task of a wait queue. If it is dropped with its runtime, the queue ends.
struct Notifier {
    client: Deliveries,
    name: Name,
    recheck: Arc<Notify>,
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.client.shared.wait_queues.end(self);
    }
}

impl Notifier {
    /// Notifies waiters until there are none.
    async fn run(self) {
        let Self {
            client,
            name,
            recheck,
        } = &self;
        let queues = &client.shared.wait_queues;
        let mut pause = MIN_PAUSE;
        let mut since = Instant::now();
        while queues.count(name).is_some() {
            let (there, watch) = read(client, name).await;
            let Some((_, notified)) = queues.count(name) else {
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
                    queues.notify(name, there.saturating_sub(notified).max(least));
                }
                // Each waiter gets the error by its own attempt.
                Err(_) => queues.notify(name, usize::MAX),
            }
            let Some(mut watch) = watch else {
                sleep(pause).await;
                pause = (2 * pause).min(MAX_PAUSE);
                continue;
            };
            pause = MIN_PAUSE;
            tokio::select! {
                () = watch.changed() => {
                    // A single waiter needs no count of the elements.
                    if queues.count(name) == Some((1, 0)) {
                        queues.notify(name, 1);
                    }
                }
                () = recheck.notified() => {}
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
