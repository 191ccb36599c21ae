//! Holders that are stopped for longer than their locks last, or killed.

use std::thread;
use std::time::{Duration, Instant};

use purse_faults::history::{FencedWrite, Hold};
use purse_faults::plan::Round;
use purse_faults::rig::{Fences, Setup};
use purse_faults::{Promise, Rig};
use purse_testkit::Server;

const PATIENCE: Duration = Duration::from_secs(60);

/// Two processes that contend for one lock.
fn two() -> Rig {
    let setup = Setup {
        program: env!("CARGO_BIN_EXE_faults").into(),
        masters: 3,
        server: Server::builder(),
        processes: 2,
        tasks: 5,
        keys: 1,
        fences: Fences::All,
        is_strict: false,
        idle: Duration::from_millis(20),
        ttl: Duration::from_secs(1),
        seed: 1,
    };
    Rig::start(setup).expect("three servers and two processes")
}

/// Looks until a hold in the history is so.
fn until(rig: &Rig, what: &str, is_so: impl Fn(&Hold, &[Hold]) -> bool) {
    let started = Instant::now();
    loop {
        let history = rig.history().expect("a history");
        if history.iter().any(|hold| is_so(hold, &history)) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn holder_stopped_beyond_ttl_notices_before_acting() {
    let mut rig = two();
    rig.play(&Round::StopHolder(0)).unwrap();
    until(&rig, "a holder that woke up late", |hold, history| {
        let is_late = hold.process == 0 && hold.released.is_some_and(|at| at > hold.until);
        let has_successor = history.iter().any(|other| {
            let meanwhile = hold.until..hold.released.unwrap_or(hold.until);
            other.process == 1 && meanwhile.contains(&other.acquired)
        });
        // It did not write by the guard, and was not let to by its fence.
        is_late
            && has_successor
            && hold.write.is_none()
            && matches!(hold.fenced_write, Some(FencedWrite::Refused(_)))
    });
    let verdict = rig.end(Promise::Exclusion).unwrap();
    assert!(verdict.is_clean(), "{verdict}");
}

#[test]
fn killed_holder_blocks_others_for_its_ttl_at_most() {
    let mut rig = two();
    until(&rig, "locks of both", |hold, history| {
        history.iter().any(|other| other.process != hold.process)
    });
    for _ in 0..5 {
        rig.play(&Round::KillHolder(0)).unwrap();
        let killed = rig.history().unwrap().len();
        let started = Instant::now();
        while rig.history().unwrap().len() < killed + 5 {
            assert!(started.elapsed() < PATIENCE, "the lock is never free");
            thread::sleep(Duration::from_millis(5));
        }
    }
    let verdict = rig.end(Promise::Exclusion).unwrap();
    assert!(verdict.is_clean(), "{verdict}");
}
