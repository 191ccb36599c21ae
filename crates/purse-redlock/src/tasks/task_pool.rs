//! A pool of reusable tasks that can be polled by the caller.
//!
//! [`WorkerHandle::send_and_poll`] hands work to a task and polls its future on the calling thread.
//! Therefore a request is sent before the scheduler runs the task. Its reply wakes the task,
//! whether or not a caller waits for it.
//!
//! tokio lets one task wake the next on the same thread at most three times in a row, and then
//! wakes another thread. Without inline polling, the lock of a single master would pay for that
//! twice, because each round trip passes from the connection's task to the owner's task, to the
//! caller's, and through the owner's task back to the connection's.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::Handle;

/// The maximum number of idle tasks that are kept.
const MAX_IDLE: usize = 64;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A pool of reusable tasks on one runtime. Dropping it ends the idle tasks, and the others once
/// their work is done.
pub(crate) struct TaskPool {
    runtime: Handle,
    idle: Arc<Idle>,
}

/// The idle tasks; `None` after a shutdown, when no idle task is kept any more.
type Idle = Mutex<Option<Vec<WorkerHandle>>>;

/// A handle of one task.
#[derive(Clone)]
pub(crate) struct WorkerHandle(Arc<TaskState>);

struct TaskState {
    runtime: Handle,
    state: Mutex<WorkState>,
    pool: Weak<Idle>,
    task: Mutex<Option<Waker>>,
    /// Set while a caller polls the work inline. That caller checks afterwards whether the work was
    /// woken.
    is_wake_suppressed: AtomicBool,
    was_woken: AtomicBool,
}

#[derive(Default)]
struct WorkState {
    work: Option<Work>,
    /// The task has ended, or is about to end.
    has_ended: bool,
}

impl TaskPool {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            idle: Arc::new(Mutex::new(Some(Vec::new()))),
        }
    }

    /// Starts `work` and polls it once. The work continues in the task until it is done. It is
    /// dropped with the runtime.
    pub(crate) fn start(&self, work: impl Future<Output = ()> + Send + 'static) -> WorkerHandle {
        let idle = lock(&self.idle).as_mut().and_then(Vec::pop);
        let handle = idle.unwrap_or_else(|| self.spawn_worker());
        handle.start(Box::pin(work));
        handle
    }

    /// Ends the idle tasks, and the others once their work is done.
    pub(crate) fn shutdown(&self) {
        let idle = lock(&self.idle).take();
        idle.iter().flatten().for_each(|handle| handle.0.end());
    }

    fn spawn_worker(&self) -> WorkerHandle {
        let shared = Arc::new(TaskState {
            runtime: self.runtime.clone(),
            state: Mutex::default(),
            pool: Arc::downgrade(&self.idle),
            task: Mutex::default(),
            is_wake_suppressed: AtomicBool::new(false),
            was_woken: AtomicBool::new(false),
        });
        self.runtime.spawn(Worker(shared.clone()));
        WorkerHandle(shared)
    }
}

impl Drop for TaskPool {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl WorkerHandle {
    fn start(&self, work: Work) {
        let mut state = self.0.state();
        if !state.has_ended {
            state.work = Some(work);
            self.0.poll_inline(state, || {});
        }
    }

    /// Calls `give`, which wakes the work, and polls the work on this thread.
    pub(crate) fn send_and_poll(&self, give: impl FnOnce()) {
        match self.0.state.try_lock() {
            Ok(state) => self.0.poll_inline(state, give),
            // Another thread polls the work at this moment, and `give` wakes the task.
            Err(TryLockError::WouldBlock) => give(),
            Err(TryLockError::Poisoned(state)) => self.0.poll_inline(state.into_inner(), give),
        }
    }
}

impl TaskState {
    fn state(&self) -> MutexGuard<'_, WorkState> {
        lock(&self.state)
    }

    /// Polls the work on the calling thread.
    fn poll_inline(self: &Arc<Self>, state: MutexGuard<'_, WorkState>, give: impl FnOnce()) {
        let suppressed = WakeSuppressed::new(self);
        give();
        // The poll below sees everything that the work was woken for.
        self.was_woken.swap(false, Ordering::SeqCst);
        let is_done = {
            let _runtime = self.runtime.enter();
            self.poll(state)
        };
        drop(suppressed);
        if is_done {
            self.park();
        }
    }

    /// Polls the work. Returns whether it is done now. A panic ends the work as well and is not
    /// propagated, because the caller that polls inline may be unrelated to the work.
    fn poll(self: &Arc<Self>, mut state: MutexGuard<'_, WorkState>) -> bool {
        let Some(work) = &mut state.work else {
            return false;
        };
        let waker = Waker::from(self.clone());
        let mut task = Context::from_waker(&waker);
        // After a panic, the work is not polled again, only dropped.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut task)));
        if matches!(polled, Ok(Poll::Pending)) {
            return false;
        }
        let work = state.work.take();
        drop(state);
        drop(work);
        true
    }

