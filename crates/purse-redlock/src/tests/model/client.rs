//! The model's clients, and their lines to the masters.

use super::Rules;
use super::world::{Reply, TTL_STEPS, is_given_out, time_left};
use crate::quorum::decision::{Acquisition, Possession, Tally, Vote};
use crate::quorum::fence::settle_fence;

/// The request of this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Request {
    /// None, or the client waits for it no more.
    None,
    /// It may arrive at any time, or never.
    Sent,
    /// It was carried out, and the reply may arrive.
    Done(Reply),
    /// The client counted it.
    Counted(Reply),
}

/// Between one client and one master.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Line {
    pub(super) request: Request,
    /// Requests whose caller does not wait any more, but which may still arrive.
    pub(super) late_acquire: bool,
    pub(super) late_raise: bool,
    pub(super) late_extend: bool,
    /// The line is done: the token surely is not there, and will not be.
    pub(super) is_clear: bool,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self {
            request: Request::None,
            late_acquire: false,
            late_raise: false,
            late_extend: false,
            is_clear: false,
        }
    }

    /// Stops waiting for the request of this round.
    pub(super) fn give_up(&mut self, phase: Phase) {
        if self.request == Request::Sent {
            *self.late(phase) = true;
        }
    }

    /// Returns whether a request of this phase is in flight whose caller does not wait any more.
    pub(super) fn late(&mut self, phase: Phase) -> &mut bool {
        match phase {
            Phase::Raising => &mut self.late_raise,
            Phase::Extending => &mut self.late_extend,
            _ => &mut self.late_acquire,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    Idle,
    Acquiring,
    Raising,
    Holding,
    Extending,
    Ended,
}

/// A write to what the lock protects. A client looks whether it holds before it sends one; how long
/// it takes from there nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Write {
    None,
    UnderWay,
    Accepted,
    Rejected,
}

/// One attempt, and the lease that may come of it: another attempt is another client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Client {
    pub(super) phase: Phase,
    /// Since the first request of this round was sent, up to the ttl.
    pub(super) age: u8,
    /// The time for which it takes itself for the holder.
    left: u8,
    /// True if it ever was the holder, and then was not.
    was_lost: bool,
    pub(super) was_extended: bool,
    pub(super) is_issued: bool,
    pub(super) fence: u8,
    /// Whose locks were given out before this one was asked for, as bits.
    pub(super) before: u8,
    pub(super) write: Write,
}

/// The outcome of the votes.
pub(super) enum Verdict {
    Wait,
    /// The round is over.
    Next(Phase),
    /// The lock is given out.
    Issue,
}

impl Client {
    pub(super) const fn new() -> Self {
        Self {
            phase: Phase::Idle,
            age: 0,
            left: 0,
            was_lost: false,
            was_extended: false,
            is_issued: false,
            fence: 0,
            before: 0,
            write: Write::None,
        }
    }

    /// Returns whether it takes itself for the holder.
    pub(super) const fn holds(&self) -> bool {
        matches!(self.phase, Phase::Holding | Phase::Extending) && self.left > 0
    }

    /// Returns whether it takes itself for the holder after it knew better.
    pub(super) const fn is_back(&self) -> bool {
        self.was_lost && self.holds()
    }

    pub(super) const fn is_waiting(&self) -> bool {
        matches!(
            self.phase,
            Phase::Acquiring | Phase::Raising | Phase::Extending
        )
    }

    /// The result of the votes so far: the decisions of the owner task.
    pub(super) fn decide(&mut self, lines: &[Line], is_fenced: bool, rules: Rules) -> Verdict {
        let (tally, counts) = count(lines);
        match self.phase {
            Phase::Acquiring => match tally.acquisition() {
                Acquisition::Undecided => return Verdict::Wait,
                Acquisition::Held | Acquisition::NoQuorum => return Verdict::Next(Phase::Ended),
                Acquisition::Acquired => {
                    let (fence, is_settled) = settle_fence(&counts, tally.quorum());
                    self.fence = u8::try_from(fence).unwrap();
                    if is_fenced && !is_settled && rules.writes_back {
                        return Verdict::Next(Phase::Raising);
                    }
                }
            },
            Phase::Raising => match tally.possession() {
                Possession::Undecided => return Verdict::Wait,
                Possession::Held => {}
                Possession::Gone | Possession::Unknown => return Verdict::Next(Phase::Ended),
            },
            Phase::Extending => {
                match tally.possession() {
                    Possession::Undecided => return Verdict::Wait,
                    Possession::Held => self.prolong(rules),
                    Possession::Gone => self.lose(),
                    Possession::Unknown => {}
                }
                return Verdict::Next(Phase::Holding);
            }
            Phase::Idle | Phase::Holding | Phase::Ended => return Verdict::Wait,
        }
        let age = match rules.counts_from_first_send {
            true => self.age,
            false => 0,
        };
        if !is_given_out(age) {
            return Verdict::Next(Phase::Ended);
        }
        self.left = time_left(age);
        self.is_issued = true;
        Verdict::Issue
    }

    fn prolong(&mut self, rules: Rules) {
        if self.left > 0 || !rules.lost_is_final {
            self.left = self.left.max(time_left(self.age));
            self.was_extended |= self.left > 0;
        }
    }

    fn lose(&mut self) {
        self.left = 0;
        self.was_lost = true;
    }

    pub(super) fn tick(&mut self) {
        if self.is_waiting() {
            self.age = TTL_STEPS.min(self.age + 1);
        }
        if self.left == 1 {
            self.lose();
        }
        self.left = self.left.saturating_sub(1);
    }

    /// Gives up, drops its guard or releases: it holds no more from here on.
    pub(super) const fn end(&mut self) {
        let Self { fence, before, .. } = *self;
        *self = Self {
            phase: Phase::Ended,
            is_issued: self.is_issued,
            write: self.write,
            ..Self::new()
        };
        if self.is_issued {
            self.fence = fence;
            self.before = before;
        }
    }
}

fn count(lines: &[Line]) -> (Tally, Vec<u64>) {
    let mut tally = Tally::new(lines.len());
    let mut counts = Vec::new();
    for line in lines {
        let Request::Counted(reply) = line.request else {
            continue;
        };
        tally.add(match reply {
            Reply::Granted(count) => {
                counts.push(u64::from(count));
                Vote::Granted
            }
            Reply::Refused => Vote::Refused,
            Reply::Failed => Vote::Failed,
        });
    }
    (tally, counts)
}
