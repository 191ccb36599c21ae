//! Alarms by the clock that leases are measured by.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::runtime::clock::{Clock, LockInstant};

/// The longest sleep without checking the clock. tokio's timers stand still during a suspend and
/// continue where they were, but leases may have ended meanwhile.
const MAX_NAP: Duration = Duration::from_millis(250);

/// A source of alarms, which share one task. The task exists only while there are alarms.
#[derive(Clone)]
pub(crate) struct Alarms(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    runtime: Handle,
    state: Mutex<State>,
    /// Notified when a new alarm is earlier than all others.
    earlier: Notify,
}

#[derive(Default)]
struct State {
    /// Ordered by time. The number distinguishes alarms of the same moment.
    pending: BTreeMap<Due, Waker>,
    last: u64,
    runs: bool,
    /// The runtime has ended.
    dead: bool,
}

type Due = (LockInstant, u64);

impl Alarms {
    pub(crate) fn new(clock: Arc<dyn Clock>, runtime: Handle) -> Self {
        Self(Arc::new(Shared {
            clock,
            runtime,
            state: Mutex::default(),
            earlier: Notify::new(),
        }))
    }

    /// Returns a future that resolves at `when`, on any executor. It fails if the runtime of the
    /// alarms ends before.
    pub(crate) fn at(&self, when: LockInstant) -> Alarm {
        Alarm {
            shared: self.0.clone(),
            when,
            due: None,
        }
    }
}

/// A future that resolves at a moment.
pub(crate) struct Alarm {
    shared: Arc<Shared>,
    when: LockInstant,
    /// The key of this alarm in the list of pending alarms.
    due: Option<Due>,
}

impl Future for Alarm {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        if self.shared.clock.now() >= self.when {
            return Poll::Ready(Ok(()));
        }
        let shared = self.shared.clone();
        let mut state = shared.state();
        if state.dead {
            return Poll::Ready(Err(Error::Closed));
        }
        let when = self.when;
        let due = *self.due.get_or_insert_with(|| {
            state.last += 1;
            (when, state.last)
        });
        let before = state.pending.insert(due, cx.waker().clone());
        let is_first = before.is_none() && state.pending.keys().next() == Some(&due);
        let runs = std::mem::replace(&mut state.runs, true);
        // The lock is released first. If the runtime has ended, `spawn` drops the task immediately,
        // and the task takes this lock. Dropping a waker may take it too, if it is the last
        // reference to a task.
        drop(state);
        drop(before);
        if !runs {
            let run = Run {
                shared: shared.clone(),
                is_done: false,
            };
            shared.runtime.spawn(run.run_until_empty());
        } else if is_first {
            shared.earlier.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(due) = self.due {
            let waker = self.shared.state().pending.remove(&due);
            // The waker is dropped without the lock, because it may be the last reference to a task
            // that has an alarm.
            drop(waker);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No panic can leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of the alarms. If it is dropped before it is done, all alarms fail.
struct Run {
    shared: Arc<Shared>,
    is_done: bool,
}

impl Run {
    async fn run_until_empty(mut self) {
        while let Some(nap) = self.fire() {
            tokio::select! {
                () = sleep(nap) => {}
                () = self.shared.earlier.notified() => {}
            }
        }
    }

    /// Wakes all alarms that are due. Returns how long to sleep, or `None` if there are no more
    /// alarms.
    fn fire(&mut self) -> Option<Duration> {
        let now = self.shared.clock.now();
        let mut state = self.shared.state();
        let later = state.pending.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.pending, later);
        let next = state.pending.keys().next();
        let nap = next.map(|(when, _)| when.saturating_duration_since(now).min(MAX_NAP));
        // From here on, the next alarm spawns a new task.
        self.is_done = nap.is_none();
        state.runs = nap.is_some();
        drop(state);
        due.into_values().for_each(Waker::wake);
        nap
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = self.shared.state();
        state.dead = true;
        let waiting = std::mem::take(&mut state.pending);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock::SystemClock;
    use tokio::runtime::Runtime;

    fn alarms_on(runtime: &Handle) -> Alarms {
        Alarms::new(Arc::new(SystemClock), runtime.clone())
    }

    fn after(time: Duration) -> LockInstant {
        LockInstant::now() + time
    }

    #[tokio::test]
    async fn thousand_alarms_share_one_task() {
        let handle = Handle::current();
        let alarms = alarms_on(&handle);
        let tasks = || handle.metrics().num_alive_tasks();
        let before = tasks();
        let until = after(Duration::from_millis(50));
        let mut waiting: Vec<_> = (0..1_000).map(|_| Box::pin(alarms.at(until))).collect();
        for alarm in &mut waiting {
            assert!(poll_once(alarm).await.is_pending());
        }
        assert_eq!(tasks(), before + 1);
        for alarm in waiting {
            alarm.await.unwrap();
            assert!(LockInstant::now() >= until);
        }
        while tasks() > before {
            tokio::task::yield_now().await;
        }
        alarms.at(after(Duration::from_millis(2))).await.unwrap();
    }

    #[tokio::test]
    async fn earlier_alarm_does_not_wait_for_later_one() {
        let alarms = alarms_on(&Handle::current());
        let mut late = Box::pin(alarms.at(after(Duration::from_secs(3_600))));
        assert!(poll_once(&mut late).await.is_pending());
        alarms.at(after(Duration::from_millis(2))).await.unwrap();
        assert!(poll_once(&mut late).await.is_pending());
    }

    #[tokio::test]
    async fn dropped_alarm_is_removed() {
        let alarms = alarms_on(&Handle::current());
        let mut alarm = Box::pin(alarms.at(after(Duration::from_secs(3_600))));
        assert!(poll_once(&mut alarm).await.is_pending());
        drop(alarm);
        assert!(alarms.0.state().pending.is_empty());
    }

    #[test]
    fn alarms_fail_when_runtime_ends() {
        let (ours, theirs) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let alarms = alarms_on(ours.handle());
        let mut waiting = Box::pin(alarms.at(after(Duration::from_secs(3_600))));
        theirs.block_on(async { assert!(poll_once(&mut waiting).await.is_pending()) });
        drop(ours);
        assert!(matches!(theirs.block_on(waiting), Err(Error::Closed)));
        let late = alarms.at(after(Duration::from_secs(3_600)));
        assert!(matches!(theirs.block_on(late), Err(Error::Closed)));
    }

    /// Polls once.
    async fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
        std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
    }
}
