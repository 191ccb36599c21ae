//! A selection of `just faults`: the same phases, for less time each.

use std::time::Duration;

use purse_faults::campaign::{Load, phases};
use purse_faults::check::{Promise, Verdict};

/// How long a phase plays; what comes before and after it takes some seconds more.
const TIME: Duration = Duration::from_secs(12);

/// Plays a phase by its name, with a seed of its own; the same again: `PURSE_SEED=…`.
fn play(name: &str) -> Verdict {
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
        .play(program, load, seed, TIME)
        .expect("machinery that works");
    println!("{faults} faults, {verdict}");
    assert!(
        faults >= 5 && verdict.acquisitions >= 100,
        "{faults} faults, {verdict}"
    );
    match phase.promise {
        Promise::Exclusion => assert!(verdict.is_clean(), "{verdict}: {:?}", verdict.overlaps),
        Promise::Fences => assert!(verdict.is_fenced(), "{verdict}"),
    }
    verdict
}

#[test]
fn one_master_under_faults_keeps_holders_apart() {
    play("one master");
}

#[test]
fn three_masters_under_faults_keep_holders_apart() {
    play("three masters");
}

#[test]
fn five_masters_under_faults_keep_holders_apart() {
    play("five masters");
}

#[test]
fn three_restarting_masters_keep_holders_apart() {
    play("three masters that restart without their data");
}

#[test]
fn three_masters_losing_data_give_growing_fences() {
    play("three masters that lose their data");
}
