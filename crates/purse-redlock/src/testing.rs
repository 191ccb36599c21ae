//! Masters in memory, on tokio's paused time.

mod rig;
mod status;
mod tracking;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use purse_client::{Error, ErrorKind};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::LostReason;
use crate::config::settings::Settings;
use crate::keys::leader;
use crate::master::status::MasterStatus;
use crate::master::{Action, Answer, RecordFuture, Request, RequestFuture, Transport, WatchFuture};
pub(crate) use rig::{Rig, handles, validity};
pub(crate) use tracking::{POLL, Tracking};

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[track_caller]
pub(crate) fn assert_lost(error: &crate::Error, expected: LostReason) {
    let is_so = matches!(error, crate::Error::Lost { reason, .. } if *reason == expected);
    assert!(is_so, "not {expected:?}: {error:?}");
}

pub(crate) const SETTINGS: Settings = Settings {
    ttl: ms(1_000),
    master_timeout: ms(50),
    min_validity: ms(10),
    retry_delay: ms(200),
    auto_extend: None,
};

/// The way in which a master handles requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Executes requests in order after this time, and replies.
    After(Duration),
    /// Executes requests in order after this time; the reply is lost.
    Deaf(Duration),
    /// Executes requests after this time, on a connection of its own that others overtake; the
    /// reply is lost.
    Stray(Duration),
    /// Is not connected.
    Down,
    /// Is connected, but may not vote for another ten seconds.
    Quarantined,
    /// Neither executes requests nor replies, and the client does not give up.
    Stuck,
    /// Replies with an error of this kind, and does not execute the request.
    Failing(ErrorKind),
    /// Replies with an error immediately, and executes the request after this time nevertheless.
    Denying(Duration),
}

pub(crate) const WELL: Behaviour = Behaviour::After(ms(1));

/// One master in memory. Methods without a key use the key `key`.
pub(crate) struct Mock {
    name: String,
    state: Arc<Mutex<State>>,
}

struct State {
    behaviour: Behaviour,
    only: Option<(Action, Behaviour)>,
    raises: Option<Behaviour>,
    holders: BTreeMap<Bytes, (Bytes, Instant)>,
    records: BTreeMap<Bytes, (Bytes, Instant)>,
    counters: BTreeMap<Bytes, u64>,
    epoch: Instant,
    free_since: Instant,
    last: Instant,
    asked: Vec<Asked>,
    watchers: tracking::Watchers,
    is_closed: bool,
}

struct Asked {
    action: Action,
    token: Bytes,
    at: Instant,
}

