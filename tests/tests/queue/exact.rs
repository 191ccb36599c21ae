//! All pushed elements are popped or left, although futures are dropped and connections break.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use purse::Client;
use purse_testkit::Server;
use purse_tests::until;

use super::rounds::{Book, Queues, WAYS, pending};

/// The number of tasks that pop at a time.
const TASKS: u32 = 3;

/// Returns the number of pops in all.
fn rounds() -> u32 {
    match std::env::var_os("PURSE_SOAK") {
        Some(_) => 10_000,
        None => 40 * WAYS,
    }
}

/// Pushes and pops through clients whose commands may take so long, while `fault` happens again and
/// again in a thread of its own.
async fn exact(server: Server, timeout: Duration, fault: fn(&Server)) {
    let server = Arc::new(server);
    let connect = async || {
        let client = Client::builder(&server.url()).command_timeout(timeout);
        client.connect().await.expect("a server that runs")
    };
    let (pushes, pops) = (Queues::new(&connect().await), Queues::new(&connect().await));
    let (book, stop) = (Arc::new(Book::default()), Arc::new(AtomicBool::new(false)));
    let faults = std::thread::spawn({
        let (server, stop) = (server.clone(), stop.clone());
        move || {
            while !stop.load(Ordering::SeqCst) {
                fault(&server);
            }
        }
    });
    let tasks = (0..TASKS).map(|_| {
        let fill = book
            .clone()
            .fill(pushes.clone(), pops.clone(), rounds() / TASKS);
        tokio::spawn(fill)
    });
    let filled = futures::future::try_join_all(tasks.collect::<Vec<_>>()).await;
    stop.store(true, Ordering::SeqCst);
    faults.join().expect("no panic");
    filled.expect("no panic");
    book.balance(&server).await;
}

/// The pace of the faults: no condition is waited for.
fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pops_are_dropped_at_any_point() {
    let server = Server::start().expect("a server");
    let client = Client::connect(&server.url())
        .await
        .expect("a server that runs");
    let queues = Queues::new(&client);
    let book = Arc::new(Book::default());
    book.clone().fill(queues.clone(), queues, rounds()).await;
    book.balance(&server).await;
    until("nothing is pending", async || pending(&server).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_is_killed_and_restarted_with_its_data() {
    let server = Server::builder().append_only().start().expect("a server");
    exact(server, Duration::from_millis(500), |server| {
        server.kill().expect("kill");
        server.restart().expect("restart");
        pause(100);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_closes_all_connections() {
    let server = Server::start().expect("a server");
    exact(server, Duration::from_secs(2), |server| {
        let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
        server.command(&kill).expect("CLIENT KILL");
        pause(3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_is_paused_and_resumed() {
    let server = Server::start().expect("a server");
    exact(server, Duration::from_millis(20), |server| {
        server.pause().expect("pause");
        pause(50);
        server.resume().expect("resume");
        pause(15);
    })
    .await;
}
