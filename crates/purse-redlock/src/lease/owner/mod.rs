//! The task that owns one attempt and the lease that comes of it.
//!
//! Futures and guards only hold channels to it, so whatever is dropped, and whenever, the task goes
//! on: it gives back what was or may have been taken. It asks all masters at once, over one
//! [line](crate::master::request_queue) each, which keeps the order: nothing overtakes a SET that is under way.
//!
//! The lines are no tasks of their own: whatever the owner waits for, it goes through [`FanOut`],
//! which move meanwhile.

mod serve;

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{SemaphorePermit, oneshot};

use crate::error::{Error, Result};
use crate::lease::Offer;
use crate::master::Action;
use crate::master::ask_order::order;
use crate::master::fan_out::FanOut;
use crate::master::request_queue::{MasterReply, QueuedRequest};
use crate::quorum::ballot::Ballot;
use crate::quorum::decision::{Acquisition, Possession, valid_until};
use crate::quorum::fence::settle;
use crate::runtime::clock::LockInstant;
use crate::runtime::inline_task::TaskHandle;
use crate::state::context::Context;
use crate::state::local_queue::Hold;
use crate::state::validity::Term;

/// How an attempt goes about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Manner {
    /// All masters are asked at once, at once.
    Alone,
    /// All masters are asked at once: one round trip.
    #[default]
    AllAtOnce,
    /// One master is asked first, the same by everybody, and the others only by whom it granted:
    /// two round trips, and no split vote among those who do likewise.
    OneFirst {
        /// Where somebody is known to have it.
        taken: Vec<usize>,
    },
}

/// What an attempt showed that failed as another holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Nothing more.
    Held,
    /// Perhaps nobody has a quorum.
    Split,
    /// The master that was asked first refused; nothing is known of the others.
    Beaten,
}

/// Why an attempt failed.
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) course: Course,
    /// How many masters voted for it.
    pub(crate) votes: usize,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let votes = match error {
            Error::NoQuorum { votes, .. } => votes,
            _ => 0,
        };
        Self {
            error,
            course: Course::Held,
            votes,
        }
    }
}

/// What masters failed with, by their address.
type Complaints = Vec<(String, purse_client::Error)>;

type Outcome = Result<Offer, Failure>;

/// Starts one attempt to acquire `keys`, all or none, with a fence or without. Dropping the result,
/// whatever is in it, releases. `None` after a shutdown.
pub(crate) fn attempt(
    context: &Arc<Context>,
    keys: &Arc<[Bytes]>,
    is_fenced: bool,
    manner: Manner,
) -> Option<(TaskHandle, oneshot::Receiver<Outcome>)> {
    let token = context.shutdown.track_task()?;
    let (mut announce, outcome) = oneshot::channel();
    let (shared, keys) = (context.clone(), keys.clone());
    let task = context.tasks.start(async move {
        let slot = tokio::select! {
            biased;
            slot = slot(&shared, &manner) => slot,
            () = announce.closed() => return,
        };
        let mut owner = Owner::new(shared.clone(), &keys, is_fenced);
        let start = shared.clock.now();
        let acquired = owner.acquire(manner, &mut announce).await;
        drop(slot);
        let mut rest = owner.own(start, acquired, announce).await;
        rest.wait_settled().await;
        drop(token);
        rest.wait_done().await;
    });
    Some((task, outcome))
}

/// A turn among all that try at the same time, for those who have time.
async fn slot<'a>(context: &'a Context, manner: &Manner) -> Option<SemaphorePermit<'a>> {
    match manner {
        Manner::Alone => None,
        // It is never closed.
        Manner::AllAtOnce | Manner::OneFirst { .. } => {
            context.waiting.attempts.acquire().await.ok()
        }
    }
}

/// What the master said that was asked first.
enum First {
    /// It granted, and the others were asked; or none answered.
    Granted(Ballot),
    /// It refused, and no other was asked.
    Refused,
    /// Nobody waits any more.
    Unwanted,
}

struct Owner {
    context: Arc<Context>,
    keys: Arc<[Bytes]>,
    masters: FanOut,
    round: u64,
    is_fenced: bool,
    hold: Option<Hold>,
    record: Option<Bytes>,
}

/// A lock acquired, before anybody has it.
struct Grant {
    until: LockInstant,
    fence: u64,
}

impl Owner {
    fn new(context: Arc<Context>, keys: &Arc<[Bytes]>, is_fenced: bool) -> Self {
        Self {
            masters: FanOut::new(context.masters.clone(), keys.clone()),
            context,
            keys: keys.clone(),
            round: 0,
            is_fenced,
            hold: None,
            record: None,
        }
    }

