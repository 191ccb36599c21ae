//! Faults that no lock tolerates without a fence: the checker must find the violation, and the fence
//! must hold.
//!
//! libfaketime sets the clock of a master forward if it is installed. Otherwise a command expires the
//! keys, which has the same effect as a jump of the clock.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use purse_faults::checker::{FinalValues, Guarantee, Verdict};
use purse_faults::clock::{now, valid_until};
use purse_faults::fault::{DATA_LOSS, Plan};
use purse_faults::history::{FencedWrite, Hold, Write};
use purse_faults::resource::{Counter, Register, Stale};
use purse_faults::rig::{Fences, Rig, Setup};
use purse_redlock::{FencedGuard, QuarantinePolicy, Redlock};
use purse_testkit::{Masters, Server, ServerBuilder};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Longer than any test here takes.
const TTL: Duration = Duration::from_secs(120);

async fn connect(masters: &Masters, ttl: Duration, quarantine: QuarantinePolicy) -> Redlock {
    Redlock::builder(masters.urls())
        .ttl(ttl)
        .master_timeout(ttl.min(TIMEOUT) / 20)
        .quarantine(quarantine)
        .build()
        .await
        .expect("masters that run")
}

/// A holder, and the files that it writes to.
struct Holder {
    guard: FencedGuard,
    hold: Hold,
    counter: Counter,
    register: Register,
    read: u64,
    fenced_read: u64,
}

impl Holder {
    /// Acquires the lock, and reads the counter and the register.
    async fn acquire(process: usize, redlock: &Redlock, folder: &Path) -> Self {
        let requested = now();
        let mutex = redlock.fenced().mutex("key");
        let guard = mutex.lock_timeout(TIMEOUT).await.expect("the lock");
        let (until, _) = valid_until(&guard).expect("a lock that holds");
        let mut counter = Counter::open(folder, "key").expect("a file");
        let mut register = Register::open(folder, "key").expect("a file");
        let hold = Hold {
            process,
            number: 0,
            key: "key".to_owned(),
            requested,
            acquired: now(),
            until,
            released: None,
            fence: Some(guard.fence()),
            write: None,
            fenced_write: None,
            has_stale_guard: false,
        };
        Self {
            read: counter.read().expect("a file"),
            fenced_read: register
                .read(guard.fence())
                .expect("a file")
                .expect("a fence that grew"),
            guard,
            hold,
            counter,
            register,
        }
    }

    /// Writes one more than was read, if the guard is valid.
    fn write(mut self) -> Hold {
        self.guard.check().expect("a valid guard");
        self.counter.write(self.read + 1).expect("a file");
        self.hold.write = Some(Write {
            read: self.read,
            at: Some(now()),
        });
        let outcome = self
            .register
            .write(self.guard.fence(), self.fenced_read + 1);
        self.hold.fenced_write = Some(match outcome.expect("a file") {
            Ok(_) => FencedWrite::Accepted(self.fenced_read),
            Err(Stale) => FencedWrite::Refused(now()),
        });
        self.hold.released = Some(now());
        self.hold
    }
}

/// Lets a second holder acquire the lock after the masters lost the lock of the first. The second
/// client connects after that, and has not seen the masters before.
async fn two_holders(masters: &Masters, lose: impl FnOnce()) -> (Hold, Hold, FinalValues) {
    let folder = tempfile::tempdir().expect("a folder");
    let build = || connect(masters, TTL, QuarantinePolicy::default());
    let first = Holder::acquire(1, &build().await, folder.path()).await;
    lose();
    let second = Holder::acquire(2, &build().await, folder.path()).await;
    write_both(folder.path(), first, second)
}

/// Lets the second holder write before the first one.
fn write_both(folder: &Path, first: Holder, second: Holder) -> (Hold, Hold, FinalValues) {
    let (second, first) = (second.write(), first.write());
    (first, second, read_final_values(folder))
}

fn read_final_values(folder: &Path) -> FinalValues {
    let counter = Counter::open(folder, "key").and_then(|mut counter| counter.read());
    let register = Register::open(folder, "key").and_then(|mut register| register.value());
    FinalValues {
        counters: [("key".to_owned(), counter.expect("a counter"))].into(),
        registers: [("key".to_owned(), register.expect("a register"))].into(),
    }
}

/// Checks that the checker finds the overlap and the lost write, and that the register refused the
/// first holder by its fence.
fn check_found_and_fenced((first, second, last): &(Hold, Hold, FinalValues)) {
    let holds = [first.clone(), second.clone()];
    let verdict = Verdict::of(&holds, last, Guarantee::Exclusion);
    assert_eq!(verdict.overlaps, [(first.clone(), second.clone())]);
    assert_eq!(verdict.lost_updates, 1, "{verdict}");
    assert!(!verdict.is_clean());
    assert!(matches!(first.fenced_write, Some(FencedWrite::Refused(_))));
    assert_eq!(second.fenced_write, Some(FencedWrite::Accepted(0)));
    assert_eq!(last.registers["key"], 1);
    let verdict = Verdict::of(&holds, last, Guarantee::Fences);
    assert!(verdict.is_fenced(), "{verdict}");
}

fn three(settings: &ServerBuilder) -> Masters {
    Masters::start_with(3, settings).expect("three servers")
}

