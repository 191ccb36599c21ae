//! The task of a consumer: steps that no caller runs, waits on the server, and the lease.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::WeakShared;
use tokio::sync::watch;

use super::blocking::{Blocked, BlockingConnection, Unblocked};
use super::commands::{BLOCK, RENEWAL};
use super::exchange::Exchange;
use super::step::{Outcome, Step};
use super::{Consumer, State};
use crate::core::{OperationOptions, closed_error, wait_closed};
use crate::delivery::confirm::{may_work_later, run_once};
use crate::delivery::delivered::requeue_bare;
use crate::delivery::detach::SharedExchange;
use crate::delivery::{Deliveries, Pop, runtime_ended_error};
use crate::tracking::Tracking;
use crate::util::backoff::Backoff;
use crate::util::timer::sleep_until;
use crate::{Command, Error, ErrorKind, Reply, Result, Watch};

/// The time after which a delivery is confirmed that no other step confirms.
const FLUSH: Duration = Duration::from_millis(1);
/// The time after which another caller is notified of an element, and after which it goes back, if
/// the futures of the notified callers are not polled.
const IMPATIENCE: Duration = Duration::from_millis(50);
const UNCLAIMED: Duration = Duration::from_millis(250);
/// The time after which an idle consumer ends.
const IDLE: Duration = Duration::from_secs(1);
/// The time between two looks if changes are reported, in case a message is lost.
const BACKSTOP: Duration = Duration::from_secs(2);
/// The time for which a server that refuses to block is not asked again.
const REFUSAL: Duration = Duration::from_secs(30);
/// The time by which the server may be late with the end of a blocking command.
const UNBLOCKED: Duration = Duration::from_secs(1);
const MIN_PAUSE: Duration = Duration::from_millis(2);
const MAX_PAUSE: Duration = Duration::from_millis(50);

pub(super) struct ConsumerTask {
    consumer: Arc<Consumer>,
    client: Deliveries,
    source: Source,
    connection: Option<BlockingConnection>,
    idle_since: Option<Instant>,
    /// When deliveries are confirmed, unless another step does it before, and the last step when
    /// that was decided.
    flush_at: Option<(Instant, u64)>,
    /// The last step when the task looked.
    seen_step: u64,
    /// When the pending list is looked at again, because the server may still run a blocking
    /// command whose connection was lost.
    recheck_at: Option<Instant>,
    /// No step is sent before, because the last one failed.
    retry_at: Option<Instant>,
    /// Since when steps of this task fail.
    failing_since: Option<Instant>,
    cannot_block_until: Option<Instant>,
    /// A token of a sorted set is to be passed on.
    owes_token: bool,
    backoff: Backoff,
    polls: Backoff,
    /// Changes when another server becomes the primary.
    failovers: watch::Receiver<()>,
    is_over: bool,
}

/// A source of reports that there may be an element.
enum Source {
    None,
    /// The server, which hands the element over.
    Blocked(Box<Blocked>),
    /// A watch on the length.
    Watch(Watch),
    /// The next look.
    Poll(Instant),
}

/// The next thing that the task does.
enum Next {
    /// Sends a step. It has begun already, so that no caller begins another one.
    Step(Step),
    Reclaim,
    /// Puts back elements that were taken without a pending list.
    PutBackBare,
    /// Polls the step of a caller, whose future may not be polled.
    Help(SharedExchange),
    /// Ends the wait on the server.
    Cancel,
    /// Begins to wait on the server.
    Listen,
    Wait(Option<Instant>),
    End,
}

impl ConsumerTask {
    pub(super) fn new(consumer: &Arc<Consumer>, client: &Deliveries) -> Self {
        let mut client = client.clone();
        client.caller.options = OperationOptions::new();
        let failovers = client.caller.core.failovers();
        Self {
            consumer: consumer.clone(),
            client,
            source: Source::None,
            connection: None,
            idle_since: None,
            flush_at: None,
            seen_step: 0,
            recheck_at: None,
            retry_at: None,
            failing_since: None,
            cannot_block_until: None,
            owes_token: false,
            backoff: Backoff::new(MIN_PAUSE, MAX_PAUSE),
            polls: Backoff::new(MIN_PAUSE, MAX_PAUSE),
            failovers,
            is_over: false,
        }
    }

    pub(super) async fn run(mut self) {
        let mut closing = self.client.caller.close_signal();
        loop {
            self.pass_token().await;
            let is_closing = *closing.borrow();
            match self.next(is_closing) {
                Next::Step(step) => self.step(step).await,
                Next::Help(exchange) => exchange.await,
                Next::Reclaim => self.reclaim().await,
                Next::PutBackBare => put_back_bare(&self.client, &self.consumer).await,
                Next::Cancel => self.cancel().await,
                Next::Listen => self.listen().await,
                Next::Wait(until) => self.wait(until, &mut closing, is_closing).await,
                Next::End => {
                    if self.end().await {
                        return;
                    }
                }
            }
        }
    }

