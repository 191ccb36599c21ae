//! The state of a consumer: what it has taken, and who waits for more. No I/O.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::RandomState;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::commands::{LEASE, RENEWAL};
use super::step::{Entry, Outcome, PutBack, Returned, Step, StepReply};
use super::wait_queue::WaitQueue;
use crate::core::{CloseBlockers, CloseGuard};
use crate::delivery::detach::WeakExchange;
use crate::{Error, Result};

/// The largest number of entries of one kind in one step.
pub(super) const MAX_ENTRIES: usize = 256;
#[derive(Debug, Default)]
pub(super) struct State {
    next_entry: u64,
    step: u64,
    /// The last step that the server has noted.
    noted: u64,
    /// Hashes of deliveries that were confirmed, each with the number of the step that did it.
    pub(super) confirmed: VecDeque<(u64, u64)>,
    pub(super) hasher: RandomState,
    /// The last step that the server knew when it was found to have lost later ones.
    pub(super) known_to_server: Option<u64>,
    /// Until when steps need no renewal, by the local clock.
    pub(super) registered_until: Option<Instant>,
    /// Entries that no caller has, in the order in which they were taken.
    pub(super) ready: BTreeMap<u64, Entry>,
    /// Entries that a blocked command has taken while a step was sent: what the step takes is older.
    early: Vec<Bytes>,
    /// When an entry became ready, or a caller was last notified.
    ready_since: Option<Instant>,
    /// The number of notified callers that have not answered.
    notified: usize,
    /// Entries that callers have.
    pub(super) held: BTreeMap<u64, Bytes>,
    pub(super) delivered: Vec<Bytes>,
    pub(super) returned: BTreeMap<u64, Returned>,
    pub(super) waiting: WaitQueue,
    pub(super) lapsed: Vec<Bytes>,
    /// Consumers whose elements could not be put back, and until when they are ignored.
    ignored: HashMap<Bytes, Instant>,
    pub(super) is_stepping: bool,
    /// The step, if a caller runs it: its future may not be polled.
    pub(super) current: Option<WeakExchange>,
    /// The outcome of the last step.
    pub(super) outcome: Outcome,
    /// The last step found no more elements.
    pub(super) is_drained: bool,
    /// The pending list may have entries that are not known here.
    pub(super) is_unsure: bool,
    /// This consumer watches the sorted set for all others.
    pub(super) is_watcher: bool,
    /// The server blocks a command for this consumer, or may: it may take an element.
    is_blocked: bool,
    pub(super) has_task: bool,
    /// The task looks within a millisecond, so it need not be woken.
    pub(super) is_task_alert: bool,
    failing_since: Option<Instant>,
    blockers: CloseBlockers,
    /// Delays the close of the client while elements are on their way.
    busy: Option<CloseGuard>,
}

impl State {
    pub(super) fn new(blockers: CloseBlockers) -> Self {
        Self {
            blockers,
            ..Self::default()
        }
    }

    /// Delays the close of the client while the server may take an element, or while one is here
    /// that no caller has.
    fn update_guard(&mut self) {
        let is_settled = self.ready.is_empty()
            && self.delivered.is_empty()
            && self.returned.is_empty()
            && self.early.is_empty()
            && !self.is_blocked;
        if is_settled {
            self.busy = None;
        } else if self.busy.is_none() {
            self.busy = Some(self.blockers.track());
        }
    }

    /// Records whether the server blocks a command.
    pub(super) fn set_blocked(&mut self, is_blocked: bool) {
        self.is_blocked = is_blocked;
        self.update_guard();
    }

    /// Removes a caller that does not wait any more. Another one is notified in its place.
    pub(super) fn leave(&mut self, ticket: u64, was_notified: bool) {
        self.waiting.leave(ticket);
        if was_notified {
            self.notified = self.notified.saturating_sub(1);
        }
        self.notify_ready();
    }

