//! The queue of a connection: the bytes to write, and the entries that wait for replies.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use tokio::sync::{oneshot, watch};

use super::handshake::ServerInfo;
use super::queue_entry::{Delivered, Ending, Failure, Outcome, QueueEntry, Recipient, RunReplies};
use crate::Error;
use crate::command::{Command, Script};
use crate::telemetry::Counters;
use crate::util::sync::Mutex;

/// The capacity above which a buffer is released after it was written.
pub(super) const MAX_KEPT: usize = 1 << 20;

/// The state that the handles and the driver of a connection share.
#[derive(Debug)]
pub(crate) struct SharedQueue {
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
    pub(super) waiting: Vec<QueueEntry>,
    /// Wakes the driver if it sleeps.
    pub(super) driver: Option<Waker>,
    pub(super) request: DriverRequest,
    /// The number of waiting entries from which on the driver writes at once.
    pub(super) enough: usize,
    /// True if every task that was ready has had its turn.
    pub(super) is_due: bool,
    /// True if the bell will set `is_due`.
    pub(super) is_ringing: bool,
    pub(super) is_up: bool,
    pub(super) ending: Option<Ending>,
    /// The reason why there is no connection.
    pub(super) cause: Option<Arc<Error>>,
    /// The time of the next check of deadlines: the first deadline, or earlier.
    pub(super) check_at: Option<Instant>,
    pub(super) known: KnownScripts,
    /// The number of the last connection, which no other one of this process has; 0 before the first
    /// one.
    pub(super) generation: u64,
    pub(super) info: Option<Arc<ServerInfo>>,
    /// The number of commands that wait for their replies, as the driver last counted them.
    pub(super) in_flight: usize,
    /// True if the driver connects only once.
    pub(super) is_single: bool,
    next_number: u64,
}

/// A request to the driver, apart from sending. A later request replaces an earlier one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DriverRequest {
    #[default]
    None,
    /// Drop the connection, and make another one.
    Reset,
    /// Close once everything is answered.
    Finish,
    /// Drop the connection.
    End,
}

/// The scripts that were sent on this connection, so that the server knows them by their hashes.
#[derive(Debug, Default)]
pub(crate) struct KnownScripts(Vec<Option<&'static Script>>);

impl KnownScripts {
    /// Marks a script as sent; returns whether it was sent before.
    pub(crate) fn insert(&mut self, script: &'static Script) -> bool {
        let id = script.id();
        if self.0.len() <= id {
            self.0.resize(id + 1, None);
        }
        self.0[id].replace(script).is_some()
    }

    /// Marks a script as unknown.
    pub(crate) fn remove(&mut self, script: &'static Script) {
        if let Some(known) = self.0.get_mut(script.id()) {
            *known = None;
        }
    }
}

/// The start and the deadline of a command, and whether it waits for a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommandTiming {
    pub(crate) since: Instant,
    pub(crate) deadline: Instant,
    pub(crate) fail_fast: bool,
}

/// A command in the queue or in flight.
#[derive(Debug)]
pub(crate) struct Ticket<T> {
    pub(crate) reply: oneshot::Receiver<T>,
    pub(crate) number: u64,
}

