//! The queue of the callers in this process that wait for the same lock.
//!
//! Only the first caller of a queue contends with other processes. While the lock is held in this
//! process, no caller has to ask the masters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use purse_lease::{LeaseInstant, LostReason, Validity};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::error::{Error, LockOperation, Result};

/// The number of handovers within this process for which contention by other processes is
/// remembered.
const CONTENDED_HANDOVERS: u8 = 8;

/// The time that a released lock is reserved for the first waiter. If its future is not polled
/// within this time, the reservation ends.
const RESERVATION: Duration = Duration::from_millis(250);

/// The queues of all locks that are waited for or held in this process.
#[derive(Clone, Default)]
pub(crate) struct LocalQueues(Arc<Mutex<HashMap<Arc<[Bytes]>, LocalQueue>>>);

/// The queue of one lock.
struct LocalQueue {
    /// Contains one permit, which is given out first come, first served.
    permits: Arc<Semaphore>,
    holder: Option<LocalHolder>,
    /// The number of further handovers for which contention by other processes is remembered.
    contended_handovers: u8,
    /// The moment until which a lock that was released in this process is reserved for the first
    /// waiter, unless that waiter has tried before.
    reserved_until: Option<Instant>,
    outage: Option<Outage>,
    waiting: usize,
    holding: usize,
}

impl Default for LocalQueue {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(1)),
            holder: None,
            contended_handovers: 0,
            reserved_until: None,
            outage: None,
            waiting: 0,
            holding: 0,
        }
    }
}

/// A period without a quorum, from the first to the last attempt that observed it.
struct Outage {
    since: LeaseInstant,
    last: LeaseInstant,
}

/// The holder of a lock in this process.
#[derive(Clone)]
pub(crate) struct LocalHolder {
    validity: Arc<Validity>,
    end: watch::Receiver<()>,
}

impl LocalHolder {
    pub(crate) fn validity(&self) -> &Validity {
        &self.validity
    }

    /// Waits until the lock was released, or the task that would release it is gone.
    pub(crate) async fn wait_ended(&mut self) {
        while self.end.changed().await.is_ok() {}
    }

    fn has_ended(&self) -> bool {
        self.end.has_changed().is_err()
    }
}

/// The right to contend for the lock, until it is dropped.
pub(crate) struct QueuePermit(
    #[expect(dead_code, reason = "its drop is what counts")] OwnedSemaphorePermit,
);

impl LocalQueues {
    /// Adds a waiter to the queue, without a permit yet.
    pub(crate) fn enter(&self, keys: &Arc<[Bytes]>) -> QueueEntry {
        self.lock().entry(keys.clone()).or_default().waiting += 1;
        QueueEntry {
            queues: self.clone(),
            keys: keys.clone(),
        }
    }

    /// Records that the lock is held in this process, as long as the result lives.
    pub(crate) fn hold(&self, keys: &Arc<[Bytes]>, validity: &Arc<Validity>) -> LocalHold {
        let (sender, end) = watch::channel(());
        let mut queues = self.lock();
        let queue = queues.entry(keys.clone()).or_default();
        queue.holding += 1;
        let validity = validity.clone();
        queue.holder = Some(LocalHolder { validity, end });
        queue.outage = None;
        LocalHold {
            queues: self.clone(),
            keys: keys.clone(),
            _end: sender,
        }
    }

    /// Returns whether the lock was released in this process and the first waiter is about to take
    /// it.
    pub(crate) fn is_reserved(&self, keys: &Arc<[Bytes]>) -> bool {
        self.lock().get(keys).is_some_and(|queue| {
            queue
                .reserved_until
                .is_some_and(|until| Instant::now() < until)
        })
    }

