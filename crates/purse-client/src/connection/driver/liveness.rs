//! Deadlines of commands, and peers that do not answer.
//!
//! A command that times out with nothing read since it was begun makes its connection suspect,
//! because the peer may have forgotten it. The driver then opens a second connection. If the server
//! answers there, the first connection is half-open and is replaced. If the server answers on
//! neither, the connection is given up after three such timeouts in a row.

use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Driver, End};
use crate::connection::entry::Failure;
use crate::connection::error_map;
use crate::connection::handshake::Opened;
use crate::util::time::{sleep_until, timeout};
use crate::{Error, ErrorKind, Result};

/// A connection is given up after this number of timeouts in a row.
const MAX_TIMEOUTS: u32 = 3;

/// The counts and the probe by which a peer that does not answer is noticed.
pub(super) struct Liveness {
    last_read: Instant,
    /// The number of commands in a row that timed out with nothing read since they were begun.
    timeouts: u32,
    silent_since: Instant,
    /// A new connection to the same server, made to learn whether it answers there.
    probe: Option<BoxFuture<'static, Result<Opened>>>,
}

impl Liveness {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            last_read: now,
            timeouts: 0,
            silent_since: now,
            probe: None,
        }
    }

    pub(super) fn record_read(&mut self) {
        self.last_read = Instant::now();
        self.timeouts = 0;
    }
}

impl Driver {
    /// Fails what has no reply in time, and probes a peer that is silent.
    pub(super) fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Option<End> {
        loop {
            let check_at = self.shared.lock().check_at;
            let Some(at) = check_at else {
                self.timer = None;
                break;
            };
            let is_armed = self.timer.as_ref().is_some_and(|(armed, _)| *armed == at);
            if !is_armed {
                match &mut self.timer {
                    Some((armed, timer)) => {
                        *armed = at;
                        timer.reset(at);
                    }
                    none => *none = Some((at, sleep_until(at))),
                }
            }
            let is_over = match &mut self.timer {
                Some((_, timer)) => timer.poll_unpin(cx).is_ready(),
                None => false,
            };
            if !is_over {
                break;
            }
            self.timer = None;
            if let Some(cause) = self.expire(Instant::now()) {
                return Some(End::Lost(cause));
            }
        }
        self.poll_probe(cx)
    }

    /// Fails what has no reply in time; returns why the connection is given up, if it is.
    fn expire(&mut self, now: Instant) -> Option<Error> {
        let mut queue = self.shared.lock();
        let (unsent, mut next) = queue.expire(now);
        let is_up = queue.is_up;
        let not_sent = Failure::NotSent(queue.cause.clone());
        drop(queue);
        let mut silent = Vec::new();
        for mut entry in unsent {
            silent.push((entry.since, entry.deadline));
            entry.give_up(&not_sent);
        }
        let mut end = self.writing.len();
        for index in (0..self.in_flight.len()).rev() {
            let entry = &mut self.in_flight[index];
            let start = end.saturating_sub(entry.length);
            end = start;
            if entry.is_late() {
                continue;
            }
            if entry.deadline > now {
                next = Some(next.map_or(entry.deadline, |next| next.min(entry.deadline)));
                continue;
            }
            silent.push((entry.since, entry.deadline));
            let is_begun = start < self.written || self.writing.is_empty();
            if is_begun {
                entry.give_up(&Failure::Late);
                self.late += 1;
            } else {
                // It must not run after its error was returned.
                let range = start..start + entry.length;
                if let Some(mut entry) = self.in_flight.remove(index) {
                    entry.give_up(&not_sent);
                    self.writing.drain(range);
                }
            }
        }
        let mut queue = self.shared.lock();
        // A command may have come in between.
        let of_queue = queue.waiting.iter().map(|entry| entry.deadline).min();
        queue.check_at = [next, of_queue].into_iter().flatten().min();
        drop(queue);
        self.shared.counters.add_timeouts(silent.len());
        if is_up {
            self.suspect(&silent, now)
        } else {
            None
        }
    }

    /// Judges commands that timed out; returns why the connection is given up, if it is.
    fn suspect(&mut self, timed_out: &[(Instant, Instant)], now: Instant) -> Option<Error> {
        for (since, deadline) in timed_out {
            if self.liveness.last_read > *since {
                self.liveness.timeouts = 0;
                continue;
            }
            if self.liveness.timeouts == 0 {
                self.liveness.silent_since = *since;
            }
            self.liveness.timeouts += 1;
            let limit = deadline.saturating_duration_since(*since);
            let silent = now.saturating_duration_since(self.liveness.silent_since);
            let is_dead = self.liveness.timeouts >= MAX_TIMEOUTS && silent >= 2 * limit;
            if is_dead {
                let message = "no reply to several commands in a row";
                return Some(Error::new(ErrorKind::Timeout, message));
            }
        }
        let probes = self.liveness.timeouts > 0 && !self.options.is_single;
        if probes && self.liveness.probe.is_none() {
            let dialer = self.dialer.clone();
            let limit = dialer.settings.connect_timeout;
            let tls = dialer.settings.target.tls.is_some();
            let probe = async move {
                let opened = timeout(limit, dialer.open()).await;
                opened.unwrap_or_else(|| Err(error_map::connect_timeout(tls)))
            };
            self.liveness.probe = Some(probe.boxed());
        }
        None
    }

    fn poll_probe(&mut self, cx: &mut Context<'_>) -> Option<End> {
        let probe = self.liveness.probe.as_mut()?;
        if self.liveness.timeouts == 0 {
            self.liveness.probe = None;
            return None;
        }
        let Poll::Ready(opened) = probe.poll_unpin(cx) else {
            return None;
        };
        self.liveness.probe = None;
        // A server that does not answer there either is busy or gone. The next timeout starts
        // another probe.
        opened.ok().map(Box::new).map(End::Replace)
    }
}
