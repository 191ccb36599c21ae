//! The task that owns one attempt and the lease that it acquires.
//!
//! Futures and guards only hold channels to this task. Whenever they are dropped, the task
//! continues and gives back everything that was taken or may have been taken. It asks all masters
//! at once, through one [queue](crate::master::request_queue) each. A queue keeps the order of its
//! requests, so no request overtakes a SET that is in flight.
//!
//! The queues are not tasks. The owner waits for everything through [`LeaseQueues`], which lets
//! the queues make progress.

mod command_loop;

use std::sync::Arc;

use bytes::Bytes;
use purse_lease::{LeaseInstant, LostReason, Validity, valid_until};
use tokio::sync::{SemaphorePermit, oneshot};

use crate::error::{Error, LockName, LockOperation, Result};
use crate::lease::PendingLease;
use crate::master::Action;
use crate::master::ask_order::rank_masters;
use crate::master::lease_queues::LeaseQueues;
use crate::master::request_queue::{MasterReply, QueuedRequest};
use crate::quorum::ballot::Ballot;
use crate::quorum::decision::{Acquisition, Possession};
use crate::quorum::fence::settle_fence;
use crate::state::LockState;
use crate::state::local_queue::LocalHold;
use crate::tasks::task_pool::WorkerHandle;
use crate::telemetry::events;

/// The way in which an attempt asks the masters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum AcquireStrategy {
    /// All masters are asked at once, without waiting for an attempt permit.
    Immediate,
    /// All masters are asked at once: one round trip.
    #[default]
    AllMasters,
    /// One master is asked first, the same by all clients, and the others only after it has
    /// granted. This takes two round trips, and prevents split votes among clients with this
    /// strategy.
    OneMasterFirst {
        /// The masters on which another client is known to hold the lock.
        held_masters: Vec<usize>,
    },
}

/// The reason why an attempt found the lock held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureCause {
    /// Another client holds the lock.
    Held,
    /// Several clients got some masters each, so perhaps no client has a quorum.
    SplitVote,
    /// The master that was asked first refused. The state of the others is unknown.
    LostFirstVote,
}

/// The error of an attempt, and its cause.
pub(crate) struct AttemptError {
    pub(crate) error: Error,
    pub(crate) cause: FailureCause,
    /// The number of masters that granted.
    pub(crate) votes: usize,
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        let votes = match error {
            Error::NoQuorum { votes, .. } => votes,
            _ => 0,
        };
        Self {
            error,
            cause: FailureCause::Held,
            votes,
        }
    }
}

/// The errors of masters, by their address.
type MasterErrors = Vec<(String, purse_client::Error)>;

type AttemptOutcome = Result<PendingLease, AttemptError>;

/// Starts one attempt to acquire `keys`, all or none, with or without a fence. Dropping the result
/// releases everything that was taken. Returns `None` after a shutdown.
pub(crate) fn spawn_attempt(
    state: &Arc<LockState>,
    keys: &Arc<[Bytes]>,
    is_fenced: bool,
    strategy: AcquireStrategy,
) -> Option<(WorkerHandle, oneshot::Receiver<AttemptOutcome>)> {
    let token = state.shutdown.track_task()?;
    let (mut announce, outcome) = oneshot::channel();
    let (shared, keys) = (state.clone(), keys.clone());
    let task = state.tasks.start(async move {
        let permit = tokio::select! {
            biased;
            permit = attempt_permit(&shared, &strategy) => permit,
            () = announce.closed() => return,
        };
        let mut owner = Owner::new(shared.clone(), &keys, is_fenced);
        let start = shared.timer.now();
        let acquired = owner.acquire(strategy, &mut announce).await;
        drop(permit);
        let mut rest = owner.announce_and_serve(start, acquired, announce).await;
        rest.wait_settled().await;
        drop(token);
        rest.wait_done().await;
    });
    Some((task, outcome))
}

