//! The queue of a connection: the bytes to write, and the entries that wait for replies.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use tokio::sync::{oneshot, watch};

use super::entry::{Ending, Entry, Failure, Outcome, Run, To};
use super::handshake::ServerInfo;
use crate::Error;
use crate::telemetry::Counters;
use crate::util::sync::Mutex;

/// The capacity above which a buffer is released after it was written.
const MAX_KEPT: usize = 1 << 20;

/// The state that the handles and the driver of a connection share.
#[derive(Debug)]
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    pub(super) status: watch::Sender<Status>,
    pub(super) counters: Arc<Counters>,
}

/// The state of a connection, for tasks that wait for a change of it.
#[derive(Debug, Clone)]
pub(crate) enum Status {
    Connecting,
    Up,
    /// The last attempt to connect failed; the driver makes another one.
    Failed(Arc<Error>),
    /// The connection has ended permanently.
    Over,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The bytes of the entries in `waiting`.
    pub(super) out: Vec<u8>,
    pub(super) waiting: Vec<Entry>,
    /// Wakes the driver if it sleeps.
    pub(super) driver: Option<Waker>,
    pub(super) order: Order,
    /// The number of waiting entries from which on the driver writes at once.
    pub(super) enough: usize,
    /// Whether every task that was ready has had its turn.
    pub(super) is_due: bool,
    pub(super) is_up: bool,
    pub(super) ending: Option<Ending>,
    /// Why there is no connection.
    pub(super) cause: Option<Arc<Error>>,
    /// The time of the next check of deadlines: the first deadline, or earlier.
    pub(super) check_at: Option<Instant>,
    pub(super) known: KnownScripts,
    /// The number of connections made so far.
    pub(super) generation: u64,
    pub(super) info: Option<Arc<ServerInfo>>,
    /// Whether the driver connects only once.
    pub(super) is_single: bool,
    next_number: u64,
}

/// An order to the driver, apart from sending.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    None,
    /// Close once everything is answered.
    Finish,
    /// Drop the connection, and make another one.
    Reset,
    /// Drop the connection.
    End,
}

/// The scripts that were sent on this connection, so that the server knows them by their hashes.
#[derive(Debug, Default)]
pub(crate) struct KnownScripts(Vec<u64>);

