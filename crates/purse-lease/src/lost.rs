//! The loss of a lease as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::lost_reason::LostReason;
use crate::validity::Validity;

/// A future that resolves once a lease is lost, for example a lock; returned by the `lost` methods of
/// guards.
///
/// It resolves at the end of the lease's validity at the latest, to about a millisecond and without
/// an answer from any server. It resolves earlier if an extension finds the lease gone. If the lease
/// is released first, it resolves to [`LostReason::Released`]. A lease that is not extended is not
/// monitored: a loss on the servers is noticed only when the lease's time is over.
///
/// Timers stand still while the machine is suspended, and the lease's time continues. After the
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
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use purse_lease::{Lost, LostReason, ReleaseOnDrop, SystemClock, Timer, Validity};
///
/// # let timer = Timer::new(Arc::new(SystemClock), tokio::runtime::Handle::current());
/// let until = timer.now() + Duration::from_secs(10);
/// let guard = ReleaseOnDrop::new(Arc::new(Validity::new(timer, until)));
/// // The future borrows nothing, so another task can wait for it.
/// let watcher = tokio::spawn(Lost::new(guard.validity().clone()));
/// drop(guard);
/// assert_eq!(watcher.await.unwrap(), LostReason::Released);
/// # }
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct Lost {
    validity: Arc<Validity>,
    waiting: Option<LostFuture>,
}

type LostFuture = Pin<Box<dyn Future<Output = LostReason> + Send + Sync>>;

impl Lost {
    /// Creates a future that resolves when the lease with this validity is lost.
    pub const fn new(validity: Arc<Validity>) -> Self {
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
