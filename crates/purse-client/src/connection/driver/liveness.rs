//! Deadlines of commands, and peers that do not answer.
//!
//! A command that times out with nothing read since it was begun makes its connection suspect: the
//! peer may have forgotten it. A connection is half-open if the server answers on a new one, and is
//! then replaced by that. A server that answers on neither is given up after three such timeouts in
//! a row.
//!
//! A connection on which bytes arrive is alive. But if the reply in progress has no caller any more,
//! and three commands time out without a complete reply, the connection is given up: the reply may
//! never end, and the bytes of all others would count as its own.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Driver, End};
use crate::connection::handshake::OpenConnection;
use crate::connection::queue_entry::{Failure, QueueEntry};
use crate::util::timer::{sleep, sleep_until};
use crate::{Error, ErrorKind, Result};

/// A connection is given up after this number of timeouts in a row.
const MAX_TIMEOUTS: u32 = 3;
/// The time that a connection has for a sign of life after the server answered on a new one.
const GRACE: Duration = Duration::from_millis(50);

/// The counts and the probe by which a peer that does not answer is noticed.
pub(super) struct Liveness {
    last_read: Instant,
    /// The number of commands that timed out since the last complete reply although bytes arrived.
    unfinished: u32,
    unfinished_since: Instant,
    /// The number of commands in a row that timed out with nothing read since they were begun.
    timeouts: u32,
    silent_since: Instant,
    /// A new connection to the same server, made to learn whether it answers there.
    probe: Option<BoxFuture<'static, Result<OpenConnection>>>,
}

impl Liveness {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            last_read: now,
            unfinished: 0,
            unfinished_since: now,
            timeouts: 0,
            silent_since: now,
            probe: None,
        }
    }

    pub(super) fn record_read(&mut self) {
        self.last_read = Instant::now();
        self.timeouts = 0;
    }

    pub(super) const fn record_reply(&mut self) {
        self.unfinished = 0;
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
            // A timer that starts when its time is over needs a moment to notice.
            let is_over = at <= Instant::now()
                || match &mut self.timer {
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
    pub(super) fn expire(&mut self, now: Instant) -> Option<Error> {
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
        let (mut is_cut, mut is_unwritten) = (false, false);
        let mut end = self.writing.len();
        for entry in self.in_flight.iter_mut().rev() {
            // An entry that was written before the current buffer ends at 0.
            let (start, stop) = (end.saturating_sub(entry.length), end);
            end = start;
            if entry.is_late() {
                continue;
            }
            if entry.deadline > now {
                next = Some(next.map_or(entry.deadline, |next| next.min(entry.deadline)));
                continue;
            }
            silent.push((entry.since, entry.deadline));
            self.late += 1;
            let unwritten = (stop - self.written.min(stop)).min(entry.length);
            entry.fail(unwritten, &Failure::Late, &not_sent);
            if unwritten == 0 {
                continue;
            }
            match start < self.written + self.may_be_held {
                true => is_cut = true,
                false => is_unwritten = true,
            }
        }
        if is_unwritten {
            self.remove_unwritten();
        }
        let mut queue = self.shared.lock();
        // A command may have come in between.
        let of_queue = queue.waiting.iter().map(|entry| entry.deadline).min();
        queue.check_at = [next, of_queue].into_iter().flatten().min();
        drop(queue);
        self.shared.counters.add_timeouts(silent.len());
        if is_cut {
            // The rest of the command must not be written after its error was returned.
            let message = "the server did not take a whole command in time";
            return Some(Error::new(ErrorKind::Timeout, message));
        }
        if is_up {
            self.suspect(&silent, now)
        } else {
            None
        }
    }

    /// Removes the commands from the buffer that have failed before their first byte was written:
    /// they must not run any more.
    fn remove_unwritten(&mut self) {
        // The buffer begins with commands that were answered, or ends an entry of an earlier buffer.
        let (mut first, mut start) = (self.in_flight.len(), self.writing.len());
        while first > 0 && start > 0 {
            first -= 1;
            start = start.saturating_sub(self.in_flight[first].length);
        }
        let mut kept = self.writing[..start].to_vec();
        for entry in self.in_flight.split_off(first) {
            let range = start..start + entry.length;
            start = range.end;
            if entry.is_late() && range.start >= self.written {
                self.late -= 1;
            } else {
                kept.extend_from_slice(&self.writing[range]);
                self.in_flight.push_back(entry);
            }
        }
        self.writing = kept;
    }

    /// Judges commands that timed out; returns why the connection is given up, if it is.
    fn suspect(&mut self, timed_out: &[(Instant, Instant)], now: Instant) -> Option<Error> {
        for (since, deadline) in timed_out {
            if self.liveness.last_read > *since {
                self.liveness.timeouts = 0;
                if self.liveness.unfinished == 0 {
                    self.liveness.unfinished_since = *since;
                }
                self.liveness.unfinished += 1;
                let limit = deadline.saturating_duration_since(*since);
                let elapsed = now.saturating_duration_since(self.liveness.unfinished_since);
                let is_orphan = self.in_flight.front().is_some_and(QueueEntry::is_late);
                if is_orphan && self.liveness.unfinished >= MAX_TIMEOUTS && elapsed >= 2 * limit {
                    let message = "a reply does not end, and its command has timed out";
                    return Some(Error::new(ErrorKind::Timeout, message));
                }
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
            let probe = async move {
                let opened = dialer.open_in_time().await?;
                // A server that was busy answers on both connections, in any order.
                sleep(GRACE).await;
                Ok(opened)
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
