//! The callers that wait for an element, in the order in which they came. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;

use crate::Error;

/// The answer to a caller that waits.
#[derive(Debug)]
pub(super) enum Verdict {
    /// There may be an element: claim it.
    Claim,
    /// There is none.
    Empty,
    Failed(Error),
}

/// The callers that wait. A caller is known by its ticket.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    last_ticket: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Verdict>>,
    /// The callers that want an answer even if there is no element.
    impatient: BTreeSet<u64>,
}

impl WaitQueue {
    /// Adds a caller. Returns its ticket and the receiver of its verdict.
    pub(super) fn join(&mut self, is_patient: bool) -> (u64, oneshot::Receiver<Verdict>) {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        (ticket, self.rejoin(ticket, is_patient))
    }

    /// Adds a caller at the place of its ticket.
    pub(super) fn rejoin(&mut self, ticket: u64, is_patient: bool) -> oneshot::Receiver<Verdict> {
        let (call, verdict) = oneshot::channel();
        self.waiting.insert(ticket, call);
        if !is_patient {
            self.impatient.insert(ticket);
        }
        verdict
    }

    /// Makes a caller want an answer even if there is no element.
    pub(super) fn hurry(&mut self, ticket: u64) {
        if self.waiting.contains_key(&ticket) {
            self.impatient.insert(ticket);
        }
    }

    pub(super) fn leave(&mut self, ticket: u64) -> Option<oneshot::Sender<Verdict>> {
        self.impatient.remove(&ticket);
        self.waiting.remove(&ticket)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn patient_count(&self) -> usize {
        self.waiting.len() - self.impatient.len()
    }

    /// Returns the ticket of the caller that joined last.
    pub(super) const fn last_ticket(&self) -> u64 {
        self.last_ticket
    }

    /// Tells the first caller to claim an element. Returns false if there is none.
    pub(super) fn notify_first(&mut self) -> bool {
        while let Some((&ticket, _)) = self.waiting.first_key_value() {
            let call = self.leave(ticket);
            if call.is_some_and(|call| call.send(Verdict::Claim).is_ok()) {
                return true;
            }
        }
        false
    }

    /// Answers the impatient callers that joined no later than `last_ticket`: there is no element.
    pub(super) fn answer_impatient(&mut self, last_ticket: u64) {
        let answered: Vec<u64> = self.impatient.range(..=last_ticket).copied().collect();
        for call in answered.into_iter().filter_map(|ticket| self.leave(ticket)) {
            let _ = call.send(Verdict::Empty);
        }
    }

    /// Fails the impatient callers, or all.
    pub(super) fn fail(&mut self, error: &Error, includes_patient: bool) {
        let failed: Vec<u64> = match includes_patient {
            true => self.waiting.keys().copied().collect(),
            false => self.impatient.iter().copied().collect(),
        };
        for call in failed.into_iter().filter_map(|ticket| self.leave(ticket)) {
            let _ = call.send(Verdict::Failed(error.duplicate()));
        }
    }
}
