//! Runs all phases for a number of seconds: `faults 600`; or only the phases whose name contains a
//! word: `faults 60 five`. It prints the seed, and takes it from `PURSE_SEED`.

use std::process::ExitCode;
use std::time::Duration;

use purse_faults::Failure;
use purse_faults::campaign::{Load, phases};
use purse_faults::{Guarantee, Verdict, contender};

/// The number of faults that a run of [`DEFAULT_SECONDS`] has at least.
const MIN_FAULTS: u64 = 1_000;
/// The number of acquisitions that a run of [`DEFAULT_SECONDS`] has at least.
const MIN_ACQUISITIONS: u64 = 5_000;
/// The duration of a run if none is given.
const DEFAULT_SECONDS: u64 = 600;

/// The number of overlaps of each phase that are printed in full.
const MAX_PRINTED: usize = 5;

fn main() -> ExitCode {
    let outcome = contender::main().unwrap_or_else(run);
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
    let mut arguments = std::env::args().skip(1);
    let seconds = match arguments.next() {
        Some(seconds) => seconds.parse()?,
        None => DEFAULT_SECONDS,
    };
    let word = arguments.next().unwrap_or_default();
    let seed = match std::env::var("PURSE_SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => fastrand::u64(..1_000_000),
    };
    println!("seed {seed}; the same faults again: PURSE_SEED={seed} just faults {seconds} {word}");
    let phases = (0..).zip(phases());
    let phases: Vec<_> = phases
        .filter(|(_, phase)| phase.name.contains(&word))
        .collect();
    let shares: u32 = phases.iter().map(|(_, phase)| phase.share).sum();
    let load = Load {
        processes: 3,
        tasks: 100,
        keys: 24,
    };
    let mut faults = 0;
    let mut sum = Verdict::default();
    for (number, phase) in phases {
        let time = Duration::from_secs(seconds) * phase.share / shares;
        let seed = seed.wrapping_mul(8).wrapping_add(number);
        let program = std::env::current_exe()?;
        let (count, mut verdict) = phase.run(program, load, seed, time)?;
        println!("{}: {count} faults, {verdict}", phase.name);
        if phase.guarantee == Guarantee::Fences {
            println!(
                "  overlaps and lost updates are expected in this phase; only the fences must hold"
            );
            (verdict.overlaps, verdict.lost_updates) = (Vec::new(), 0);
        }
        for (first, second) in verdict.overlaps.iter().take(MAX_PRINTED) {
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
    let share = |least: u64| usize::try_from(least * seconds / DEFAULT_SECONDS);
    if !sum.is_clean() {
        return Err(format!("the lock failed: {sum}").into());
    }
    if faults < share(MIN_FAULTS)? || sum.acquisitions < share(MIN_ACQUISITIONS)? {
        return Err("too few faults or acquisitions for a meaningful result".into());
    }
    Ok(())
}
