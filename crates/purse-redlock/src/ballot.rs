//! One question to all masters, and their answers.

use std::time::Duration;

use purse_client::Error;

use crate::decision::{Tally, Vote, retry_after};
use crate::line::Event;

pub(crate) struct Ballot {
    round: u64,
    tally: Tally,
    free_in: Vec<Duration>,
    errors: Vec<(usize, Error)>,
}

impl Ballot {
    pub(crate) const fn new(round: u64, masters: usize) -> Self {
        Self {
            round,
            tally: Tally::new(masters),
            free_in: Vec::new(),
            errors: Vec::new(),
        }
    }

    pub(crate) const fn round(&self) -> u64 {
        self.round
    }

    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Counts an answer; one to another question is none to this.
    pub(crate) fn count(&mut self, event: Event) {
        if event.round != self.round {
            return;
        }
        match event.answer {
            Ok(answer) => {
                self.free_in.extend(answer.free_in);
                self.tally.add(if answer.ours {
                    Vote::Granted
                } else {
                    Vote::Refused
                });
            }
            Err(error) => {
                self.errors.push((event.master, error));
                self.tally.add(Vote::Failed);
            }
        }
    }

    /// When a quorum will be free, if enough masters said so.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(self.free_in.clone(), self.tally.needed())
    }

    /// What the masters failed with, by their number.
    pub(crate) fn into_errors(mut self) -> Vec<(usize, Error)> {
        self.errors.sort_by_key(|(master, _)| *master);
        self.errors
    }
}
