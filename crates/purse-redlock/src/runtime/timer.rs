//! One task that wakes all sleeping futures.
//!
//! A tokio `Sleep` needs its runtime, which the executor that polls a lock's future may not have. A
//! task per sleep would be the largest part of the cost of a waiting lock.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, Result};

/// A duration longer than any wait.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The moment at which a sleep ends, and a number that makes it unique.
type Moment = (Instant, u64);

/// A timer that wakes its sleeps as long as it lives, on the runtime on which it was started.
pub(crate) struct Timer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    sleepers: Mutex<Sleepers>,
    /// Notified when a new sleep ends before all others, and when the timer ends.
    sooner: Notify,
}

#[derive(Default)]
struct Sleepers {
    queue: BTreeMap<Moment, Waker>,
    count: u64,
    ended: bool,
}

impl Timer {
    pub(crate) fn start(runtime: &Handle) -> Self {
        let shared = Arc::new(Shared::default());
        // The task is dropped with the runtime, if that ends first: then no sleep would be woken
        // any more.
        let end = End(shared.clone());
        runtime.spawn(async move { end.0.run().await });
        Self(shared)
    }

    /// Returns a future that resolves after `time`. It fails once the runtime has ended.
    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        let now = Instant::now();
        Sleep {
            shared: self.0.clone(),
            until: now.checked_add(time).unwrap_or_else(|| now + FOREVER),
            number: None,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Ends the timer when its task ends.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Shared {
    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        // No panic can leave the queue half-changed.
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self) {
        loop {
            let (due, next) = self.due();
            due.into_iter().for_each(Waker::wake);
            match next {
                Next::End => return,
                Next::AnySleep => self.sooner.notified().await,
                Next::At(time) => tokio::select! {
                    () = self.sooner.notified() => {}
                    () = sleep_until(time) => {}
                },
            }
        }
    }

    /// Returns the wakers of all sleeps that are over, and what comes next.
    fn due(&self) -> (Vec<Waker>, Next) {
        let mut sleepers = self.sleepers();
        if sleepers.ended {
            return (Vec::new(), Next::End);
        }
        let later = sleepers.queue.split_off(&(Instant::now(), u64::MAX));
        let due = std::mem::replace(&mut sleepers.queue, later);
        let next = sleepers.queue.first_key_value();
        let next = next.map_or(Next::AnySleep, |((time, _), _)| Next::At(*time));
        (due.into_values().collect(), next)
    }

    fn end(&self) {
        let mut sleepers = self.sleepers();
        sleepers.ended = true;
        let queue = std::mem::take(&mut sleepers.queue);
        drop(sleepers);
        queue.into_values().for_each(Waker::wake);
        self.sooner.notify_one();
    }
}

/// The next event that the timer waits for.
enum Next {
    At(Instant),
    AnySleep,
    End,
}

/// A sleep on a [`Timer`], which may be polled by any executor.
pub(crate) struct Sleep {
    shared: Arc<Shared>,
    until: Instant,
    /// Set once the sleep is in the queue.
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut sleepers = this.shared.sleepers();
        if sleepers.ended {
            return Poll::Ready(Err(Error::Closed));
        }
        let Some(number) = this.number else {
            let number = sleepers.count;
            sleepers.count += 1;
            let moment = (this.until, number);
            sleepers.queue.insert(moment, cx.waker().clone());
            this.number = Some(number);
            if sleepers.queue.first_key_value().map(|(first, _)| *first) == Some(moment) {
                this.shared.sooner.notify_one();
            }
            return Poll::Pending;
        };
        let Some(waker) = sleepers.queue.get_mut(&(this.until, number)) else {
            return Poll::Ready(Ok(()));
        };
        if !waker.will_wake(cx.waker()) {
            let before = std::mem::replace(waker, cx.waker().clone());
            // The waker is dropped without the lock, because it may be the last reference to a task
            // that sleeps here too.
            drop(sleepers);
            drop(before);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.shared.sleepers().queue.remove(&(self.until, number));
            // The waker is dropped without the lock, as in `poll`.
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;
    use crate::testing::{ms, poll_once};

    #[tokio::test(start_paused = true)]
    async fn sleeps_resolve_in_time_and_leave_queue() {
        let timer = Timer::start(&Handle::current());
        let start = Instant::now();
        let mut late = Box::pin(timer.sleep(ms(500)));
        poll_once(&mut late).await;
        // Sooner than what the task waits for by now.
        tokio::task::yield_now().await;
        timer.sleep(ms(100)).await.unwrap();
        assert_eq!(start.elapsed().as_millis() / 10, 10);
        late.await.unwrap();
        assert_eq!(start.elapsed().as_millis() / 10, 50);
        timer.sleep(Duration::ZERO).await.unwrap();
        assert!(timer.0.sleepers().queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_sleep_leaves_queue() {
        let timer = Timer::start(&Handle::current());
        let mut sleep = Box::pin(timer.sleep(Duration::MAX));
        poll_once(&mut sleep).await;
        assert_eq!(timer.0.sleepers().queue.len(), 1);
        drop(sleep);
        assert!(timer.0.sleepers().queue.is_empty());
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
        let mut sleep = Box::pin(timer.sleep(ms(60_000)));
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
            let timer = Timer::start(runtime.handle());
            for is_polled_again in [false, true] {
                let mut sleep = Box::pin(timer.sleep(ms(60_000)));
                let waker = last_waker(&timer);
                let _ = sleep.as_mut().poll(&mut Context::from_waker(&waker));
                drop(waker);
                if is_polled_again {
                    let mut cx = Context::from_waker(Waker::noop());
                    assert!(sleep.as_mut().poll(&mut cx).is_pending());
                }
                drop(sleep);
            }
            done.send(timer.0.sleepers().queue.len()).unwrap();
        });
        // Dropping the waker under the timer's own lock would deadlock.
        let left = outcome.recv_timeout(Duration::from_secs(20));
        assert_eq!(left, Ok(0));
    }

    #[tokio::test]
    async fn ten_thousand_sleeps_share_one_task() {
        let handle = Handle::current();
        let before = handle.metrics().num_alive_tasks();
        let timer = Timer::start(&handle);
        let mut sleeps = Vec::new();
        for _ in 0..10_000 {
            let mut sleep = Box::pin(timer.sleep(Duration::from_secs(60)));
            poll_once(&mut sleep).await;
            sleeps.push(sleep);
        }
        assert_eq!(handle.metrics().num_alive_tasks(), before + 1);
        drop(timer);
        assert!(matches!(sleeps.remove(0).await, Err(Error::Closed)));
        while handle.metrics().num_alive_tasks() > before {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn sleeps_fail_when_runtime_ends() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let timer = Timer::start(runtime.handle());
        let sleep = timer.sleep(Duration::from_secs(600));
        let waiter = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(sleep)
        });
        while timer.0.sleepers().queue.is_empty() {
            std::thread::yield_now();
        }
        drop(runtime);
        assert!(matches!(waiter.join().unwrap(), Err(Error::Closed)));
    }
}
