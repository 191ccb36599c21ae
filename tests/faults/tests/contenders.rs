//! Contender processes that are killed, or stopped for longer than a lease.

use std::thread;
use std::time::{Duration, Instant};

use purse_faults::fault::Round;
use purse_faults::history::{FencedWrite, Hold};
use purse_faults::rig::{Fences, Setup};
use purse_faults::{Guarantee, Rig};
use purse_testkit::Server;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Starts two processes that contend for one lock.
fn start_two() -> Rig {
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

/// Waits until a hold in the history satisfies the condition.
fn wait_until(rig: &Rig, what: &str, is_so: impl Fn(&Hold, &[Hold]) -> bool) {
    let started = Instant::now();
    loop {
        let history = rig.history().expect("a history");
        if history.iter().any(|hold| is_so(hold, &history)) {
            return;
        }
        assert!(started.elapsed() < TIMEOUT, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn holder_stopped_beyond_ttl_notices_before_acting() {
    let mut rig = start_two();
    rig.apply(&Round::StopContender(0)).unwrap();
    wait_until(&rig, "a holder that woke up late", |hold, history| {
        let is_late = hold.process == 0 && hold.released.is_some_and(|at| at > hold.until);
        let has_successor = history.iter().any(|other| {
            let meanwhile = hold.until..hold.released.unwrap_or(hold.until);
            other.process == 1 && meanwhile.contains(&other.acquired)
        });
        // The guard kept it from writing to the counter, and the fence from writing to the register.
        is_late
            && has_successor
            && hold.write.is_none()
            && matches!(hold.fenced_write, Some(FencedWrite::Refused(_)))
    });
    let verdict = rig.finish(Guarantee::Exclusion).unwrap();
    assert!(verdict.is_clean(), "{verdict}");
}

#[test]
fn killed_holder_blocks_others_for_its_ttl_at_most() {
    let mut rig = start_two();
    wait_until(&rig, "locks of both", |hold, history| {
        history.iter().any(|other| other.process != hold.process)
    });
    for _ in 0..5 {
        rig.apply(&Round::KillContender(0)).unwrap();
        let killed = rig.history().unwrap().len();
        let started = Instant::now();
        while rig.history().unwrap().len() < killed + 5 {
            assert!(started.elapsed() < TIMEOUT, "the lock stays held");
            thread::sleep(Duration::from_millis(5));
        }
    }
    let verdict = rig.finish(Guarantee::Exclusion).unwrap();
    assert!(verdict.is_clean(), "{verdict}");
}