    /// Hands the oldest ready entry to a caller.
    pub(super) fn claim(&mut self) -> Option<(u64, Entry)> {
        if self.is_unsure {
            // Others may have reclaimed what is ready.
            return None;
        }
        let (number, entry) = self.ready.pop_first()?;
        if !entry.is_bare {
            self.held.insert(number, entry.text.clone());
        }
        self.ready_since = Some(Instant::now());
        Some((number, entry))
    }

    /// Returns whether a caller that joins now may claim an entry before all others.
    pub(super) fn is_claimable(&self) -> bool {
        !self.is_unsure && self.waiting.is_empty() && self.ready.len() > self.notified
    }

    /// Returns whether callers wait, or were notified and have not answered.
    pub(super) fn has_callers(&self) -> bool {
        !self.waiting.is_empty() || self.notified > 0
    }

    /// Ends the lease, if there is one. Returns the number of the last step that the server knows.
    pub(super) fn end_lease(&mut self) -> Option<u64> {
        let was_watcher = std::mem::take(&mut self.is_watcher);
        let is_known = self.registered_until.take().is_some() || was_watcher;
        is_known.then_some(self.noted)
    }

    /// Returns the number of the last step that was done.
    pub(super) const fn steps_done(&self) -> u64 {
        self.step
    }

