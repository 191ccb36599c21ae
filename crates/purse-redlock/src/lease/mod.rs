//! An acquired lock: the guard's end, and the inbox of its owner task.
//!
//! May import: `error`, `tasks`, `telemetry`, `master`, `quorum`, `state`.

pub(crate) mod owner;
pub(crate) mod release_outcome;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use purse_lease::{AutoExtend, GuardToken, LostReason, ReleaseOnDrop, ShutdownTracker, Validity};
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, LockOperation, Result};
use crate::lease::release_outcome::Release;
use crate::tasks::task_pool::WorkerHandle;

/// A command of the guard to the task that owns its lease.
pub(crate) enum LeaseCommand {
    /// Extend the lease automatically from now on.
    AutoExtend(AutoExtend),
    /// Store this election record next to the lock, from the next extension on.
    SetRecord(Bytes),
    Extend(oneshot::Sender<Result<()>>),
    Release(oneshot::Sender<Result<Release>>),
}

/// A lease on its way to the caller that waits for it, which may have given up. Dropping it makes
/// the owner task release the lock, because the closed channel is the signal.
pub(crate) struct PendingLease {
    keys: Arc<[Bytes]>,
    commands: mpsc::UnboundedSender<LeaseCommand>,
    validity: Arc<Validity>,
    fence: u64,
    accepted: Arc<AtomicBool>,
    shutdown: ShutdownTracker,
}

impl PendingLease {
    /// Creates a pending lease, and the inbox that its owner has to serve.
    pub(crate) fn new(
        keys: Arc<[Bytes]>,
        validity: Arc<Validity>,
        fence: u64,
        shutdown: ShutdownTracker,
    ) -> (Self, LeaseInbox) {
        let (commands, receiver) = mpsc::unbounded_channel();
        let accepted = Arc::new(AtomicBool::new(false));
        let inbox = LeaseInbox {
            commands: receiver,
            validity: validity.clone(),
            accepted: accepted.clone(),
        };
        let pending = Self {
            keys,
            commands,
            validity,
            fence,
            accepted,
            shutdown,
        };
        (pending, inbox)
    }

    /// Turns this into a lease, unless a shutdown came first.
    pub(crate) fn accept(self, task: WorkerHandle) -> Result<Lease> {
        let Some(token) = self.shutdown.track_guard(&self.accepted) else {
            return Err(Error::closed(&self.keys, LockOperation::Acquire));
        };
        Ok(Lease {
            keys: self.keys,
            token,
            task,
            commands: self.commands,
            release_on_drop: ReleaseOnDrop::new(self.validity),
            fence: self.fence,
        })
    }
}

/// The owner's end of a lease.
pub(crate) struct LeaseInbox {
    pub(crate) commands: mpsc::UnboundedReceiver<LeaseCommand>,
    pub(crate) validity: Arc<Validity>,
    accepted: Arc<AtomicBool>,
}

impl LeaseInbox {
    /// Returns the first command, or `None` if the lease was dropped, or if `closed` resolved
    /// before the lease was accepted.
    pub(crate) async fn first_command(
        &mut self,
        closed: impl Future<Output = ()>,
    ) -> Option<LeaseCommand> {
        tokio::select! {
            biased;
            command = self.commands.recv() => return command,
            () = closed => {}
        }
        if self.accepted.load(Ordering::Acquire) {
            return self.commands.recv().await;
        }
        None
    }
}

/// The guard's end of a lease. Dropping it, on any thread, makes the owner task release the lock.
pub(crate) struct Lease {
    keys: Arc<[Bytes]>,
    release_on_drop: ReleaseOnDrop,
    /// Counts the lease as in use. It is dropped before the owner receives the release. In between,
    /// a shutdown waits for one lease too many, but never for one too few.
    token: GuardToken,
    task: WorkerHandle,
    commands: mpsc::UnboundedSender<LeaseCommand>,
    fence: u64,
}

impl Lease {
    /// Returns the lock's fence; 0 if none was requested.
    pub(crate) const fn fence(&self) -> u64 {
        self.fence
    }

    pub(crate) const fn keys(&self) -> &Arc<[Bytes]> {
        &self.keys
    }

    pub(crate) const fn validity(&self) -> &Arc<Validity> {
        self.release_on_drop.validity()
    }

    /// Makes the owner task extend the lease automatically.
    pub(crate) fn auto_extend(&self, auto: AutoExtend) {
        // If the owner is gone, there is nothing left to extend.
        let _ = self.commands.send(LeaseCommand::AutoExtend(auto));
    }

    /// Extends the lease, and stores the election record next to the lock.
    pub(crate) async fn announce(&self, record: Bytes) -> Result<()> {
        // If the owner is gone, the extension fails.
        let _ = self.commands.send(LeaseCommand::SetRecord(record));
        self.extend().await
    }

    pub(crate) async fn extend(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        // If the owner is gone, so is the receiver of the answer.
        self.task
            .send_and_poll(|| drop(self.commands.send(LeaseCommand::Extend(reply))));
        answer
            .await
            .unwrap_or_else(|_| Err(Error::closed(&self.keys, LockOperation::Extend)))
    }

    pub(crate) async fn release(self) -> Result<Release> {
        let Self {
            keys,
            release_on_drop,
            token,
            task,
            commands,
            ..
        } = self;
        let (reply, answer) = oneshot::channel();
        drop(token);
        task.send_and_poll(|| drop(commands.send(LeaseCommand::Release(reply))));
        answer
            .await
            .unwrap_or_else(|_| match release_on_drop.validity().lost_reason() {
                None | Some(LostReason::Closed) => {
                    Err(Error::closed(&keys, LockOperation::Release))
                }
                Some(_) => Ok(Release::AlreadyExpired),
            })
    }
}
