//! One wait for a lock: the local queue, the attempts, and the pauses between them.
//!
//! May import: `error`, `tasks`, `telemetry`, `master`, `quorum`, `state`, `lease`.

pub(crate) mod backoff;
pub(crate) mod key_watch;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::acquire::backoff::{Backoff, WakeBudget};
use crate::acquire::key_watch::{Availability, KeyWatch};
use crate::error::{Error, LockOperation, Result};
use crate::lease::Lease;
use crate::lease::owner::{self, AcquireStrategy, AttemptError, FailureCause};
use crate::quorum::decision::quorum;
use crate::state::LockState;
use crate::state::local_queue::{LocalHolder, QueueEntry, QueuePermit};
use crate::tasks::jitter::jitter;
use crate::telemetry::span::LockSpan;

/// The longest pause if the masters report changes, unless
/// [`retry_delay`](crate::RedlockBuilder::retry_delay) is longer. Some changes are not reported,
/// such as those by `FLUSHALL`.
const POLL: Duration = Duration::from_secs(1);

/// The range of random delays after a holder's time is over, so that not all waiters try at the
/// same moment.
const SPREAD: Duration = Duration::from_millis(10);

/// Makes one attempt, and records it in the span.
pub(crate) async fn traced_attempt(
    state: &Arc<LockState>,
    keys: &Arc<[Bytes]>,
    is_fenced: bool,
    strategy: AcquireStrategy,
    span: &mut LockSpan,
) -> Result<Lease, AttemptError> {
    let outcome = run_attempt(state, keys, is_fenced, strategy).await;
    match &outcome {
        Ok(lease) => {
            // The lock is acquired as soon as a quorum agrees; further votes are not counted.
            span.record_attempt(quorum(state.masters.handles.len()));
            span.record_acquired(lease.validity().remaining());
        }
        Err(failure) => {
            span.record_attempt(failure.votes);
            if failure.cause == FailureCause::SplitVote {
                span.record_split_vote();
            }
        }
    }
    outcome
}

async fn run_attempt(
    state: &Arc<LockState>,
    keys: &Arc<[Bytes]>,
    is_fenced: bool,
    strategy: AcquireStrategy,
) -> Result<Lease, AttemptError> {
    let closed_error = || Error::closed(keys, LockOperation::Acquire);
    let Some((task, outcome)) = owner::spawn_attempt(state, keys, is_fenced, strategy) else {
        return Err(closed_error().into());
    };
    let outcome = tokio::select! {
        biased;
        () = state.shutdown.closed() => return Err(closed_error().into()),
        outcome = outcome => outcome,
    };
    // The owner task ends without an outcome only if its runtime ends.
    let pending = outcome.unwrap_or_else(|_| Err(closed_error().into()))?;
    let lease = pending.accept(task)?;
    // Much time may have passed since the lease was acquired, if this future was not polled.
    let until = lease.validity().valid_until();
    state.ensure_worth_having(until, keys, LockOperation::Acquire)?;
    Ok(lease)
}

/// One caller that waits for a lock.
pub(crate) struct Waiter<'a> {
    state: &'a Arc<LockState>,
    keys: &'a Arc<[Bytes]>,
    is_fenced: bool,
    permit: Option<QueuePermit>,
    entry: QueueEntry,
    key_watch: KeyWatch,
    backoff: Backoff,
    wake_budget: WakeBudget,
    strategy: AcquireStrategy,
    retry_plan: RetryPlan,
    span: LockSpan,
}

/// The pause after a failed attempt.
#[derive(Default)]
struct RetryPlan {
    /// Delay before the next attempt if no key watch is available.
    delay_without_watch: Duration,
    /// True if the next attempt asks one master first, should no key watch be available.
    one_master_first: bool,
    /// Minimum delay if key watches are available; `None` disables watching.
    min_delay_with_watch: Option<Duration>,
}

impl<'a> Waiter<'a> {
    pub(crate) fn new(state: &'a Arc<LockState>, keys: &'a Arc<[Bytes]>, is_fenced: bool) -> Self {
        let most = state.settings.retry_delay;
        Self {
            state,
            keys,
            is_fenced,
            permit: None,
            entry: state.waiting.queues.enter(keys),
            key_watch: KeyWatch::new(state.masters.handles.len()),
            backoff: Backoff::new(most),
            wake_budget: WakeBudget::new(most),
            strategy: AcquireStrategy::default(),
            retry_plan: RetryPlan::default(),
            span: LockSpan::open(keys),
        }
    }

    /// Waits in the local queue, and for a holder in this process, for at most `limit`. Returns
    /// whether the caller may contend for the lock.
    pub(crate) async fn wait_in_queue(&mut self, limit: Duration) -> Result<bool> {
        let start = Instant::now();
        let permit = tokio::select! {
            biased;
            () = self.state.shutdown.closed() => return Err(self.closed_error()),
            permit = self.entry.acquire_permit() => permit?,
            slept = self.state.timer.sleep(limit) => {
                return slept.map(|()| false).map_err(|_| self.closed_error());
            }
        };
        self.permit = Some(permit);
        let Some(mut holder) = self.entry.holder() else {
            return Ok(true);
        };
        let left = limit.saturating_sub(start.elapsed());
        // A lock that is being released has no time left, and its hold ends soon.
        let most = match holder.validity().check() {
            Ok(()) => holder.validity().remaining().min(POLL),
            Err(_) => POLL,
        };
        let most = most.min(left);
        tokio::select! {
            biased;
            () = self.state.shutdown.closed() => return Err(self.closed_error()),
            () = holder.wait_ended() => {
                let is_contended = self.entry.take_contended_handover();
                self.strategy = self.choose_strategy(is_contended);
            }
            slept = self.state.timer.sleep(most) => slept.map_err(|_| self.closed_error())?,
        }
        Ok(true)
    }

