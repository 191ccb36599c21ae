//! The life of a lease, in the task that owns it.
//!
//! One task decides on every extension, by hand or by itself, and on the release, one after the
//! other, and each [line](crate::master::request_queue) keeps that order: no renewal outlives a release.

use tokio::sync::{mpsc, oneshot};

use super::Owner;
use crate::error::{Error, LostReason, Result};
use crate::lease::release::Release;
use crate::lease::renewal::Extender;
use crate::lease::{Order, Service};
use crate::master::Action;
use crate::quorum::decision::{Possession, valid_until};
use crate::runtime::clock::LockInstant;
use crate::state::validity::Term;
use crate::telemetry::events;

type Orders = mpsc::UnboundedReceiver<Order>;

impl Owner {
    /// Serves a lease whose first command was sent after `since`, until it is given back.
    pub(super) async fn serve(&mut self, mut service: Service, since: LockInstant) {
        let mut extender = Extender::new(self.context.settings.ttl, since);
        let first = service.first(self.context.shutdown.closed());
        let mut next = self.masters.poll_while(first).await;
        let Service { orders, term, .. } = &mut service;
        loop {
            next = match next {
                Some(Order::Release(reply)) => {
                    // Where nobody waits for the answer any more, the lock is released all the same.
                    let _ = reply.send(self.release(term).await);
                    return;
                }
                Some(Order::Extend(mut reply)) => tokio::select! {
                    biased;
                    next = overtake(&mut reply, orders) => next,
                    result = self.extend(term, &mut extender) => {
                        let _ = reply.send(result);
                        self.keep(orders, term, &mut extender).await
                    }
                },
                // An extension follows, which writes it.
                Some(Order::Record(record)) => {
                    self.record = Some(record);
                    self.masters.poll_while(orders.recv()).await
                }
                Some(Order::Keep(auto)) => {
                    extender.arm(auto);
                    self.keep(orders, term, &mut extender).await
                }
                None => break,
            };
        }
        // Whoever is next in line is told once it makes sense to try.
        let mut votes = self.ask_all(Action::Release);
        self.decide(&mut votes).await;
        self.hold = None;
    }

    /// The next order; until it comes, extends whenever it is due.
    async fn keep(
        &mut self,
        orders: &mut Orders,
        term: &Term,
        extender: &mut Extender,
    ) -> Option<Order> {
        while let Some(due) = extender.due()
            && term.check().is_ok()
        {
            tokio::select! {
                biased;
                // An extension that is under way is left alone: a release is queued behind it, and an
                // extension by hand counts in its place.
                order = orders.recv() => return order,
                result = self.extend_at(due, term, extender) => match result {
                    Err(error @ Error::ExtensionCap) => {
                        term.cap();
                        events::not_extended(term.keys(), &error);
                        break;
                    }
                    // A loss has been told of already, by the term.
                    Ok(()) | Err(Error::Lost { .. }) => {}
                    Err(error) => events::not_extended(term.keys(), &error),
                },
            }
        }
        self.masters.poll_while(orders.recv()).await
    }

    async fn extend_at(
        &mut self,
        due: LockInstant,
        term: &Term,
        extender: &mut Extender,
    ) -> Result<()> {
        self.masters.poll_while(self.context.alarms.at(due)).await?;
        self.extend(term, extender).await
    }

    async fn extend(&mut self, term: &Term, extender: &mut Extender) -> Result<()> {
        term.check()?;
        let start = self.context.clock.now();
        if !extender.may_extend(start) {
            return Err(Error::ExtensionCap);
        }
        let mut votes = self.ask_all(Action::Extend);
        let possession = self.decide(&mut votes).await;
        let until = valid_until(start, self.context.settings.ttl);
        match possession {
            Possession::Held => {
                term.prolong(until)?;
                extender.extended(start);
                events::extended(term.keys(), term.extensions());
                self.context
                    .worth_having(until)
                    .inspect_err(|_| extender.failed(self.context.clock.now()))
            }
            Possession::Gone => {
                let reason = term.lose(LostReason::Gone);
                if self.record.is_some() && votes.is_foreign() {
                    let errors = self.named(votes.into_foreign());
                    return Err(Error::WrongType { errors });
                }
                Err(Error::Lost { reason })
            }
            Possession::Unknown | Possession::Undecided => {
                extender.failed(self.context.clock.now());
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

    async fn release(&mut self, term: &Term) -> Result<Release> {
        // From here on whoever watches is to know that the lock is not ours any more.
        let in_time = term.lose(LostReason::Released) == LostReason::Released;
        let mut votes = self.ask_all(Action::Release);
        let possession = self.decide(&mut votes).await;
        // Before anybody can know of the release, and come before whoever is next in line.
        self.hold = None;
        match possession {
            _ if !in_time => Ok(Release::AlreadyExpired),
            Possession::Held => Ok(Release::Released),
            Possession::Gone => Ok(Release::AlreadyExpired),
            Possession::Unknown | Possession::Undecided => Err(self.no_quorum(votes)),
        }
    }
}

/// The order that follows an extension nobody waits for any more: there is no use in prolonging
/// first what is released next, or prolonged once more.
async fn overtake(reply: &mut oneshot::Sender<Result<()>>, orders: &mut Orders) -> Option<Order> {
    reply.closed().await;
    orders.recv().await
}