    /// Changes a queue, and removes it if it has neither waiters nor holders.
    fn update(&self, keys: &Arc<[Bytes]>, work: impl FnOnce(&mut LocalQueue)) {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(keys) else {
            return;
        };
        work(queue);
        if queue.waiting + queue.holding == 0 {
            queues.remove(keys);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<[Bytes]>, LocalQueue>> {
        // No panic can leave the map half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }
}

/// A waiter's place in a queue.
pub(crate) struct QueueEntry {
    queues: LocalQueues,
    keys: Arc<[Bytes]>,
}

impl QueueEntry {
    /// Waits for the permit to contend. If the entry is dropped, it leaves the queue.
    pub(crate) async fn acquire_permit(&self) -> Result<QueuePermit> {
        let permits = self
            .with_queue(|queue| queue.permits.clone())
            .ok_or_else(|| self.closed_error())?;
        // The semaphore is never closed.
        let permit = permits.acquire_owned().await;
        permit.map(QueuePermit).map_err(|_| self.closed_error())
    }

    /// Returns the holder of the lock in this process, as far as is known.
    pub(crate) fn holder(&self) -> Option<LocalHolder> {
        let holder = self.with_queue(|queue| queue.holder.clone())??;
        // A lock that is being released counts as held until the masters have answered.
        let is_there = matches!(
            holder.validity.lost_reason(),
            None | Some(LostReason::Released)
        );
        (!holder.has_ended() && is_there).then_some(holder)
    }

    /// Records that other processes contend for the lock.
    pub(crate) fn mark_contended(&self) {
        self.with_queue(|queue| queue.contended_handovers = CONTENDED_HANDOVERS);
    }

    /// Returns whether other processes contended lately. Call it once for each handover, because
    /// each call counts as one.
    pub(crate) fn take_contended_handover(&self) -> bool {
        let contended = self.with_queue(|queue| {
            let before = queue.contended_handovers;
            queue.contended_handovers = before.saturating_sub(1);
            before > 0
        });
        contended.unwrap_or(false)
    }

    /// Records that the first waiter has tried, which ends the reservation.
    pub(crate) fn record_attempt(&self) {
        self.with_queue(|queue| queue.reserved_until = None);
    }

    /// Records that there was no quorum, and returns for how long. The time is shared by all
    /// waiters of the queue, because otherwise each would tolerate the outage after the previous
    /// one. If no attempt was made for `gap`, a new outage begins.
    pub(crate) fn record_outage(&self, now: LeaseInstant, gap: Duration) -> Duration {
        let since = self.with_queue(|queue| {
            let known = queue.outage.take();
            let same = known.filter(|known| now.saturating_duration_since(known.last) < gap);
            let since = same.map_or(now, |same| same.since);
            queue.outage = Some(Outage { since, last: now });
            since
        });
        now.saturating_duration_since(since.unwrap_or(now))
    }

    /// Records that there was a quorum.
    pub(crate) fn clear_outage(&self) {
        self.with_queue(|queue| queue.outage = None);
    }

    fn closed_error(&self) -> Error {
        Error::closed(&self.keys, LockOperation::Acquire)
    }

    fn with_queue<T>(&self, work: impl FnOnce(&mut LocalQueue) -> T) -> Option<T> {
        // The queue exists as long as this entry does.
        self.queues.lock().get_mut(&self.keys).map(work)
    }
}

impl Drop for QueueEntry {
    fn drop(&mut self) {
        self.queues.update(&self.keys, |queue| {
            queue.waiting -= 1;
            queue.reserved_until = queue.reserved_until.filter(|_| queue.waiting > 0);
        });
    }
}

/// A mark that the lock is held in this process. Dropping it marks the lock as released.
pub(crate) struct LocalHold {
    queues: LocalQueues,
    keys: Arc<[Bytes]>,
    _end: watch::Sender<()>,
}

impl Drop for LocalHold {
    fn drop(&mut self) {
        // Waiters are woken after this, when the channel is dropped.
        self.queues.update(&self.keys, |queue| {
            queue.holding -= 1;
            let is_reserved = queue.waiting > 0 && queue.holding == 0;
            queue.reserved_until = is_reserved.then(|| Instant::now() + RESERVATION);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ms, poll_once};

    fn keys() -> Arc<[Bytes]> {
        [Bytes::from_static(b"key")].into()
    }

    #[tokio::test]
    async fn permits_are_granted_in_order_of_entry() {
        let queues = LocalQueues::default();
        let entries: Vec<_> = (0..4).map(|_| queues.enter(&keys())).collect();
        let first = entries[0].acquire_permit().await.unwrap();
        let mut others: Vec<_> = entries[1..]
            .iter()
            .map(|p| Box::pin(p.acquire_permit()))
            .collect();
        for other in &mut others {
            poll_once(other).await;
        }
        drop(others.remove(0));
        drop(first);
        // The third entry has the permit now, although it was not polled. Dropping it passes it on.
        poll_once(&mut others[1]).await;
        drop(others.remove(0));
        drop(others.remove(0).await.unwrap());
        drop(others);
        assert_eq!(queues.count(), 1);
        drop(entries);
        assert_eq!(queues.count(), 0);
    }

    #[tokio::test]
    async fn holder_is_known_until_it_ends() {
        let queues = LocalQueues::default();
        let entry = queues.enter(&keys());
        assert!(entry.holder().is_none());
        let validity = |time| {
            let until = LeaseInstant::now() + ms(time);
            Arc::new(crate::testing::validity(until))
        };
        let earlier = queues.hold(&keys(), &validity(60_000));
        let hold = queues.hold(&keys(), &validity(60_000));
        // The end of one that was overtaken is not that of the other.
        drop(earlier);
        let mut holder = entry.holder().unwrap();
        let mut wait_ended = Box::pin(holder.wait_ended());
        poll_once(&mut wait_ended).await;
        drop(hold);
        wait_ended.await;
        assert!(entry.holder().is_none());
        let over = queues.hold(&keys(), &validity(0));
        assert!(entry.holder().is_none());
        drop((over, entry));
        assert_eq!(queues.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn unused_reservation_ends() {
        let queues = LocalQueues::default();
        let until = LeaseInstant::now() + ms(60_000);
        let validity = Arc::new(crate::testing::validity(until));
        let _place = queues.enter(&keys());
        drop(queues.hold(&keys(), &validity));
        tokio::time::sleep(RESERVATION - ms(1)).await;
        assert!(queues.is_reserved(&keys()));
        tokio::time::sleep(ms(1)).await;
        assert!(!queues.is_reserved(&keys()));
    }

    #[tokio::test]
    async fn released_lock_is_reserved_only_for_waiters() {
        let queues = LocalQueues::default();
        let until = LeaseInstant::now() + ms(60_000);
        let validity = Arc::new(crate::testing::validity(until));
        let entry = queues.enter(&keys());
        assert!(!queues.is_reserved(&keys()));
        drop(queues.hold(&keys(), &validity));
        assert!(queues.is_reserved(&keys()));
        entry.record_attempt();
        assert!(!queues.is_reserved(&keys()));
        let hold = queues.hold(&keys(), &validity);
        drop(entry);
        drop(hold);
        assert!(!queues.is_reserved(&keys()));
        let entry = queues.enter(&keys());
        drop(queues.hold(&keys(), &validity));
        drop(entry);
        assert!(!queues.is_reserved(&keys()));
        assert_eq!(queues.count(), 0);
    }

    #[test]
    fn contention_is_remembered_for_eight_handovers() {
        let queues = LocalQueues::default();
        let entry = queues.enter(&keys());
        assert!(!entry.take_contended_handover());
        entry.mark_contended();
        let times = (0..100)
            .take_while(|_| entry.take_contended_handover())
            .count();
        assert_eq!(times, usize::from(CONTENDED_HANDOVERS));
    }
}
