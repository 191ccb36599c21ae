//! The comparison of what a consumer knows with its pending list. No I/O.

use std::collections::HashMap;
use std::hash::BuildHasher;

use bytes::Bytes;

use super::state::State;
use super::step::Step;

/// The number of confirmed deliveries that are remembered, in case a failover loses them.
const MAX_CONFIRMED: usize = 4096;

impl State {
    /// Remembers what a step has confirmed.
    pub(super) fn note_confirmed(&mut self, step: &Step) {
        for text in &step.delivered {
            let hash = self.hasher.hash_one(text);
            self.confirmed.push_back((step.number, hash));
        }
        let surplus = self.confirmed.len().saturating_sub(MAX_CONFIRMED);
        self.confirmed.drain(..surplus);
    }

    /// Compares what is known here with the pending list, which is right.
    ///
    /// An entry that is pending and unknown was taken by a step whose reply was lost, or it was
    /// confirmed by a step that a failover has lost. An entry that is known and not pending was
    /// reclaimed by others.
    pub(super) fn reconcile(&mut self, pending: Vec<Bytes>) {
        let mut known: HashMap<Bytes, usize> = HashMap::new();
        let ready = self.ready.values().filter(|entry| !entry.is_bare);
        let returned = self.returned.values().map(|returned| &returned.entry);
        let texts = ready
            .chain(returned.filter(|entry| !entry.is_bare))
            .map(|entry| &entry.text);
        for text in texts.chain(self.held.values()).chain(&self.delivered) {
            *known.entry(text.clone()).or_default() += 1;
        }
        let known_to_server = self.known_to_server.take();
        for text in pending.into_iter().rev() {
            match known.get_mut(&text).filter(|count| **count > 0) {
                Some(count) => *count -= 1,
                None if self.forget_confirmed(&text, known_to_server) => self.delivered.push(text),
                None => self.add_ready(text, 0),
            }
        }
        known.retain(|_, count| *count > 0);
        if known.is_empty() {
            return;
        }
        // Entries that no caller has go first: of two equal ones, the one in use is the one left.
        let mut is_gone = |text: &Bytes| match known.get_mut(text).filter(|count| **count > 0) {
            Some(count) => {
                *count -= 1;
                true
            }
            None => false,
        };
        self.ready
            .retain(|_, entry| entry.is_bare || !is_gone(&entry.text));
        self.returned
            .retain(|_, returned| returned.entry.is_bare || !is_gone(&returned.entry.text));
        self.delivered.retain(|text| !is_gone(text));
        self.held.retain(|_, text| !is_gone(text));
    }

    /// Returns whether `text` was confirmed by a step after `known_to_server`, which the server has
    /// lost. The confirmation is forgotten, because it is sent again.
    fn forget_confirmed(&mut self, text: &Bytes, known_to_server: Option<u64>) -> bool {
        let Some(known) = known_to_server else {
            return false;
        };
        let hash = self.hasher.hash_one(text);
        let is_lost = |&(step, other): &(u64, u64)| step > known && other == hash;
        let lost = self.confirmed.iter().position(is_lost);
        lost.and_then(|at| self.confirmed.remove(at)).is_some()
    }
}