/// Waits for an attempt permit, unless the strategy is immediate.
async fn attempt_permit<'a>(
    state: &'a LockState,
    strategy: &AcquireStrategy,
) -> Option<SemaphorePermit<'a>> {
    match strategy {
        AcquireStrategy::Immediate => None,
        // The semaphore is never closed.
        AcquireStrategy::AllMasters | AcquireStrategy::OneMasterFirst { .. } => {
            state.waiting.attempts.acquire().await.ok()
        }
    }
}

/// The answer of the master that was asked first.
enum FirstVote {
    /// It granted and the others were asked, or none answered.
    Granted(Ballot),
    /// It refused, and no other master was asked.
    Refused,
    /// The caller does not wait any more.
    Abandoned,
}

/// The owner of one attempt and of the lease that it acquires.
struct Owner {
    state: Arc<LockState>,
    keys: Arc<[Bytes]>,
    masters: LeaseQueues,
    round: u64,
    is_fenced: bool,
    hold: Option<LocalHold>,
    record: Option<Bytes>,
}

/// An acquired lock that has not been handed to the caller yet.
struct Grant {
    until: LeaseInstant,
    fence: u64,
}

impl Owner {
    fn new(state: Arc<LockState>, keys: &Arc<[Bytes]>, is_fenced: bool) -> Self {
        Self {
            masters: LeaseQueues::new(state.masters.clone(), keys.clone()),
            state,
            keys: keys.clone(),
            round: 0,
            is_fenced,
            hold: None,
            record: None,
        }
    }

    /// Announces the outcome of the attempt, and serves the lease to its end. Returns the request
    /// queues, which may still contain requests, mainly releases.
    async fn announce_and_serve(
        mut self,
        start: LeaseInstant,
        acquired: Option<Result<Grant, AttemptError>>,
        announce: oneshot::Sender<AttemptOutcome>,
    ) -> LeaseQueues {
        match acquired {
            Some(Ok(Grant { until, fence })) => {
                let validity = Arc::new(self.validity(until));
                self.hold = Some(self.state.waiting.queues.hold(&self.keys, &validity));
                let (pending, inbox) = PendingLease::new(
                    self.keys.clone(),
                    validity,
                    fence,
                    self.state.shutdown.clone(),
                );
                // A pending lease that is not received is dropped, here or in the channel.
                let _ = announce.send(Ok(pending));
                self.serve(inbox, start).await;
            }
            Some(Err(failure)) => {
                // This fails only if the caller does not wait any more.
                let _ = announce.send(Err(failure));
            }
            None => {}
        }
        self.masters
    }

    /// Returns the validity of a lease on the keys, which logs the loss.
    fn validity(&self, until: LeaseInstant) -> Validity {
        let keys = self.keys.clone();
        Validity::new(self.state.timer.clone(), until).on_lost(move |reason| {
            if reason != LostReason::Released {
                events::warn_lost(&keys, reason);
            }
        })
    }

    /// Acquires the lock, or releases what was taken and returns the reason. Returns `None` if the
    /// caller does not wait any more.
    async fn acquire(
        &mut self,
        strategy: AcquireStrategy,
        announce: &mut oneshot::Sender<AttemptOutcome>,
    ) -> Option<Result<Grant, AttemptError>> {
        let start = self.state.timer.now();
        let mut votes = match strategy {
            AcquireStrategy::Immediate | AcquireStrategy::AllMasters => {
                self.send_to_all(self.acquire_action())
            }
            AcquireStrategy::OneMasterFirst { held_masters } => {
                match self.send_to_one_first(&held_masters, announce).await {
                    FirstVote::Granted(votes) => votes,
                    FirstVote::Refused => {
                        return Some(Err(AttemptError {
                            error: Error::held(&self.keys, None),
                            cause: FailureCause::LostFirstVote,
                            votes: 0,
                        }));
                    }
                    FirstVote::Abandoned => {
                        self.send_to_all(Action::Release);
                        return None;
                    }
                }
            }
        };
        let mut releases = None;
        loop {
            match votes.tally().acquisition() {
                Acquisition::Acquired => return self.confirm_grant(start, &votes, announce).await,
                Acquisition::NoQuorum => {
                    releases.get_or_insert_with(|| self.send_to_all(Action::Release));
                    return Some(Err(self
                        .no_quorum_error(votes, LockOperation::Acquire)
                        .into()));
                }
                Acquisition::Held => {
                    let releases = releases.unwrap_or_else(|| self.send_to_all(Action::Release));
                    return self.held_error(votes, releases, announce).await.map(Err);
                }
                Acquisition::Undecided => {}
            }
            // The release is sent before the kind of failure is known, so that other clients need not
            // wait for that.
            if votes.tally().is_impossible() {
                releases.get_or_insert_with(|| self.send_to_all(Action::Release));
            }
            let Some(reply) = self.next_reply(announce).await else {
                releases.get_or_insert_with(|| self.send_to_all(Action::Release));
                return None;
            };
            if reply.round == votes.round() {
                votes.count(reply);
            } else if let Some(releases) = &mut releases {
                releases.count(reply);
            }
        }
    }

