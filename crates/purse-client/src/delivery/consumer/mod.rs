//! Consumers: what one client takes from one end of a collection.
//!
//! A consumer has a *pending list* on the server, and a lease in a hash of all consumers of the
//! collection. A script moves elements to the pending list, forgets those that were delivered, and
//! puts back those that were not, all in one step. The steps are numbered, and one is sent at a
//! time, so a step whose reply was lost is sent again under its number, and done once. A process
//! that dies stops renewing its lease, and others put back what its pending list has.

mod blocking;
mod commands;
mod exchange;
mod reconcile;
mod state;
mod step;
mod task;
mod wait_queue;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::{Notify, oneshot};

use super::detach::DetachOnDrop;
use super::{Deliveries, Pop};
use crate::core::{CloseBlockers, closed_error, wait_closed};
use crate::util::sync::Mutex;
use crate::util::timer::sleep_until;
use crate::{Error, Result};
use commands::Keys;
pub(super) use commands::{consumers_key, pending_key};
use exchange::{Exchange, late_error};
use state::{MAX_ENTRIES, State};
use step::{Step, StepReply};
use task::ConsumerTask;
use wait_queue::Verdict;

pub(crate) use step::Entry;

/// A consumer of one end of a collection.
pub(crate) struct Consumer {
    keys: Keys,
    state: Mutex<State>,
    /// Notified when the task may have something to do.
    work: Notify,
}

/// A taken element in the hands of a caller.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) client: Deliveries,
    pub(crate) number: u64,
    pub(crate) entry: Entry,
}

impl Consumer {
    pub(super) fn new(pop: &Pop, blockers: CloseBlockers) -> Arc<Self> {
        Arc::new(Self {
            keys: Keys::new(pop),
            state: Mutex::new(State::new(blockers)),
            work: Notify::new(),
        })
    }

