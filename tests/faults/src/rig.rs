//! Masters, contenders, and the faults between them.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use purse_redlock::Redlock;
use purse_testkit::ServerBuilder;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::check::{Left, Promise, Verdict};
use crate::contender::Brief;
use crate::history::{self, Hold};
use crate::holders::Holder;
use crate::master::{Failure, FaultyMaster};
use crate::plan::Round;
use crate::resource::{Counter, Register};

/// How long it may take until each lock can be had again once all is well.
const RECOVERY: Duration = Duration::from_secs(30);

/// Which processes have fences on their locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fences {
    /// None of them.
    Nobody,
    /// Every other one.
    Some,
    /// All of them.
    All,
}

/// What to set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program whose `main` begins with [`holders::main`](crate::holders::main).
    pub program: PathBuf,
    /// How many masters.
    pub masters: usize,
    /// What kind of servers they are.
    pub server: ServerBuilder,
    /// How many processes contend.
    pub processes: usize,
    /// How many tasks in each of them.
    pub tasks: usize,
    /// How many locks there are.
    pub keys: usize,
    /// Which of the processes have fences on their locks.
    pub fences: Fences,
    /// Whether processes that are started mistrust masters that have only just started, too.
    pub is_strict: bool,
    /// How long a task pauses between two locks, at most.
    pub idle: Duration,
    /// The ttl of the locks.
    pub ttl: Duration,
    /// What everybody draws lots from.
    pub seed: u64,
}

/// Masters and the processes that contend for locks on them.
#[derive(Debug)]
pub struct Rig {
    // In the order in which they are to end.
    holders: Vec<Holder>,
    masters: Vec<FaultyMaster>,
    runtime: Runtime,
    folder: TempDir,
    setup: Setup,
    /// The number of the next process.
    next: usize,
}

impl Rig {
    /// Starts all of it.
    ///
    /// # Errors
    /// If a part of it does not start.
    pub fn start(setup: Setup) -> Result<Self, Failure> {
        let runtime = Runtime::new()?;
        let masters = (0..setup.masters)
            .map(|_| FaultyMaster::start(setup.server.clone(), runtime.handle()))
            .collect::<Result<_, _>>()?;
        let mut rig = Self {
            holders: Vec::new(),
            masters,
            runtime,
            folder: tempfile::tempdir()?,
            setup,
            next: 0,
        };
        for _ in 0..rig.setup.processes {
            let holder = rig.holder()?;
            rig.holders.push(holder);
        }
        Ok(rig)
    }

    /// The masters.
    #[must_use]
    pub fn masters(&self) -> &[FaultyMaster] {
        &self.masters
    }

    /// Lets the faults of a round happen, to the end; how many they were.
    ///
    /// # Errors
    /// If a fault cannot be done or mended, or a process ended by itself.
    pub fn play(&mut self, round: &Round) -> Result<usize, Failure> {
        for holder in &mut self.holders {
            holder.check()?;
        }
        match round {
            Round::Masters(faults) => {
                self.suffer(faults)?;
                Ok(faults.len())
            }
            Round::StopHolder(process) => {
                let time = self.setup.ttl.mul_f64(1.25);
                self.holders[*process].stop(time)?;
                Ok(1)
            }
            Round::KillHolder(process) => {
                self.holders[*process].kill()?;
                self.holders[*process] = self.holder()?;
                Ok(1)
            }
        }
    }

    fn suffer(&self, faults: &[(usize, crate::plan::Fault, Duration)]) -> Result<(), Failure> {
        thread::scope(|scope| {
            let threads: Vec<_> = faults
                .iter()
                .map(|&(master, fault, time)| {
                    let master = &self.masters[master];
                    scope.spawn(move || {
                        let outcome = master.suffer(fault, time);
                        outcome.map_err(|error| Failure::from(format!("{fault:?}: {error}")))
                    })
                })
                .collect();
            for thread in threads {
                thread
                    .join()
                    .unwrap_or_else(|_| Err("a fault panicked".into()))?;
            }
            Ok(())
        })
    }

    /// What was held so far.
    ///
    /// # Errors
    /// If the history cannot be read.
    pub fn history(&self) -> Result<Vec<Hold>, Failure> {
        Ok(history::read(self.folder.path())?)
    }

    /// What the history shows so far. While contenders run, counters and registers are in motion,
    /// and their last values are not looked at.
    ///
    /// # Errors
    /// If the history cannot be read.
    pub fn verdict(&self, promise: Promise) -> Result<Verdict, Failure> {
        Ok(Verdict::of(&self.history()?, &Left::default(), promise))
    }

    /// Ends the contenders, sees that each lock can be had, and judges.
    ///
    /// # Errors
    /// If a process failed, a lock cannot be had, or the history cannot be read.
    pub fn end(mut self, promise: Promise) -> Result<Verdict, Failure> {
        let mut holders = std::mem::take(&mut self.holders);
        holders.iter_mut().for_each(Holder::end);
        for holder in holders {
            holder.join()?;
        }
        self.runtime.block_on(self.recover())?;
        let folder = self.folder.path();
        let holds = self.history()?;
        let mut left = Left::default();
        for key in (0..self.setup.keys).map(Brief::key) {
            let (counter, register) = (
                Counter::open(folder, &key)?.read()?,
                Register::open(folder, &key)?.value()?,
            );
            left.counters.insert(key.clone(), counter);
            left.registers.insert(key, register);
        }
        Ok(Verdict::of(&holds, &left, promise))
    }

    /// Acquires each lock once, without haste.
    async fn recover(&self) -> Result<(), Failure> {
        let urls: Vec<_> = self
            .masters
            .iter()
            .map(|master| master.server().url())
            .collect();
        let builder = Redlock::builder(urls).ttl(self.setup.ttl * 5);
        let redlock = builder.master_timeout(self.setup.ttl).build().await?;
        for number in 0..self.setup.keys {
            let key = Brief::key(number);
            let outcome = redlock.mutex(&key).lock_timeout(RECOVERY).await;
            let guard = outcome.map_err(|error| format!("{key} cannot be had: {error}"))?;
            let _ = guard.release().await?;
        }
        redlock.shutdown().await;
        Ok(())
    }

    fn holder(&mut self) -> Result<Holder, Failure> {
        let setup = &self.setup;
        let process = self.next;
        self.next += 1;
        let brief = Brief {
            urls: self
                .masters
                .iter()
                .map(|master| master.proxy().url())
                .collect(),
            ttl: setup.ttl,
            master_timeout: setup.ttl / 10,
            keys: setup.keys,
            fenced: match setup.fences {
                Fences::Nobody => false,
                Fences::Some => process.is_multiple_of(2),
                Fences::All => true,
            },
            is_strict: setup.is_strict,
            tasks: setup.tasks,
            idle: setup.idle,
            folder: self.folder.path().to_owned(),
            process,
            seed: setup.seed.wrapping_add(process as u64),
        };
        Holder::start(&setup.program, &brief)
    }
}
