//! The task that owns one attempt and the lease that comes of it.
//!
//! Futures and guards only hold channels to it, so whatever is dropped, and whenever, the task goes
//! on: it gives back what was or may have been taken. It asks all masters at once, over one
//! [`Line`] each, which keeps the order: nothing overtakes a SET that is under way.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::ballot::Ballot;
use crate::clock::LockInstant;
use crate::context::Context;
use crate::decision::{Acquisition, Possession, is_worth_having, valid_until};
use crate::error::{Error, LostReason, Result};
use crate::guard::Release;
use crate::lease::{Lease, Order, Term};
use crate::line::{Ask, Event, Line};
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

type Outcome = Result<Lease, Failure>;

/// Starts one attempt to acquire `key`. Dropping the result, whatever is in it, releases.
pub(crate) fn attempt(context: &Arc<Context>, key: &str) -> oneshot::Receiver<Outcome> {
    let (announce, outcome) = oneshot::channel();
    let key = Bytes::copy_from_slice(key.as_bytes());
    let (context, ticket) = (context.clone(), context.reaper.task());
    let runtime = context.runtime.clone();
    runtime.spawn(async move {
        Owner::new(context, &key).own(announce).await;
        drop(ticket);
    });
    outcome
}

struct Owner {
    context: Arc<Context>,
    lines: Vec<mpsc::UnboundedSender<Ask>>,
    events: mpsc::UnboundedReceiver<Event>,
    round: u64,
}

impl Owner {
    fn new(context: Arc<Context>, key: &Bytes) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let token = Token::fresh();
        let lines = (0..context.masters.len())
            .map(|master| Line::start(&context, master, key.clone(), token.clone(), sender.clone()))
            .collect();
        Self {
            context,
            lines,
            events,
            round: 0,
        }
    }

    async fn own(mut self, mut announce: oneshot::Sender<Outcome>) {
        match self.acquire(&mut announce).await {
            Some(Ok(until)) => {
                let term = Arc::new(Term::new(self.context.clock.clone(), until));
                let (lease, orders) = Lease::new(term.clone(), self.context.reaper.guard());
                // A lease that nobody receives is dropped, here or in the channel.
                let _ = announce.send(Ok(lease));
                self.serve(&term, orders).await;
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
    ) -> Option<Result<LockInstant, Failure>> {
        let start = self.context.clock.now();
        let mut votes = self.ask_all(Action::Acquire);
        let mut releases = None;
        loop {
            match votes.tally().acquisition() {
                Acquisition::Acquired => return Some(self.confirm(start)),
                Acquisition::NoQuorum => {
                    releases.get_or_insert_with(|| self.ask_all(Action::Release));
                    return Some(Err(self.no_quorum(votes).into()));
                }
                Acquisition::Held => {
                    let releases = releases.unwrap_or_else(|| self.ask_all(Action::Release));
                    return self.held(&votes, releases, announce).await.map(Err);
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

    /// Accepts a quorum's grant, unless it came too late to be of use.
    fn confirm(&mut self, start: LockInstant) -> Result<LockInstant, Failure> {
        let until = valid_until(start, self.context.settings.ttl);
        let Err(error) = self.worth_having(until) else {
            return Ok(until);
        };
        self.ask_all(Action::Release);
        Err(error.into())
    }

    /// Waits until a quorum answered to the release: then our part is free again, and it is known
    /// when the other part is.
    async fn held(
        &mut self,
        votes: &Ballot,
        mut releases: Ballot,
        announce: &mut oneshot::Sender<Outcome>,
    ) -> Option<Failure> {
        while releases.retry_after().is_none() && releases.tally().pending() > 0 {
            releases.count(self.next(announce).await?);
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

    async fn serve(&mut self, term: &Term, mut orders: mpsc::UnboundedReceiver<Order>) {
        while let Some(order) = orders.recv().await {
            // Where nobody waits for the answer any more, the order was carried out all the same.
            match order {
                Order::Extend(reply) => {
                    let result = self.extend(term).await;
                    let _ = reply.send(result);
                }
                Order::Release(reply) => {
                    let result = self.release(term).await;
                    let _ = reply.send(result);
                    return;
                }
            }
        }
        self.ask_all(Action::Release);
    }

    async fn extend(&mut self, term: &Term) -> Result<()> {
        term.check()?;
        let start = self.context.clock.now();
        let mut votes = self.ask_all(Action::Extend);
        let possession = self.decide(&mut votes).await;
        let until = valid_until(start, self.context.settings.ttl);
        match possession {
            Possession::Held => {
                term.prolong(until)?;
                self.worth_having(until)
            }
            Possession::Gone => Err(term.lose(LostReason::Gone)),
            Possession::Unknown | Possession::Undecided => {
                term.check()?;
                let (votes, needed, errors) = self.shortfall(votes);
                Err(Error::Ambiguous {
                    votes,
                    needed,
                    errors,
                })
            }
        }
    }

    fn worth_having(&self, until: LockInstant) -> Result<()> {
        let now = self.context.clock.now();
        if is_worth_having(until, now, self.context.settings.min_validity) {
            return Ok(());
        }
        let left = until.saturating_duration_since(now);
        Err(Error::ValidityExhausted { left })
    }

    async fn release(&mut self, term: &Term) -> Result<Release> {
        let in_time = term.check().is_ok();
        let mut votes = self.ask_all(Action::Release);
        let possession = self.decide(&mut votes).await;
        match possession {
            _ if !in_time => Ok(Release::AlreadyExpired),
            Possession::Held => Ok(Release::Released),
            Possession::Gone => Ok(Release::AlreadyExpired),
            Possession::Unknown | Possession::Undecided => Err(self.no_quorum(votes)),
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

    fn shortfall(&self, votes: Ballot) -> (usize, usize, Vec<(String, purse_client::Error)>) {
        let (granted, needed) = (votes.tally().granted(), votes.tally().needed());
        let errors = votes
            .into_errors()
            .into_iter()
            .map(|(master, error)| (self.context.masters[master].server().to_owned(), error))
            .collect();
        (granted, needed, errors)
    }

    /// Lets the lines finish what they were asked, releases above all.
    async fn finish(mut self) {
        self.lines.clear();
        while self.events.recv().await.is_some() {}
    }
}
