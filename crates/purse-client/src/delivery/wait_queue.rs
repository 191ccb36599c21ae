//! Who waits for an element of the same key, first in, first out.
//!
//! Each line has one task, the bell, which ends with it. It watches the length of the collection
//! and calls as many as there are elements, less those that were called and have not answered.

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

/// How often the bell looks although nothing rang, and calls somebody if there is an element.
const BACKSTOP: Duration = Duration::from_secs(2);
/// How long a line pauses between two looks that it takes because it cannot watch.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Who waits for the same: the key, and the command that counts what is there.
type Name = (Bytes, &'static str);

/// The lines of one client.
#[derive(Debug, Default)]
pub(crate) struct WaitQueues {
    next: AtomicU64,
    lines: Mutex<HashMap<Name, WaitQueue>>,
}

#[derive(Debug)]
struct WaitQueue {
    /// By the order in which they came.
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
    /// How many were called and have not answered.
    called: usize,
    /// Has the bell look again.
    look: Arc<Notify>,
}

/// A place in a line, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiter<'a> {
    client: &'a Deliveries,
    name: Name,
    number: u64,
    call: oneshot::Receiver<()>,
    is_called: bool,
}

impl WaitQueues {
    /// Whether somebody waits for what `pop` would take.
    pub(crate) fn has_waiting(&self, pop: &Pop) -> bool {
        let lines = self.lock();
        lines
            .get(&name(pop))
            .is_some_and(|line| !line.waiting.is_empty())
    }

    /// Joins the end of the line.
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

    /// Stands in line at the place of `number`; the first one starts the bell.
    fn stand(&self, client: &Deliveries, name: &Name, number: u64) -> oneshot::Receiver<()> {
        let (sender, call) = oneshot::channel();
        let mut lines = self.lock();
        if let Some(line) = lines.get_mut(name) {
            if line.waiting.is_empty() {
                // When the bell looked last there was nobody to call.
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
        // A runtime that has ended drops the bell at once, and that ends the line.
        drop(lines);
        let bell = Notifier {
            client: client.clone(),
            name: name.clone(),
            look,
        };
        client.caller.runtime().spawn(bell.ring());
        call
    }

    /// How many wait and how many are called; a line in which nobody waits ends.
    fn count(&self, name: &Name) -> Option<(usize, usize)> {
        let mut lines = self.lock();
        let line = lines.get(name)?;
        if line.waiting.is_empty() {
            lines.remove(name);
            return None;
        }
        Some((line.waiting.len(), line.called))
    }

    /// Ends the line of a bell that rings no more: who waits there is called.
    fn end(&self, bell: &Notifier) {
        let mut lines = self.lock();
        let is_its_own = lines
            .get(&bell.name)
            .is_some_and(|line| Arc::ptr_eq(&line.look, &bell.look));
        let ended = is_its_own.then(|| lines.remove(&bell.name));
        drop(lines);
        drop(ended);
    }

    /// Calls the first ones.
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

    /// Has the bell look again, after `answered` of those that were called have answered.
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
    /// Resolves once it is called.
    pub(crate) async fn notified(&mut self) {
        if !self.is_called {
            // The bell ends early only with the runtime, and the line with it: to look is right as
            // well, and tells.
            let _ = (&mut self.call).await;
            self.is_called = true;
        }
    }

    /// Goes back to its place, after a call that was for nothing.
    pub(crate) fn requeue(&mut self) {
        let lines = &self.client.shared.wait_queues;
        lines.look(&self.name, self.number, usize::from(self.is_called));
        self.is_called = false;
        self.call = lines.stand(self.client, &self.name, self.number);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        // It may have been called without having been polled since.
        let is_called = self.is_called || self.call.try_recv().is_ok();
        let lines = &self.client.shared.wait_queues;
        lines.look(&self.name, self.number, usize::from(is_called));
    }
}

/// The task of a line; where it is dropped with its runtime, its line ends.
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
    /// Calls those who wait until nobody does.
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
                    // Those who were called may not come: their futures may not be polled.
                    let is_overdue = since.elapsed() >= BACKSTOP;
                    if is_overdue {
                        since = Instant::now();
                    }
                    let least = usize::from(is_overdue);
                    lines.call(name, there.saturating_sub(called).max(least));
                }
                // Each of them finds out for itself.
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
                    // To the only one who waits, how many there are is all the same.
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

/// How many elements there are, and a watch on them if one is to be had.
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
