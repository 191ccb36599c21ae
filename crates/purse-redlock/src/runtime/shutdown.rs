//! Who is still at work, so that a shutdown can wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Counts the tasks that own leases, and the guards that are alive.
///
/// A task without a guard is one that acquires or that gives a lock back. Both counts go down in
/// plain `Drop`s, so they are right whatever runtime or thread a guard dies on. Once closed,
/// neither goes up: what was not counted by then never happens.
#[derive(Clone, Default)]
pub(crate) struct ShutdownTracker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    counts: watch::Sender<Counts>,
    /// Apart from the counts, which change all the time and would wake everybody who waits.
    closed: watch::Sender<bool>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    tasks: usize,
    guards: usize,
    closed: bool,
}

impl ShutdownTracker {
    /// Counts a task as long as the result lives; `None` once closed.
    pub(crate) fn track_task(&self) -> Option<TaskToken> {
        self.count_unless_closed(|counts| counts.tasks += 1)
            .then(|| TaskToken(self.clone()))
    }

    /// Counts a guard as long as the result lives, and marks its lease as `accepted`; `None` once
    /// closed. Who sees the closing sees the final mark, too.
    pub(crate) fn track_guard(&self, accepted: &AtomicBool) -> Option<GuardToken> {
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

    pub(crate) fn close(&self) {
        self.0.counts.send_modify(|counts| counts.closed = true);
        self.0.closed.send_replace(true);
    }

    /// Resolves once closed.
    pub(crate) async fn closed(&self) {
        // It cannot fail: the sender lives as long as `self`.
        let _ = self.0.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Resolves once no task is left but those of guards that are alive.
    pub(crate) async fn wait_drained(&self) {
        let mut counts = self.0.counts.subscribe();
        // As above.
        let _ = counts
            .wait_for(|counts| counts.tasks <= counts.guards)
            .await;
    }

    /// Whether there is neither a task nor a guard.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.counts.borrow().are_zero()
    }

    /// Resolves once there is neither a task nor a guard.
    pub(crate) async fn wait_idle(&self) {
        let mut counts = self.0.counts.subscribe();
        // As above.
        let _ = counts.wait_for(Counts::are_zero).await;
    }
}

impl Counts {
    const fn are_zero(&self) -> bool {
        self.tasks == 0 && self.guards == 0
    }
}

pub(crate) struct TaskToken(ShutdownTracker);

impl Drop for TaskToken {
    fn drop(&mut self) {
        self.0.0.counts.send_modify(|counts| counts.tasks -= 1);
    }
}

pub(crate) struct GuardToken(ShutdownTracker);

impl Drop for GuardToken {
    fn drop(&mut self) {
        self.0.0.counts.send_modify(|counts| counts.guards -= 1);
    }
}
