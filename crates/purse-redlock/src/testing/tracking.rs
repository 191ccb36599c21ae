//! The key watches of masters in memory.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use purse_client::ErrorKind;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::{Behaviour, Mock, State, failure, ms};
use crate::master::{ElectionRecord, KeyState, RecordFuture, WatchFuture};

type Seeing<T> = Pin<Box<dyn Future<Output = purse_client::Result<T>> + Send>>;

/// The way in which a master handles key watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tracking {
    /// Reports each change.
    #[default]
    Well,
    /// Refuses watches.
    Refused,
    /// Accepts watches, and reports nothing.
    Mute,
    /// Does not answer.
    Silent,
    /// Immediately reports a change that did not happen, as a flapping connection does.
    Nervous,
}

#[derive(Default)]
pub(super) struct Watchers {
    tracking: Tracking,
    /// Dropping a sender reports a change.
    waiting: Vec<(Bytes, oneshot::Sender<()>)>,
    looks: Vec<Instant>,
}

impl Watchers {
    pub(super) fn notify(&mut self, key: &Bytes) {
        self.waiting.retain(|(watched, _)| watched != key);
    }
}

impl Mock {
    pub(crate) fn track(&self, tracking: Tracking) {
        self.state().watchers.tracking = tracking;
    }

    /// Returns when the keys were queried.
    pub(crate) fn query_times(&self) -> Vec<Instant> {
        self.state().watchers.looks.clone()
    }

    /// Loses the connection on which changes are reported.
    pub(crate) fn lose_watchers(&self) {
        self.state().watchers.waiting.clear();
    }

    pub(super) fn watch_keys(&self, keys: Arc<[Bytes]>) -> WatchFuture {
        self.reply_after_delay(move |state, tracking| look(state, &keys, tracking))
    }

    pub(super) fn watch_record(&self, key: Bytes) -> RecordFuture {
        self.reply_after_delay(move |state, tracking| {
            // It comes to an end first.
            let changed = look(state, std::slice::from_ref(&key), tracking).changed;
            let state = state.lock().unwrap();
            let text = state.records.get(&key).map(|(text, _)| text.clone());
            ElectionRecord { text, changed }
        })
    }

    fn reply_after_delay<T: Send + 'static>(
        &self,
        see: impl FnOnce(&Mutex<State>, Tracking) -> T + Send + 'static,
    ) -> Seeing<T> {
        let mut state = self.state();
        state.watchers.looks.push(Instant::now());
        let (delay, failing) = match state.behaviour {
            Behaviour::After(delay) => (delay, None),
            Behaviour::Deaf(delay) | Behaviour::Stray(delay) | Behaviour::Denying(delay) => {
                (delay, Some(ErrorKind::Timeout))
            }
            Behaviour::Down | Behaviour::Quarantined => (Duration::ZERO, Some(ErrorKind::NotSent)),
            Behaviour::Failing(kind) => (Duration::ZERO, Some(kind)),
            Behaviour::Stuck => return Box::pin(std::future::pending()),
        };
        let tracking = state.watchers.tracking;
        let failing = match tracking {
            Tracking::Refused => Some(ErrorKind::Unsupported),
            _ => failing,
        };
        let state = self.state.clone();
        Box::pin(async move {
            sleep(delay).await;
            if tracking == Tracking::Silent {
                std::future::pending::<()>().await;
            }
            match failing {
                Some(kind) => Err(failure(kind)),
                None => Ok(see(&state, tracking)),
            }
        })
    }
}

fn look(state: &Mutex<State>, keys: &[Bytes], tracking: Tracking) -> KeyState {
    let mut state = state.lock().unwrap();
    state.expire();
    let now = Instant::now();
    let ends = keys.iter().filter_map(|key| state.holders.get(key));
    let end = ends.map(|held| held.1).max().unwrap_or(now);
    let mut notified = Vec::new();
    for key in keys {
        let (sender, receiver) = oneshot::channel();
        state.watchers.waiting.push((key.clone(), sender));
        notified.push(receiver);
    }
    KeyState {
        free_in: Some(end - now),
        changed: Box::pin(async move {
            match tracking {
                Tracking::Nervous => {}
                Tracking::Mute => std::future::pending().await,
                _ => first(notified).await,
            }
        }),
    }
}

async fn first(mut notified: Vec<oneshot::Receiver<()>>) {
    std::future::poll_fn(|task| {
        use std::task::Poll;
        let mut notified = notified.iter_mut();
        match notified.any(|notified| std::pin::Pin::new(notified).poll(task).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// Longer than any pause between two attempts that a lost message can cause.
pub(crate) const POLL: Duration = ms(1_000);