impl SharedQueue {
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
        timing: CommandTiming,
        skip: usize,
        encode: impl FnOnce(&mut Vec<u8>, &mut KnownScripts, Option<&ServerInfo>),
    ) -> Result<Ticket<Result<Delivered, Failure>>, Failure> {
        let (to, reply) = oneshot::channel();
        let number = self.put(timing, skip, |out, known, server| {
            encode(out, known, server);
            Recipient::One(to)
        })?;
        Ok(Ticket { reply, number })
    }

    /// Puts commands into the queue with none in between; `encode` adds the length of each.
    pub(super) fn put_run(
        &self,
        timing: CommandTiming,
        encode: impl FnOnce(&mut Vec<u8>, &mut KnownScripts, Option<&ServerInfo>, &mut Vec<usize>),
    ) -> Result<Ticket<Vec<Outcome>>, Failure> {
        let (to, reply) = oneshot::channel();
        let number = self.put(timing, 0, |out, known, server| {
            let mut lengths = Vec::new();
            encode(out, known, server, &mut lengths);
            Recipient::Run(Box::new(RunReplies {
                outcomes: Vec::with_capacity(lengths.len()),
                lengths,
                to,
            }))
        })?;
        Ok(Ticket { reply, number })
    }

    fn put(
        &self,
        timing: CommandTiming,
        skip: usize,
        write: impl FnOnce(&mut Vec<u8>, &mut KnownScripts, Option<&ServerInfo>) -> Recipient,
    ) -> Result<u64, Failure> {
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
        if !queue.is_up && (timing.fail_fast || queue.is_single && queue.generation > 0) {
            return Err(Failure::NotSent(queue.cause.clone()));
        }
        let before = queue.out.len();
        let to = write(&mut queue.out, &mut queue.known, queue.info.as_deref());
        let number = queue.next_number;
        queue.next_number += 1;
        queue.waiting.push(QueueEntry {
            length: queue.out.len() - before,
            number,
            since: timing.since,
            deadline: timing.deadline,
            skip,
            skipped: 0,
            fail_fast: timing.fail_fast,
            to,
        });
        let is_earlier = queue.check_at.is_none_or(|at| timing.deadline < at);
        if is_earlier {
            queue.check_at = Some(timing.deadline);
        }
        let is_first = queue.waiting.len() == 1;
        let is_enough = queue.waiting.len() >= queue.enough;
        let wakes = is_first || is_enough || is_earlier;
        let driver = wakes.then(|| queue.driver.take()).flatten();
        drop(guard);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(number)
    }

    /// Takes a command out of the queue that was not sent yet; returns whether it was there.
    pub(super) fn cancel(&self, number: u64) -> bool {
        let cancelled = self.lock().remove(|entry| entry.number == number);
        !cancelled.is_empty()
    }

    /// Gives the driver a request.
    pub(super) fn request_driver(&self, request: DriverRequest) {
        let mut queue = self.lock();
        queue.request = queue.request.max(request);
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
    /// Removes the entries that wait for which `is_gone` holds, with their bytes.
    pub(super) fn remove(&mut self, is_gone: impl Fn(&QueueEntry) -> bool) -> Vec<QueueEntry> {
        let Some(first) = self.waiting.iter().position(&is_gone) else {
            return Vec::new();
        };
        let mut removed = Vec::new();
        let mut from: usize = self.waiting[..first].iter().map(|entry| entry.length).sum();
        let mut to = from;
        let rest = self.waiting.split_off(first);
        for entry in rest {
            let length = entry.length;
            if is_gone(&entry) {
                removed.push(entry);
            } else {
                self.out.copy_within(from..from + length, to);
                to += length;
                self.waiting.push(entry);
            }
            from += length;
        }
        self.out.truncate(to);
        removed
    }

    /// Moves all bytes and entries to the driver.
    pub(super) fn take_all(
        &mut self,
        out: &mut Vec<u8>,
        entries: &mut std::collections::VecDeque<QueueEntry>,
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
    pub(super) fn expire(&mut self, now: Instant) -> (Vec<QueueEntry>, Option<Instant>) {
        let expired = self.remove(|entry| entry.deadline <= now);
        let next = self.waiting.iter().map(|entry| entry.deadline).min();
        (expired, next)
    }

    /// Prepares the queue for a new connection, whose server may not know the scripts that were sent
    /// before.
    ///
    /// What waits may name them by their hashes. They are loaded before it, because a script that is
    /// sent again after NOSCRIPT would run after the commands behind it.
    pub(super) fn load_scripts(&mut self, deadline: Instant) {
        if self.waiting.is_empty() {
            self.known = KnownScripts::default();
            return;
        }
        let mut out = Vec::new();
        let mut loads = Vec::new();
        for script in self.known.0.iter().flatten() {
            let before = out.len();
            let load = Command::read("SCRIPT").arg("LOAD").arg(script.source());
            load.put(&mut out, true);
            loads.push(QueueEntry {
                length: out.len() - before,
                number: self.next_number,
                since: Instant::now(),
                deadline,
                skip: 0,
                skipped: 0,
                fail_fast: true,
                // A user without the right to load scripts sends them again after NOSCRIPT.
                to: Recipient::Nobody(1),
            });
            self.next_number += 1;
        }
        out.append(&mut self.out);
        self.out = out;
        loads.append(&mut self.waiting);
        self.waiting = loads;
        self.check_at = self.waiting.iter().map(|entry| entry.deadline).min();
    }

    /// Lets a change of the queue wake the driver.
    pub(super) fn sleep(&mut self, cx: &Context<'_>) {
        match &mut self.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }
}