    /// Returns the action that acquires the lock.
    const fn acquire_action(&self) -> Action {
        if self.is_fenced {
            Action::AcquireFenced
        } else {
            Action::Acquire
        }
    }

    /// Asks one master after the other until one answers, and all others if that one grants.
    ///
    /// A client that is refused leaves the other masters to the client that was granted. Therefore,
    /// among all clients that ask in this way, one has no opponent, and none of them ever waits for
    /// another.
    async fn send_to_one_first(
        &mut self,
        held_masters: &[usize],
        announce: &mut oneshot::Sender<AttemptOutcome>,
    ) -> FirstVote {
        let acquire = self.acquire_action();
        self.round += 1;
        let mut votes = Ballot::new(self.round, self.masters.len());
        let order = rank_masters(&self.state.masters.handles, &self.keys, held_masters);
        for (asked, master) in order.iter().enumerate() {
            self.send(*master, acquire);
            let Some(reply) = self.next_reply(announce).await else {
                return FirstVote::Abandoned;
            };
            votes.count(reply);
            let tally = votes.tally();
            if tally.grants() > 0 {
                order[asked + 1..]
                    .iter()
                    .for_each(|other| self.send(*other, acquire));
                break;
            }
            if tally.refusals() > 0 {
                // A request that failed may have taken effect nevertheless.
                self.round += 1;
                order[..asked]
                    .iter()
                    .for_each(|failed| self.send(*failed, Action::Release));
                return FirstVote::Refused;
            }
            if tally.acquisition() == Acquisition::NoQuorum {
                break;
            }
        }
        FirstVote::Granted(votes)
    }

