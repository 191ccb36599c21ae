//! One round of requests to all masters, and their answers.

use std::time::Duration;

use purse_client::{Error, ErrorKind};

use crate::master::request_queue::MasterReply;
use crate::quorum::decision::{Tally, Vote, retry_after};

/// One round of requests to all masters, and their answers.
pub(crate) struct Ballot {
    round: u64,
    tally: Tally,
    free_in: Vec<Duration>,
    fences: Vec<u64>,
    errors: Vec<(usize, Error)>,
    foreign: Vec<(usize, Error)>,
}

impl Ballot {
    pub(crate) const fn new(round: u64, masters: usize) -> Self {
        Self {
            round,
            tally: Tally::new(masters),
            free_in: Vec::new(),
            fences: Vec::new(),
            errors: Vec::new(),
            foreign: Vec::new(),
        }
    }

    pub(crate) const fn round(&self) -> u64 {
        self.round
    }

    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Counts an answer. Answers from earlier rounds are ignored.
    pub(crate) fn count(&mut self, reply: MasterReply) {
        if reply.round != self.round {
            return;
        }
        match reply.answer {
            Ok(answer) => {
                self.free_in.extend(answer.free_in);
                if answer.ours {
                    self.fences.push(answer.fence);
                    self.tally.add(Vote::Granted);
                } else {
                    self.tally.add(Vote::Refused);
                }
            }
            // Whatever the key holds, it is not our token.
            Err(error) if error.kind() == ErrorKind::WrongType => {
                self.foreign.push((reply.master, error));
                self.tally.add(Vote::Refused);
            }
            Err(error) => {
                self.errors.push((reply.master, error));
                self.tally.add(Vote::Failed);
            }
        }
    }

    /// Returns the counts of the masters that granted.
    pub(crate) fn fences(&self) -> &[u64] {
        &self.fences
    }

    /// Returns the time until a quorum will be free, if enough masters reported it.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(self.free_in.clone(), self.tally.quorum())
    }

    /// Returns whether [`retry_after`] is still unknown, but could become known: fewer than a quorum
    /// of masters have reported when their keys expire, and enough answers are outstanding to reach
    /// a quorum.
    pub(crate) const fn may_learn_more(&self) -> bool {
        let (known, needed) = (self.free_in.len(), self.tally.quorum());
        known < needed && known + self.tally.pending() >= needed
    }

    /// Returns whether the key does not hold a lock on so many masters that the others are not a
    /// quorum.
    pub(crate) const fn is_foreign(&self) -> bool {
        self.foreign.len() > self.tally.spare()
    }

    /// Returns the errors of the masters whose key does not hold a lock, sorted by index.
    pub(crate) fn into_foreign(self) -> Vec<(usize, Error)> {
        sort_by_master(self.foreign)
    }

    /// Returns the errors of the masters that failed, sorted by index.
    pub(crate) fn into_errors(self) -> Vec<(usize, Error)> {
        sort_by_master(self.errors)
    }
}

fn sort_by_master(mut errors: Vec<(usize, Error)>) -> Vec<(usize, Error)> {
    errors.sort_by_key(|(master, _)| *master);
    errors
}
