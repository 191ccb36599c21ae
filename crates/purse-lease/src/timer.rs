//! Sleeps by the clock that leases are measured by, for all leases in one task.
//!
//! A tokio `Sleep` needs its runtime, which the executor that polls the future of a lock may not
//! have, and stands still while the machine is suspended. A task per sleep would be the largest part
//! of the cost of a waiting lock.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::clock::{Clock, LeaseInstant};

/// The longest sleep without checking the clock. tokio's timers stand still during a suspend and
/// continue where they were, but leases may have ended meanwhile.
const MAX_NAP: Duration = Duration::from_millis(250);

/// A source of sleeps, which share one task on the runtime of the timer. The task exists only while
/// there are sleeps. Cheap to clone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use purse_lease::{SystemClock, Timer};
///
/// let timer = Timer::new(Arc::new(SystemClock), tokio::runtime::Handle::current());
/// let until = timer.now() + Duration::from_millis(10);
/// timer.sleep_until(until).await.expect("the runtime lives");
/// assert!(timer.now() >= until);
/// # }
/// ```
#[derive(Clone)]
pub struct Timer(Arc<TimerState>);

struct TimerState {
    clock: Arc<dyn Clock>,
    runtime: Handle,
    state: Mutex<PendingSleeps>,
    /// Notified when a new sleep ends before all others.
    earlier: Notify,
}

#[derive(Default)]
struct PendingSleeps {
    /// Ordered by time. The number distinguishes sleeps that end at the same moment.
    pending: BTreeMap<Due, Waker>,
    last: u64,
    runs: bool,
    /// The runtime has ended.
    dead: bool,
}

type Due = (LeaseInstant, u64);

/// The error of a sleep whose timer's runtime has ended.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use purse_lease::{RuntimeEnded, SystemClock, Timer};
/// use tokio::runtime::Runtime;
///
/// let (ended, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
/// let timer = Timer::new(Arc::new(SystemClock), ended.handle().clone());
/// drop(ended);
/// assert_eq!(other.block_on(timer.sleep(Duration::from_secs(1))), Err(RuntimeEnded));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the runtime of the timer has ended")]
pub struct RuntimeEnded;

impl Timer {
    /// Creates a timer whose task runs on `runtime`, which needs a time driver.
    pub fn new(clock: Arc<dyn Clock>, runtime: Handle) -> Self {
        Self(Arc::new(TimerState {
            clock,
            runtime,
            state: Mutex::default(),
            earlier: Notify::new(),
        }))
    }

    /// Returns the current moment of the timer's clock.
    #[must_use]
    pub fn now(&self) -> LeaseInstant {
        self.0.clock.now()
    }

    /// Returns a future that resolves at `when`, on any executor. It fails if the runtime of the
    /// timer ends before.
    pub fn sleep_until(&self, when: LeaseInstant) -> Sleep {
        Sleep {
            shared: self.0.clone(),
            when,
            due: None,
        }
    }

    /// Returns a future that resolves after `time`, on any executor. It fails if the runtime of the
    /// timer ends before.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use purse_lease::{Sleep, SystemClock, Timer};
    ///
    /// # let timer = Timer::new(Arc::new(SystemClock), tokio::runtime::Handle::current());
    /// let sleep: Sleep = timer.sleep(Duration::from_millis(5));
    /// assert!(sleep.await.is_ok());
    /// # }
    /// ```
    pub fn sleep(&self, time: Duration) -> Sleep {
        self.sleep_until(self.now() + time)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}

/// A future that resolves at a moment; returned by [`Timer::sleep_until`] and [`Timer::sleep`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep {
    shared: Arc<TimerState>,
    when: LeaseInstant,
    /// The key of this sleep in the list of pending sleeps.
    due: Option<Due>,
}