impl Mock {
    fn new(index: usize) -> Self {
        let state = State {
            behaviour: WELL,
            only: None,
            raises: None,
            holders: BTreeMap::new(),
            records: BTreeMap::new(),
            counters: BTreeMap::new(),
            epoch: Instant::now(),
            free_since: Instant::now(),
            last: Instant::now(),
            asked: Vec::new(),
            watchers: tracking::Watchers::default(),
            is_closed: false,
        };
        Self {
            name: format!("master{index}"),
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        let mut state = self.state();
        state.behaviour = behaviour;
        state.only = None;
        state.raises = None;
    }

    /// Sets the behaviour for one action; all other actions keep theirs.
    pub(crate) fn behave_to(&self, action: Action, behaviour: Behaviour) {
        self.state().only = Some((action, behaviour));
    }

    /// Sets the behaviour for raises of the counter, to any fence; all other actions keep theirs.
    pub(crate) fn behave_to_raises(&self, behaviour: Behaviour) {
        self.state().raises = Some(behaviour);
    }

    /// Returns the token that holds a key, whichever key it is.
    pub(crate) fn holder(&self) -> Option<Bytes> {
        let mut state = self.state();
        state.expire();
        state.holders.values().next().map(|held| held.0.clone())
    }

    pub(crate) fn hold(&self, token: &'static str, ttl: Duration) {
        self.hold_key("key", token, ttl);
    }

    pub(crate) fn hold_key(&self, key: &'static str, token: &'static str, ttl: Duration) {
        let [key, token] = [key, token].map(|text| Bytes::from_static(text.as_bytes()));
        let held = (token, Instant::now() + ttl);
        let mut state = self.state();
        state.watchers.notify(&key);
        state.holders.insert(key, held);
    }

    /// Frees a key, as its holder does.
    pub(crate) fn free(&self, key: &'static str) {
        let key = Bytes::from_static(key.as_bytes());
        let mut state = self.state();
        state.watchers.notify(&key);
        state.holders.remove(&key);
    }

    /// Returns the keys of locks and records that exist.
    pub(crate) fn keys(&self) -> Vec<Bytes> {
        let mut state = self.state();
        state.expire();
        let keys = state.holders.keys().chain(state.records.keys());
        keys.cloned().collect()
    }

    /// Stores a record.
    pub(crate) fn write_record(&self, key: &'static str, record: &'static str, ttl: Duration) {
        let [key, record] = [key, record].map(|text| Bytes::from_static(text.as_bytes()));
        let mut state = self.state();
        state.watchers.notify(&key);
        state.records.insert(key, (record, Instant::now() + ttl));
    }

    /// Loses one record, without a notification.
    pub(crate) fn lose_record(&self, key: &str) {
        self.state().records.remove(key.as_bytes());
    }

    /// Loses one key, without a notification.
    pub(crate) fn lose(&self, key: &str) {
        self.state().holders.remove(key.as_bytes());
    }

    /// Sets the counter of a lock.
    pub(crate) fn count(&self, key: &'static str, count: u64) {
        let key = Bytes::from_static(key.as_bytes());
        self.state().counters.insert(key, count);
    }

    /// Loses all data.
    pub(crate) fn flush(&self) {
        let mut state = self.state();
        state.holders.clear();
        state.records.clear();
        state.counters.clear();
    }

    pub(crate) fn requests(&self) -> Vec<Action> {
        self.state()
            .asked
            .iter()
            .map(|asked| asked.action)
            .collect()
    }

    /// Returns when this action was requested.
    pub(crate) fn request_times(&self, action: Action) -> Vec<Instant> {
        let state = self.state();
        let asked = state.asked.iter().filter(|asked| asked.action == action);
        asked.map(|asked| asked.at).collect()
    }

    /// Returns whether the connection was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    pub(crate) fn tokens(&self) -> Vec<Bytes> {
        let mut tokens: Vec<_> = self
            .state()
            .asked
            .iter()
            .map(|asked| asked.token.clone())
            .collect();
        tokens.dedup();
        tokens
    }
}

impl State {
    fn expire(&mut self) {
        let now = Instant::now();
        self.holders.retain(|_, (_, until)| *until > now);
        self.records.retain(|_, (_, until)| *until > now);
    }

    /// Returns the server time, in microseconds.
    fn time(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap() + 1_000_000
    }

    /// Increments all counters of a lock, as the script does.
    fn count(&mut self, request: &Request) -> u64 {
        let time = self.time();
        let counts = request.keys.iter().map(|key| self.counters.get(key));
        let fence = counts.map(|count| *count.unwrap_or(&time) + 1).max();
        let fence = fence.unwrap_or_default();
        self.raise(request, fence);
        fence
    }

    /// Raises the counters. Returns whether none was above the fence.
    fn raise(&mut self, request: &Request, fence: u64) -> bool {
        request.keys.iter().all(|key| {
            let count = self.counters.entry(key.clone()).or_default();
            *count = (*count).max(fence);
            *count == fence
        })
    }

    fn hold(&mut self, request: &Request) {
        let until = Instant::now() + request.ttl;
        self.free_since = until;
        for key in request.keys.iter() {
            let held = (request.token.to_bytes(), until);
            self.watchers.notify(key);
            self.holders.insert(key.clone(), held);
        }
    }

    /// Stores the record of a lock, which expires with the lock.
    fn write(&mut self, request: &Request) {
        if let Some(record) = &request.record {
            let key = leader(&request.keys[0]);
            let until = Instant::now() + request.ttl;
            self.watchers.notify(&key);
            self.records.insert(key, (record.clone(), until));
        }
    }

    /// Deletes the record, if it is that of the request.
    fn erase(&mut self, request: &Request) {
        if let Some(record) = &request.record {
            let key = leader(&request.keys[0]);
            if self
                .records
                .get(&key)
                .is_some_and(|(ours, _)| ours == record)
            {
                self.records.remove(&key);
                self.watchers.notify(&key);
            }
        }
    }

