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
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Driver, End};
use crate::connection::entry::{Entry, Failure};
use crate::connection::error_map;
use crate::connection::handshake::Opened;
use crate::util::time::{sleep_until, timeout};
use crate::{Error, ErrorKind, Result};

/// A connection is given up after this number of timeouts in a row.
const MAX_TIMEOUTS: u32 = 3;

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
    probe: Option<BoxFuture<'static, Result<Opened>>>,
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
            if stop <= self.written {
                entry.give_up(&Failure::Late);
                continue;
            }
            entry.give_up(&not_sent);
            match start < self.written {
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
        let mut start = 0;
        let lengths = self.in_flight.iter().rev().map(|entry| entry.length);
        let mut left = self.writing.len();
        let of_buffer = lengths.take_while(|length| {
            let is_of_buffer = left > 0;
            left = left.saturating_sub(*length);
            is_of_buffer
        });
        let first = self.in_flight.len() - of_buffer.count();
        let mut kept = Vec::with_capacity(self.writing.len());
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
                let is_orphan = self.in_flight.front().is_some_and(Entry::is_late);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;
    use crate::connection::entry::{Delivered, Entry, To};
    use crate::connection::handshake::{Dialer, Place, Setup};
    use crate::connection::queue::Shared;
    use crate::connection::{Options, Settings};

    type Replies = Vec<oneshot::Receiver<Result<Delivered, Failure>>>;

    /// A driver with commands of ten bytes in flight: the first `before` were written with an
    /// earlier buffer, and of the buffer with the others, `written` bytes were written. The
    /// deadline of each is over in `late`.
    fn driver(before: usize, written: usize, late: &[bool]) -> (Driver, Replies) {
        let dialer = Dialer {
            settings: Arc::new(Settings::for_tests()),
            place: Place::Target,
            setup: Setup::Commands,
        };
        let shared = Shared::new(Arc::default(), false);
        let mut driver = Driver::new(shared, dialer, Options::default());
        let now = Instant::now();
        let mut replies = Vec::new();
        for (number, is_late) in late.iter().enumerate() {
            let (to, reply) = oneshot::channel();
            replies.push(reply);
            driver.in_flight.push_back(Entry {
                length: 10,
                number: number as u64,
                since: now - Duration::from_secs(1),
                deadline: match is_late {
                    true => now - Duration::from_millis(1),
                    false => now + Duration::from_secs(60),
                },
                skip: 0,
                fail_fast: false,
                to: To::One(to),
            });
        }
        for number in before..late.len() {
            driver.writing.extend([b'0' + number as u8; 10]);
        }
        driver.written = written;
        (driver, replies)
    }

    /// Returns what became of each command: `.` for nothing yet, `L` for late, `N` for not sent.
    fn outcomes(replies: &mut Replies) -> String {
        let outcome = |reply: &mut oneshot::Receiver<_>| match reply.try_recv() {
            Ok(Err(Failure::Late)) => 'L',
            Ok(Err(Failure::NotSent(_))) => 'N',
            Ok(_) => '?',
            Err(_) => '.',
        };
        replies.iter_mut().map(outcome).collect()
    }

    #[test]
    fn command_of_an_earlier_buffer_is_late_and_keeps_its_place() {
        let (mut driver, mut replies) = driver(2, 0, &[true, false, false, true]);
        assert!(driver.expire(Instant::now()).is_none());
        assert_eq!(outcomes(&mut replies), "L..N");
        assert_eq!(driver.writing, [b'2'; 10]);
        assert_eq!((driver.in_flight.len(), driver.late), (3, 1));
    }

    #[test]
    fn unwritten_command_is_not_sent_and_leaves_the_others_whole() {
        let (mut driver, mut replies) = driver(1, 10, &[false, true, true, false, true, false]);
        assert!(driver.expire(Instant::now()).is_none());
        assert_eq!(outcomes(&mut replies), ".LN.N.");
        assert_eq!(
            driver.writing,
            [[b'1'; 10], [b'3'; 10], [b'5'; 10]].concat()
        );
        assert_eq!((driver.in_flight.len(), driver.late), (4, 1));
    }

    #[test]
    fn command_cut_by_its_deadline_ends_the_connection() {
        let (mut driver, mut replies) = driver(1, 15, &[false, false, true, false]);
        let cause = driver.expire(Instant::now()).expect("the connection ends");
        assert_eq!(cause.kind(), ErrorKind::Timeout);
        assert_eq!(outcomes(&mut replies), "..N.");
    }
}
