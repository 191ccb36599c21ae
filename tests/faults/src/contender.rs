//! One process that contends for locks, in many tasks, and writes down what it held.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use purse_redlock::{Error, Fencing, Quarantine, Redlock, RedlockGuard, RedlockMutex};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};
use tokio::task::LocalSet;

use crate::clock::{now, valid_until};
use crate::history::{FencedWrite, Hold, Log, Write};
use crate::master::Failure;
use crate::resource::{Counter, Register, Stale};

/// What a process is to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Brief {
    /// The masters.
    pub urls: Vec<String>,
    /// The ttl of the locks.
    pub ttl: Duration,
    /// The time that a master has for an answer.
    pub master_timeout: Duration,
    /// How many locks there are.
    pub keys: usize,
    /// How many tasks contend.
    pub tasks: usize,
    /// Whether the locks have fences.
    pub fenced: bool,
    /// What is thought of masters that came back.
    pub is_strict: bool,
    /// How long a task does something else between two locks, at most.
    pub idle: Duration,
    /// Where counters, registers and histories are.
    pub folder: PathBuf,
    /// The number of this process, never used before.
    pub process: usize,
    /// What the tasks draw their lots from.
    pub seed: u64,
}

impl Brief {
    /// The name of a lock.
    #[must_use]
    pub fn key(number: usize) -> String {
        format!("lock-{number}")
    }
}

/// What a process is told while it runs.
#[derive(Debug, Default)]
pub struct Wishes {
    /// To end.
    pub end: AtomicBool,
    /// To stop itself the next time that it holds a lock.
    pub freeze: AtomicBool,
}

