//! The tasks of a contender process, which acquire locks, write under them, and log each hold.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
use purse_redlock::{Error, Fencing, QuarantinePolicy, Redlock, RedlockGuard, RedlockMutex};
use rustix::process::{Signal, getpid, kill_process};
use tokio::task::LocalSet;

use crate::clock::{now, valid_until};
use crate::contender::{ContenderConfig, ControlFlags};
use crate::error::Failure;
use crate::history::{FencedWrite, Hold, Log, Write};
use crate::resource::{Counter, Register, Stale};

/// Contends until the parent requests the end.
///
/// All tasks run on one thread. No other task, and no stop of the whole process, comes between the
/// check of a guard and the write that follows.
///
/// # Errors
/// If files cannot be written, or a lock fails in a way that no fault explains.
pub(super) async fn contend(
    config: ContenderConfig,
    flags: Arc<ControlFlags>,
) -> Result<(), Failure> {
    let redlock = loop {
        let builder = Redlock::builder(config.urls.clone())
            .ttl(config.ttl)
            .quarantine(match config.is_strict {
                true => QuarantinePolicy::Strict,
                false => QuarantinePolicy::Restarts,
            })
            .master_timeout(config.master_timeout);
        match builder.build().await {
            Ok(redlock) => break redlock,
            // The process may start while masters are at fault.
            Err(Error::NoQuorum { .. }) if !flags.end.load(Ordering::SeqCst) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let fenced = redlock.fenced();
    let plain = redlock.clone();
    if config.fenced {
        let mutex = move |key: &str| fenced.mutex(key);
        run_tasks(config, flags, mutex, |guard| Some(guard.fence())).await?;
    } else {
        let mutex = move |key: &str| plain.mutex(key);
        run_tasks(config, flags, mutex, |_| None).await?;
    }
    redlock.shutdown().await;
    Ok(())
}

async fn run_tasks<F: Fencing>(
    config: ContenderConfig,
    flags: Arc<ControlFlags>,
    mutex: impl Fn(&str) -> RedlockMutex<F> + 'static,
    fence: fn(&RedlockGuard<F>) -> Option<u64>,
) -> Result<(), Failure> {
    let contender = Rc::new(Contender {
        log: RefCell::new(Log::open(&config.folder, config.process)?),
        holds: Cell::new(0),
        mutex: Box::new(mutex),
        fence,
        config,
        flags,
    });
    let mut random = Rng::with_seed(contender.config.seed);
    let local = LocalSet::new();
    let tasks: Vec<_> = (0..contender.config.tasks)
        .map(|_| local.spawn_local(contender.clone().run(random.fork())))
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

/// A function that returns the lock of a key.
type MakeMutex<F> = Box<dyn Fn(&str) -> RedlockMutex<F>>;

struct Contender<F: Fencing> {
    config: ContenderConfig,
    flags: Arc<ControlFlags>,
    mutex: MakeMutex<F>,
    fence: fn(&RedlockGuard<F>) -> Option<u64>,
    log: RefCell<Log>,
    holds: Cell<u64>,
}

impl<F: Fencing> Contender<F> {
    async fn run(self: Rc<Self>, mut random: Rng) -> Result<(), Failure> {
        while !self.flags.end.load(Ordering::SeqCst) {
            let idle = self.config.idle.mul_f64(random.f64());
            tokio::time::sleep(idle).await;
            let key = ContenderConfig::key(random.usize(..self.config.keys));
            let requested = now();
            let outcome = self.acquire(&key, &mut random).await;
            match outcome {
                None => {}
                Some(Ok(guard)) => self.hold(key, requested, guard, &mut random).await?,
                Some(Err(error)) if is_explained(&error) => {}
                Some(Err(error)) => return Err(format!("{error:?}").into()),
            }
        }
        Ok(())
    }

    /// Requests the lock by one of several methods; returns `None` if the request was dropped.
    async fn acquire(
        &self,
        key: &str,
        random: &mut Rng,
    ) -> Option<purse_redlock::Result<RedlockGuard<F>>> {
        let mutex = (self.mutex)(key);
        match random.u8(..10) {
            0 => {
                let timeout = Duration::from_micros(random.u64(..20_000));
                tokio::time::timeout(timeout, mutex.lock()).await.ok()
            }
            1 | 2 => Some(mutex.try_lock().await),
            _ => Some(mutex.lock_timeout(Duration::from_millis(500)).await),
        }
    }

    async fn hold(
        &self,
        key: String,
        requested: u64,
        mut guard: RedlockGuard<F>,
        random: &mut Rng,
    ) -> Result<(), Failure> {
        // A lease that has already ended was held by no task.
        let (until, mut latest) = valid_until(&guard).unwrap_or((requested, now()));
        let number = self.holds.get();
        self.holds.set(number + 1);
        let mut counter = Counter::open(&self.config.folder, &key)?;
        let mut hold = Hold {
            process: self.config.process,
            number,
            key,
            requested,
            acquired: now(),
            until,
            released: None,
            fence: (self.fence)(&guard),
            write: None,
            fenced_write: None,
            has_stale_guard: false,
        };
        self.log(&hold)?;
        let read = counter.read()?;
        let register = self.read_register(&mut hold)?;
        match random.u8(..100) {
            // Until the lease has ended, and no longer than it takes to notice that.
            0 => wait_expired(&guard).await,
            1..20 => {
                let outcome = guard.extend().await;
                outcome.or_else(|error| is_explained(&error).then_some(()).ok_or(error))?;
                match valid_until(&guard) {
                    Some(until) => (hold.until, latest) = until,
                    None => hold.until = hold.until.min(now()),
                }
                self.log(&hold)?;
            }
            20..35 => tokio::time::sleep(Duration::from_millis(random.u64(..60))).await,
            _ => tokio::time::sleep(Duration::from_millis(random.u64(..4))).await,
        }
        if self.flags.freeze.swap(false, Ordering::SeqCst) {
            kill_process(getpid(), Signal::STOP)?;
        }
        self.write_counter(&mut hold, &guard, latest, counter, read)?;
        if let Some((register, read)) = register {
            self.write_register(&mut hold, register, read)?;
        }
        if random.u8(..20) == 0 {
            hold.released = Some(now());
            self.log(&hold)?;
            drop(guard);
            return Ok(());
        }
        hold.released = Some(now());
        self.log(&hold)?;
        match guard.release().await {
            Ok(_) => Ok(()),
            Err(error) if is_explained(&error) => Ok(()),
            Err(error) => Err(format!("{error:?}").into()),
        }
    }

    /// Writes to the counter if the guard is valid; without an await, so that nothing comes between.
    fn write_counter(
        &self,
        hold: &mut Hold,
        guard: &RedlockGuard<F>,
        latest: u64,
        mut counter: Counter,
        read: u64,
    ) -> Result<(), Failure> {
        let has_ended = now() > latest;
        let is_valid = guard.check().is_ok();
        hold.has_stale_guard = has_ended && is_valid;
        // A write takes a moment, so a quarter of the lease must be left.
        if !is_valid || guard.remaining() < self.config.ttl / 4 {
            return Ok(());
        }
        hold.write = Some(Write { read, at: None });
        self.log(hold)?;
        counter.write(read + 1)?;
        let at = Some(now());
        hold.write = Some(Write { read, at });
        self.log(hold)
    }

    /// Reads the register; returns `None` if the lock has no fence, or the register refuses it.
    fn read_register(&self, hold: &mut Hold) -> Result<Option<(Register, u64)>, Failure> {
        let Some(fence) = hold.fence else {
            return Ok(None);
        };
        let mut register = Register::open(&self.config.folder, &hold.key)?;
        match register.read(fence)? {
            Ok(value) => Ok(Some((register, value))),
            Err(Stale) => {
                hold.fenced_write = Some(FencedWrite::Refused(now()));
                self.log(hold)?;
                Ok(None)
            }
        }
    }

    /// Writes to the register without a check of the guard, because the register checks the fence.
    fn write_register(
        &self,
        hold: &mut Hold,
        mut register: Register,
        read: u64,
    ) -> Result<(), Failure> {
        let Some(fence) = hold.fence else {
            return Ok(());
        };
        hold.fenced_write = Some(FencedWrite::Begun);
        self.log(hold)?;
        hold.fenced_write = match register.write(fence, read + 1)? {
            Ok(_) => Some(FencedWrite::Accepted(read)),
            Err(Stale) => Some(FencedWrite::Refused(now())),
        };
        self.log(hold)
    }

    fn log(&self, hold: &Hold) -> Result<(), Failure> {
        Ok(self.log.borrow_mut().append(hold)?)
    }
}

async fn wait_expired<F: Fencing>(guard: &RedlockGuard<F>) {
    while guard.is_valid() {
        tokio::time::sleep(guard.remaining()).await;
    }
}

/// Returns true if faults and contention explain the error.
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