    fn serve(&mut self, request: &Request) -> Answer {
        self.expire();
        let token = request.token.to_bytes();
        let is_ours = |held: &(Bytes, Instant)| held.0 == token;
        let mut keys = request.keys.iter();
        let ours = keys.all(|key| self.holders.get(key).is_some_and(is_ours));
        let answer = |ours, free_in| Answer {
            ours,
            free_in,
            fence: 0,
        };
        match request.action {
            Action::Acquire | Action::AcquireFenced => {
                let mut keys = request.keys.iter();
                let free = keys.all(|key| !self.holders.contains_key(key));
                let mut fence = 0;
                if free {
                    self.hold(request);
                    if request.action == Action::AcquireFenced {
                        fence = self.count(request);
                    }
                }
                Answer {
                    fence,
                    ..answer(free, None)
                }
            }
            Action::Raise(fence) => answer(ours && self.raise(request, fence), None),
            Action::Extend => {
                if ours {
                    self.hold(request);
                    self.write(request);
                }
                answer(ours, None)
            }
            Action::Release => {
                self.erase(request);
                let before = self.holders.len();
                for key in request.keys.iter() {
                    if self.holders.get(key).is_some_and(is_ours) {
                        self.holders.remove(key);
                        self.watchers.notify(key);
                    }
                }
                let now = Instant::now();
                if self.holders.len() < before {
                    self.free_since = now;
                }
                let others = request.keys.iter().filter_map(|key| self.holders.get(key));
                let end = others.map(|held| held.1).max().unwrap_or(now);
                answer(ours, Some(end.saturating_duration_since(now)))
            }
        }
    }
}

impl Transport for Mock {
    fn server(&self) -> &str {
        &self.name
    }

    fn watch(&self, keys: Arc<[Bytes]>) -> WatchFuture {
        self.watch_keys(keys)
    }

    fn watch_record(&self, key: Bytes) -> RecordFuture {
        self.watch_record(key)
    }

    fn status(&self) -> MasterStatus {
        self.mock_status()
    }

    fn close(&self) {
        self.state().is_closed = true;
    }

    fn send(&self, request: Request) -> RequestFuture {
        let mut state = self.state();
        state.asked.push(Asked {
            action: request.action,
            token: request.token.to_bytes(),
            at: Instant::now(),
        });
        let behaviour = match state.only {
            Some((action, behaviour)) if action == request.action => behaviour,
            _ => state.behaviour,
        };
        let behaviour = match (request.action, state.raises) {
            (Action::Raise(_), Some(behaviour)) => behaviour,
            _ => behaviour,
        };
        let (delay, in_order, replies) = match behaviour {
            Behaviour::After(delay) => (delay, true, true),
            Behaviour::Deaf(delay) => (delay, true, false),
            Behaviour::Stray(delay) => (delay, false, false),
            Behaviour::Down | Behaviour::Quarantined => return fail(ErrorKind::NotSent),
            Behaviour::Failing(kind) => return fail(kind),
            Behaviour::Denying(delay) => (delay, false, false),
            Behaviour::Stuck => return Box::pin(std::future::pending()),
        };
        let mut at = Instant::now() + delay;
        if in_order {
            at = at.max(state.last + Duration::from_micros(250));
            state.last = at;
        }
        drop(state);
        let (reply, answer) = oneshot::channel();
        let state = self.state.clone();
        tokio::spawn(async move {
            sleep_until(at).await;
            let answer = state.lock().unwrap().serve(&request);
            if replies {
                let _ = reply.send(answer);
            } else {
                std::future::pending::<()>().await;
            }
        });
        if let Behaviour::Denying(_) = behaviour {
            return fail(ErrorKind::Server);
        }
        Box::pin(async move {
            match timeout(SETTINGS.master_timeout, answer).await {
                Ok(Ok(answer)) => Ok(answer),
                _ => Err(Error::new(ErrorKind::Ambiguous, "no reply")),
            }
        })
    }
}

/// Returns a request that fails.
fn fail(kind: ErrorKind) -> RequestFuture {
    Box::pin(async move { Err(failure(kind)) })
}

fn failure(kind: ErrorKind) -> Error {
    Error::new(kind, "it does not work")
}

/// Polls `future` once, and asserts that it is pending.
pub(crate) async fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) {
    std::future::poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// Polls `future` `polls` times, each time after it was woken, then drops it once it is woken
/// again, so that the event that woke it is not observed. Returns its output if it ended before.
pub(crate) async fn drop_after<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut done = 0;
    let patience = async {
        std::future::poll_fn(|cx| {
            if done == polls {
                return Poll::Ready(None);
            }
            done += 1;
            future.as_mut().poll(cx).map(Some)
        })
        .await
    };
    // A future that nothing wakes any more is dropped as well.
    tokio::select! {
        biased;
        output = patience => output,
        () = sleep(ms(5_000)) => None,
    }
}
