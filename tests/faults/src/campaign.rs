//! The phases: kinds of masters, the faults that happen to them, and what the lock guarantees.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use purse_testkit::{Server, ServerBuilder};

use crate::checker::{Guarantee, Verdict};
use crate::error::Failure;
use crate::fault::{DATA_LOSS, Fault, Plan, RESTARTS, TOLERATED};
use crate::rig::{Fences, Rig, Setup};

/// A part of the campaign, with masters and faults of its own.
#[derive(Clone, Debug)]
pub struct Phase {
    /// The name, in a few words.
    pub name: &'static str,
    /// The number of masters.
    pub masters: usize,
    /// The settings of the servers.
    pub server: ServerBuilder,
    /// The faults that happen to the masters.
    pub faults: &'static [Fault],
    /// The guarantee of the lock under these faults.
    pub guarantee: Guarantee,
    /// The share of the time, in percent.
    pub share: u32,
}

/// Returns all phases.
#[must_use]
pub fn phases() -> Vec<Phase> {
    let durable = |name, masters, share| Phase {
        name,
        masters,
        server: Server::builder().append_only(),
        faults: TOLERATED,
        guarantee: Guarantee::Exclusion,
        share,
    };
    vec![
        durable("one master", 1, 15),
        durable("three masters", 3, 25),
        durable("five masters", 5, 25),
        Phase {
            name: "three masters that restart without their data",
            masters: 3,
            server: Server::builder(),
            faults: RESTARTS,
            guarantee: Guarantee::Exclusion,
            share: 15,
        },
        Phase {
            name: "three masters that lose their data",
            masters: 3,
            server: Server::builder(),
            faults: DATA_LOSS,
            guarantee: Guarantee::Fences,
            share: 20,
        },
    ]
}

/// The number of contenders and locks.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The number of processes that contend.
    pub processes: usize,
    /// The number of tasks in each process.
    pub tasks: usize,
    /// The number of locks.
    pub keys: usize,
}

impl Phase {
    /// Runs the phase for a time; returns the number of faults, and the verdict on the history.
    ///
    /// # Errors
    /// If the fault program or a contender fails.
    pub fn run(
        &self,
        program: PathBuf,
        load: Load,
        seed: u64,
        time: Duration,
    ) -> Result<(usize, Verdict), Failure> {
        let setup = Setup {
            program,
            masters: self.masters,
            server: self.server.clone(),
            processes: load.processes,
            tasks: load.tasks,
            keys: load.keys,
            fences: match self.guarantee {
                Guarantee::Exclusion => Fences::Some,
                Guarantee::Fences => Fences::All,
            },
            // New processes start shortly after masters, and must not trust young ones.
            is_strict: self.faults == RESTARTS,
            idle: Duration::from_secs(2),
            ttl: Duration::from_secs(1),
            seed,
        };
        let mut rig = Rig::start(setup)?;
        let started = Instant::now();
        let mut count = 0;
        let plan = Plan::new(seed, self.masters, load.processes, self.faults);
        let plan = match self.guarantee {
            Guarantee::Exclusion => plan,
            Guarantee::Fences => plan.allow_majority(),
        };
        for (round, pause) in plan {
            if started.elapsed() > time {
                break;
            }
            count += rig.apply(&round)?;
            thread::sleep(pause);
        }
        Ok((count, rig.finish(self.guarantee)?))
    }
}