fn run_command(server: &Server, words: &[&str]) {
    let reply = server.command(words).expect("a reply");
    assert_eq!(reply.error(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn majority_flush_admits_second_holder_that_fence_stops() {
    let masters = three(&Server::builder());
    let lose = || {
        for master in 0..2 {
            run_command(&masters[master], &["FLUSHALL"]);
        }
    };
    check_found_and_fenced(&two_holders(&masters, lose).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn single_flush_under_bare_quorum_admits_second_holder() {
    let masters = three(&Server::builder());
    masters[2].kill().unwrap();
    let lose = || {
        masters[2].restart().unwrap();
        run_command(&masters[0], &["FLUSHALL"]);
    };
    check_found_and_fenced(&two_holders(&masters, lose).await);
}

fn restart(masters: &Masters, which: [usize; 2]) {
    for master in which {
        masters[master].kill().expect("a master that runs");
        masters[master].restart().expect("a master that starts");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn early_majority_restart_admits_new_process() {
    let masters = three(&Server::builder());
    check_found_and_fenced(&two_holders(&masters, || restart(&masters, [0, 1])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn majority_restart_without_quarantine_admits_second_holder() {
    let masters = three(&Server::builder());
    let folder = tempfile::tempdir().unwrap();
    let first = connect(&masters, TTL, QuarantinePolicy::Off).await;
    let second = connect(&masters, TTL, QuarantinePolicy::Off).await;
    let first = Holder::acquire(1, &first, folder.path()).await;
    restart(&masters, [0, 1]);
    let second = Holder::acquire(2, &second, folder.path()).await;
    check_found_and_fenced(&write_both(folder.path(), first, second));
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantine_excludes_second_holder_until_first_ends() {
    let ttl = Duration::from_secs(3);
    let masters = three(&Server::builder());
    let folder = tempfile::tempdir().unwrap();
    let first = connect(&masters, ttl, QuarantinePolicy::default()).await;
    let second = connect(&masters, ttl, QuarantinePolicy::default()).await;
    let first = Holder::acquire(1, &first, folder.path()).await;
    restart(&masters, [0, 1]);
    let second = Holder::acquire(2, &second, folder.path()).await;
    assert!(!first.guard.is_valid());
    let holds = [first.hold, second.write()];
    let verdict = Verdict::of(
        &holds,
        &read_final_values(folder.path()),
        Guarantee::Exclusion,
    );
    assert!(verdict.is_clean(), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn majority_clock_jump_admits_second_holder() {
    let clock = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(clock.path(), "+0\n").unwrap();
    let library = faketime();
    let settings = match &library {
        Some(library) => Server::builder()
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", clock.path())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        None => Server::builder(),
    };
    let jumping = Masters::start_with(2, &settings).unwrap();
    let steady = Server::start().unwrap();
    // All of them in one list, as one set of masters.
    let urls = || jumping.urls().into_iter().chain([steady.url()]);
    let build = async || {
        let builder = Redlock::builder(urls()).ttl(TTL);
        builder
            .master_timeout(Duration::from_secs(1))
            .build()
            .await
            .unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let first = Holder::acquire(1, &build().await, folder.path()).await;
    match &library {
        Some(_) => std::fs::write(clock.path(), "+300\n").unwrap(),
        // Without the library, a command has the effect of a jump.
        None => jumping
            .iter()
            .for_each(|server| run_command(server, &["PEXPIRE", "key", "1"])),
    }
    let second = Holder::acquire(2, &build().await, folder.path()).await;
    check_found_and_fenced(&write_both(folder.path(), first, second));
}

/// Returns Debian's libfaketime if it is installed (`apt-get install libfaketime`, or its path in
/// `PURSE_FAKETIME`).
fn faketime() -> Option<PathBuf> {
    let named = std::env::var_os("PURSE_FAKETIME").map(PathBuf::from);
    let usual = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(|machine| {
        Path::new("/usr/lib")
            .join(machine)
            .join("faketime/libfaketimeMT.so.1")
    });
    named.into_iter().chain(usual).find(|path| path.exists())
}

#[test]
fn flushed_masters_make_processes_overlap() {
    let seed = fastrand::u64(..1_000_000);
    println!("seed {seed}");
    let setup = Setup {
        program: env!("CARGO_BIN_EXE_faults").into(),
        masters: 3,
        server: Server::builder(),
        processes: 2,
        tasks: 40,
        keys: 4,
        fences: Fences::All,
        is_strict: false,
        idle: Duration::from_millis(200),
        ttl: Duration::from_secs(1),
        seed,
    };
    let mut rig = Rig::start(setup).unwrap();
    let started = Instant::now();
    for (round, pause) in Plan::new(seed, 3, 2, DATA_LOSS).allow_majority() {
        rig.apply(&round).unwrap();
        std::thread::sleep(pause);
        let verdict = rig.verdict(Guarantee::Fences).unwrap();
        if !verdict.overlaps.is_empty() && verdict.lost_updates > 0 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{verdict}");
    }
    let verdict = rig.finish(Guarantee::Fences).unwrap();
    assert!(!verdict.is_clean() && verdict.is_fenced(), "{verdict}");
}