    /// Returns whether nothing of this consumer is in use.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.state.lock();
        !(state.has_task || state.is_stepping || state.holds_entries() || !state.waiting.is_empty())
    }

    /// Takes an element. Waits for one until `deadline` if `waits`, else only for the server.
    pub(super) async fn take(
        self: &Arc<Self>,
        client: &Deliveries,
        waits: bool,
        deadline: Option<Instant>,
    ) -> Result<Option<Claim>> {
        if let Some(claimed) = self.claim_unwanted() {
            return Ok(Some(self.claim(client, claimed)));
        }
        let caller = Caller::join(self, client, !waits);
        self.serve(caller, deadline).await
    }

    /// Takes up to `max` elements without waiting for one, and passes each to `receive`. Returns
    /// false if the collection had fewer.
    pub(super) async fn take_many(
        self: &Arc<Self>,
        client: &Deliveries,
        max: usize,
        mut receive: impl FnMut(Claim) -> Result<()>,
    ) -> Result<bool> {
        // One step serves all who wait.
        let callers: Vec<_> = (0..max.min(MAX_ENTRIES))
            .map(|_| Caller::join(self, client, true))
            .collect();
        for caller in callers {
            match self.serve(caller, None).await? {
                Some(claim) => receive(claim)?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Waits for the verdict on `caller`, and runs the steps that no other task runs.
    async fn serve(
        self: &Arc<Self>,
        mut caller: Caller<'_>,
        deadline: Option<Instant>,
    ) -> Result<Option<Claim>> {
        let client = caller.client;
        let mut closing = client.caller.close_signal();
        let patience = Instant::now() + client.caller.command_timeout();
        // A caller that waits is answered by this timer if there is no element.
        let mut until = match caller.is_impatient {
            true => Some(patience),
            false => deadline,
        };
        let mut step = None;
        loop {
            if step.is_none() {
                step = self.begin_inline(client, !caller.is_impatient);
            }
            tokio::select! {
                biased;
                verdict = caller.verdict() => match verdict {
                    Verdict::Claim => match caller.claim() {
                        Some(claim) => return Ok(Some(claim)),
                        None => caller.rejoin(),
                    },
                    Verdict::Empty => return Ok(None),
                    Verdict::Failed(error) => return Err(error),
                },
                () = poll_some(&mut step) => step = None,
                () = wait_closed(&mut closing) => return Err(closed_error()),
                () = sleep_until_some(until) => {
                    let now = Instant::now();
                    if now >= patience && caller.is_impatient {
                        return Err(late_error());
                    }
                    // The server is asked once more, so no element is taken after the return.
                    caller.hurry();
                    until = Some(patience.max(now + client.caller.command_timeout()));
                }
            }
        }
    }

    /// Claims an element that is ready and that no caller waits for.
    fn claim_unwanted(&self) -> Option<(u64, Entry)> {
        let mut state = self.state.lock();
        state.is_claimable().then(|| state.claim())?
    }

    fn claim(self: &Arc<Self>, client: &Deliveries, (number, entry): (u64, Entry)) -> Claim {
        Claim {
            consumer: self.clone(),
            client: client.clone(),
            number,
            entry,
        }
    }

    /// Begins a step that the caller runs, if none is in flight. A task from the start would cost
    /// each pop two changes of thread.
    fn begin_inline(self: &Arc<Self>, client: &Deliveries, waits: bool) -> Option<DetachOnDrop> {
        let mut state = self.state.lock();
        let is_blocked = state.is_drained && state.has_task && waits;
        let must_wait = state.is_stepping || state.is_unsure || state.is_block_ending();
        if must_wait || is_blocked {
            drop(state);
            self.wake_task(client);
            return None;
        }
        if state.unserved() == 0 {
            drop(state);
            self.alert_task(client);
            return None;
        }
        let step = state.begin(false, false);
        let exchange = Exchange::new(self, client, step).run().boxed().shared();
        state.current = exchange.downgrade();
        drop(state);
        Some(DetachOnDrop::new(client, exchange))
    }

    /// Lets the task look within a millisecond. To wake it for each pop would cost a change of
    /// thread; while pops go on, it wakes by a timer.
    fn alert_task(self: &Arc<Self>, client: &Deliveries) {
        let mut state = self.state.lock();
        if !std::mem::replace(&mut state.is_task_alert, true) || !state.has_task {
            drop(state);
            self.wake_task(client);
        }
    }

    /// Starts the task that does what no caller does, or lets it look at once.
    fn wake_task(self: &Arc<Self>, client: &Deliveries) {
        let is_running = std::mem::replace(&mut self.state.lock().has_task, true);
        if !is_running {
            let task = ConsumerTask::new(self, client);
            client.caller.runtime().spawn(task.run());
        }
        self.work.notify_one();
    }

    /// Ends a step that was done.
    fn finish(self: &Arc<Self>, client: &Deliveries, step: Step, reply: StepReply) {
        let permanent = reply
            .failure
            .as_ref()
            .filter(|failure| failure.is_permanent);
        let permanent = permanent.map(|failure| failure.error.duplicate());
        let mut state = self.state.lock();
        state.finish(step, reply);
        if let Some(error) = permanent {
            state.fail(&error, true, Duration::ZERO);
        }
        let (needs_task, is_urgent) = (state.needs_task(), state.is_urgent());
        drop(state);
        match needs_task {
            true if is_urgent => self.wake_task(client),
            true => self.alert_task(client),
            false => {}
        }
    }

    fn fail(
        self: &Arc<Self>,
        client: &Deliveries,
        error: &Error,
        is_permanent: bool,
        tolerance: Duration,
    ) {
        self.state.lock().fail(error, is_permanent, tolerance);
        self.wake_task(client);
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Claim {
    /// Confirms the delivery, in the background.
    pub(crate) fn acknowledge(self) {
        if self.entry.is_bare {
            return;
        }
        self.consumer.state.lock().acknowledge(self.number);
        self.consumer.alert_task(&self.client);
    }

    /// Gives the element to another caller, or back to the collection.
    pub(crate) fn give_back(self) {
        let mut state = self.consumer.state.lock();
        state.give_back(self.number, self.entry, None);
        drop(state);
        self.consumer.wake_task(&self.client);
    }

    /// Puts the element back into the collection. The result reports when that is done; it is gone
    /// if others had reclaimed the element.
    pub(crate) fn put_back(self) -> oneshot::Receiver<Result<()>> {
        let (sender, done) = oneshot::channel();
        let mut state = self.consumer.state.lock();
        state.give_back(self.number, self.entry, Some(sender));
        drop(state);
        self.consumer.wake_task(&self.client);
        done
    }
}

/// A caller that waits for an element, until it is dropped.
struct Caller<'a> {
    consumer: &'a Arc<Consumer>,
    client: &'a Deliveries,
    ticket: u64,
    is_impatient: bool,
    verdict: oneshot::Receiver<Verdict>,
    is_notified: bool,
}

impl<'a> Caller<'a> {
    fn join(consumer: &'a Arc<Consumer>, client: &'a Deliveries, is_impatient: bool) -> Self {
        let mut state = consumer.state.lock();
        let (ticket, verdict) = state.waiting.join(!is_impatient);
        drop(state);
        Self {
            consumer,
            client,
            ticket,
            is_impatient,
            verdict,
            is_notified: false,
        }
    }

    /// Claims an element after a notification.
    fn claim(&mut self) -> Option<Claim> {
        self.is_notified = false;
        let mut state = self.consumer.state.lock();
        state.answered();
        let claimed = state.claim()?;
        Some(self.consumer.claim(self.client, claimed))
    }

    fn rejoin(&mut self) {
        let mut state = self.consumer.state.lock();
        self.verdict = state.waiting.rejoin(self.ticket, !self.is_impatient);
    }

    /// Ends the wait once the server has no element.
    fn hurry(&mut self) {
        self.is_impatient = true;
        self.consumer.state.lock().waiting.hurry(self.ticket);
        self.consumer.wake_task(self.client);
    }

    async fn verdict(&mut self) -> Verdict {
        let verdict = (&mut self.verdict).await;
        let verdict = verdict.unwrap_or_else(|_| Verdict::Failed(super::runtime_ended_error()));
        self.is_notified = matches!(verdict, Verdict::Claim);
        verdict
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        let mut state = self.consumer.state.lock();
        // Under the lock, because a notification could come in between.
        let was_notified =
            self.is_notified || matches!(self.verdict.try_recv(), Ok(Verdict::Claim));
        state.leave(self.ticket, was_notified);
        // Without a caller, the server must not take an element for this consumer any more.
        let has_work = was_notified || state.is_block_ending();
        drop(state);
        if has_work {
            self.consumer.wake_task(self.client);
        }
    }
}

/// Polls a step to its end; without one, waits for ever.
async fn poll_some(step: &mut Option<DetachOnDrop>) {
    match step {
        Some(step) => step.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until_some(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
