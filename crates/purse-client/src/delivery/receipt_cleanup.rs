//! The removal of receipts whose elements were delivered, many at once.

use std::collections::HashMap;
use std::sync::MutexGuard;
use std::time::Duration;

use crate::util::timer::sleep;
use bytes::Bytes;

use super::Deliveries;
use super::confirm::retry_until_decided;
use crate::Command;
use crate::core::CloseGuard;
use crate::telemetry::log;
use crate::util::sync::Mutex;

/// The time that a receipt waits for others of its collection, because each command costs the
/// server as much as several of its keys.
const COALESCE_TIME: Duration = Duration::from_millis(1);
/// The largest number of keys of one command.
const MAX_KEYS: usize = 1_024;

/// A receipt, and the guard that delays the close of the client until it is removed.
type FinishedReceipt = (Bytes, CloseGuard);

/// The receipts to remove, by collection. Those of one collection share a slot and usually the
/// rights.
///
/// Each collection has one task while there are any.
#[derive(Debug, Default)]
pub(crate) struct ReceiptCleanup(Mutex<HashMap<Bytes, Vec<FinishedReceipt>>>);

impl ReceiptCleanup {
    /// Removes the receipt `name` of a pop from `key`, in the background.
    pub(crate) fn add(&self, client: &Deliveries, key: &Bytes, name: Bytes, in_flight: CloseGuard) {
        let mut waiting = self.lock();
        if let Some(waiting) = waiting.get_mut(key) {
            waiting.push((name, in_flight));
            return;
        }
        waiting.insert(key.clone(), vec![(name, in_flight)]);
        let task = Task {
            client: client.clone(),
            key: key.clone(),
            is_over: false,
        };
        client.caller.runtime().spawn(task.run());
    }

    /// Takes the receipts to remove next. If there are none, the task of `key` ends.
    fn take(&self, key: &Bytes) -> Vec<FinishedReceipt> {
        let mut all = self.lock();
        let Some(waiting) = all.get_mut(key) else {
            return Vec::new();
        };
        let rest = waiting.split_off(waiting.len().min(MAX_KEYS));
        let batch = std::mem::replace(waiting, rest);
        if batch.is_empty() {
            all.remove(key);
        }
        batch
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bytes, Vec<FinishedReceipt>>> {
        self.0.lock()
    }
}

/// Removes the receipts of one collection.
struct Task {
    client: Deliveries,
    key: Bytes,
    is_over: bool,
}

impl Task {
    async fn run(mut self) {
        loop {
            if !self.client.caller.is_closed() {
                sleep(COALESCE_TIME).await;
            }
            let done = self.client.shared.cleanup.take(&self.key);
            if done.is_empty() {
                self.is_over = true;
                return;
            }
            let (names, _in_flight): (Vec<_>, Vec<_>) = done.into_iter().unzip();
            let unlink = names.iter().fold(Command::write("UNLINK"), |unlink, name| {
                unlink.key(name.clone())
            });
            if let Err(error) = retry_until_decided(&self.client, unlink).await {
                for name in names {
                    log::warn_receipt_left(self.client.caller.server(), &error, &name);
                }
            }
        }
    }
}

/// If the task ends with its runtime, the receipts that it has not removed expire.
impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_over {
            self.client.shared.cleanup.lock().remove(&self.key);
        }
    }
}
