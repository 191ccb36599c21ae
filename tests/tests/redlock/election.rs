//! Leaders, and who sees them.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use purse::redlock::{Error, Leader, LostReason, Release};
use purse_testkit::{Masters, Server};
use purse_tests::fresh;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch::Receiver;
use tokio::time::timeout;

use super::{MASTERS, PATIENCE, Redlock, ask, copies, eventually, five, redlock};

const URLS: &str = "PURSE_TEST_LEADER";
const TTL: Duration = Duration::from_secs(2);

async fn connect_with_short_ttl(urls: impl IntoIterator<Item = String>) -> Redlock {
    let builder = Redlock::builder(urls).ttl(TTL);
    builder.build().await.expect("masters that run")
}

/// Waits until such a leader, or none, is shown.
async fn wait_leader(observer: &mut Receiver<Option<Leader>>, name: Option<&str>) {
    let is_so = |leader: &Option<Leader>| leader.as_ref().map(Leader::name).as_deref() == name;
    let shown = timeout(PATIENCE * 2, observer.wait_for(is_so)).await;
    assert!(shown.is_ok_and(|shown| shown.is_ok()), "not {name:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn resignation_hands_over_and_is_observed_elsewhere() {
    let key = fresh("election");
    let election = five().await.election(&key);
    let mut observer = five().await.election(&key).observe();
    let first = election.campaign("a").await.unwrap();
    wait_leader(&mut observer, Some("a")).await;
    assert_eq!(observer.borrow().as_ref(), Some(first.leader()));
    let record = format!("{} a", first.fence());
    eventually("all have the record", PATIENCE, || {
        let says = |server: &&Server| {
            let reply = ask(server, "GET", format!("{key}:leader"), "");
            reply.text() == Some(record.as_str())
        };
        MASTERS.iter().filter(says).count() == 5
    })
    .await;
    let [lock, record] = [key.clone(), format!("{key}:leader")]
        .map(|key| ask(&MASTERS[0], "PTTL", key, "").int().unwrap());
    assert!(
        (lock - record).abs() < 5_000 && record > 0,
        "{lock} {record}"
    );

    let other = five().await.election(&key);
    let next = tokio::spawn(async move { other.campaign("b").await.unwrap() });
    assert_eq!(first.resign().await.unwrap(), Release::Released);
    // Far sooner than the ttl, which is 20 s.
    let second = timeout(PATIENCE, next).await.unwrap().unwrap();
    wait_leader(&mut observer, Some("b")).await;
    drop(second);
    wait_leader(&mut observer, None).await;
    eventually("no key left", PATIENCE, || {
        copies(&*MASTERS, &key) + copies(&*MASTERS, format!("{key}:leader")) == 0
    })
    .await;
}

/// The other process: it leads until it is killed.
async fn lead(urls: &str) {
    let redlock = connect_with_short_ttl(urls.split(',').map(str::to_owned)).await;
    let leadership = redlock.election("key").campaign("child").await;
    let leadership = leadership.expect("an election without others");
    println!("leads {}.", leadership.fence());
    println!("lost: {}", leadership.lost().await);
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_leader_is_replaced_and_notices_on_waking() {
    if let Ok(urls) = env::var(URLS) {
        return lead(&urls).await;
    }
    let masters = Masters::start(3).unwrap();
    let process = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("election::stopped_leader_is_replaced_and_notices_on_waking")
        .env(URLS, masters.urls().join(","))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Process(process);
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let mut prints = |word: &str| {
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(word)));
        line.expect("such a line").unwrap()
    };
    let line = prints("leads ");
    let fence = line.rsplit("leads ").next().unwrap().trim_end_matches('.');
    let fence: u64 = fence.parse().unwrap();
    let redlock = connect_with_short_ttl(masters.urls()).await;
    let election = redlock.election("key");
    let mut observer = election.observe();
    wait_leader(&mut observer, Some("child")).await;
    assert_eq!(observer.borrow().as_ref().map(Leader::fence), Some(fence));

    let pid = Pid::from_child(&process.0);
    kill_process(pid, Signal::STOP).unwrap();
    let next = timeout(PATIENCE * 2, election.campaign("b")).await;
    let next = next.unwrap().unwrap();
    assert!(next.fence() > fence);
    wait_leader(&mut observer, Some("b")).await;
    kill_process(pid, Signal::CONT).unwrap();
    prints("lost: ");
    next.check().unwrap();
    assert_eq!(observer.borrow().as_ref(), Some(next.leader()));
    redlock.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flush_ends_leadership_and_next_fence_is_greater() {
    let masters = Masters::start(3).unwrap();
    let redlock = connect_with_short_ttl(masters.urls()).await;
    let election = redlock.election("key");
    let mut observer = election.observe();
    let leadership = election.campaign("a").await.unwrap();
    wait_leader(&mut observer, Some("a")).await;
    for server in masters.iter() {
        server.command(&["FLUSHALL"]).unwrap();
    }
    timeout(PATIENCE, leadership.lost()).await.unwrap();
    wait_leader(&mut observer, None).await;
    let next = election.campaign("b").await.unwrap();
    assert!(next.fence() > leadership.fence());
    wait_leader(&mut observer, Some("b")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_survives_minority_loss_but_not_total_loss() {
    let masters = Masters::start(3).unwrap();
    let redlock = connect_with_short_ttl(masters.urls()).await;
    let election = redlock.election("key");
    let mut observer = election.observe();
    masters[0].kill().unwrap();
    let leadership = election.campaign("a").await.unwrap();
    wait_leader(&mut observer, Some("a")).await;
    // Longer than without extensions.
    let start = Instant::now();
    while start.elapsed() < TTL * 2 {
        leadership.check().unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(observer.borrow().as_ref(), Some(leadership.leader()));
    masters[1].kill().unwrap();
    masters[2].kill().unwrap();
    let reason = timeout(PATIENCE, leadership.lost()).await.unwrap();
    assert_eq!(reason, LostReason::Expired);
    wait_leader(&mut observer, None).await;
}

#[tokio::test]
async fn foreign_record_is_kept_and_named() {
    let key = fresh("election");
    let redlock = redlock(MASTERS.urls()).await;
    for server in MASTERS.iter() {
        ask(server, "SADD", format!("{key}:leader"), "member");
    }
    let error = redlock.election(&key).campaign("a").await.unwrap_err();
    assert!(matches!(error, Error::WrongType { .. }), "{error}");
    assert_eq!(copies(&*MASTERS, format!("{key}:leader")), 5);
    eventually("no lock left", PATIENCE, || copies(&*MASTERS, &key) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn observers_see_exactly_the_leaders_in_order() {
    let key = fresh("election");
    let mut observer = five().await.election(&key).observe();
    let mut recorder = observer.clone();
    let recording = tokio::spawn(async move {
        let mut shown = Vec::new();
        while recorder.changed().await.is_ok() {
            let leader = recorder.borrow_and_update().clone();
            let is_last = leader.as_ref().is_some_and(|leader| leader.name() == "9");
            shown.extend(leader.filter(|leader| shown.last() != Some(leader)));
            if is_last {
                break;
            }
        }
        shown
    });
    let candidates = [five().await.election(&key), five().await.election(&key)];
    let mut led = Vec::new();
    for term in 0..10 {
        let leadership = candidates[term % 2].campaign(term.to_string()).await;
        let leadership = leadership.unwrap();
        wait_leader(&mut observer, Some(&term.to_string())).await;
        led.push(leadership.leader().clone());
        drop(leadership);
    }
    let shown = timeout(PATIENCE, recording).await.unwrap().unwrap();
    assert_eq!(shown, led);
}

#[tokio::test]
async fn documented_rights_suffice_for_elections() {
    let leads = "~jobs:* +set +get +del +pttl +pexpire +time +eval +evalsha";
    let server = Server::builder()
        .config("user", format!("leads on >pw {leads}"))
        .config(
            "user",
            "told on >pw ~jobs:* +get +eval +evalsha +client +ping",
        )
        .config("user", "polls on >pw ~jobs:* +get +eval +evalsha")
        .start()
        .unwrap();
    let by = |user: &str| format!("redis://{user}:pw@127.0.0.1:{}", server.port());
    let candidate = redlock([by("leads")]).await.election("jobs:a");
    let mut observers = Vec::new();
    for user in ["told", "polls"] {
        // It may not lock anything, and need not.
        let redlock = Redlock::builder([by(user)]).build().await;
        observers.push(redlock.unwrap().election("jobs:a").observe());
    }
    let leadership = candidate.campaign("a").await.unwrap();
    for observer in &mut observers {
        wait_leader(observer, Some("a")).await;
    }
    assert_eq!(leadership.resign().await.unwrap(), Release::Released);
    for observer in &mut observers {
        wait_leader(observer, None).await;
    }
    assert_eq!(copies([&server], "jobs:a:leader"), 0);
}
