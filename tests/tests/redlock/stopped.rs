//! A holder whose process stands still for longer than its lock lasts.

use std::env;
use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::task::Poll;
use std::time::Duration;

use purse::redlock::{AutoExtend, LeaseInstant, LostReason, Redlock};
use purse_testkit::Masters;
use rustix::process::{Pid, Signal, kill_process};

const URLS: &str = "PURSE_TEST_HOLDER";
const TTL: Duration = Duration::from_secs(2);

async fn redlock(urls: impl IntoIterator<Item = String>) -> Redlock {
    Redlock::builder(urls)
        .ttl(TTL)
        .auto_extend(AutoExtend::new())
        .build()
        .await
        .expect("masters that run")
}

/// Runs in the other process: holds the lock, and checks the time and the lock in turns.
async fn hold(urls: &str) {
    let redlock = redlock(urls.split(',').map(str::to_owned)).await;
    let guard = redlock.mutex("key").lock().await.expect("a free lock");
    let mut lost = pin!(guard.lost());
    // Before it tells: it may be stopped at once.
    let mut last = LeaseInstant::now();
    println!("held");
    loop {
        let now = LeaseInstant::now();
        let gap = now.saturating_duration_since(last);
        let told = poll_fn(|cx| Poll::Ready(lost.as_mut().poll(cx))).await;
        if gap > TTL {
            // It was stopped in between: nothing has run since but this.
            assert_eq!(told, Poll::Ready(LostReason::Expired));
            assert!(guard.check().is_err() && guard.remaining().is_zero());
            println!("knows");
            return;
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn stopped_process_notices_its_loss_first() {
    if let Ok(urls) = env::var(URLS) {
        return hold(&urls).await;
    }
    let masters = Masters::start(3).unwrap();
    let holder = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("stopped::stopped_process_notices_its_loss_first")
        .env(URLS, masters.urls().join(","))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut holder = Holder(holder);
    let mut lines = BufReader::new(holder.0.stdout.take().unwrap()).lines();
    let mut prints = |word: &str| lines.any(|line| line.is_ok_and(|line| line.contains(word)));
    assert!(prints("held"));
    let pid = Pid::from_child(&holder.0);
    kill_process(pid, Signal::STOP).unwrap();
    // No process extends the lock any more, so it expires.
    let redlock = redlock(masters.urls()).await;
    let guard = redlock.mutex("key").lock().await.unwrap();
    let start = LeaseInstant::now();
    while LeaseInstant::now().saturating_duration_since(start) <= TTL {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    kill_process(pid, Signal::CONT).unwrap();
    assert!(prints("knows"));
    assert!(holder.0.wait().unwrap().success());
    // The other process did not touch the lock of the next holder before it ended.
    guard.check().unwrap();
    assert!(redlock.mutex("key").try_lock().await.is_err());
}
