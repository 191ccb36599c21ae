//! All faults, for so many seconds: `faults 600`. The seed is printed, and taken from `PURSE_SEED`.

use std::error::Error as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use purse_faults::master::Failure;
use purse_faults::plan::HARMLESS;
use purse_faults::rig::Setup;
use purse_faults::{Plan, Rig, Verdict, holders};
use purse_testkit::Server;

/// In the six hundred seconds that this takes as a rule.
const LEAST_FAULTS: u64 = 1_000;
const LEAST_ACQUISITIONS: u64 = 5_000;
const RULE: u64 = 600;

fn main() -> ExitCode {
    let outcome = holders::main().unwrap_or_else(run);
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    eprintln!("faults: {text}");
    ExitCode::FAILURE
}

fn run() -> Result<(), Failure> {
    let seconds = match std::env::args().nth(1) {
        Some(seconds) => seconds.parse()?,
        None => RULE,
    };
    let seed = match std::env::var("PURSE_SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => fastrand::u64(..1_000_000),
    };
    println!("seed {seed}; the same faults again: PURSE_SEED={seed} just faults {seconds}");
    let mut faults = 0;
    let mut sum = Verdict::default();
    for (number, masters) in [1, 3, 5].into_iter().enumerate() {
        let time = Duration::from_secs(seconds) / 3;
        let seed = seed.wrapping_mul(8).wrapping_add(number as u64);
        let (count, verdict) = phase(masters, seed, time)?;
        println!("{masters} masters: {count} faults, {verdict}");
        for (first, second) in &verdict.overlaps {
            println!("  overlap: {first:?} and {second:?}");
        }
        faults += count;
        sum.add(verdict);
    }
    println!(
        "faults: {faults}, acquisitions: {}, overlaps: {}, lost updates: {}, fence inversions: {}",
        sum.acquisitions,
        sum.overlaps.len(),
        sum.lost_updates,
        sum.fence_inversions
    );
    let share = |least: u64| usize::try_from(least * seconds / RULE);
    if !sum.is_clean() {
        return Err(format!("the lock failed: {sum}").into());
    }
    if faults < share(LEAST_FAULTS)? || sum.acquisitions < share(LEAST_ACQUISITIONS)? {
        return Err("too few faults or acquisitions to mean anything".into());
    }
    Ok(())
}

/// Plays for so long with so many masters.
fn phase(masters: usize, seed: u64, time: Duration) -> Result<(usize, Verdict), Failure> {
    let setup = Setup {
        program: std::env::current_exe()?,
        masters,
        server: Server::builder().append_only(),
        processes: 3,
        tasks: 100,
        keys: 24,
        idle: Duration::from_secs(2),
        ttl: Duration::from_secs(1),
        seed,
    };
    let plan = Plan::new(seed, masters, setup.processes, HARMLESS);
    let mut rig = Rig::start(setup)?;
    let started = Instant::now();
    let mut count = 0;
    for (round, rest) in plan {
        if started.elapsed() > time {
            break;
        }
        count += rig.play(&round)?;
        std::thread::sleep(rest);
    }
    Ok((count, rig.end()?))
}