    /// Accepts a quorum's grant, unless it came too late to be useful. Returns `None` if the caller
    /// does not wait any more.
    async fn confirm_grant(
        &mut self,
        start: LeaseInstant,
        votes: &Ballot,
        announce: &mut oneshot::Sender<AttemptOutcome>,
    ) -> Option<Result<Grant, AttemptError>> {
        let until = valid_until(start, self.state.settings.ttl);
        let fence = if self.is_fenced {
            self.agree_on_fence(votes, announce).await
        } else {
            Some(Ok(0))
        };
        let error = match fence {
            Some(Ok(fence)) => {
                let operation = LockOperation::Acquire;
                match self.state.ensure_worth_having(until, &self.keys, operation) {
                    Ok(()) => return Some(Ok(Grant { until, fence })),
                    Err(error) => Some(error),
                }
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        self.send_to_all(Action::Release);
        error.map(|error| Err(error.into()))
    }

    /// Returns the fence of a lock that a quorum granted, once any later holder is certain to get a
    /// greater fence: see [`settle_fence`].
    async fn agree_on_fence(
        &mut self,
        votes: &Ballot,
        announce: &mut oneshot::Sender<AttemptOutcome>,
    ) -> Option<Result<u64>> {
        let (fence, is_settled) = settle_fence(votes.fences(), votes.tally().quorum());
        if is_settled {
            return Some(Ok(fence));
        }
        // All masters are raised, so that they agree the next time. A master whose grant is still in
        // flight is asked after that grant.
        let mut raised = self.send_to_all(Action::Raise(fence));
        while raised.tally().possession() == Possession::Undecided {
            raised.count(self.next_reply(announce).await?);
        }
        Some(match raised.tally().possession() {
            Possession::Held => Ok(fence),
            // The masters are reachable, but the lock was taken away from us.
            Possession::Gone => Err(Error::held(&self.keys, None)),
            Possession::Unknown | Possession::Undecided => {
                Err(self.no_quorum_error(raised, LockOperation::Acquire))
            }
        })
    }

    /// Waits until the time when the key may be free is known, or cannot be known, and returns the
    /// error of an attempt that found the lock held.
    async fn held_error(
        &mut self,
        votes: Ballot,
        mut releases: Ballot,
        announce: &mut oneshot::Sender<AttemptOutcome>,
    ) -> Option<AttemptError> {
        if votes.is_foreign() {
            return Some(self.wrong_type_error(votes, LockOperation::Acquire).into());
        }
        while releases.may_learn_more() {
            releases.count(self.next_reply(announce).await?);
        }
        if releases.is_foreign() {
            return Some(
                self.wrong_type_error(releases, LockOperation::Acquire)
                    .into(),
            );
        }
        Some(AttemptError {
            error: Error::held(&self.keys, releases.retry_after()),
            votes: votes.tally().grants(),
            cause: if votes.tally().is_split() {
                FailureCause::SplitVote
            } else {
                FailureCause::Held
            },
        })
    }

    /// Waits for the next reply. Returns `None` once the caller does not wait any more.
    async fn next_reply(
        &mut self,
        announce: &mut oneshot::Sender<AttemptOutcome>,
    ) -> Option<MasterReply> {
        tokio::select! {
            reply = self.masters.next() => Some(reply),
            () = announce.closed() => None,
        }
    }

    /// Waits for the replies that decide whether a quorum has our token.
    async fn wait_possession(&mut self, votes: &mut Ballot) -> Possession {
        while votes.tally().possession() == Possession::Undecided {
            votes.count(self.masters.next().await);
        }
        votes.tally().possession()
    }

    /// Sends `action` to all masters in a new round. Returns the ballot of that round.
    fn send_to_all(&mut self, action: Action) -> Ballot {
        self.round += 1;
        (0..self.masters.len()).for_each(|master| self.send(master, action));
        Ballot::new(self.round, self.masters.len())
    }

    fn send(&mut self, master: usize, action: Action) {
        let (round, record) = (self.round, self.record.clone());
        let request = QueuedRequest {
            action,
            round,
            record,
        };
        self.masters.send(master, request);
    }

    fn wrong_type_error(&self, votes: Ballot, operation: LockOperation) -> Error {
        Error::WrongType {
            lock: LockName::of(&self.keys),
            operation,
            errors: self.with_server_names(votes.into_foreign()),
        }
    }

    fn no_quorum_error(&self, votes: Ballot, operation: LockOperation) -> Error {
        let (votes, needed, errors) = self.shortfall(votes);
        Error::NoQuorum {
            lock: Some(LockName::of(&self.keys)),
            operation,
            votes,
            needed,
            errors,
        }
    }

    /// Returns how many masters agreed, how many are needed, and the errors of the others.
    fn shortfall(&self, votes: Ballot) -> (usize, usize, MasterErrors) {
        let (granted, needed) = (votes.tally().grants(), votes.tally().quorum());
        (granted, needed, self.with_server_names(votes.into_errors()))
    }

    fn with_server_names(&self, errors: Vec<(usize, purse_client::Error)>) -> MasterErrors {
        let server = |index: usize| self.state.masters.handles[index].master.server().to_owned();
        errors
            .into_iter()
            .map(|(index, error)| (server(index), error))
            .collect()
    }
}