    /// Announces what was acquired, or why not, and serves it to its end; gives the lines, which
    /// may not have finished what they were asked, releases above all.
    async fn own(
        mut self,
        start: LockInstant,
        acquired: Option<Result<Grant, Failure>>,
        announce: oneshot::Sender<Outcome>,
    ) -> FanOut {
        match acquired {
            Some(Ok(Grant { until, fence })) => {
                let (clock, alarms) = (self.context.clock.clone(), self.context.alarms.clone());
                let term = Arc::new(Term::new(clock, alarms, self.keys.clone(), until));
                self.hold = Some(self.context.waiting.gates.hold(&self.keys, &term));
                let (offer, service) = Offer::new(term, fence, self.context.shutdown.clone());
                // An offer that nobody receives is dropped, here or in the channel.
                let _ = announce.send(Ok(offer));
                self.serve(service, start).await;
            }
            Some(Err(failure)) => {
                // Nobody who waits, nobody to tell.
                let _ = announce.send(Err(failure));
            }
            None => {}
        }
        self.masters
    }

    /// Acquires, or releases what was taken and says why; `None` if nobody waits any more.
    async fn acquire(
        &mut self,
        manner: Manner,
        announce: &mut oneshot::Sender<Outcome>,
    ) -> Option<Result<Grant, Failure>> {
        let start = self.context.clock.now();
        let mut votes = match manner {
            Manner::Alone | Manner::AllAtOnce => self.ask_all(self.acquisition()),
            Manner::OneFirst { taken } => match self.ask_one_first(&taken, announce).await {
                First::Granted(votes) => votes,
                First::Refused => {
                    return Some(Err(Failure {
                        error: Error::Held { retry_after: None },
                        course: Course::Beaten,
                        votes: 0,
                    }));
                }
                First::Unwanted => {
                    self.ask_all(Action::Release);
                    return None;
                }
            },
        };
        let mut releases = None;
        loop {
            match votes.tally().acquisition() {
                Acquisition::Acquired => return self.confirm(start, &votes, announce).await,
                Acquisition::NoQuorum => {
                    releases.get_or_insert_with(|| self.ask_all(Action::Release));
                    return Some(Err(self.no_quorum(votes).into()));
                }
                Acquisition::Held => {
                    let releases = releases.unwrap_or_else(|| self.ask_all(Action::Release));
                    return self.held(votes, releases, announce).await.map(Err);
                }
                Acquisition::Undecided => {}
            }
            // Others need not wait until it is known which kind of failure this is.
            if votes.tally().is_impossible() {
                releases.get_or_insert_with(|| self.ask_all(Action::Release));
            }
            let Some(reply) = self.next(announce).await else {
                releases.get_or_insert_with(|| self.ask_all(Action::Release));
                return None;
            };
            if reply.round == votes.round() {
                votes.count(reply);
            } else if let Some(releases) = &mut releases {
                releases.count(reply);
            }
        }
    }

    /// What to ask for the lock with.
    const fn acquisition(&self) -> Action {
        if self.is_fenced {
            Action::AcquireFenced
        } else {
            Action::Acquire
        }
    }

    /// Asks one master after the other until one answers, and all others if it grants.
    ///
    /// Who it refuses leaves the others to whom it granted; so of all who ask like this, one has
    /// nobody against it, and none of them ever waits for another.
    async fn ask_one_first(
        &mut self,
        taken: &[usize],
        announce: &mut oneshot::Sender<Outcome>,
    ) -> First {
        let acquire = self.acquisition();
        self.round += 1;
        let mut votes = Ballot::new(self.round, self.masters.len());
        let order = order(&self.context.masters.handles, &self.keys, taken);
        for (asked, master) in order.iter().enumerate() {
            self.ask(*master, acquire);
            let Some(reply) = self.next(announce).await else {
                return First::Unwanted;
            };
            votes.count(reply);
            let tally = votes.tally();
            if tally.granted() > 0 {
                order[asked + 1..]
                    .iter()
                    .for_each(|other| self.ask(*other, acquire));
                break;
            }
            if tally.refused() > 0 {
                // Those that failed may have done it all the same.
                self.round += 1;
                order[..asked]
                    .iter()
                    .for_each(|failed| self.ask(*failed, Action::Release));
                return First::Refused;
            }
            if tally.acquisition() == Acquisition::NoQuorum {
                break;
            }
        }
        First::Granted(votes)
    }