    /// Makes the task available for more work, unless enough tasks are idle.
    fn park(self: &Arc<Self>) {
        if let Some(pool) = self.pool.upgrade() {
            let mut idle = lock(&pool);
            if let Some(idle) = &mut *idle
                && idle.len() < MAX_IDLE
            {
                return idle.push(WorkerHandle(self.clone()));
            }
        }
        self.end();
    }

    fn end(&self) {
        self.state().has_ended = true;
        self.wake_task();
    }

    fn wake_task(&self) {
        let task = lock(&self.task).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// Wakes the task, unless a caller polls the work inline at this moment.
impl Wake for TaskState {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A swap, not a store: the thread that reads the flag must see the writes of all threads
        // that set it, not only of the last one.
        self.was_woken.swap(true, Ordering::SeqCst);
        if !self.is_wake_suppressed.load(Ordering::SeqCst) {
            self.wake_task();
        }
    }
}

/// Suppresses wake-ups of the task as long as it lives.
struct WakeSuppressed<'a>(&'a TaskState);

impl<'a> WakeSuppressed<'a> {
    fn new(shared: &'a TaskState) -> Self {
        shared.is_wake_suppressed.store(true, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for WakeSuppressed<'_> {
    fn drop(&mut self) {
        self.0.is_wake_suppressed.store(false, Ordering::SeqCst);
        if self.0.was_woken.swap(false, Ordering::SeqCst) {
            self.0.wake_task();
        }
    }
}

struct Worker(Arc<TaskState>);

impl Future for Worker {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let shared = &self.0;
        lock(&shared.task)
            .get_or_insert_with(|| task.waker().clone())
            .clone_from(task.waker());
        let state = shared.state();
        if state.has_ended {
            return Poll::Ready(());
        }
        if shared.poll(state) {
            shared.park();
        }
        Poll::Pending
    }
}

/// Drops the work when the runtime ends, because it would not be polled any more.
impl Drop for Worker {
    fn drop(&mut self) {
        let work = {
            let mut state = self.0.state();
            state.has_ended = true;
            state.work.take()
        };
        drop(work);
    }
}

/// Locks a mutex. No panic can leave its contents half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use tokio::runtime::Runtime;
    use tokio::sync::{mpsc, oneshot};
    use tokio::task::yield_now;
    use tokio::time::{sleep, timeout};

    use super::*;

    fn pool() -> TaskPool {
        TaskPool::new(Handle::current())
    }

    fn tasks() -> usize {
        Handle::current().metrics().num_alive_tasks()
    }

    /// Starts work that adds up the numbers it receives, and sends the sum at the end.
    fn sum(
        pool: &TaskPool,
    ) -> (
        WorkerHandle,
        mpsc::UnboundedSender<u64>,
        oneshot::Receiver<u64>,
    ) {
        let (numbers, mut told) = mpsc::unbounded_channel();
        let (sum, answer) = oneshot::channel();
        let handle = pool.start(async move {
            let mut total = 0;
            while let Some(number) = told.recv().await {
                total += number;
            }
            sum.send(total).expect("somebody waits");
        });
        (handle, numbers, answer)
    }

    #[tokio::test(start_paused = true)]
    async fn work_continues_in_its_task() {
        let (done, answer) = oneshot::channel();
        pool().start(async move {
            sleep(Duration::from_secs(1)).await;
            yield_now().await;
            done.send(()).expect("somebody waits");
        });
        answer.await.expect("an answer");
    }

    #[tokio::test]
    async fn sent_command_is_polled_by_caller() {
        let pool = pool();
        let (handle, numbers, mut answer) = sum(&pool);
        handle.send_and_poll(|| numbers.send(1).expect("it listens"));
        handle.send_and_poll(|| drop(numbers));
        assert_eq!(answer.try_recv(), Ok(1));
    }

    /// Starts work that counts how often it is polled, and wakes itself once on request.
    fn start_counter(
        pool: &TaskPool,
    ) -> (WorkerHandle, mpsc::UnboundedSender<bool>, Arc<AtomicUsize>) {
        let (orders, mut told) = mpsc::unbounded_channel();
        let polls = Arc::new(AtomicUsize::new(0));
        let count = polls.clone();
        let handle = pool.start(poll_fn(move |task| {
            count.fetch_add(1, Ordering::SeqCst);
            while let Poll::Ready(told) = told.poll_recv(task) {
                match told {
                    Some(true) => task.waker().wake_by_ref(),
                    Some(false) => {}
                    None => return Poll::Ready(()),
                }
            }
            Poll::Pending
        }));
        (handle, orders, polls)
    }

