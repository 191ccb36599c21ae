//! The keys that are watched on one connection, and their subscriptions.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, MutexGuard};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::util::sync::Mutex;

/// The subscriptions of each key. An entry lasts until the server reports a change of its key.
///
/// The entry owns the sender of a channel through which nothing is sent. Dropping the sender wakes
/// every subscription of the key, now or later, so no path can forget to wake them.
pub(crate) struct WatchRegistry {
    /// `None` once the connection can no longer be used.
    keys: Mutex<Option<Keys>>,
    health_check: Notify,
}

type Keys = HashMap<Bytes, watch::Sender<()>>;

/// A subscription to the changes of a key, made before the key is read. It ends when it is dropped.
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

    /// Subscribes to `key`. Returns `None` if the connection is lost.
    pub(crate) fn add(self: &Arc<Self>, key: Bytes) -> Option<Subscription> {
        let mut keys = self.lock();
        let sender = keys.as_mut()?.entry(key.clone()).or_default();
        Some(Subscription {
            told: Some(sender.subscribe()),
            watched: self.clone(),
            key,
        })
    }

    /// Wakes the subscriptions of a key.
    pub(crate) fn invalidate(&self, key: &[u8]) {
        let told = self.lock().as_mut().and_then(|keys| keys.remove(key));
        // The subscriptions are woken without the lock.
        drop(told);
    }

    /// Wakes the subscriptions of the keys for which `is_gone` holds.
    pub(crate) fn invalidate_if(&self, mut is_gone: impl FnMut(&[u8]) -> bool) {
        let told: Option<Vec<_>> = self
            .lock()
            .as_mut()
            .map(|keys| keys.extract_if(|key, _| is_gone(key)).collect());
        drop(told);
    }

    /// Wakes all subscriptions, because any key may have been changed.
    pub(crate) fn invalidate_all(&self) {
        let told = self.lock().as_mut().map(std::mem::take);
        drop(told);
    }

    /// Wakes all subscriptions and accepts no more, because the connection is lost.
    pub(crate) fn close(&self) {
        let told = self.lock().take();
        drop(told);
        self.request_health_check();
    }

    /// Closes the registry if there are no subscriptions. Returns whether there were none.
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

    /// Asks the task of the connection for a health check.
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
    /// Waits until the server has reported a change of the key, or may have.
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
        // The receiver is dropped under the lock: otherwise, if two subscriptions end at once, each
        // would count the other.
        drop(self.told.take());
        let Some(keys) = keys.as_mut() else { return };
        // The entry may belong to a later subscription, made after the key was reported.
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

    fn is_invalidated(interest: &mut Subscription) -> bool {
        interest.invalidated().now_or_never().is_some()
    }

    #[test]
    fn invalidation_reaches_all_subscriptions_of_its_key_only() {
        let watched = Arc::new(WatchRegistry::new());
        let (mut one, mut two, mut other) =
            (add(&watched, "a"), add(&watched, "a"), add(&watched, "b"));
        watched.invalidate(b"a");
        let mut later = add(&watched, "a");
        assert!(is_invalidated(&mut one) && is_invalidated(&mut two) && is_invalidated(&mut one));
        assert!(!is_invalidated(&mut other) && !is_invalidated(&mut later));
        drop((one, two));
        watched.invalidate(b"a");
        assert!(is_invalidated(&mut later), "those before it are not it");
        let mut third = add(&watched, "c");
        watched.invalidate_if(|key| key == b"c");
        assert!(is_invalidated(&mut third) && !is_invalidated(&mut other));
        watched.invalidate_all();
        assert!(is_invalidated(&mut other));
    }

    #[test]
    fn entry_is_removed_with_its_last_subscription() {
        let watched = Arc::new(WatchRegistry::new());
        let (one, two) = (add(&watched, "a"), add(&watched, "a"));
        drop(one);
        assert!(!watched.is_unused() && !watched.close_unless_used());
        drop(two);
        assert!(watched.is_unused() && watched.close_unless_used() && watched.is_closed());
    }

    #[test]
    fn entry_is_removed_when_last_two_drop_at_once() {
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
    fn closed_registry_notifies_all_and_refuses_more() {
        let watched = Arc::new(WatchRegistry::new());
        let mut one = add(&watched, "a");
        watched.close();
        assert!(is_invalidated(&mut one));
        assert!(watched.add("a".into()).is_none());
    }
}