/// Contends until it is told to end.
///
/// On one thread, so that the look at a guard and the write that follows have no other task in
/// between, nor the stop of the whole process.
///
/// # Errors
/// If files cannot be written, or a lock fails in a way that no fault explains.
pub async fn contend(brief: Brief, wishes: Arc<Wishes>) -> Result<(), Failure> {
    let redlock = loop {
        let builder = Redlock::builder(brief.urls.clone())
            .ttl(brief.ttl)
            .quarantine(match brief.is_strict {
                true => Quarantine::Strict,
                false => Quarantine::Restarts,
            })
            .master_timeout(brief.master_timeout);
        match builder.build().await {
            Ok(redlock) => break redlock,
            // It may start in the midst of faults.
            Err(Error::NoQuorum { .. }) if !wishes.end.load(Ordering::SeqCst) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let fenced = redlock.fenced();
    let plain = redlock.clone();
    if brief.fenced {
        let mutex = move |key: &str| fenced.mutex(key);
        work_all(brief, wishes, mutex, |guard| Some(guard.fence())).await?;
    } else {
        let mutex = move |key: &str| plain.mutex(key);
        work_all(brief, wishes, mutex, |_| None).await?;
    }
    redlock.shutdown().await;
    Ok(())
}

async fn work_all<F: Fencing>(
    brief: Brief,
    wishes: Arc<Wishes>,
    mutex: impl Fn(&str) -> RedlockMutex<F> + 'static,
    fence: fn(&RedlockGuard<F>) -> Option<u64>,
) -> Result<(), Failure> {
    let process = Rc::new(Process {
        log: RefCell::new(Log::open(&brief.folder, brief.process)?),
        holds: Cell::new(0),
        mutex: Box::new(mutex),
        fence,
        brief,
        wishes,
    });
    let mut random = Rng::with_seed(process.brief.seed);
    let local = LocalSet::new();
    let tasks: Vec<_> = (0..process.brief.tasks)
        .map(|_| local.spawn_local(process.clone().work(random.fork())))
        .collect();
    local
        .run_until(async {
            for task in tasks {
                task.await??;
            }
            Ok(())
        })
        .await
}

/// Makes a lock of a name.
type Name<F> = Box<dyn Fn(&str) -> RedlockMutex<F>>;

struct Process<F: Fencing> {
    brief: Brief,
    wishes: Arc<Wishes>,
    mutex: Name<F>,
    fence: fn(&RedlockGuard<F>) -> Option<u64>,
    log: RefCell<Log>,
    holds: Cell<u64>,
}

impl<F: Fencing> Process<F> {
    async fn work(self: Rc<Self>, mut random: Rng) -> Result<(), Failure> {
        while !self.wishes.end.load(Ordering::SeqCst) {
            let idle = self.brief.idle.mul_f64(random.f64());
            tokio::time::sleep(idle).await;
            let key = Brief::key(random.usize(..self.brief.keys));
            let asked = now();
            let outcome = self.acquire(&key, &mut random).await;
            match outcome {
                None => {}
                Some(Ok(guard)) => self.hold(key, asked, guard, &mut random).await?,
                Some(Err(error)) if is_explained(&error) => {}
                Some(Err(error)) => return Err(format!("{error:?}").into()),
            }
        }
        Ok(())
    }

    /// Asks for the lock in one of several ways; `None` if it changed its mind.
    async fn acquire(
        &self,
        key: &str,
        random: &mut Rng,
    ) -> Option<purse_redlock::Result<RedlockGuard<F>>> {
        let mutex = (self.mutex)(key);
        match random.u8(..10) {
            0 => {
                let patience = Duration::from_micros(random.u64(..20_000));
                tokio::time::timeout(patience, mutex.lock()).await.ok()
            }
            1 | 2 => Some(mutex.try_lock().await),
            _ => Some(mutex.lock_timeout(Duration::from_millis(500)).await),
        }
    }

    async fn hold(
        &self,
        key: String,
        asked: u64,
        mut guard: RedlockGuard<F>,
        random: &mut Rng,
    ) -> Result<(), Failure> {
        // One that is over already was held by nobody.
        let (until, mut latest) = valid_until(&guard).unwrap_or((asked, now()));
        let number = self.holds.get();
        self.holds.set(number + 1);
        let mut counter = Counter::open(&self.brief.folder, &key)?;
        let mut hold = Hold {
            process: self.brief.process,
            number,
            key,
            asked,
            acquired: now(),
            until,
            released: None,
            fence: (self.fence)(&guard),
            write: None,
            fenced_write: None,
            deceived: false,
        };
        self.note(&hold)?;
        let read = counter.read()?;
        let register = self.register(&mut hold)?;
        match random.u8(..100) {
            // Until the lock is over, and for no longer than it takes to see that.
            0 => while_it_lasts(&guard).await,
            1..20 => {
                let outcome = guard.extend().await;
                outcome.or_else(|error| is_explained(&error).then_some(()).ok_or(error))?;
                match valid_until(&guard) {
                    Some(until) => (hold.until, latest) = until,
                    None => hold.until = hold.until.min(now()),
                }
                self.note(&hold)?;
            }
            20..35 => tokio::time::sleep(Duration::from_millis(random.u64(..60))).await,
            _ => tokio::time::sleep(Duration::from_millis(random.u64(..4))).await,
        }
        if self.wishes.freeze.swap(false, Ordering::SeqCst) {
            kill_process(getpid(), Signal::STOP)?;
        }
        self.write(&mut hold, &guard, latest, counter, read)?;
        if let Some((register, read)) = register {
            self.write_fenced(&mut hold, register, read)?;
        }
        if random.u8(..20) == 0 {
            hold.released = Some(now());
            self.note(&hold)?;
            drop(guard);
            return Ok(());
        }
        hold.released = Some(now());
        self.note(&hold)?;
        match guard.release().await {
            Ok(_) => Ok(()),
            Err(error) if is_explained(&error) => Ok(()),
            Err(error) => Err(format!("{error:?}").into()),
        }
    }

    /// Acts under the lock if it still holds; without an await, so that nothing comes in between.
    fn write(
        &self,
        hold: &mut Hold,
        guard: &RedlockGuard<F>,
        latest: u64,
        mut counter: Counter,
        read: u64,
    ) -> Result<(), Failure> {
        let is_over = now() > latest;
        let is_valid = guard.check().is_ok();
        hold.deceived = is_over && is_valid;
        // A write takes a moment, which must be left of the lock.
        if !is_valid || guard.remaining() < self.brief.ttl / 4 {
            return Ok(());
        }
        hold.write = Some(Write { read, at: None });
        self.note(hold)?;
        counter.write(read + 1)?;
        let at = Some(now());
        hold.write = Some(Write { read, at });
        self.note(hold)
    }

    /// The register and what it says, if the lock has a fence, and the register does not refuse it.
    fn register(&self, hold: &mut Hold) -> Result<Option<(Register, u64)>, Failure> {
        let Some(fence) = hold.fence else {
            return Ok(None);
        };
        let mut register = Register::open(&self.brief.folder, &hold.key)?;
        match register.read(fence)? {
            Ok(value) => Ok(Some((register, value))),
            Err(Stale) => {
                hold.fenced_write = Some(FencedWrite::Refused(now()));
                self.note(hold)?;
                Ok(None)
            }
        }
    }

    /// Acts without a look at the guard: the register looks at the fence.
    fn write_fenced(
        &self,
        hold: &mut Hold,
        mut register: Register,
        read: u64,
    ) -> Result<(), Failure> {
        let Some(fence) = hold.fence else {
            return Ok(());
        };
        hold.fenced_write = Some(FencedWrite::Begun);
        self.note(hold)?;
        hold.fenced_write = match register.write(fence, read + 1)? {
            Ok(_) => Some(FencedWrite::Accepted(read)),
            Err(Stale) => Some(FencedWrite::Refused(now())),
        };
        self.note(hold)
    }

    fn note(&self, hold: &Hold) -> Result<(), Failure> {
        Ok(self.log.borrow_mut().add(hold)?)
    }
}

async fn while_it_lasts<F: Fencing>(guard: &RedlockGuard<F>) {
    while guard.is_valid() {
        tokio::time::sleep(guard.remaining()).await;
    }
}

/// Whether faults and contention explain the error.
fn is_explained(error: &Error) -> bool {
    match error {
        Error::Timeout { source, .. } => source.as_deref().is_none_or(is_explained),
        Error::Held { .. }
        | Error::NoQuorum { .. }
        | Error::ValidityExhausted { .. }
        | Error::Ambiguous { .. }
        | Error::Lost { .. } => true,
        _ => false,
    }
}