    fn next(&mut self, is_closing: bool) -> Next {
        let now = Instant::now();
        let consumer = self.consumer.clone();
        let mut state = consumer.state.lock();
        if is_closing {
            state.fail(&closed_error(), true, Duration::ZERO);
        }
        if state.is_stepping {
            let current = state.current.as_ref().and_then(WeakShared::upgrade);
            return current.map_or(Next::Wait(None), Next::Help);
        }
        // While pops go on, it stays alert.
        let step = state.steps_done();
        state.is_task_alert &= std::mem::replace(&mut self.seen_step, step) != step;
        let mut until = Deadline::default();
        match self.recheck_at {
            Some(at) if at <= now => {
                self.recheck_at = None;
                state.is_unsure = true;
            }
            Some(at) => until.add(at),
            None => {}
        }
        if let Some(retry_at) = self.retry_at.filter(|at| *at > now) {
            return Next::Wait(Some(retry_at));
        }
        if !state.lapsed.is_empty() {
            return Next::Reclaim;
        }
        if state.is_unsure {
            return match self.source {
                Source::Blocked(_) => Next::Cancel,
                _ => Next::Step(state.begin(true, false)),
            };
        }
        if let Some(since) = state.unclaimed_since() {
            let is_wanted = state.has_callers();
            if !is_wanted || now >= since + UNCLAIMED || is_closing {
                state.return_unclaimed();
            } else if now < since + IMPATIENCE || !state.notify_another() {
                until.add(if now < since + IMPATIENCE {
                    since + IMPATIENCE
                } else {
                    since + UNCLAIMED
                });
            } else {
                until.add(since + UNCLAIMED);
            }
        }
        if state.has_bare_returned() {
            return Next::PutBackBare;
        }
        let is_waiting = state.unserved() > 0;
        // A pop that has returned must not take an element: the wait on the server ends first.
        if matches!(self.source, Source::Blocked(_)) && !state.has_unserved_patient() {
            return Next::Cancel;
        }
        let wants_step =
            state.has_returned() || is_waiting && (!state.is_drained || state.has_impatient());
        if wants_step {
            return Next::Step(state.begin(false, false));
        }
        let step = state.steps_done();
        match (state.has_delivered(), self.flush_at) {
            (false, _) => self.flush_at = None,
            (true, _) if is_closing => return Next::Step(state.begin(false, false)),
            (true, Some((at, armed_at))) if at <= now && armed_at == step => {
                return Next::Step(state.begin(false, false));
            }
            (true, Some((at, _))) if at > now => until.add(at),
            // The next pop confirms them too.
            (true, _) => {
                self.flush_at = Some((now + FLUSH, step));
                until.add(now + FLUSH);
            }
        }
        let is_listening = !matches!(self.source, Source::None);
        if is_waiting || state.holds_entries() {
            if let Some(registered_until) = state.registered_until {
                if registered_until <= now + RENEWAL {
                    return Next::Step(state.begin(false, true));
                }
                until.add(registered_until - RENEWAL);
            } else if is_waiting && self.may_block(now) && !self.is_of_set()
                || state.known_entries() > 0
            {
                return Next::Step(state.begin(false, true));
            }
        }
        if is_waiting {
            self.idle_since = None;
            return match is_listening {
                true => Next::Wait(until.0),
                false => Next::Listen,
            };
        }
        // While nothing reports an element, the last look is out of date.
        state.is_drained = false;
        self.source = Source::None;
        // Callers have them, even if the client is closed.
        if state.holds_entries() {
            self.idle_since = None;
            return Next::Wait(until.0);
        }
        let since = *self.idle_since.get_or_insert(now);
        if let Some(at) = self.recheck_at.filter(|_| !is_closing) {
            return Next::Wait(Some(at));
        }
        if now >= since + IDLE || is_closing {
            return Next::End;
        }
        until.add(since + IDLE);
        Next::Wait(until.0)
    }

    /// Returns whether the server may block a command.
    fn may_block(&self, now: Instant) -> bool {
        self.cannot_block_until.is_none_or(|at| at <= now)
    }

    fn is_of_set(&self) -> bool {
        self.consumer.keys.pop().end.is_of_set()
    }

    async fn step(&mut self, step: Step) {
        self.flush_at = None;
        self.idle_since = None;
        Exchange::new(&self.consumer, &self.client, step)
            .run()
            .await;
        let now = Instant::now();
        let mut state = self.consumer.state.lock();
        self.retry_at = match state.outcome {
            Outcome::Done => {
                self.backoff.reset();
                self.failing_since = None;
                return;
            }
            Outcome::Failed => Some(now + self.backoff.next()),
            Outcome::Refused => Some(now + IDLE),
        };
        let since = *self.failing_since.get_or_insert(now);
        let is_hopeless = state.outcome == Outcome::Refused || now >= since + IDLE;
        if is_hopeless && self.client.caller.is_closed() {
            state.forget_entries();
        }
    }

