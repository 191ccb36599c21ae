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
use crate::state::validity::Term;

/// For so many handovers within this process it is remembered that others contend, too.
const MEMORY: u8 = 8;

/// Whoever is first in line, and whose future is not polled for so long, is promised nothing more.
const PROMISE: Duration = Duration::from_millis(250);

/// A gate for each lock that somebody here waits for or holds.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Mutex<HashMap<Arc<[Bytes]>, Gate>>>);

struct Gate {
    /// One permit, which is given out first come, first served.
    line: Arc<Semaphore>,
    holder: Option<Holder>,
    contested: u8,
    /// Until when the lock, which was given back here, is left to whoever is first in line, unless
    /// that one tried before.
    promised: Option<Instant>,
    outage: Option<Outage>,
    waiting: usize,
    holding: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            line: Arc::new(Semaphore::new(1)),
            holder: None,
            contested: 0,
            promised: None,
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
pub(crate) struct Holder {
    term: Arc<Term>,
    end: watch::Receiver<()>,
}

impl Holder {
    pub(crate) fn term(&self) -> &Term {
        &self.term
    }

    /// Resolves once the lock was given back, or never will be.
    pub(crate) async fn ended(&mut self) {
        while self.end.changed().await.is_ok() {}
    }

    fn has_ended(&self) -> bool {
        self.end.has_changed().is_err()
    }
}

/// The turn to contend, until it is dropped.
pub(crate) struct Turn(
    #[expect(dead_code, reason = "its drop is what counts")] OwnedSemaphorePermit,
);

impl Gates {
    /// Joins those who wait for the lock; without a turn yet.
    pub(crate) fn enter(&self, keys: &Arc<[Bytes]>) -> Place {
        self.lock().entry(keys.clone()).or_default().waiting += 1;
        Place {
            gates: self.clone(),
            keys: keys.clone(),
        }
    }

    /// Tells those in line that the lock is held here, as long as the result lives.
    pub(crate) fn hold(&self, keys: &Arc<[Bytes]>, term: &Arc<Term>) -> Hold {
        let (sender, end) = watch::channel(());
        let mut gates = self.lock();
        let gate = gates.entry(keys.clone()).or_default();
        gate.holding += 1;
        let term = term.clone();
        gate.holder = Some(Holder { term, end });
        gate.outage = None;
        Hold {
            gates: self.clone(),
            keys: keys.clone(),
            _end: sender,
        }
    }

    /// Whether the lock was given back here and whoever is first in line is about to take it.
    pub(crate) fn is_promised(&self, keys: &Arc<[Bytes]>) -> bool {
        self.lock()
            .get(keys)
            .is_some_and(|gate| gate.promised.is_some_and(|until| Instant::now() < until))
    }

