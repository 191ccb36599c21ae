//! The keys that are watched on one connection, and who waits for them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, MutexGuard};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::util::sync::Mutex;

/// Who waits for which key: an entry lasts until the server tells of its key.
///
/// The entry owns the sender of a channel that nothing is sent through. To drop it wakes everybody
/// who waits for the key, now or later, and no path can forget to.
pub(crate) struct WatchRegistry {
    /// `None` once the connection is of no use any more.
    keys: Mutex<Option<Keys>>,
    health_check: Notify,
}

type Keys = HashMap<Bytes, watch::Sender<()>>;

/// One who waits for a key, from before the key is read; dropped, it waits no more.
pub(crate) struct Subscription {
    watched: Arc<WatchRegistry>,
    key: Bytes,
    /// There until it is dropped.
    told: Option<watch::Receiver<()>>,
}

impl WatchRegistry {
    pub(crate) fn new() -> Self {
        Self {
            keys: Mutex::new(Some(Keys::new())),
            health_check: Notify::new(),
        }
    }

    /// Waits for `key` from now on; `None` if the connection is lost.
    pub(crate) fn add(self: &Arc<Self>, key: Bytes) -> Option<Subscription> {
        let mut keys = self.lock();
        let sender = keys.as_mut()?.entry(key.clone()).or_default();
        Some(Subscription {
            told: Some(sender.subscribe()),
            watched: self.clone(),
            key,
        })
    }

    /// The key was changed.
    pub(crate) fn invalidate(&self, key: &[u8]) {
        let told = self.lock().as_mut().and_then(|keys| keys.remove(key));
        // Wakes them without the lock.
        drop(told);
    }

    /// Any key may have been changed.
    pub(crate) fn invalidate_all(&self) {
        let told = self.lock().as_mut().map(std::mem::take);
        drop(told);
    }

    /// The connection is lost, and with it whatever it would have told.
    pub(crate) fn close(&self) {
        let told = self.lock().take();
        drop(told);
        self.request_health_check();
    }

    /// As [`close`](Self::close), if nobody waits; says whether nobody did.
    pub(crate) fn close_unless_used(&self) -> bool {
        let mut keys = self.lock();
        let is_unused = keys.as_ref().is_none_or(HashMap::is_empty);
        if is_unused {
            *keys = None;
        }
        is_unused
    }

    pub(crate) fn is_unused(&self) -> bool {
        self.lock().as_ref().is_none_or(HashMap::is_empty)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_none()
    }

    /// Somebody should see whether the connection still stands, and is of use.
    pub(crate) fn request_health_check(&self) {
        self.health_check.notify_one();
    }

    pub(crate) async fn health_check_requested(&self) {
        self.health_check.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Keys>> {
        self.keys.lock()
    }
}

impl Subscription {
    /// Resolves once the server told of the key, or may have.
    pub(crate) async fn invalidated(&mut self) {
        // Nothing is ever sent: it ends with the sender.
        if let Some(told) = &mut self.told {
            while told.changed().await.is_ok() {}
        }
    }

    pub(crate) const fn key(&self) -> &Bytes {
        &self.key
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut keys = self.watched.lock();
        // It goes while the lock is held: of two who leave at once, each would see the other.
        drop(self.told.take());
        let Some(keys) = keys.as_mut() else { return };
        // By now the entry may be another's, who came after the key was told of and waits.
        let is_last = keys
            .get(&self.key)
            .is_some_and(|sender| sender.receiver_count() == 0);
        if is_last {
            keys.remove(&self.key);
        }
    }
}

impl fmt::Debug for WatchRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.lock().as_ref().map(HashMap::len);
        f.debug_struct("WatchRegistry")
            .field("keys", &keys)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn add(watched: &Arc<WatchRegistry>, key: &'static str) -> Subscription {
        watched.add(key.into()).expect("not lost")
    }

    fn is_told(interest: &mut Subscription) -> bool {
        interest.invalidated().now_or_never().is_some()
    }

    #[test]
    fn everybody_who_waits_for_the_key_is_told_and_nobody_else() {
        let watched = Arc::new(WatchRegistry::new());
        let (mut one, mut two, mut other) =
            (add(&watched, "a"), add(&watched, "a"), add(&watched, "b"));
        watched.invalidate(b"a");
        let mut later = add(&watched, "a");
        assert!(is_told(&mut one) && is_told(&mut two) && is_told(&mut one));
        assert!(!is_told(&mut other) && !is_told(&mut later));
        drop((one, two));
        watched.invalidate(b"a");
        assert!(is_told(&mut later), "those before it are not it");
        watched.invalidate_all();
        assert!(is_told(&mut other));
    }

    #[test]
    fn an_entry_goes_with_the_last_who_waits() {
        let watched = Arc::new(WatchRegistry::new());
        let (one, two) = (add(&watched, "a"), add(&watched, "a"));
        drop(one);
        assert!(!watched.is_unused() && !watched.close_unless_used());
        drop(two);
        assert!(watched.is_unused() && watched.close_unless_used() && watched.is_closed());
    }

    #[test]
    fn an_entry_goes_also_when_the_last_two_leave_at_once() {
        let watched = Arc::new(WatchRegistry::new());
        for _ in 0..10_000 {
            let pair = [add(&watched, "a"), add(&watched, "a")];
            let both = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                for one in pair {
                    scope.spawn(|| {
                        both.wait();
                        drop(one);
                    });
                }
            });
            assert!(watched.is_unused());
        }
    }

    #[test]
    fn a_lost_connection_tells_all_and_takes_no_more() {
        let watched = Arc::new(WatchRegistry::new());
        let mut one = add(&watched, "a");
        watched.close();
        assert!(is_told(&mut one));
        assert!(watched.add("a".into()).is_none());
    }
}