    /// Puts back what consumers hold whose leases are over.
    async fn reclaim(&mut self) {
        let lapsed = std::mem::take(&mut self.consumer.state.lock().lapsed);
        for id in lapsed {
            if !reclaim_from(&self.client, &self.consumer, &id).await {
                let until = Instant::now() + RENEWAL;
                self.consumer.state.lock().ignore_lapsed(id, until);
            }
        }
        self.consumer.state.lock().is_drained = false;
    }

    async fn pass_token(&mut self) {
        if std::mem::take(&mut self.owes_token) {
            // If it fails, the others look after a while.
            let _ = run_once(&self.client, self.consumer.keys.wake()).await;
        }
    }

    /// Begins to wait for a report that there may be an element.
    async fn listen(&mut self) {
        let now = Instant::now();
        let is_of_set = self.is_of_set();
        // The consumer that watches a sorted set wakes those that block.
        let watches = is_of_set && self.consumer.state.lock().is_watcher;
        if self.may_block(now) && !watches {
            let command = self.consumer.keys.block();
            let connection = match self.connection.take() {
                Some(connection) => Ok(connection),
                None => BlockingConnection::open(&self.client, &self.consumer.keys.pop().key).await,
            };
            match connection {
                Ok(connection) => {
                    let mut state = self.consumer.state.lock();
                    // Meanwhile, the callers may have gone.
                    if state.has_unserved_patient() {
                        state.set_blocked(!is_of_set);
                        self.source =
                            Source::Blocked(Box::new(connection.block(command, is_of_set)));
                    } else {
                        self.connection = Some(connection);
                    }
                    return;
                }
                Err(error) => self.note_failure(&error),
            }
        }
        self.source = match look(&self.client, self.consumer.keys.pop()).await {
            Ok((0, Some(watch))) => {
                self.polls.reset();
                Source::Watch(watch)
            }
            Ok((0, None)) | Err(_) => Source::Poll(now + self.polls.next()),
            Ok(_) => {
                self.consumer.state.lock().is_drained = false;
                Source::None
            }
        };
    }

    /// Waits until there may be something to do.
    async fn wait(
        &mut self,
        until: Option<Instant>,
        closing: &mut watch::Receiver<bool>,
        is_closing: bool,
    ) {
        let consumer = self.consumer.clone();
        let mut until = Deadline(until);
        if consumer.state.lock().is_task_alert {
            until.add(Instant::now() + FLUSH);
        }
        let source = &mut self.source;
        let reported = async {
            match source {
                Source::None => std::future::pending().await,
                Source::Blocked(blocked) => Some(blocked.wait().await),
                Source::Watch(watch) => {
                    let backstop = sleep_until(Instant::now() + BACKSTOP);
                    tokio::select! {
                        () = watch.changed() => {}
                        () = backstop => {}
                    }
                    None
                }
                Source::Poll(at) => {
                    sleep_until(*at).await;
                    None
                }
            }
        };
        tokio::select! {
            biased;
            reply = reported => match (std::mem::replace(&mut self.source, Source::None), reply) {
                (Source::Blocked(blocked), Some(reply)) => {
                    let unblocked = blocked.end(reply);
                    self.unblocked(unblocked);
                }
                _ => self.consumer.state.lock().is_drained = false,
            },
            () = consumer.work.notified() => {}
            Ok(()) = self.failovers.changed() => self.relocate(),
            () = super::sleep_until_some(until.0) => {}
            () = wait_closed(closing), if !is_closing => self.retry_at = None,
        }
    }

    /// Leaves a server that is not the primary any more.
    fn relocate(&mut self) {
        self.connection = None;
        if matches!(self.source, Source::Blocked(_)) && !self.is_of_set() {
            let mut state = self.consumer.state.lock();
            state.is_unsure = true;
            state.set_blocked(false);
            self.recheck_at = Some(Instant::now() + BLOCK + UNBLOCKED);
        }
        self.source = Source::None;
    }

    async fn cancel(&mut self) {
        if let Source::Blocked(blocked) = std::mem::replace(&mut self.source, Source::None) {
            let last_ticket = self.consumer.state.lock().waiting.last_ticket();
            let unblocked = blocked.cancel(&self.client).await;
            let was_empty = matches!(unblocked, Unblocked::Cancelled(_)) && !self.is_of_set();
            self.unblocked(unblocked);
            if was_empty {
                let mut state = self.consumer.state.lock();
                // An element that was taken unseen is looked for first.
                if !state.is_unsure {
                    state.waiting.answer_impatient(last_ticket);
                }
            }
        }
    }

