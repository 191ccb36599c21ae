//! The phases of `just faults`, for a shorter time each.

use std::time::Duration;

use purse_faults::campaign::{Load, phases};
use purse_faults::checker::{Guarantee, Verdict};

/// The duration of the faults of a phase. Start and end take some seconds more.
const TIME: Duration = Duration::from_secs(12);

/// Runs the phase of a name, with the seed `PURSE_SEED` or a random one.
fn run_phase(name: &str) -> Verdict {
    let seed = match std::env::var("PURSE_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => fastrand::u64(..1_000_000),
    };
    println!("seed {seed}");
    let phases = phases();
    let phase = phases.iter().find(|phase| phase.name == name);
    let phase = phase.expect("a phase of that name");
    let load = Load {
        processes: 3,
        tasks: 100,
        keys: 24,
    };
    let program = env!("CARGO_BIN_EXE_faults").into();
    let (faults, verdict) = phase
        .run(program, load, seed, TIME)
        .expect("a fault program that works");
    println!("{faults} faults, {verdict}");
    assert!(
        faults >= 5 && verdict.acquisitions >= 100,
        "{faults} faults, {verdict}"
    );
    match phase.guarantee {
        Guarantee::Exclusion => assert!(verdict.is_clean(), "{verdict}: {:?}", verdict.overlaps),
        Guarantee::Fences => assert!(verdict.is_fenced(), "{verdict}"),
    }
    verdict
}

#[test]
fn one_master_under_faults_keeps_holders_apart() {
    run_phase("one master");
}

#[test]
fn three_masters_under_faults_keep_holders_apart() {
    run_phase("three masters");
}

#[test]
fn five_masters_under_faults_keep_holders_apart() {
    run_phase("five masters");
}

#[test]
fn three_restarting_masters_keep_holders_apart() {
    run_phase("three masters that restart without their data");
}

#[test]
fn three_masters_losing_data_give_growing_fences() {
    run_phase("three masters that lose their data");
}
