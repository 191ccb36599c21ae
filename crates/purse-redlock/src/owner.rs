//! The task that owns one attempt and the lease that comes of it.
//!
//! Futures and guards only hold channels to it, so whatever is dropped, and whenever, the task goes
//! on: it gives back what was or may have been taken. It asks all masters at once, over one
//! [`Line`] each, which keeps the order: nothing overtakes a SET that is under way.

mod serve;

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::ballot::Ballot;
use crate::clock::LockInstant;
use crate::context::Context;
use crate::decision::{Acquisition, Possession, valid_until};
use crate::error::{Error, Result};
use crate::fence::settle;
use crate::lease::Offer;
use crate::line::{Ask, Event, Line};
use crate::term::Term;
use crate::token::Token;
use crate::transport::Action;

/// Why an attempt failed.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether perhaps nobody has a quorum.
    pub(crate) is_split: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            is_split: false,
        }
    }
}

/// What masters failed with, by their address.
type Complaints = Vec<(String, purse_client::Error)>;

type Outcome = Result<Offer, Failure>;

/// Starts one attempt to acquire `keys`, all or none, with a fence or without. Dropping the result, whatever is in it, releases. `None`
/// after a shutdown.
pub(crate) fn attempt(
    context: &Arc<Context>,
    keys: &Arc<[Bytes]>,
    is_fenced: bool,
) -> Option<oneshot::Receiver<Outcome>> {
    let ticket = context.reaper.task()?;
    let (announce, outcome) = oneshot::channel();
    let (context, keys) = (context.clone(), keys.clone());
    let runtime = context.runtime.clone();
    runtime.spawn(async move {
        Owner::new(context, &keys, is_fenced).own(announce).await;
        drop(ticket);
    });
    Some(outcome)
}

struct Owner {
    context: Arc<Context>,
    keys: Arc<[Bytes]>,
    lines: Vec<mpsc::UnboundedSender<Ask>>,
    events: mpsc::UnboundedReceiver<Event>,
    round: u64,
    is_fenced: bool,
}

/// A lock acquired, before anybody has it.
struct Grant {
    until: LockInstant,
    fence: u64,
}

impl Owner {
    fn new(context: Arc<Context>, keys: &Arc<[Bytes]>, is_fenced: bool) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let token = Token::fresh();
        let lines = (0..context.masters.len())
            .map(|master| {
                Line::start(
                    &context,
                    master,
                    keys.clone(),
                    token.clone(),
                    sender.clone(),
                )
            })
            .collect();
        Self {
            context,
            keys: keys.clone(),
            lines,
            events,
            round: 0,
            is_fenced,
        }
    }

    async fn own(mut self, mut announce: oneshot::Sender<Outcome>) {
        let start = self.context.clock.now();
        match self.acquire(&mut announce).await {
            Some(Ok(Grant { until, fence })) => {
                let (clock, alarms) = (self.context.clock.clone(), self.context.alarms.clone());
                let term = Arc::new(Term::new(clock, alarms, self.keys.clone(), until));
                let (offer, service) = Offer::new(term, fence, self.context.reaper.clone());
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
        self.finish().await;
    }

    /// Acquires, or releases what was taken and says why; `None` if nobody waits any more.
    async fn acquire(
        &mut self,
        announce: &mut oneshot::Sender<Outcome>,
    ) -> Option<Result<Grant, Failure>> {
        let start = self.context.clock.now();
        let mut votes = self.ask_all(self.acquisition());
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
            let Some(event) = self.next(announce).await else {
                releases.get_or_insert_with(|| self.ask_all(Action::Release));
                return None;
            };
            if event.round == votes.round() {
                votes.count(event);
            } else if let Some(releases) = &mut releases {
                releases.count(event);
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
            is_split: votes.tally().is_split(),
        })
    }

    /// The next answer; `None` once nobody waits for the outcome.
    async fn next(&mut self, announce: &mut oneshot::Sender<Outcome>) -> Option<Event> {
        tokio::select! {
            event = self.events.recv() => event,
            () = announce.closed() => None,
        }
    }

    /// Waits for the answers that tell whether a quorum has our token.
    async fn decide(&mut self, votes: &mut Ballot) -> Possession {
        while votes.tally().possession() == Possession::Undecided {
            let Some(event) = self.events.recv().await else {
                break;
            };
            votes.count(event);
        }
        votes.tally().possession()
    }

    fn ask_all(&mut self, action: Action) -> Ballot {
        self.round += 1;
        let round = self.round;
        for line in &self.lines {
            // A line ends early only together with the runtime, and this task with it.
            let _ = line.send(Ask { action, round });
        }
        Ballot::new(round, self.lines.len())
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
        let server = |index: usize| self.context.masters[index].master.server().to_owned();
        errors
            .into_iter()
            .map(|(index, error)| (server(index), error))
            .collect()
    }

    /// Lets the lines finish what they were asked, releases above all.
    async fn finish(mut self) {
        self.lines.clear();
        while self.events.recv().await.is_some() {}
    }
}