    fn closed_error(&self) -> Error {
        Error::closed(self.keys, LockOperation::Acquire)
    }

    /// Chooses the strategy: all masters at once, or one master first if other processes contend.
    fn choose_strategy(&self, is_contended: bool) -> AcquireStrategy {
        if !is_contended {
            return AcquireStrategy::AllMasters;
        }
        let held_masters = self.key_watch.held_masters();
        AcquireStrategy::OneMasterFirst { held_masters }
    }

    /// Makes one attempt. If it fails, call [`wait_for_change`](Self::wait_for_change) before the
    /// next one.
    pub(crate) async fn try_acquire(&mut self) -> Result<Lease> {
        let start = Instant::now();
        let strategy = std::mem::take(&mut self.strategy);
        let outcome = traced_attempt(
            self.state,
            self.keys,
            self.is_fenced,
            strategy,
            &mut self.span,
        )
        .await;
        self.entry.record_attempt();
        let AttemptError { error, cause, .. } = match outcome {
            Ok(lease) => return Ok(lease),
            Err(failure) => failure,
        };
        self.retry_plan = self.retry_plan_after(&error, cause, start.elapsed());
        Err(error)
    }

    /// Plans the pause after an attempt that failed with `error` and lasted `took`.
    fn retry_plan_after(
        &mut self,
        error: &Error,
        cause: FailureCause,
        took: Duration,
    ) -> RetryPlan {
        let Error::Held { retry_after, .. } = *error else {
            return RetryPlan {
                delay_without_watch: self.backoff.wait(None),
                ..RetryPlan::default()
            };
        };
        if self.entry.holder().is_none() {
            self.entry.mark_contended();
        }
        match cause {
            FailureCause::Held => RetryPlan {
                delay_without_watch: self.backoff.wait(retry_after),
                min_delay_with_watch: Some(Duration::ZERO),
                ..RetryPlan::default()
            },
            FailureCause::SplitVote => {
                let delay_without_watch = self.backoff.split(took);
                RetryPlan {
                    delay_without_watch,
                    one_master_first: true,
                    min_delay_with_watch: Some(delay_without_watch),
                }
            }
            // The client that was first needs two round trips to acquire the lock.
            FailureCause::LostFirstVote => RetryPlan {
                min_delay_with_watch: Some(took + self.backoff.split(took * 2)),
                delay_without_watch: self.backoff.wait(None),
                ..RetryPlan::default()
            },
        }
    }

    /// Returns for how long there has been no quorum, after an attempt that failed with `error`;
    /// zero if there is a quorum.
    pub(crate) fn outage(&self, error: &Error) -> Duration {
        if let Error::NoQuorum { .. } | Error::ValidityExhausted { .. } = error {
            let (now, gap) = (
                self.state.timer.now(),
                self.state.settings.outage_tolerance(),
            );
            return self
                .entry
                .record_outage(now, gap.max(self.state.settings.retry_delay * 2));
        }
        self.entry.clear_outage();
        Duration::ZERO
    }

    /// Waits until another attempt makes sense, for at most `limit`.
    pub(crate) async fn wait_for_change(&mut self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        let needed = quorum(self.state.masters.handles.len());
        let poll = POLL.max(self.state.settings.retry_delay);
        let poll = poll - jitter(poll / 4);
        let spread = jitter(SPREAD.min(self.state.settings.retry_delay));
        let plan = std::mem::take(&mut self.retry_plan);
        let mut holder = self
            .entry
            .holder()
            .filter(|_| plan.min_delay_with_watch.is_some());
        let mut handover = None;
        if plan.min_delay_with_watch.is_some() {
            self.key_watch.refresh(self.state, self.keys);
        }
        loop {
            let availability = match plan.min_delay_with_watch {
                Some(_) if handover.is_some() => Availability::MaybeFree,
                Some(_) => self.key_watch.availability(needed),
                None => Availability::Unknown,
            };
            let (until, is_contended, is_wake_up) = match availability {
                Availability::MaybeFree => {
                    let min_delay_with_watch = plan.min_delay_with_watch.unwrap_or_default();
                    let until = start + min_delay_with_watch.max(self.wake_budget.delay(start));
                    (until, handover.unwrap_or(true), true)
                }
                Availability::Held => match self.key_watch.held_until(needed) {
                    Some(end) if end + spread < start + poll => {
                        let end = end.max(start + self.wake_budget.delay(start));
                        (end + spread, true, true)
                    }
                    _ => (start + poll, false, false),
                },
                Availability::Unknown => (
                    start + plan.delay_without_watch,
                    plan.one_master_first,
                    false,
                ),
            };
            let waited = start.elapsed();
            let left = until
                .saturating_duration_since(start)
                .saturating_sub(waited);
            let left = left.min(limit.saturating_sub(waited));
            if left.is_zero() {
                if is_wake_up {
                    self.wake_budget.take();
                }
                self.strategy = self.choose_strategy(is_contended);
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.state.shutdown.closed() => return Err(self.closed_error()),
                () = self.key_watch.wait_changed(), if plan.min_delay_with_watch.is_some() => {}
                () = wait_ended(&mut holder) => {
                    holder = None;
                    handover = Some(self.entry.take_contended_handover());
                }
                slept = self.state.timer.sleep(left) => slept.map_err(|_| self.closed_error())?,
            }
        }
    }
}

/// Waits until the holder in this process has released the lock; forever if there is none.
async fn wait_ended(holder: &mut Option<LocalHolder>) {
    match holder {
        Some(holder) => holder.wait_ended().await,
        None => std::future::pending().await,
    }
}