impl Future for Sleep {
    type Output = Result<(), RuntimeEnded>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.shared.clock.now() >= self.when {
            return Poll::Ready(Ok(()));
        }
        let shared = self.shared.clone();
        let mut state = shared.state();
        if state.dead {
            return Poll::Ready(Err(RuntimeEnded));
        }
        let when = self.when;
        let due = *self.due.get_or_insert_with(|| {
            state.last += 1;
            (when, state.last)
        });
        if state
            .pending
            .get(&due)
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            return Poll::Pending;
        }
        let before = state.pending.insert(due, cx.waker().clone());
        let is_first = before.is_none() && state.pending.keys().next() == Some(&due);
        let runs = std::mem::replace(&mut state.runs, true);
        // The lock is released first. If the runtime has ended, `spawn` drops the task immediately,
        // and the task takes this lock. Dropping a waker may take it too, if it is the last
        // reference to a task that sleeps here.
        drop(state);
        drop(before);
        if !runs {
            let run = SleepTask {
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

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(due) = self.due {
            let waker = self.shared.state().pending.remove(&due);
            // The waker is dropped without the lock, as in `poll`.
            drop(waker);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("when", &self.when)
            .finish_non_exhaustive()
    }
}

impl TimerState {
    fn state(&self) -> MutexGuard<'_, PendingSleeps> {
        // No panic can leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of the sleeps. If it is dropped before it is done, all sleeps fail.
struct SleepTask {
    shared: Arc<TimerState>,
    is_done: bool,
}

impl SleepTask {
    async fn run_until_empty(mut self) {
        while let Some(nap) = self.wake_due() {
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                () = self.shared.earlier.notified() => {}
            }
        }
    }

    /// Wakes all sleeps that are over. Returns how long the task may sleep, or `None` if no sleep is
    /// left.
    fn wake_due(&mut self) -> Option<Duration> {
        let now = self.shared.clock.now();
        let mut state = self.shared.state();
        let later = state.pending.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.pending, later);
        let next = state.pending.keys().next();
        let nap = next.map(|(when, _)| when.saturating_duration_since(now).min(MAX_NAP));
        // From here on, the next sleep spawns a new task.
        self.is_done = nap.is_none();
        state.runs = nap.is_some();
        drop(state);
        due.into_values().for_each(Waker::wake);
        nap
    }
}

impl Drop for SleepTask {
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
    use std::task::Wake;

    use tokio::runtime::Runtime;

    use super::*;
    use crate::clock::SystemClock;
    use crate::testing::poll_once;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    const AN_HOUR: Duration = Duration::from_secs(3_600);

    fn timer_on(runtime: &Handle) -> Timer {
        Timer::new(Arc::new(SystemClock), runtime.clone())
    }

    /// A clock that follows tokio's, which tests pause.
    struct PausedClock(LeaseInstant, tokio::time::Instant);

