//! The end of a lock, as something to wait for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::LostReason;
use crate::state::validity::LeaseValidity;

/// Resolves once a lock is lost; from [`RedlockGuard::lost`](crate::RedlockGuard::lost) and
/// [`RedlockLease::lost`](crate::RedlockLease::lost).
///
/// That is at [`valid_until`](crate::RedlockGuard::valid_until) at the latest, without an answer
/// from anyone and to about a millisecond; before, if an extension finds the lock gone. It resolves
/// to [`LostReason::Released`] if the lock is given back first. Nobody looks after a lock that is
/// not extended: what happened to it on the masters is only found out at its end.
///
/// After a suspend of the machine, during which timers stand still and the lock's time goes on, it
/// resolves a quarter of a second after waking up at the latest, and at once when it is polled.
///
/// It borrows nothing and keeps nothing alive: the guard can be extended while others wait for
/// this, on any executor. It may be polled again after its end, as in a loop over `select!`.
///
/// # Cancel safety
/// Dropped at any point, nothing happens.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Lost {
    validity: Arc<LeaseValidity>,
    waiting: Option<LostFuture>,
}

type LostFuture = Pin<Box<dyn Future<Output = LostReason> + Send + Sync>>;

impl Lost {
    pub(crate) const fn new(validity: Arc<LeaseValidity>) -> Self {
        Self {
            validity,
            waiting: None,
        }
    }
}

impl Future for Lost {
    type Output = LostReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<LostReason> {
        // The clock first: a process that was stopped hears of it before any timer does.
        if let Some(reason) = self.validity.lost_reason() {
            self.waiting = None;
            return Poll::Ready(reason);
        }
        let validity = self.validity.clone();
        self.waiting
            .get_or_insert_with(|| Box::pin(async move { validity.wait_lost().await }))
            .as_mut()
            .poll(cx)
    }
}

impl Clone for Lost {
    fn clone(&self) -> Self {
        Self::new(self.validity.clone())
    }
}

impl fmt::Debug for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lost")
            .field("reason", &self.validity.lost_reason())
            .finish_non_exhaustive()
    }
}
