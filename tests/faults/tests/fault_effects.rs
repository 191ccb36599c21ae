//! Each fault has its effect on a lock until it is healed.

use std::thread;
use std::time::{Duration, Instant};

use purse_faults::fault::Fault;
use purse_faults::fault::FaultyMaster;
use purse_redlock::{Error, LostReason, Redlock, Release};
use purse_testkit::Server;
use tokio::runtime::Handle;

const TIMEOUT: Duration = Duration::from_secs(30);
const MASTER_TIMEOUT: Duration = Duration::from_millis(500);

async fn start_one() -> (FaultyMaster, Redlock) {
    let settings = Server::builder().append_only();
    let master = FaultyMaster::start(settings, &Handle::current()).expect("a server");
    let redlock = Redlock::builder([master.proxy().url()])
        .ttl(Duration::from_secs(2))
        .master_timeout(MASTER_TIMEOUT)
        .build()
        .await
        .expect("a master that runs");
    (master, redlock)
}

async fn wait_working(redlock: &Redlock) {
    let guard = redlock
        .mutex("key")
        .lock_timeout(TIMEOUT)
        .await
        .expect("a lock");
    let _ = guard.release().await.expect("a master that answers");
}

async fn refusal(redlock: &Redlock) -> String {
    let error = redlock
        .mutex("key")
        .try_lock()
        .await
        .expect_err("a master at fault");
    assert!(matches!(error, Error::NoQuorum { votes: 0, .. }), "{error}");
    error.to_string()
}

/// Returns the number of times that the server ran a command.
fn calls(master: &FaultyMaster, command: &str) -> u64 {
    let stats = master
        .server()
        .command(&["INFO", "commandstats"])
        .expect("a master that runs");
    let start = format!("cmdstat_{command}:calls=");
    let text = stats.text().expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    let count = line.and_then(|line| line.split(',').next());
    count.map_or(0, |count| count.parse().expect("a number"))
}

/// Returns the ids of the server's connections, without the one that lists them.
fn connections(master: &FaultyMaster) -> Vec<u64> {
    let list = master
        .server()
        .command(&["CLIENT", "LIST"])
        .expect("a master that runs");
    let lines = list.text().expect("text").lines();
    let others = lines.filter(|line| !line.contains("cmd=client"));
    let number = |line: &str| line.strip_prefix("id=")?.split(' ').next()?.parse().ok();
    others.filter_map(number).collect()
}

async fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < TIMEOUT, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faulty_master_denies_quorum() {
    for (fault, words) in [
        (Fault::Kill, ""),
        (Fault::Pause, ""),
        (Fault::BlackHole, ""),
        (Fault::Mute, ""),
        (Fault::HalfOpen, ""),
        (Fault::LostReply, ""),
        (Fault::OutOfMemory, "OOM"),
        (Fault::ReadOnly, "READONLY"),
    ] {
        let (master, redlock) = start_one().await;
        wait_working(&redlock).await;
        master.begin(fault).unwrap();
        let text = refusal(&redlock).await;
        assert!(text.contains(words), "{fault:?}: {text}");
        master.heal(fault).unwrap();
        wait_working(&redlock).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_reply_belongs_to_a_command_that_ran() {
    for fault in [Fault::Mute, Fault::LostReply] {
        let (master, redlock) = start_one().await;
        wait_working(&redlock).await;
        let before = calls(&master, "set");
        master.begin(fault).unwrap();
        refusal(&redlock).await;
        assert!(calls(&master, "set") > before, "{fault:?}");
        if fault == Fault::LostReply {
            assert!(master.proxy().replies_to_lose() < 3);
        }
        master.heal(fault).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn black_hole_runs_no_command_until_it_ends() {
    let (master, redlock) = start_one().await;
    wait_working(&redlock).await;
    let before = calls(&master, "set");
    master.begin(Fault::BlackHole).unwrap();
    refusal(&redlock).await;
    assert_eq!(calls(&master, "set"), before);
    master.heal(Fault::BlackHole).unwrap();
    wait_until("the late SET", || calls(&master, "set") > before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delay_slows_acquisition() {
    let (master, redlock) = start_one().await;
    wait_working(&redlock).await;
    master.begin(Fault::Delay).unwrap();
    let start = Instant::now();
    let guard = redlock.mutex("key").try_lock().await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(60),
        "{:?}",
        start.elapsed()
    );
    drop(guard);
    master.heal(Fault::Delay).unwrap();
    wait_working(&redlock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_connections_are_reconnected() {
    for fault in [Fault::Close, Fault::ClientKill] {
        let (master, redlock) = start_one().await;
        wait_working(&redlock).await;
        let before = connections(&master);
        assert!(!before.is_empty());
        master.inject(fault, Duration::ZERO).unwrap();
        wait_until("the connections are gone", || {
            connections(&master)
                .iter()
                .all(|number| !before.contains(number))
        })
        .await;
        wait_working(&redlock).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_scripts_are_loaded_again() {
    let (master, redlock) = start_one().await;
    wait_working(&redlock).await;
    let has_scripts = || {
        let info = master.server().command(&["INFO", "memory"]).unwrap();
        !info.text().unwrap().contains("number_of_cached_scripts:0")
    };
    assert!(has_scripts());
    let guard = redlock.mutex("key").lock().await.unwrap();
    master.inject(Fault::ScriptFlush, Duration::ZERO).unwrap();
    assert!(!has_scripts());
    assert_eq!(guard.release().await.unwrap(), Release::Released);
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_server_keeps_its_data() {
    let (master, _redlock) = start_one().await;
    master.run_command(&["SET", "kept", "1"]).unwrap();
    thread::scope(|scope| {
        let loading = scope.spawn(|| master.inject(Fault::Loading, Duration::ZERO));
        let mut is_loading = false;
        while !loading.is_finished() {
            let reply = master.server().command(&["GET", "kept"]).unwrap();
            is_loading |= reply
                .error()
                .is_some_and(|text| text.starts_with("LOADING"));
        }
        loading.join().unwrap().unwrap();
        assert!(is_loading);
    });
    let kept = master.server().command(&["GET", "kept"]).unwrap();
    assert_eq!(kept.text(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn flush_loses_locks() {
    let (master, redlock) = start_one().await;
    let mut guard = redlock.mutex("key").lock().await.unwrap();
    master.inject(Fault::FlushAll, Duration::ZERO).unwrap();
    let error = guard.extend().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Lost {
                reason: LostReason::Gone,
                ..
            }
        ),
        "{error}"
    );
}