    #[tokio::test]
    async fn task_is_woken_only_if_work_remains() {
        let pool = pool();
        let (handle, orders, polls) = start_counter(&pool);
        let settled = async || {
            for _ in 0..5 {
                yield_now().await;
            }
            polls.swap(0, Ordering::SeqCst)
        };
        // It is begun where it is made, and once more by the new task.
        assert_eq!(settled().await, 2);
        handle.send_and_poll(|| orders.send(false).expect("it listens"));
        assert_eq!(settled().await, 1);
        handle.send_and_poll(|| orders.send(true).expect("it listens"));
        assert_eq!(settled().await, 2);
        orders.send(false).expect("it listens");
        assert_eq!(settled().await, 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn commands_from_several_threads_are_not_lost() {
        let pool = pool();
        for _ in 0..100 {
            let (handle, numbers, answer) = sum(&pool);
            let telling = (0..4).map(|_| {
                let (handle, numbers) = (handle.clone(), numbers.clone());
                tokio::spawn(async move {
                    for number in 1..=100 {
                        match number % 2 {
                            0 => handle.send_and_poll(|| numbers.send(number).expect("it listens")),
                            _ => numbers.send(number).expect("it listens"),
                        }
                    }
                })
            });
            for told in telling.collect::<Vec<_>>() {
                told.await.expect("no panic");
            }
            drop(numbers);
            assert_eq!(answer.await.expect("the sum"), 4 * 5_050);
        }
    }

    #[tokio::test]
    async fn idle_task_is_reused() {
        let pool = pool();
        for _ in 0..100 {
            let (_, numbers, answer) = sum(&pool);
            drop(numbers);
            assert_eq!(answer.await, Ok(0));
            assert_eq!(tasks(), 1);
        }
        let many: Vec<_> = (0..2 * MAX_IDLE).map(|_| sum(&pool)).collect();
        assert_eq!(tasks(), many.len());
        for (handle, numbers, answer) in many {
            handle.send_and_poll(|| drop(numbers));
            assert_eq!(answer.await, Ok(0));
        }
        while tasks() > MAX_IDLE {
            yield_now().await;
        }
        let (_, numbers, answer) = sum(&pool);
        drop(pool);
        // Busy tasks finish their work first.
        while tasks() > 1 {
            yield_now().await;
        }
        numbers.send(5).expect("it listens");
        drop(numbers);
        assert_eq!(answer.await, Ok(5));
        while tasks() > 0 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn work_is_dropped_when_runtime_ends() {
        let runtime = Runtime::new().expect("a runtime");
        let pool = TaskPool::new(runtime.handle().clone());
        let (handle, numbers, answer) = sum(&pool);
        let (_, more, rest) = sum(&pool);
        drop(more);
        rest.await.expect("a sum");
        runtime.shutdown_background();
        answer.await.expect_err("dropped with its runtime");
        handle.send_and_poll(|| assert!(numbers.send(1).is_err()));
        // The one that rests is gone as well, and no other can come.
        for _ in 0..2 {
            let (_handle, _numbers, answer) = sum(&pool);
            answer.await.expect_err("never begun");
        }
    }

    /// Starts work that panics on request, and reports when it is dropped.
    fn start_panicker(
        pool: &TaskPool,
    ) -> (WorkerHandle, oneshot::Sender<()>, oneshot::Receiver<()>) {
        let (order, mut told) = oneshot::channel();
        let (kept, dropped) = oneshot::channel();
        let handle = pool.start(poll_fn(move |task| {
            let _kept = &kept;
            Pin::new(&mut told).poll(task).map(|_| panic!("on purpose"))
        }));
        (handle, order, dropped)
    }

    #[tokio::test]
    async fn panic_ends_work_but_not_task_or_caller() {
        let pool = pool();
        for is_helped in [true, false] {
            let (handle, order, dropped) = start_panicker(&pool);
            // From now on the task has a turn only when it is woken.
            for _ in 0..5 {
                yield_now().await;
            }
            let give = || order.send(()).expect("it listens");
            match is_helped {
                true => handle.send_and_poll(give),
                false => give(),
            }
            dropped.await.expect_err("dropped");
            handle.send_and_poll(|| {});
            let (_, numbers, answer) = sum(&pool);
            drop(numbers);
            assert_eq!(answer.await, Ok(0));
            assert_eq!(tasks(), 1);
        }
    }

    #[tokio::test]
    async fn work_done_after_shutdown_ends_its_task() {
        let pool = pool();
        let (_, numbers, answer) = sum(&pool);
        pool.shutdown();
        drop(numbers);
        assert_eq!(answer.await, Ok(0));
        let ended = timeout(Duration::from_secs(20), async {
            while tasks() > 0 {
                yield_now().await;
            }
        });
        ended.await.expect("its end");
    }
}