    /// Accepts a quorum's grant, unless it came too late to be of use; `None` if nobody waits any
    /// more.
    async fn confirm(
        &mut self,
        start: LockInstant,
        votes: &Ballot,
        announce: &mut oneshot::Sender<Outcome>,
    ) -> Option<Result<Grant, Failure>> {
        let until = valid_until(start, self.context.settings.ttl);
        let fence = if self.is_fenced {
            self.fence(votes, announce).await
        } else {
            Some(Ok(0))
        };
        let error = match fence {
            Some(Ok(fence)) => match self.context.worth_having(until) {
                Ok(()) => return Some(Ok(Grant { until, fence })),
                Err(error) => Some(error),
            },
            Some(Err(error)) => Some(error),
            None => None,
        };
        self.ask_all(Action::Release);
        error.map(|error| Err(error.into()))
    }

    /// The fence of a lock that a quorum granted, once whoever comes next gets a greater one: see
    /// [`settle`].
    async fn fence(
        &mut self,
        votes: &Ballot,
        announce: &mut oneshot::Sender<Outcome>,
    ) -> Option<Result<u64>> {
        let (fence, is_settled) = settle(votes.fences(), votes.tally().needed());
        if is_settled {
            return Some(Ok(fence));
        }
        // All of them, so that they agree the next time. One whose grant is still under way is
        // asked after that.
        let mut raised = self.ask_all(Action::Raise(fence));
        while raised.tally().possession() == Possession::Undecided {
            raised.count(self.next(announce).await?);
        }
        Some(match raised.tally().possession() {
            Possession::Held => Ok(fence),
            // The masters are well, but somebody took the lock away from us.
            Possession::Gone => Err(Error::Held { retry_after: None }),
            Possession::Unknown | Possession::Undecided => Err(self.no_quorum(raised)),
        })
    }

    /// Waits until it is known when the key may be free, or that it will not be known.
    async fn held(
        &mut self,
        votes: Ballot,
        mut releases: Ballot,
        announce: &mut oneshot::Sender<Outcome>,
    ) -> Option<Failure> {
        if votes.is_foreign() {
            let errors = self.named(votes.into_foreign());
            return Some(Error::WrongType { errors }.into());
        }
        while releases.may_tell_more() {
            releases.count(self.next(announce).await?);
        }
        if releases.is_foreign() {
            let errors = self.named(releases.into_foreign());
            return Some(Error::WrongType { errors }.into());
        }
        Some(Failure {
            error: Error::Held {
                retry_after: releases.retry_after(),
            },
            votes: votes.tally().granted(),
            course: if votes.tally().is_split() {
                Course::Split
            } else {
                Course::Held
            },
        })
    }

    /// The next answer; `None` once nobody waits for the outcome.
    async fn next(&mut self, announce: &mut oneshot::Sender<Outcome>) -> Option<MasterReply> {
        tokio::select! {
            reply = self.masters.next() => Some(reply),
            () = announce.closed() => None,
        }
    }

    /// Waits for the answers that tell whether a quorum has our token.
    async fn decide(&mut self, votes: &mut Ballot) -> Possession {
        while votes.tally().possession() == Possession::Undecided {
            votes.count(self.masters.next().await);
        }
        votes.tally().possession()
    }

    fn ask_all(&mut self, action: Action) -> Ballot {
        self.round += 1;
        (0..self.masters.len()).for_each(|master| self.ask(master, action));
        Ballot::new(self.round, self.masters.len())
    }

    fn ask(&mut self, master: usize, action: Action) {
        let (round, record) = (self.round, self.record.clone());
        let request = QueuedRequest {
            action,
            round,
            record,
        };
        self.masters.send(master, request);
    }

    fn no_quorum(&self, votes: Ballot) -> Error {
        let (votes, needed, errors) = self.shortfall(votes);
        Error::NoQuorum {
            votes,
            needed,
            errors,
        }
    }

    fn shortfall(&self, votes: Ballot) -> (usize, usize, Complaints) {
        let (granted, needed) = (votes.tally().granted(), votes.tally().needed());
        (granted, needed, self.named(votes.into_errors()))
    }

    fn named(&self, errors: Vec<(usize, purse_client::Error)>) -> Complaints {
        let server = |index: usize| {
            self.context.masters.handles[index]
                .master
                .server()
                .to_owned()
        };
        errors
            .into_iter()
            .map(|(index, error)| (server(index), error))
            .collect()
    }
}
