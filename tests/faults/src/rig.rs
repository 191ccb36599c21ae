//! Masters and contender processes, with faults of both.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use purse_redlock::Redlock;
use purse_testkit::ServerBuilder;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::checker::{FinalValues, Guarantee, Verdict};
use crate::contender::{ContenderConfig, ContenderProcess};
use crate::error::Failure;
use crate::fault::{Fault, FaultyMaster, Round};
use crate::history::{self, Hold};
use crate::resource::{Counter, Register};

/// The time in which each lock must be available again once all faults are healed.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// The processes whose locks have fences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fences {
    /// No process.
    None,
    /// Every other process.
    Some,
    /// All processes.
    All,
}

/// The settings of a rig.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program whose `main` begins with [`contender::main`](crate::contender::main).
    pub program: PathBuf,
    /// The number of masters.
    pub masters: usize,
    /// The settings of the servers.
    pub server: ServerBuilder,
    /// The number of processes that contend.
    pub processes: usize,
    /// The number of tasks in each process.
    pub tasks: usize,
    /// The number of locks.
    pub keys: usize,
    /// The processes whose locks have fences.
    pub fences: Fences,
    /// True if a process does not trust masters that have just started.
    pub is_strict: bool,
    /// The longest pause of a task between two locks.
    pub idle: Duration,
    /// The ttl of the locks.
    pub ttl: Duration,
    /// The seed of all random choices.
    pub seed: u64,
}

/// Masters and the processes that contend for locks on them.
#[derive(Debug)]
pub struct Rig {
    // The fields are dropped in this order.
    contenders: Vec<ContenderProcess>,
    masters: Vec<FaultyMaster>,
    runtime: Runtime,
    folder: TempDir,
    setup: Setup,
    /// The number of the next process.
    next: usize,
}

impl Rig {
    /// Starts the masters and the processes.
    ///
    /// # Errors
    /// If a master or a process does not start.
    pub fn start(setup: Setup) -> Result<Self, Failure> {
        let runtime = Runtime::new()?;
        let masters = (0..setup.masters)
            .map(|_| FaultyMaster::start(setup.server.clone(), runtime.handle()))
            .collect::<Result<_, _>>()?;
        let mut rig = Self {
            contenders: Vec::new(),
            masters,
            runtime,
            folder: tempfile::tempdir()?,
            setup,
            next: 0,
        };
        for _ in 0..rig.setup.processes {
            let contender = rig.start_contender()?;
            rig.contenders.push(contender);
        }
        Ok(rig)
    }

    /// Returns the masters.
    #[must_use]
    pub fn masters(&self) -> &[FaultyMaster] {
        &self.masters
    }

    /// Injects the faults of a round and heals them; returns their number.
    ///
    /// # Errors
    /// If a fault cannot be injected or healed, or a process has ended.
    pub fn apply(&mut self, round: &Round) -> Result<usize, Failure> {
        for contender in &mut self.contenders {
            contender.check()?;
        }
        match round {
            Round::Masters(faults) => {
                self.inject(faults)?;
                Ok(faults.len())
            }
            Round::StopContender(process) => {
                let time = self.setup.ttl.mul_f64(1.25);
                self.contenders[*process].stop(time)?;
                Ok(1)
            }
            Round::KillContender(process) => {
                self.contenders[*process].kill()?;
                self.contenders[*process] = self.start_contender()?;
                Ok(1)
            }
        }
    }

    /// Injects faults of several masters at once.
    fn inject(&self, faults: &[(usize, Fault, Duration)]) -> Result<(), Failure> {
        thread::scope(|scope| {
            let threads: Vec<_> = faults
                .iter()
                .map(|&(master, fault, time)| {
                    let master = &self.masters[master];
                    scope.spawn(move || {
                        let outcome = master.inject(fault, time);
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

    /// Returns the holds so far.
    ///
    /// # Errors
    /// If the history cannot be read.
    pub fn history(&self) -> Result<Vec<Hold>, Failure> {
        Ok(history::read(self.folder.path())?)
    }

    /// Judges the history so far. While contenders run, counters and registers change, so their values
    /// are not judged.
    ///
    /// # Errors
    /// If the history cannot be read.
    pub fn verdict(&self, guarantee: Guarantee) -> Result<Verdict, Failure> {
        Ok(Verdict::of(
            &self.history()?,
            &FinalValues::default(),
            guarantee,
        ))
    }

    /// Ends the processes, checks that each lock is available, and judges the history.
    ///
    /// # Errors
    /// If a process failed, a lock is not available, or the history cannot be read.
    pub fn finish(mut self, guarantee: Guarantee) -> Result<Verdict, Failure> {
        let mut contenders = std::mem::take(&mut self.contenders);
        contenders
            .iter_mut()
            .for_each(ContenderProcess::request_end);
        for contender in contenders {
            contender.join()?;
        }
        self.runtime.block_on(self.check_recovery())?;
        let folder = self.folder.path();
        let holds = self.history()?;
        let mut values = FinalValues::default();
        for key in (0..self.setup.keys).map(ContenderConfig::key) {
            let (counter, register) = (
                Counter::open(folder, &key)?.read()?,
                Register::open(folder, &key)?.value()?,
            );
            values.counters.insert(key.clone(), counter);
            values.registers.insert(key, register);
        }
        Ok(Verdict::of(&holds, &values, guarantee))
    }

    /// Acquires and releases each lock once.
    async fn check_recovery(&self) -> Result<(), Failure> {
        let urls: Vec<_> = self
            .masters
            .iter()
            .map(|master| master.server().url())
            .collect();
        let builder = Redlock::builder(urls).ttl(self.setup.ttl * 5);
        let redlock = builder.master_timeout(self.setup.ttl).build().await?;
        for number in 0..self.setup.keys {
            let key = ContenderConfig::key(number);
            let outcome = redlock.mutex(&key).lock_timeout(RECOVERY_TIMEOUT).await;
            let guard = outcome.map_err(|error| format!("{key} is not available: {error}"))?;
            let _ = guard.release().await?;
        }
        redlock.shutdown().await;
        Ok(())
    }

    fn start_contender(&mut self) -> Result<ContenderProcess, Failure> {
        let setup = &self.setup;
        let process = self.next;
        self.next += 1;
        let config = ContenderConfig {
            urls: self
                .masters
                .iter()
                .map(|master| master.proxy().url())
                .collect(),
            ttl: setup.ttl,
            master_timeout: setup.ttl / 10,
            keys: setup.keys,
            fenced: match setup.fences {
                Fences::None => false,
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
        ContenderProcess::start(&setup.program, &config)
    }
}