    impl Clock for PausedClock {
        fn now(&self) -> LeaseInstant {
            self.0 + self.1.elapsed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sleeps_resolve_in_time_and_leave_no_entry() {
        let start = tokio::time::Instant::now();
        let clock = PausedClock(LeaseInstant::now(), start);
        let timer = Timer::new(Arc::new(clock), Handle::current());
        let mut late = Box::pin(timer.sleep(ms(500)));
        assert!(poll_once(&mut late).await.is_pending());
        tokio::task::yield_now().await;
        // Sooner than the sleep that the task waits for by now.
        timer.sleep(ms(100)).await.unwrap();
        assert_eq!(start.elapsed().as_millis() / 10, 10);
        late.await.unwrap();
        assert_eq!(start.elapsed().as_millis() / 10, 50);
        timer.sleep(Duration::ZERO).await.unwrap();
        assert!(timer.0.state().pending.is_empty());
    }

    #[tokio::test]
    async fn ten_thousand_sleeps_share_one_task() {
        let handle = Handle::current();
        let timer = timer_on(&handle);
        let tasks = || handle.metrics().num_alive_tasks();
        let before = tasks();
        let until = timer.now() + ms(200);
        let mut waiting: Vec<_> = (0..10_000)
            .map(|_| Box::pin(timer.sleep_until(until)))
            .collect();
        for sleep in &mut waiting {
            assert!(poll_once(sleep).await.is_pending());
        }
        assert_eq!(tasks(), before + 1);
        for sleep in waiting {
            sleep.await.unwrap();
            assert!(LeaseInstant::now() >= until);
        }
        while tasks() > before {
            tokio::task::yield_now().await;
        }
        timer.sleep(ms(2)).await.unwrap();
    }

    #[tokio::test]
    async fn earlier_sleep_does_not_wait_for_later_one() {
        let timer = timer_on(&Handle::current());
        let mut late = Box::pin(timer.sleep(AN_HOUR));
        assert!(poll_once(&mut late).await.is_pending());
        timer.sleep(ms(2)).await.unwrap();
        assert!(poll_once(&mut late).await.is_pending());
    }

    #[tokio::test]
    async fn dropped_sleep_leaves_no_entry() {
        let timer = timer_on(&Handle::current());
        let mut sleep = Box::pin(timer.sleep(Duration::MAX));
        assert!(poll_once(&mut sleep).await.is_pending());
        assert_eq!(timer.0.state().pending.len(), 1);
        drop(sleep);
        assert!(timer.0.state().pending.is_empty());
    }

    #[test]
    fn sleeps_fail_when_runtime_ends() {
        let (ours, theirs) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let timer = timer_on(ours.handle());
        let mut waiting = Box::pin(timer.sleep(AN_HOUR));
        theirs.block_on(async { assert!(poll_once(&mut waiting).await.is_pending()) });
        drop(ours);
        assert_eq!(theirs.block_on(waiting), Err(RuntimeEnded));
        assert_eq!(theirs.block_on(timer.sleep(AN_HOUR)), Err(RuntimeEnded));
    }

    #[test]
    fn first_sleep_on_ended_runtime_fails() {
        let (ours, theirs) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let timer = timer_on(ours.handle());
        drop(ours);
        assert_eq!(theirs.block_on(timer.sleep(AN_HOUR)), Err(RuntimeEnded));
    }

    #[test]
    fn sleeper_on_another_thread_is_woken_when_runtime_ends() {
        let ours = Runtime::new().unwrap();
        let timer = timer_on(ours.handle());
        let sleep = timer.sleep(AN_HOUR);
        let waiter = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(sleep)
        });
        while timer.0.state().pending.is_empty() {
            std::thread::yield_now();
        }
        drop(ours);
        assert_eq!(waiter.join().unwrap(), Err(RuntimeEnded));
    }

    /// A task of an executor that counts references: its wakers keep it alive.
    struct Task {
        _sleep: Mutex<Pin<Box<Sleep>>>,
    }

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    /// Returns a waker that is the last reference to a task that sleeps.
    fn last_waker(timer: &Timer) -> Waker {
        let mut sleep = Box::pin(timer.sleep(AN_HOUR));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        let _sleep = Mutex::new(sleep);
        Arc::new(Task { _sleep }).into()
    }

    #[test]
    fn last_waker_of_sleeping_task_drops_without_deadlock() {
        let (done, outcome) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            let timer = timer_on(runtime.handle());
            for is_polled_again in [false, true] {
                let mut sleep = Box::pin(timer.sleep(AN_HOUR));
                let waker = last_waker(&timer);
                let _ = sleep.as_mut().poll(&mut Context::from_waker(&waker));
                drop(waker);
                if is_polled_again {
                    let mut cx = Context::from_waker(Waker::noop());
                    assert!(sleep.as_mut().poll(&mut cx).is_pending());
                }
                drop(sleep);
            }
            done.send(timer.0.state().pending.len()).unwrap();
        });
        // Dropping the waker under the timer's own lock would deadlock.
        let left = outcome.recv_timeout(Duration::from_secs(20));
        assert_eq!(left, Ok(0));
    }
}
