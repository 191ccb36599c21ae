//! The line of those in this process who wait for the same lock.
//!
//! One of them at a time, the first, contends for it with the rest of the world; and while somebody
//! in this process holds it, nobody has to ask the masters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::error::{Error, LostReason, Result};
use crate::runtime::clock::LockInstant;
use crate::state::validity::LeaseValidity;

/// For so many handovers within this process it is remembered that others contend, too.
const CONTENDED_HANDOVERS: u8 = 8;

/// Whoever is first in line, and whose future is not polled for so long, is promised nothing more.
const RESERVATION: Duration = Duration::from_millis(250);

/// A gate for each lock that somebody here waits for or holds.
#[derive(Clone, Default)]
pub(crate) struct LocalQueues(Arc<Mutex<HashMap<Arc<[Bytes]>, LocalQueue>>>);

struct LocalQueue {
    /// One permit, which is given out first come, first served.
    permits: Arc<Semaphore>,
    holder: Option<LocalHolder>,
    contended_handovers: u8,
    /// Until when the lock, which was given back here, is left to whoever is first in line, unless
    /// that one tried before.
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

/// That there was no quorum, from the first to the last attempt that showed it.
struct Outage {
    since: LockInstant,
    last: LockInstant,
}

/// Who of this process holds the lock.
#[derive(Clone)]
pub(crate) struct LocalHolder {
    validity: Arc<LeaseValidity>,
    end: watch::Receiver<()>,
}

impl LocalHolder {
    pub(crate) fn validity(&self) -> &LeaseValidity {
        &self.validity
    }

    /// Resolves once the lock was given back, or never will be.
    pub(crate) async fn wait_ended(&mut self) {
        while self.end.changed().await.is_ok() {}
    }

    fn has_ended(&self) -> bool {
        self.end.has_changed().is_err()
    }
}

/// The turn to contend, until it is dropped.
pub(crate) struct QueuePermit(
    #[expect(dead_code, reason = "its drop is what counts")] OwnedSemaphorePermit,
);

impl LocalQueues {
    /// Joins those who wait for the lock; without a turn yet.
    pub(crate) fn enter(&self, keys: &Arc<[Bytes]>) -> QueueEntry {
        self.lock().entry(keys.clone()).or_default().waiting += 1;
        QueueEntry {
            queues: self.clone(),
            keys: keys.clone(),
        }
    }

    /// Tells those in line that the lock is held here, as long as the result lives.
    pub(crate) fn hold(&self, keys: &Arc<[Bytes]>, validity: &Arc<LeaseValidity>) -> LocalHold {
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

    /// Whether the lock was given back here and whoever is first in line is about to take it.
    pub(crate) fn is_reserved(&self, keys: &Arc<[Bytes]>) -> bool {
        self.lock().get(keys).is_some_and(|queue| {
            queue
                .reserved_until
                .is_some_and(|until| Instant::now() < until)
        })
    }

    /// Changes a gate, and removes it if nobody is there any more.
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
        // No panic can leave it half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }
}

/// A place in one line.
pub(crate) struct QueueEntry {
    queues: LocalQueues,
    keys: Arc<[Bytes]>,
}

impl QueueEntry {
    /// Waits for the turn to contend. Dropped, it leaves the line.
    pub(crate) async fn acquire_permit(&self) -> Result<QueuePermit> {
        let permits = self
            .with_queue(|queue| queue.permits.clone())
            .ok_or(Error::Closed)?;
        // Nobody ever closes it.
        let permit = permits.acquire_owned().await.map_err(|_| Error::Closed)?;
        Ok(QueuePermit(permit))
    }

    /// Who of this process holds the lock, as far as is known.
    pub(crate) fn holder(&self) -> Option<LocalHolder> {
        let holder = self.with_queue(|queue| queue.holder.clone())??;
        // One that is being given back is there until the masters have it back.
        let is_there = matches!(
            holder.validity.check(),
            Ok(())
                | Err(Error::Lost {
                    reason: LostReason::Released
                })
        );
        (!holder.has_ended() && is_there).then_some(holder)
    }

    /// Notes that others than this process contend for the lock.
    pub(crate) fn mark_contended(&self) {
        self.with_queue(|queue| queue.contended_handovers = CONTENDED_HANDOVERS);
    }

    /// Whether others contended lately, asked once for each handover.
    pub(crate) fn take_contended_handover(&self) -> bool {
        let contended = self.with_queue(|queue| {
            let before = queue.contended_handovers;
            queue.contended_handovers = before.saturating_sub(1);
            before > 0
        });
        contended.unwrap_or(false)
    }

    /// Notes that whoever is first in line has tried.
    pub(crate) fn record_attempt(&self) {
        self.with_queue(|queue| queue.reserved_until = None);
    }

    /// Notes that there was no quorum, and says for how long that has been so: for all in line, as
    /// those behind would else bear it one after the other. What nobody looked at for `gap` may have
    /// been another outage.
    pub(crate) fn record_outage(&self, now: LockInstant, gap: Duration) -> Duration {
        let since = self.with_queue(|queue| {
            let known = queue.outage.take();
            let same = known.filter(|known| now.saturating_duration_since(known.last) < gap);
            let since = same.map_or(now, |same| same.since);
            queue.outage = Some(Outage { since, last: now });
            since
        });
        now.saturating_duration_since(since.unwrap_or(now))
    }

    /// Notes that there was a quorum.
    pub(crate) fn clear_outage(&self) {
        self.with_queue(|queue| queue.outage = None);
    }

    fn with_queue<T>(&self, work: impl FnOnce(&mut LocalQueue) -> T) -> Option<T> {
        // It is there as long as this place is.
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

/// Says that the lock is held in this process; dropped, that it was given back.
pub(crate) struct LocalHold {
    queues: LocalQueues,
    keys: Arc<[Bytes]>,
    _end: watch::Sender<()>,
}

impl Drop for LocalHold {
    fn drop(&mut self) {
        // Whoever waits is woken after this, with the channel.
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
    async fn turns_come_in_order_and_whoever_leaves_is_passed_over() {
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
        // The third has it now, although nobody has polled it; whoever drops it passes it on.
        poll_once(&mut others[1]).await;
        drop(others.remove(0));
        drop(others.remove(0).await.unwrap());
        drop(others);
        assert_eq!(queues.count(), 1);
        drop(entries);
        assert_eq!(queues.count(), 0);
    }

    #[tokio::test]
    async fn a_holder_is_known_until_it_ends() {
        let queues = LocalQueues::default();
        let entry = queues.enter(&keys());
        assert!(entry.holder().is_none());
        let validity = |time| {
            let until = LockInstant::now() + ms(time);
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
    async fn a_promise_that_is_not_taken_up_ends() {
        let queues = LocalQueues::default();
        let until = LockInstant::now() + ms(60_000);
        let validity = Arc::new(crate::testing::validity(until));
        let _place = queues.enter(&keys());
        drop(queues.hold(&keys(), &validity));
        tokio::time::sleep(RESERVATION - ms(1)).await;
        assert!(queues.is_reserved(&keys()));
        tokio::time::sleep(ms(1)).await;
        assert!(!queues.is_reserved(&keys()));
    }

    #[tokio::test]
    async fn a_lock_that_is_given_back_is_promised_to_the_line_if_there_is_one() {
        let queues = LocalQueues::default();
        let until = LockInstant::now() + ms(60_000);
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
    fn others_are_remembered_for_a_while() {
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
