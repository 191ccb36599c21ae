//! A lock that was acquired: what its guard holds, and what its owner task serves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::clock::{Clock, LockInstant};
use crate::error::{Error, LostReason, Result};
use crate::guard::Release;
use crate::reaper::GuardTicket;

/// What a guard asks of the task that owns its lease.
pub(crate) enum Order {
    Extend(oneshot::Sender<Result<()>>),
    Release(oneshot::Sender<Result<Release>>),
}

/// The guard's end of a lease. Dropped, wherever that is, it has the owner task release the lock:
/// the closed channel is the message.
pub(crate) struct Lease {
    orders: mpsc::UnboundedSender<Order>,
    term: Arc<Term>,
    /// Says that the lease is in use; given up once it is to be released.
    _ticket: GuardTicket,
}

impl Lease {
    /// A lease, and the orders its owner has to serve.
    pub(crate) fn new(
        term: Arc<Term>,
        ticket: GuardTicket,
    ) -> (Self, mpsc::UnboundedReceiver<Order>) {
        let (orders, receiver) = mpsc::unbounded_channel();
        let lease = Self {
            orders,
            term,
            _ticket: ticket,
        };
        (lease, receiver)
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
        let (reply, answer) = oneshot::channel();
        let _ = self.orders.send(Order::Release(reply));
        let term = self.term.clone();
        // From here on a shutdown waits for the release.
        drop(self);
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