    fn unblocked(&mut self, unblocked: Unblocked) {
        let mut state = self.consumer.state.lock();
        match unblocked {
            // A sorted set may have changed meanwhile, or another consumer may have stopped watching.
            Unblocked::Taken(connection, _) if self.is_of_set() => {
                state.is_drained = false;
                // A token that no caller here needs is for the next consumer.
                self.owes_token = !state.has_unserved_patient();
                self.connection = Some(connection);
            }
            Unblocked::Lost(error) if self.is_of_set() => {
                state.is_drained = false;
                drop(state);
                self.note_failure(&error);
            }
            Unblocked::Taken(connection, entry) => {
                state.add_taken(entry);
                state.set_blocked(false);
                self.connection = Some(connection);
            }
            Unblocked::Empty(connection) | Unblocked::Cancelled(connection) => {
                state.is_drained &= !self.is_of_set();
                state.set_blocked(false);
                self.connection = Some(connection);
            }
            Unblocked::Refused(error) => {
                state.set_blocked(false);
                drop(state);
                self.note_failure(&error);
            }
            Unblocked::Lost(error) => {
                state.is_unsure = true;
                state.set_blocked(false);
                self.recheck_at = Some(Instant::now() + BLOCK + UNBLOCKED);
                drop(state);
                self.note_failure(&error);
            }
        }
    }

    /// Notes that a wait on the server failed.
    fn note_failure(&mut self, error: &Error) {
        let now = Instant::now();
        match error.kind() {
            ErrorKind::Auth | ErrorKind::Unsupported | ErrorKind::WrongType => {
                self.cannot_block_until = Some(now + REFUSAL);
            }
            // Such as a full server, or one that does not have the slot.
            _ if error.code().is_some() => self.cannot_block_until = Some(now + IDLE),
            _ => {}
        }
        self.retry_at = Some(now + self.backoff.next());
    }

    /// Ends the consumer on the server. Returns false if there is something to do again.
    async fn end(&mut self) -> bool {
        let last = self.consumer.state.lock().end_lease();
        if let Some(last) = last {
            // If it fails, others end the consumer when its lease is over.
            let _ = run_once(&self.client, self.consumer.keys.leave(last)).await;
        }
        let mut state = self.consumer.state.lock();
        if state.needs_task() {
            self.idle_since = None;
            return false;
        }
        state.has_task = false;
        self.is_over = true;
        drop(state);
        self.client.shared.forget_idle();
        true
    }
}

/// Puts back what the consumer `id` holds. Returns false if that cannot be done.
async fn reclaim_from(client: &Deliveries, consumer: &Consumer, id: &Bytes) -> bool {
    let Some(reclaim) = consumer.keys.reclaim(id) else {
        return false;
    };
    loop {
        let reply = client.caller.run(reclaim.clone()).await;
        match reply.and_then(Reply::into_int) {
            Ok(1) => {}
            Ok(_) => return true,
            Err(error) => return may_work_later(&error),
        }
    }
}

/// Returns the number of elements, and a watch on it if the server allows one.
async fn look(client: &Deliveries, pop: &Pop) -> Result<(u64, Option<Watch>)> {
    let count = || Command::read(pop.end.len_command()).key(pop.key.clone());
    let tracking = Tracking {
        caller: client.caller.clone(),
        pool: client.shared.tracking.clone(),
    };
    match tracking.watch(count()).await {
        Ok((reply, watch)) => Ok((reply.into_count()?, Some(watch))),
        Err(_) => {
            let reply = client.caller.run(count()).await?;
            Ok((reply.into_count()?, None))
        }
    }
}

/// Puts back elements that were taken without the pending list.
async fn put_back_bare(client: &Deliveries, consumer: &Consumer) {
    let bare = consumer.state.lock().take_bare();
    for (entry, done) in bare {
        let result = requeue_bare(client, consumer.keys.pop(), &entry.text).await;
        if let Some(done) = done {
            let _ = done.send(result);
        }
    }
}

/// The earliest of several instants.
#[derive(Default)]
struct Deadline(Option<Instant>);

impl Deadline {
    fn add(&mut self, at: Instant) {
        self.0 = Some(self.0.map_or(at, |earliest| earliest.min(at)));
    }
}

/// If the task ends with its runtime, nothing is delivered any more.
impl Drop for ConsumerTask {
    fn drop(&mut self) {
        if !self.is_over {
            let mut state: std::sync::MutexGuard<'_, State> = self.consumer.state.lock();
            state.has_task = false;
            state.set_blocked(false);
            state.fail(&runtime_ended_error(), true, Duration::ZERO);
        }
    }
}
