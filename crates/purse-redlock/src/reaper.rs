//! Who is still at work, so that a shutdown can wait for it.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts the tasks that own leases, and the guards that are alive.
///
/// A task without a guard is one that acquires or that gives a lock back. Both counts change in
/// plain `Drop`s, so they are right whatever runtime or thread a guard dies on.
#[derive(Clone, Default)]
pub(crate) struct Reaper(Arc<watch::Sender<Counts>>);

#[derive(Clone, Copy, Default)]
struct Counts {
    tasks: usize,
    guards: usize,
    closed: bool,
}

impl Reaper {
    /// Counts a task as long as the result lives.
    pub(crate) fn task(&self) -> TaskTicket {
        self.0.send_modify(|counts| counts.tasks += 1);
        TaskTicket(self.clone())
    }

    /// Counts a guard as long as the result lives.
    pub(crate) fn guard(&self) -> GuardTicket {
        self.0.send_modify(|counts| counts.guards += 1);
        GuardTicket(self.clone())
    }

    pub(crate) fn close(&self) {
        self.0.send_modify(|counts| counts.closed = true);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.borrow().closed
    }

    /// Resolves once closed.
    pub(crate) async fn closed(&self) {
        self.wait(|counts| counts.closed).await;
    }

    /// Resolves once no task is left but those of guards that are alive.
    pub(crate) async fn drained(&self) {
        self.wait(|counts| counts.tasks <= counts.guards).await;
    }

    async fn wait(&self, is_so: fn(&Counts) -> bool) {
        // It cannot fail: the sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(is_so).await;
    }
}

pub(crate) struct TaskTicket(Reaper);

impl Drop for TaskTicket {
    fn drop(&mut self) {
        self.0.0.send_modify(|counts| counts.tasks -= 1);
    }
}

pub(crate) struct GuardTicket(Reaper);

impl Drop for GuardTicket {
    fn drop(&mut self) {
        self.0.0.send_modify(|counts| counts.guards -= 1);
    }
}