    /// Changes a gate, and removes it if nobody is there any more.
    fn leave(&self, keys: &Arc<[Bytes]>, leave: impl FnOnce(&mut Gate)) {
        let mut gates = self.lock();
        let Some(gate) = gates.get_mut(keys) else {
            return;
        };
        leave(gate);
        if gate.waiting + gate.holding == 0 {
            gates.remove(keys);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<[Bytes]>, Gate>> {
        // No panic can leave it half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }
}

/// A place in one line.
pub(crate) struct Place {
    gates: Gates,
    keys: Arc<[Bytes]>,
}

impl Place {
    /// Waits for the turn to contend. Dropped, it leaves the line.
    pub(crate) async fn turn(&self) -> Result<Turn> {
        let line = self.look(|gate| gate.line.clone()).ok_or(Error::Closed)?;
        // Nobody ever closes it.
        let permit = line.acquire_owned().await.map_err(|_| Error::Closed)?;
        Ok(Turn(permit))
    }

    /// Who of this process holds the lock, as far as is known.
    pub(crate) fn holder(&self) -> Option<Holder> {
        let holder = self.look(|gate| gate.holder.clone())??;
        // One that is being given back is there until the masters have it back.
        let is_there = matches!(
            holder.term.check(),
            Ok(())
                | Err(Error::Lost {
                    reason: LostReason::Released
                })
        );
        (!holder.has_ended() && is_there).then_some(holder)
    }

    /// Notes that others than this process contend for the lock.
    pub(crate) fn contest(&self) {
        self.look(|gate| gate.contested = MEMORY);
    }

    /// Whether others contended lately, asked once for each handover.
    pub(crate) fn is_contested(&self) -> bool {
        let contested = self.look(|gate| {
            let before = gate.contested;
            gate.contested = before.saturating_sub(1);
            before > 0
        });
        contested.unwrap_or(false)
    }

    /// Notes that whoever is first in line has tried.
    pub(crate) fn tried(&self) {
        self.look(|gate| gate.promised = None);
    }

    /// Notes that there was no quorum, and says for how long that has been so: for all in line, as
    /// those behind would else bear it one after the other. What nobody looked at for `gap` may have
    /// been another outage.
    pub(crate) fn down(&self, now: LockInstant, gap: Duration) -> Duration {
        let since = self.look(|gate| {
            let known = gate.outage.take();
            let same = known.filter(|known| now.saturating_duration_since(known.last) < gap);
            let since = same.map_or(now, |same| same.since);
            gate.outage = Some(Outage { since, last: now });
            since
        });
        now.saturating_duration_since(since.unwrap_or(now))
    }

    /// Notes that there was a quorum.
    pub(crate) fn up(&self) {
        self.look(|gate| gate.outage = None);
    }

    fn look<T>(&self, look: impl FnOnce(&mut Gate) -> T) -> Option<T> {
        // It is there as long as this place is.
        self.gates.lock().get_mut(&self.keys).map(look)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gates.leave(&self.keys, |gate| {
            gate.waiting -= 1;
            gate.promised = gate.promised.filter(|_| gate.waiting > 0);
        });
    }
}

/// Says that the lock is held in this process; dropped, that it was given back.
pub(crate) struct Hold {
    gates: Gates,
    keys: Arc<[Bytes]>,
    _end: watch::Sender<()>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Whoever waits is woken after this, with the channel.
        self.gates.leave(&self.keys, |gate| {
            gate.holding -= 1;
            let is_promised = gate.waiting > 0 && gate.holding == 0;
            gate.promised = is_promised.then(|| Instant::now() + PROMISE);
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
        let gates = Gates::default();
        let places: Vec<_> = (0..4).map(|_| gates.enter(&keys())).collect();
        let first = places[0].turn().await.unwrap();
        let mut others: Vec<_> = places[1..].iter().map(|p| Box::pin(p.turn())).collect();
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
        assert_eq!(gates.count(), 1);
        drop(places);
        assert_eq!(gates.count(), 0);
    }

    #[tokio::test]
    async fn a_holder_is_known_until_it_ends() {
        let gates = Gates::default();
        let place = gates.enter(&keys());
        assert!(place.holder().is_none());
        let term = |time| {
            let until = LockInstant::now() + ms(time);
            Arc::new(crate::testing::term(until))
        };
        let earlier = gates.hold(&keys(), &term(60_000));
        let hold = gates.hold(&keys(), &term(60_000));
        // The end of one that was overtaken is not that of the other.
        drop(earlier);
        let mut holder = place.holder().unwrap();
        let mut ended = Box::pin(holder.ended());
        poll_once(&mut ended).await;
        drop(hold);
        ended.await;
        assert!(place.holder().is_none());
        let over = gates.hold(&keys(), &term(0));
        assert!(place.holder().is_none());
        drop((over, place));
        assert_eq!(gates.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_promise_that_is_not_taken_up_ends() {
        let gates = Gates::default();
        let until = LockInstant::now() + ms(60_000);
        let term = Arc::new(crate::testing::term(until));
        let _place = gates.enter(&keys());
        drop(gates.hold(&keys(), &term));
        tokio::time::sleep(PROMISE - ms(1)).await;
        assert!(gates.is_promised(&keys()));
        tokio::time::sleep(ms(1)).await;
        assert!(!gates.is_promised(&keys()));
    }

    #[tokio::test]
    async fn a_lock_that_is_given_back_is_promised_to_the_line_if_there_is_one() {
        let gates = Gates::default();
        let until = LockInstant::now() + ms(60_000);
        let term = Arc::new(crate::testing::term(until));
        let place = gates.enter(&keys());
        assert!(!gates.is_promised(&keys()));
        drop(gates.hold(&keys(), &term));
        assert!(gates.is_promised(&keys()));
        place.tried();
        assert!(!gates.is_promised(&keys()));
        let hold = gates.hold(&keys(), &term);
        drop(place);
        drop(hold);
        assert!(!gates.is_promised(&keys()));
        let place = gates.enter(&keys());
        drop(gates.hold(&keys(), &term));
        drop(place);
        assert!(!gates.is_promised(&keys()));
        assert_eq!(gates.count(), 0);
    }

    #[test]
    fn others_are_remembered_for_a_while() {
        let gates = Gates::default();
        let place = gates.enter(&keys());
        assert!(!place.is_contested());
        place.contest();
        let times = (0..100).take_while(|_| place.is_contested()).count();
        assert_eq!(times, usize::from(MEMORY));
    }
}
