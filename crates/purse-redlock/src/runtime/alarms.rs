//! Wakes whoever waits for a moment, by the clock that leases are measured by.

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

/// The longest look away from the clock: tokio's timers stand still during a suspend, and go on from
/// where they were, while leases ended meanwhile.
const LONGEST_NAP: Duration = Duration::from_millis(250);

/// One task for all alarms, however many; there only while there are any.
#[derive(Clone)]
pub(crate) struct Alarms(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    runtime: Handle,
    state: Mutex<State>,
    /// There is an alarm earlier than all others.
    earlier: Notify,
}

#[derive(Default)]
struct State {
    /// Ordered by time; the number tells apart what is due at the same moment.
    pending: BTreeMap<Due, Waker>,
    last: u64,
    runs: bool,
    /// The runtime is gone.
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

    /// Resolves at that moment, on whatever executor it is polled; fails if our runtime ends before.
    pub(crate) fn at(&self, when: LockInstant) -> Alarm {
        Alarm {
            shared: self.0.clone(),
            when,
            due: None,
        }
    }
}

pub(crate) struct Alarm {
    shared: Arc<Shared>,
    when: LockInstant,
    /// Under which it is in the list.
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
        // A runtime that is gone drops the task here and now, and the task takes this lock. So may the
        // drop of a waker, if it is the last that keeps a task.
        drop(state);
        drop(before);
        if !runs {
            let run = Run {
                shared: shared.clone(),
                is_done: false,
            };
            shared.runtime.spawn(run.until_nobody_waits());
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
            // Not under the lock: it may be the last that keeps a task, which may have an alarm.
            drop(waker);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in between two changes of it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task. Dropped before it is done, it ends all waiting.
struct Run {
    shared: Arc<Shared>,
    is_done: bool,
}

impl Run {
    async fn until_nobody_waits(mut self) {
        while let Some(nap) = self.fire() {
            tokio::select! {
                () = sleep(nap) => {}
                () = self.shared.earlier.notified() => {}
            }
        }
    }

    /// Wakes whoever is due, and says how long to sleep; `None` if nobody waits any more.
    fn fire(&mut self) -> Option<Duration> {
        let now = self.shared.clock.now();
        let mut state = self.shared.state();
        let later = state.pending.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.pending, later);
        let next = state.pending.keys().next();
        let nap = next.map(|(when, _)| when.saturating_duration_since(now).min(LONGEST_NAP));
        // From here on the next alarm starts a task of its own.
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
    async fn a_thousand_alarms_take_one_task_and_leave_none() {
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
    async fn an_earlier_alarm_is_not_kept_waiting_by_a_later_one() {
        let alarms = alarms_on(&Handle::current());
        let mut late = Box::pin(alarms.at(after(Duration::from_secs(3_600))));
        assert!(poll_once(&mut late).await.is_pending());
        alarms.at(after(Duration::from_millis(2))).await.unwrap();
        assert!(poll_once(&mut late).await.is_pending());
    }

    #[tokio::test]
    async fn a_dropped_alarm_is_forgotten() {
        let alarms = alarms_on(&Handle::current());
        let mut alarm = Box::pin(alarms.at(after(Duration::from_secs(3_600))));
        assert!(poll_once(&mut alarm).await.is_pending());
        drop(alarm);
        assert!(alarms.0.state().pending.is_empty());
    }

    #[test]
    fn the_end_of_the_runtime_ends_all_waiting() {
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