impl KnownScripts {
    /// Marks the script with this id as sent; returns whether it was sent before.
    pub(crate) fn insert(&mut self, id: usize) -> bool {
        let (word, bit) = (id / 64, 1 << (id % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let was_known = self.0[word] & bit != 0;
        self.0[word] |= bit;
        was_known
    }

    /// Marks the script with this id as unknown.
    pub(crate) fn remove(&mut self, id: usize) {
        if let Some(word) = self.0.get_mut(id / 64) {
            *word &= !(1 << (id % 64));
        }
    }
}

/// The start and the deadline of a command, and whether it waits for a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) since: Instant,
    pub(crate) deadline: Instant,
    pub(crate) fail_fast: bool,
}

/// A command in the queue or in flight.
#[derive(Debug)]
pub(crate) struct Ticket<T> {
    pub(crate) reply: oneshot::Receiver<T>,
    pub(crate) number: u64,
    /// The number of connections made when the command was queued.
    pub(crate) generation: u64,
}

impl Shared {
    pub(super) fn new(counters: Arc<Counters>, is_single: bool) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(Queue {
                is_single,
                ..Queue::default()
            }),
            status: watch::Sender::new(Status::Connecting),
            counters,
        })
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock()
    }

    /// Puts a command into the queue, as `encode` writes it, of whose replies the first `skip` are
    /// not wanted.
    pub(super) fn put_one(
        &self,
        terms: Terms,
        skip: usize,
        encode: impl FnOnce(&mut Vec<u8>, &mut KnownScripts),
    ) -> Result<Ticket<Outcome>, Failure> {
        let (to, reply) = oneshot::channel();
        let (number, generation) = self.put(terms, skip, |out, known| {
            encode(out, known);
            To::One(to)
        })?;
        Ok(Ticket {
            reply,
            number,
            generation,
        })
    }

    /// Puts commands into the queue with none in between; `encode` adds the length of each.
    pub(super) fn put_run(
        &self,
        terms: Terms,
        encode: impl FnOnce(&mut Vec<u8>, &mut KnownScripts, &mut Vec<usize>),
    ) -> Result<Ticket<Vec<Outcome>>, Failure> {
        let (to, reply) = oneshot::channel();
        let (number, generation) = self.put(terms, 0, |out, known| {
            let mut lengths = Vec::new();
            encode(out, known, &mut lengths);
            To::Run(Box::new(Run {
                outcomes: Vec::with_capacity(lengths.len()),
                lengths,
                to,
            }))
        })?;
        Ok(Ticket {
            reply,
            number,
            generation,
        })
    }

    /// Puts a command into the queue whose reply no caller waits for.
    pub(super) fn put_unawaited(
        &self,
        terms: Terms,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Failure> {
        self.put(terms, 0, |out, _| {
            encode(out);
            To::Nobody(1)
        })
        .map(drop)
    }

    fn put(
        &self,
        terms: Terms,
        skip: usize,
        write: impl FnOnce(&mut Vec<u8>, &mut KnownScripts) -> To,
    ) -> Result<(u64, u64), Failure> {
        let mut guard = self.lock();
        let queue = &mut *guard;
        if let Some(ending) = queue.ending {
            return Err(match queue.is_single {
                true => Failure::NotSent(queue.cause.clone()),
                false => Failure::Ended {
                    ending,
                    sent: false,
                },
            });
        }
        if !queue.is_up && (terms.fail_fast || queue.is_single && queue.generation > 0) {
            return Err(Failure::NotSent(queue.cause.clone()));
        }
        let before = queue.out.len();
        let to = write(&mut queue.out, &mut queue.known);
        let number = queue.next_number;
        queue.next_number += 1;
        queue.waiting.push(Entry {
            length: queue.out.len() - before,
            number,
            since: terms.since,
            deadline: terms.deadline,
            skip,
            fail_fast: terms.fail_fast,
            to,
        });
        let is_earlier = queue.check_at.is_none_or(|at| terms.deadline < at);
        if is_earlier {
            queue.check_at = Some(terms.deadline);
        }
        let is_first = queue.waiting.len() == 1;
        let is_enough = queue.waiting.len() >= queue.enough;
        let wakes = is_first || is_enough || is_earlier;
        let generation = queue.generation;
        let driver = wakes.then(|| queue.driver.take()).flatten();
        drop(guard);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok((number, generation))
    }

    /// Takes a command out of the queue that was not sent yet; returns whether it was there.
    pub(super) fn cancel(&self, number: u64) -> bool {
        let mut queue = self.lock();
        let index = queue
            .waiting
            .iter()
            .rposition(|entry| entry.number == number);
        index.map(|index| queue.cut(index)).is_some()
    }

    /// Takes a command out of the queue that waits for a connection.
    pub(super) fn cancel_unconnected(&self, number: u64) {
        if !self.lock().is_up {
            self.cancel(number);
        }
    }

    /// Gives the driver an order.
    pub(super) fn order(&self, order: Order) {
        let mut queue = self.lock();
        if queue.order != Order::End {
            queue.order = order;
        }
        let driver = queue.driver.take();
        drop(queue);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Fails what was not sent yet because its slot may have another owner now. Does nothing if
    /// there is a connection, because the node then redirects the commands.
    pub(super) fn reroute(&self) {
        let mut queue = self.lock();
        if queue.is_up {
            return;
        }
        queue.out.clear();
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        for mut entry in waiting {
            entry.give_up(&Failure::Rerouted);
        }
    }

    /// Ends the connection permanently, and fails what waits in the queue.
    pub(super) fn end(&self, ending: Ending, cause: Option<Arc<Error>>) {
        let mut queue = self.lock();
        queue.ending.get_or_insert(ending);
        queue.is_up = false;
        if cause.is_some() {
            queue.cause = cause;
        }
        queue.out = Vec::new();
        let failure = match queue.is_single {
            true => Failure::NotSent(queue.cause.clone()),
            false => Failure::Ended {
                ending,
                sent: false,
            },
        };
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        for mut entry in waiting {
            entry.give_up(&failure);
        }
        self.status.send_replace(Status::Over);
    }
}

impl Queue {
    /// Removes an entry that waits, with its bytes.
    pub(super) fn cut(&mut self, index: usize) -> Entry {
        let start: usize = self.waiting[..index].iter().map(|entry| entry.length).sum();
        let entry = self.waiting.remove(index);
        self.out.drain(start..start + entry.length);
        entry
    }

    /// Moves all bytes and entries to the driver.
    pub(super) fn take_all(
        &mut self,
        out: &mut Vec<u8>,
        entries: &mut std::collections::VecDeque<Entry>,
    ) {
        out.clear();
        if out.capacity() > MAX_KEPT {
            *out = Vec::new();
        }
        std::mem::swap(&mut self.out, out);
        entries.extend(self.waiting.drain(..));
        self.is_due = false;
    }

    /// Takes out the waiting entries whose time is over, and returns them with the next deadline.
    pub(super) fn expire(&mut self, now: Instant) -> (Vec<Entry>, Option<Instant>) {
        let mut expired = Vec::new();
        let mut index = 0;
        while index < self.waiting.len() {
            match self.waiting[index].deadline <= now {
                true => expired.push(self.cut(index)),
                false => index += 1,
            }
        }
        let next = self.waiting.iter().map(|entry| entry.deadline).min();
        (expired, next)
    }

    /// Lets a change of the queue wake the driver.
    pub(super) fn sleep(&mut self, cx: &Context<'_>) {
        match &mut self.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }
}
