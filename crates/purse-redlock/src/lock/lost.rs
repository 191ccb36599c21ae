//! The loss of a lock as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::LostReason;
use crate::state::validity::LeaseValidity;

/// A future that resolves once a lock is lost; returned by
/// [`RedlockGuard::lost`](crate::RedlockGuard::lost) and
/// [`RedlockLease::lost`](crate::RedlockLease::lost).
///
/// It resolves at [`valid_until`](crate::RedlockGuard::valid_until) at the latest, to about a
/// millisecond and without an answer from any server. It resolves earlier if an extension finds the
/// lock gone. If the lock is released first, it resolves to [`LostReason::Released`]. A lock that
/// is not extended is not monitored: a loss on the masters is noticed only when the lock's time is
/// over.
///
/// Timers stand still while the machine is suspended, and the lock's time continues. After the
/// machine wakes up, the future resolves within 250 ms, or immediately when it is polled.
///
/// The future borrows nothing and keeps nothing alive. The guard can be extended while other tasks
/// wait for the loss, on any executor. The future may be polled again after it has resolved, for
/// example in a loop over `select!`.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// # Examples
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let servers = purse_testkit::Masters::start(1)?;
/// # let urls = servers.urls();
/// use purse::redlock::{LostReason, Redlock};
///
/// let redlock = Redlock::builder(urls).build().await?;
/// let guard = redlock.mutex("invoices").lock().await?;
/// // The future borrows nothing, so another task can wait for it.
/// let watcher = tokio::spawn(guard.lost());
/// let _ = guard.release().await?;
/// assert_eq!(watcher.await?, LostReason::Released);
/// # Ok(()) }
/// ```
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
        // The clock is checked first, because a process that was stopped may be polled before its
        // timers fire.
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
