//! One kind of masters and faults after the other.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use purse_testkit::{Server, ServerBuilder};

use crate::check::{Promise, Verdict};
use crate::master::Failure;
use crate::plan::{FORGETFUL, Fault, HARMLESS, Plan, RESTARTS};
use crate::rig::{Fences, Rig, Setup};

/// What is played for a while.
#[derive(Clone, Debug)]
pub struct Phase {
    /// What it is, in a few words.
    pub name: &'static str,
    /// How many masters.
    pub masters: usize,
    /// What kind of servers.
    pub server: ServerBuilder,
    /// What befalls them.
    pub faults: &'static [Fault],
    /// What the lock promises under that.
    pub promise: Promise,
    /// Its share of the time, in percent.
    pub share: u32,
}

/// All phases.
#[must_use]
pub fn phases() -> Vec<Phase> {
    let durable = |name, masters, share| Phase {
        name,
        masters,
        server: Server::builder().append_only(),
        faults: HARMLESS,
        promise: Promise::Exclusion,
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
            promise: Promise::Exclusion,
            share: 15,
        },
        Phase {
            name: "three masters that lose their data",
            masters: 3,
            server: Server::builder(),
            faults: FORGETFUL,
            promise: Promise::Fences,
            share: 20,
        },
    ]
}

/// How much goes on.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many processes contend.
    pub processes: usize,
    /// How many tasks in each of them.
    pub tasks: usize,
    /// How many locks there are.
    pub keys: usize,
}

impl Phase {
    /// Plays it for so long; how many faults there were, and what the history shows.
    ///
    /// # Errors
    /// If the machinery fails, or contenders do.
    pub fn play(
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
            fences: match self.promise {
                Promise::Exclusion => Fences::Some,
                Promise::Fences => Fences::All,
            },
            // Processes are started in between, shortly after masters were.
            is_strict: self.faults == RESTARTS,
            idle: Duration::from_secs(2),
            ttl: Duration::from_secs(1),
            seed,
        };
        let mut rig = Rig::start(setup)?;
        let started = Instant::now();
        let mut count = 0;
        let plan = Plan::new(seed, self.masters, load.processes, self.faults);
        let plan = match self.promise {
            Promise::Exclusion => plan,
            Promise::Fences => plan.without_mercy(),
        };
        for (round, rest) in plan {
            if started.elapsed() > time {
                break;
            }
            count += rig.play(&round)?;
            thread::sleep(rest);
        }
        Ok((count, rig.end(self.promise)?))
    }
}
