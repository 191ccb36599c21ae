//! The removal of receipts whose replies have arrived, many at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::Command;
use crate::core::{Call, CloseGuard, Core};
use crate::telemetry::log;
use crate::util::sync::Mutex;
use crate::util::timer::sleep;

/// The time that a receipt waits for others, because each command costs the server as much as
/// several of its keys.
const COALESCE_TIME: Duration = Duration::from_millis(1);
/// The largest number of keys of one command.
const MAX_KEYS: usize = 1_024;

/// The receipts that a client removes in the background, by the key that they belong to. Those of
/// one key share a slot and usually the rights.
#[derive(Debug, Default)]
pub(crate) struct ReceiptRemoval(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    receipts: HashMap<Bytes, Vec<(Bytes, CloseGuard)>>,
    /// True while there is a task that removes receipts.
    has_task: bool,
}

impl ReceiptRemoval {
    /// Removes `receipt`, which belongs to `key`, in the background. The close of the client waits
    /// for it.
    pub(crate) fn remove(self: &Arc<Self>, core: &Arc<Core>, key: Bytes, receipt: Bytes) {
        let mut waiting = self.0.lock();
        let receipts = waiting.receipts.entry(key).or_default();
        receipts.push((receipt, core.close_blockers().track()));
        if std::mem::replace(&mut waiting.has_task, true) {
            return;
        }
        drop(waiting);
        let task = Task {
            removal: self.clone(),
            core: core.clone(),
            is_over: false,
        };
        core.runtime.spawn(task.run());
    }

    /// Takes all receipts. If there are none, the task ends.
    fn take(&self) -> HashMap<Bytes, Vec<(Bytes, CloseGuard)>> {
        let mut waiting = self.0.lock();
        let receipts = std::mem::take(&mut waiting.receipts);
        waiting.has_task = !receipts.is_empty();
        receipts
    }
}

struct Task {
    removal: Arc<ReceiptRemoval>,
    core: Arc<Core>,
    is_over: bool,
}

impl Task {
    async fn run(mut self) {
        loop {
            if !self.core.is_closed() {
                sleep(COALESCE_TIME).await;
            }
            let receipts = self.removal.take();
            if receipts.is_empty() {
                self.is_over = true;
                return;
            }
            let of_keys = receipts.into_values().map(|all| unlink(&self.core, all));
            futures::future::join_all(of_keys).await;
        }
    }
}

/// If the task ends with its runtime, the receipts that it has not removed expire.
impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_over {
            let waiting = std::mem::take(&mut *self.removal.0.lock());
            drop(waiting);
        }
    }
}

/// Removes the receipts of one key. If that fails, they expire.
async fn unlink(core: &Arc<Core>, receipts: Vec<(Bytes, CloseGuard)>) {
    for receipts in receipts.chunks(MAX_KEYS) {
        let unlink = Command::write("UNLINK");
        let unlink = receipts
            .iter()
            .fold(unlink, |unlink, (name, _)| unlink.key(name.clone()));
        if let Err(error) = Call::new(core.clone(), unlink).allow_closed().await {
            for (name, _) in receipts {
                log::debug_receipt_expires(core.server(), &error, name);
            }
        }
    }
}
