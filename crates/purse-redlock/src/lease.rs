//! A lock that was acquired: what its guard holds, and what its owner task serves.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::clock::{Clock, LockInstant};
use crate::error::{Error, LostReason, Result};
use crate::guard::Release;
use crate::reaper::{GuardTicket, Reaper};

/// What a guard asks of the task that owns its lease.
pub(crate) enum Order {
    Extend(oneshot::Sender<Result<()>>),
    Release(oneshot::Sender<Result<Release>>),
}

/// A lease on its way to whoever waits for it, which may not be there any more. Dropped, it has the
/// owner task release the lock: the closed channel is the message.
pub(crate) struct Offer {
    orders: mpsc::UnboundedSender<Order>,
    term: Arc<Term>,
    fence: u64,
    accepted: Arc<AtomicBool>,
    reaper: Reaper,
}

impl Offer {
    /// An offer, and what its owner has to serve.
    pub(crate) fn new(term: Arc<Term>, fence: u64, reaper: Reaper) -> (Self, Service) {
        let (orders, receiver) = mpsc::unbounded_channel();
        let accepted = Arc::new(AtomicBool::new(false));
        let service = Service {
            orders: receiver,
            term: term.clone(),
            accepted: accepted.clone(),
        };
        let offer = Self {
            orders,
            term,
            fence,
            accepted,
            reaper,
        };
        (offer, service)
    }

    /// The lease, unless a shutdown was faster.
    pub(crate) fn accept(self) -> Result<Lease> {
        let ticket = self.reaper.guard(&self.accepted).ok_or(Error::Closed)?;
        Ok(Lease {
            ticket,
            orders: self.orders,
            term: self.term,
            fence: self.fence,
        })
    }
}

/// The owner's end of a lease.
pub(crate) struct Service {
    pub(crate) orders: mpsc::UnboundedReceiver<Order>,
    pub(crate) term: Arc<Term>,
    accepted: Arc<AtomicBool>,
}

impl Service {
    /// The first order, which is `None` if the lease is not wanted or `closed` came before
    /// anybody accepted it.
    pub(crate) async fn first(&mut self, closed: impl Future<Output = ()>) -> Option<Order> {
        tokio::select! {
            biased;
            order = self.orders.recv() => return order,
            () = closed => {}
        }
        if self.accepted.load(Ordering::Acquire) {
            return self.orders.recv().await;
        }
        None
    }
}

/// The guard's end of a lease. Dropped, wherever that is, it has the owner task release the lock.
pub(crate) struct Lease {
    /// Says that the lease is in use. Given up before the owner hears that it is to be released: in
    /// between, a shutdown waits for one more than it must, and not for one less.
    ticket: GuardTicket,
    orders: mpsc::UnboundedSender<Order>,
    term: Arc<Term>,
    fence: u64,
}

impl Lease {
    /// The lock's fence; 0 if none was asked for.
    pub(crate) const fn fence(&self) -> u64 {
        self.fence
    }

    pub(crate) fn term(&self) -> &Term {
        &self.term
    }

    pub(crate) async fn extend(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        // Where the owner is gone, so is the receiver of the answer.
        let _ = self.orders.send(Order::Extend(reply));
        answer.await.unwrap_or(Err(Error::Closed))
    }

    pub(crate) async fn release(self) -> Result<Release> {
        let Self {
            ticket,
            orders,
            term,
            ..
        } = self;
        let (reply, answer) = oneshot::channel();
        drop(ticket);
        let _ = orders.send(Order::Release(reply));
        answer.await.unwrap_or_else(|_| match term.check() {
            Ok(()) => Err(Error::Closed),
            Err(_) => Ok(Release::AlreadyExpired),
        })
    }
}

/// How long a lease holds. Once lost, it stays so.
pub(crate) struct Term {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    valid_until: LockInstant,
    lost: Option<LostReason>,
}

impl Term {
    pub(crate) fn new(clock: Arc<dyn Clock>, valid_until: LockInstant) -> Self {
        let state = State {
            valid_until,
            lost: None,
        };
        Self {
            clock,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn valid_until(&self) -> LockInstant {
        self.current().valid_until
    }

    pub(crate) fn remaining(&self) -> Duration {
        let state = self.current();
        match state.lost {
            Some(_) => Duration::ZERO,
            None => state
                .valid_until
                .saturating_duration_since(self.clock.now()),
        }
    }

    /// Whether the lease still holds; a lease that is found over is lost for good.
    pub(crate) fn check(&self) -> Result<()> {
        self.current()
            .lost
            .map_or(Ok(()), |reason| Err(Error::Lost { reason }))
    }

    pub(crate) fn lose(&self, reason: LostReason) -> Error {
        let mut state = self.current();
        let reason = *state.lost.get_or_insert(reason);
        Error::Lost { reason }
    }

    /// Prolongs a lease that still holds, never shortens it.
    pub(crate) fn prolong(&self, until: LockInstant) -> Result<()> {
        let mut state = self.current();
        match state.lost {
            Some(reason) => Err(Error::Lost { reason }),
            None => {
                state.valid_until = state.valid_until.max(until);
                Ok(())
            }
        }
    }

    /// The state, after a look at the clock.
    fn current(&self) -> MutexGuard<'_, State> {
        // No panic can leave the two fields half-written.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.clock.now() >= state.valid_until {
            state.lost.get_or_insert(LostReason::Expired);
        }
        state
    }
}