    /// Returns whether the task has something to do at once, after a step.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_unsure || !self.lapsed.is_empty() || self.unserved() > 0
    }

    /// Returns whether the task has something to do.
    pub(super) fn needs_task(&self) -> bool {
        self.holds_entries()
            || self.has_callers()
            || self.is_unsure
            || !self.lapsed.is_empty()
            || self.registered_until.is_some()
    }

    /// Returns the number of callers that no ready entry serves.
    pub(super) fn unserved(&self) -> usize {
        (self.waiting.len() + self.notified).saturating_sub(self.ready.len())
    }

    /// Returns whether a caller wants an answer even if there is no element.
    pub(super) fn has_impatient(&self) -> bool {
        self.waiting.patient_count() < self.waiting.len()
    }

    /// Returns whether a caller waits for an element that is not here yet.
    pub(super) fn has_unserved_patient(&self) -> bool {
        self.waiting.patient_count() + self.notified > self.ready.len()
    }

    /// Returns whether the server blocks a command that no caller needs. It may take an element
    /// until it has ended, so no caller is told before that there is none.
    pub(super) fn is_block_ending(&self) -> bool {
        self.is_blocked && self.waiting.patient_count() == 0
    }

    /// Records that a caller has got `number`.
    pub(super) fn acknowledge(&mut self, number: u64) {
        // An entry that was reclaimed in the meantime is not in the pending list any more.
        if let Some(text) = self.held.remove(&number) {
            self.delivered.push(text);
            self.update_guard();
        }
    }

    /// Takes back an entry that a caller did not use. Without `done`, another caller of this client
    /// gets it, or it goes back if none waits; with `done`, it goes back to the collection.
    pub(super) fn give_back(
        &mut self,
        number: u64,
        entry: Entry,
        done: Option<oneshot::Sender<Result<()>>>,
    ) {
        if !entry.is_bare && self.held.remove(&number).is_none() {
            // Others have reclaimed it.
            return;
        }
        if done.is_none() {
            self.ready.insert(number, entry);
            self.ready_since = Some(Instant::now());
            self.update_guard();
            self.notify_ready();
            return;
        }
        // Newer entries go back before it, so that it is next.
        for (number, entry) in self.ready.split_off(&number) {
            self.returned.insert(number, Returned { entry, done: None });
        }
        self.returned.insert(number, Returned { entry, done });
        self.update_guard();
    }

    /// Turns ready entries that no caller claims into entries to put back.
    pub(super) fn return_unclaimed(&mut self) {
        // Nothing is taken for callers that were notified and are not polled. One that is polled
        // later waits again.
        self.notified = 0;
        let ready = std::mem::take(&mut self.ready);
        self.returned.extend(
            ready
                .into_iter()
                .map(|(number, entry)| (number, Returned { entry, done: None })),
        );
    }

    /// Returns since when ready entries are not claimed.
    pub(super) fn unclaimed_since(&self) -> Option<Instant> {
        self.ready_since.filter(|_| !self.ready.is_empty())
    }

    /// Notifies one more caller, because those that were notified do not answer.
    pub(super) fn notify_another(&mut self) -> bool {
        self.notify_first()
    }

    /// Notifies as many callers as there are ready entries, less those that have not answered.
    fn notify_ready(&mut self) {
        while !self.is_unsure && self.notified < self.ready.len() && self.notify_first() {}
    }

    fn notify_first(&mut self) -> bool {
        let is_notified = self.waiting.notify_first();
        self.notified += usize::from(is_notified);
        is_notified
    }

    /// Records that a notified caller has answered.
    pub(super) fn answered(&mut self) {
        self.notified = self.notified.saturating_sub(1);
    }

    /// Returns whether entries wait to be sent, other than those that may be flushed later.
    pub(super) fn has_returned(&self) -> bool {
        !self.returned.is_empty()
    }

    /// Returns whether elements wait that were taken without a pending list.
    pub(super) fn has_bare_returned(&self) -> bool {
        let mut returned = self.returned.values();
        returned.any(|returned| returned.entry.is_bare)
    }

    /// Forgets all entries. Others reclaim those of the pending list.
    pub(super) fn forget_entries(&mut self) {
        self.held.clear();
        self.ready.clear();
        self.delivered.clear();
        self.returned.clear();
        self.is_unsure = false;
        self.registered_until = None;
        self.update_guard();
    }

    pub(super) fn has_delivered(&self) -> bool {
        !self.delivered.is_empty()
    }

    /// Returns whether the server has entries of this consumer.
    pub(super) fn holds_entries(&self) -> bool {
        !(self.held.is_empty()
            && self.ready.is_empty()
            && self.delivered.is_empty()
            && self.returned.is_empty())
    }

    /// Returns the number of entries that are known to be pending.
    pub(super) fn known_entries(&self) -> usize {
        let ready = self.ready.values();
        let returned = self.returned.values().map(|returned| &returned.entry);
        let unclaimed = ready.chain(returned).filter(|entry| !entry.is_bare);
        self.held.len() + self.delivered.len() + unclaimed.count()
    }

    /// Returns entries that were taken without a pending list, to put back one by one.
    pub(super) fn take_bare(&mut self) -> Vec<(Entry, Option<oneshot::Sender<Result<()>>>)> {
        let bare: Vec<_> = self
            .returned
            .iter()
            .filter(|(_, returned)| returned.entry.is_bare)
            .map(|(number, _)| *number)
            .collect();
        let bare = bare
            .into_iter()
            .filter_map(|number| self.returned.remove(&number));
        bare.map(|returned| (returned.entry, returned.done))
            .collect()
    }

    /// Begins a step that serves the callers that wait.
    pub(super) fn begin(&mut self, lists: bool, registers: bool) -> Step {
        self.is_stepping = true;
        let now = Instant::now();
        let renews = registers
            || self
                .registered_until
                .is_none_or(|until| until <= now + RENEWAL);
        let rest = self
            .delivered
            .split_off(self.delivered.len().min(MAX_ENTRIES));
        let delivered = std::mem::replace(&mut self.delivered, rest);
        // The newest go first, so that the oldest is next at the end.
        let sent = self.returned.iter().rev();
        let sent = sent.filter(|(_, returned)| !returned.entry.is_bare);
        let sent: Vec<u64> = sent.map(|(&number, _)| number).take(MAX_ENTRIES).collect();
        let returned: BTreeMap<_, _> = sent
            .into_iter()
            .filter_map(|number| self.returned.remove_entry(&number))
            .collect();
        // An element whose reply was lost, or that is to be put back, is delivered first.
        let takes = !lists && self.returned.is_empty();
        Step {
            number: self.step + 1,
            take: if takes {
                self.unserved().min(MAX_ENTRIES)
            } else {
                0
            },
            delivered,
            returned,
            lists,
            renews,
            waits: self.has_unserved_patient(),
            registers,
            known: self.known_entries(),
            was_blocked: self.is_blocked,
            last_ticket: self.waiting.last_ticket(),
            begun: now,
        }
    }

    /// Ignores that the lease of the consumer `id` is over.
    pub(super) fn ignore_lapsed(&mut self, id: Bytes, until: Instant) {
        self.ignored.insert(id, until);
    }

    /// Ends a step that the server has done.
    pub(super) fn finish(&mut self, step: Step, mut reply: StepReply) {
        self.is_stepping = false;
        self.current = None;
        let failure = reply.failure.as_ref();
        let is_unlisted = step.lists && reply.pending.is_none() && !reply.was_done_before;
        self.outcome = match failure {
            Some(failure) if !failure.is_permanent => Outcome::Failed,
            Some(_) if is_unlisted => Outcome::Refused,
            _ => Outcome::Done,
        };
        if failure.is_none() {
            self.failing_since = None;
        }
        let now = Instant::now();
        self.ignored.retain(|_, until| *until > now);
        reply.lapsed.retain(|id| !self.ignored.contains_key(id));
        let was_registered = self.registered_until.is_some();
        let is_first = !was_registered && !step.has_entries() && !self.holds_entries();
        if reply.last < self.noted && !reply.was_done_before && !is_first {
            // The lease was over, or a failover has lost steps.
            self.known_to_server = Some(reply.last);
            self.is_unsure = true;
        }
        if reply.was_done_before || !reply.is_new && !was_registered {
            // What was taken is not known; or a request that was taken for lost has arrived after
            // the consumer had ended.
            self.is_unsure = true;
        }
        self.step = step.number;
        self.noted = reply.noted;
        if step.renews && reply.noted == step.number {
            self.registered_until = Some(step.begun + LEASE - RENEWAL);
        }
        if reply.differs && !self.is_explained(&step) {
            self.is_unsure = true;
        }
        self.note_confirmed(&step);
        self.finish_returned(step.returned, &reply);
        if step.waits && !reply.was_done_before {
            self.is_watcher = reply.watches;
        }
        let looked = step.take > 0 && !reply.was_done_before && !reply.differs;
        let is_last = reply.taken.len() < step.take;
        if let Some(pending) = reply.pending {
            self.reconcile(pending);
            self.is_unsure = false;
        }
        for text in reply.taken {
            self.add_ready(text, reply.expires_at);
        }
        match reply.was_done_before {
            // The pending list has them, and tells their order.
            true => self.early.clear(),
            false => self.add_early(),
        }
        if looked {
            self.is_drained = is_last && reply.lapsed.is_empty() && reply.failure.is_none();
        }
        self.lapsed.extend(reply.lapsed);
        self.notify_ready();
        if looked && self.is_drained && !self.is_unsure && !self.is_block_ending() {
            self.waiting.answer_impatient(step.last_ticket);
        }
        self.update_guard();
    }

    /// Returns whether a blocked command explains that a step found an entry that is not known: it
    /// has ended since, or its reply comes soon. A caller that wants an answer cannot wait for it.
    fn is_explained(&self, step: &Step) -> bool {
        step.was_blocked && !(self.is_blocked && (step.renews || self.has_impatient()))
    }

    /// Adds what a blocked command has taken while a step was sent.
    fn add_early(&mut self) {
        for text in std::mem::take(&mut self.early) {
            self.add_ready(text, 0);
        }
    }

    /// Reports to callers what became of the entries that a step was to put back.
    fn finish_returned(&mut self, returned: BTreeMap<u64, Returned>, reply: &StepReply) {
        let mut put = reply.put.iter();
        for (number, returned) in returned.into_iter().rev() {
            let outcome = put.next().unwrap_or(&PutBack::Done);
            match (outcome, &reply.failure, returned.done) {
                (PutBack::Done, _, Some(done)) => {
                    let _ = done.send(Ok(()));
                }
                (PutBack::Refused, Some(failure), Some(done)) if failure.is_permanent => {
                    let _ = done.send(Err(failure.error.duplicate()));
                }
                (PutBack::Refused, Some(failure), done) if !failure.is_permanent => {
                    let entry = returned.entry;
                    self.returned.insert(number, Returned { entry, done });
                }
                // Without the sender, the caller learns that the entry was not pending.
                _ => {}
            }
        }
    }

    /// Takes back what a step did not do.
    pub(super) fn restore(&mut self, step: Step, outcome: Outcome) {
        self.is_stepping = false;
        self.current = None;
        self.outcome = outcome;
        let newer = std::mem::replace(&mut self.delivered, step.delivered);
        self.delivered.extend(newer);
        self.returned.extend(step.returned);
        self.add_early();
        self.notify_ready();
    }

    /// Ends a step of which it is not known whether the server has done it, with `error`. The
    /// pending list will tell: what it still has was not done.
    pub(super) fn leave_undecided(&mut self, step: Step, error: &Error, outcome: Outcome) {
        self.is_stepping = false;
        self.current = None;
        self.outcome = outcome;
        self.is_unsure = true;
        self.early.clear();
        self.known_to_server = Some(self.step);
        self.step = step.number;
        self.note_confirmed(&step);
        let waiting = step.returned.into_values();
        for done in waiting.filter_map(|returned| returned.done) {
            let _ = done.send(Err(error.duplicate()));
        }
        self.update_guard();
    }

    /// Fails the callers whose elements a step was to put back, and leaves the entries in the
    /// pending list. Returns the texts of the others.
    pub(super) fn refuse_returned(&mut self, step: &mut Step, error: &Error) -> Vec<Bytes> {
        let returned = std::mem::take(&mut step.returned);
        returned
            .into_values()
            .filter_map(|returned| match returned.done {
                Some(done) => {
                    let _ = done.send(Err(error.duplicate()));
                    None
                }
                None => Some(returned.entry.text),
            })
            .collect()
    }

    /// Adds an entry that a blocking command has taken.
    pub(super) fn add_taken(&mut self, text: Bytes) {
        self.failing_since = None;
        self.early.push(text);
        if !self.is_stepping {
            self.add_early();
            self.notify_ready();
        }
    }

    /// Adds an element that was taken without a pending list.
    pub(super) fn add_bare(&mut self, text: Bytes) {
        self.is_stepping = false;
        self.current = None;
        let entry = Entry {
            text,
            expires_at: 0,
            is_bare: true,
        };
        self.insert_ready(entry);
        self.notify_ready();
    }

    /// Fails callers after a failed step: the impatient ones at once, the others if no step has
    /// worked for longer than `tolerance`, or if the error is permanent.
    pub(super) fn fail(&mut self, error: &Error, is_permanent: bool, tolerance: Duration) {
        let now = Instant::now();
        let since = *self.failing_since.get_or_insert(now);
        let is_over = is_permanent || now.duration_since(since) >= tolerance;
        self.waiting.fail(error, is_over);
        if is_over {
            self.failing_since = None;
        }
    }

    pub(super) fn add_ready(&mut self, text: Bytes, expires_at: i64) {
        self.insert_ready(Entry {
            text,
            expires_at,
            is_bare: false,
        });
    }

    fn insert_ready(&mut self, entry: Entry) {
        self.next_entry += 1;
        self.ready.insert(self.next_entry, entry);
        self.ready_since = Some(Instant::now());
        self.update_guard();
    }
}
