//! Counts the work in progress, so that a shutdown can wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Counts the tasks that own leases, and the guards that are alive, so that a shutdown can wait for
/// the tasks without a guard.
///
/// A task without a guard acquires a lease or releases it. Both counts are decremented in plain
/// `Drop` implementations, so they are correct on every runtime and thread on which a guard is dropped.
/// Once the tracker is closed, neither count is incremented: what was not counted before does not
/// happen.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use purse_lease::ShutdownTracker;
///
/// let tracker = ShutdownTracker::default();
/// let task = tracker.track_task().expect("open");
/// tokio::spawn(async move {
///     // … releases a lease …
///     drop(task);
/// });
/// tracker.close();
/// assert!(tracker.track_task().is_none());
/// tracker.wait_drained().await;
/// assert!(tracker.is_idle());
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct ShutdownTracker(Arc<TrackerState>);

#[derive(Debug, Default)]
struct TrackerState {
    counts: watch::Sender<Counts>,
    /// Separate from the counts, which change often and would wake all tasks that wait for the
    /// closing.
    closed: watch::Sender<bool>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    tasks: usize,
    guards: usize,
    closed: bool,
}

impl ShutdownTracker {
    /// Counts a task as long as the result lives. Returns `None` once closed.
    ///
    /// ```
    /// use purse_lease::ShutdownTracker;
    ///
    /// let tracker = ShutdownTracker::default();
    /// let task = tracker.track_task().expect("open");
    /// assert!(!tracker.is_idle());
    /// drop(task);
    /// tracker.close();
    /// assert!(tracker.track_task().is_none());
    /// ```
    pub fn track_task(&self) -> Option<TaskToken> {
        self.count_unless_closed(|counts| counts.tasks += 1)
            .then(|| TaskToken(self.clone()))
    }

    /// Counts a guard as long as the result lives, and marks its lease as `accepted`. Returns
    /// `None` once closed. A task that sees the closing also sees the final mark.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// use purse_lease::ShutdownTracker;
    ///
    /// let (tracker, accepted) = (ShutdownTracker::default(), AtomicBool::new(false));
    /// let guard = tracker.track_guard(&accepted).expect("open");
    /// assert!(accepted.load(Ordering::Acquire));
    /// assert!(!tracker.is_idle());
    /// drop(guard);
    /// assert!(tracker.is_idle());
    /// ```
    pub fn track_guard(&self, accepted: &AtomicBool) -> Option<GuardToken> {
        let is_open = self.count_unless_closed(|counts| {
            counts.guards += 1;
            accepted.store(true, Ordering::Release);
        });
        is_open.then(|| GuardToken(self.clone()))
    }

    fn count_unless_closed(&self, count: impl FnOnce(&mut Counts)) -> bool {
        self.0.counts.send_if_modified(|counts| {
            if !counts.closed {
                count(counts);
            }
            !counts.closed
        })
    }

    /// Closes the tracker: no task or guard is counted any more.
    pub fn close(&self) {
        self.0.counts.send_modify(|counts| counts.closed = true);
        self.0.closed.send_replace(true);
    }

    /// Waits until the tracker is closed.
    pub async fn closed(&self) {
        // This cannot fail, because the sender lives as long as `self`.
        let _ = self.0.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Waits until the only tasks left are those of guards that are alive.
    pub async fn wait_drained(&self) {
        let mut counts = self.0.counts.subscribe();
        // This cannot fail, because the sender lives as long as `self`.
        let _ = counts
            .wait_for(|counts| counts.tasks <= counts.guards)
            .await;
    }

    /// Returns whether there is neither a task nor a guard.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.counts.borrow().are_zero()
    }

    /// Waits until there is neither a task nor a guard.
    pub async fn wait_idle(&self) {
        let mut counts = self.0.counts.subscribe();
        // This cannot fail, because the sender lives as long as `self`.
        let _ = counts.wait_for(Counts::are_zero).await;
    }
}

impl Counts {
    const fn are_zero(&self) -> bool {
        self.tasks == 0 && self.guards == 0
    }
}

/// Counts a task, until it is dropped.
#[derive(Debug)]
#[must_use = "the task is counted only as long as the token lives"]
pub struct TaskToken(ShutdownTracker);

impl Drop for TaskToken {
    fn drop(&mut self) {
        self.0.0.counts.send_modify(|counts| counts.tasks -= 1);
    }
}

/// Counts a guard, until it is dropped.
#[derive(Debug)]
#[must_use = "the guard is counted only as long as the token lives"]
pub struct GuardToken(ShutdownTracker);

impl Drop for GuardToken {
    fn drop(&mut self) {
        self.0.0.counts.send_modify(|counts| counts.guards -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::poll_once;

    #[tokio::test]
    async fn shutdown_waits_for_tasks_without_guards() {
        let tracker = ShutdownTracker::default();
        let accepted = AtomicBool::new(false);
        let held = tracker.track_task().unwrap();
        let guard = tracker.track_guard(&accepted).unwrap();
        assert!(accepted.load(Ordering::Acquire));
        let releasing = tracker.track_task().unwrap();
        tracker.close();
        tracker.closed().await;

        let mut drained = Box::pin(tracker.wait_drained());
        assert!(poll_once(&mut drained).await.is_pending());
        drop(releasing);
        drained.await;
        assert!(!tracker.is_idle(), "a guard is alive");

        let mut idle = Box::pin(tracker.wait_idle());
        drop(guard);
        assert!(poll_once(&mut idle).await.is_pending());
        drop(held);
        idle.await;
        assert!(tracker.is_idle());
    }

    #[test]
    fn closed_tracker_counts_nothing() {
        let tracker = ShutdownTracker::default();
        let accepted = AtomicBool::new(false);
        tracker.close();
        assert!(tracker.track_task().is_none());
        assert!(tracker.track_guard(&accepted).is_none());
        assert!(!accepted.load(Ordering::Acquire));
        assert!(tracker.is_idle());
    }
}
