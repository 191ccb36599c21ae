//! Connections that are never reconnected once they have ended.

mod support;

use std::time::{Duration, Instant};

use purse_client::{Client, Command, ErrorKind, Session};
use purse_testkit::Server;
use support::{Proxy, SOON, calls, connections, get, incr, until};

static_assertions::assert_impl_all!(Session: Clone, Send, Sync, std::fmt::Debug);

const LIMIT: Duration = Duration::from_millis(150);

async fn session(url: &str) -> Session {
    Client::builder(url)
        .command_timeout(LIMIT)
        .connect_session()
        .await
        .expect("a server that runs")
}

async fn wait_over(session: &Session) {
    tokio::time::timeout(SOON, session.over())
        .await
        .expect("an end");
    assert!(session.is_over());
}

#[tokio::test]
async fn a_broken_session_stays_broken_and_sends_nothing() {
    let server = Server::start().unwrap();
    let session = session(&server.url()).await;
    assert_eq!(
        session
            .run(incr("n"))
            .await
            .ok()
            .and_then(|n| n.into_int().ok()),
        Some(1)
    );
    server
        .command(&["CLIENT", "KILL", "TYPE", "normal"])
        .unwrap();
    wait_over(&session).await;
    let before = calls(&server, "hello");
    for _ in 0..20 {
        let start = Instant::now();
        let error = session.run(incr("n")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
        assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
    }
    assert_eq!(get(&server, "n").as_deref(), Some("1"));
    assert_eq!(calls(&server, "hello"), before);
}

#[tokio::test]
async fn a_lost_reply_is_ambiguous_and_ends_the_session() {
    let server = Server::start().unwrap();
    let proxy = Proxy::before(&server).await;
    let session = session(&proxy.url).await;
    proxy.lose_next_reply();
    let error = session.run(incr("n")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert_eq!(get(&server, "n").as_deref(), Some("1"));
    wait_over(&session).await;
}

#[tokio::test]
async fn three_timeouts_end_a_session_and_one_does_not() {
    let server = Server::start().unwrap();
    let session = session(&server.url()).await;
    let pause = async || {
        server.pause().unwrap();
        let error = session.run(incr("n")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    };
    pause().await;
    assert!(!session.is_over());
    server.resume().unwrap();
    until("it answers", async || session.run(incr("n")).await.is_ok()).await;

    pause().await;
    pause().await;
    assert!(!session.is_over());
    pause().await;
    wait_over(&session).await;
    server.resume().unwrap();
}

#[tokio::test]
async fn readonly_replica_ends_the_session() {
    let server = Server::start().unwrap();
    let session = session(&server.url()).await;
    server.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let error = session.run(incr("n")).await.unwrap_err();
    assert_eq!(error.code(), Some("READONLY"), "{error}");
    wait_over(&session).await;
}

#[tokio::test]
async fn session_closes_at_end_and_with_last_clone() {
    let server = Server::start().unwrap();
    let none = connections(&server);
    let one = session(&server.url()).await;
    let two = session(&server.url()).await;
    let clone = two.clone();
    assert_eq!(connections(&server), none + 2);
    one.end();
    until("one is closed", async || connections(&server) == none + 1).await;
    drop(two);
    assert!(clone.run(incr("n")).await.is_ok());
    drop(clone);
    until("both are closed", async || connections(&server) == none).await;
}

#[tokio::test]
async fn unreachable_server_fails_connect_session_in_time() {
    let server = Server::start().unwrap();
    server.pause().unwrap();
    let start = Instant::now();
    let builder = Client::builder(&server.url()).connect_timeout(LIMIT);
    let error = builder.connect_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    server.resume().unwrap();
    server.kill().unwrap();
    let builder = Client::builder(&server.url());
    let error = builder.connect_session().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

fn set(key: String) -> Command {
    Command::write("SET")
        .key(key)
        .arg("token")
        .arg("NX")
        .arg("PX")
        .arg(60_000_u64)
}

#[tokio::test]
async fn set_nx_px_of_a_lock_takes_effect() {
    let server = Server::start().unwrap();
    let session = session(&server.url()).await;
    for first in [true, false] {
        let reply = session.run(set("a".into())).await.unwrap();
        assert_eq!(reply.into_bool().unwrap(), first);
    }
    assert_eq!(get(&server, "a").as_deref(), Some("token"));
    let pttl = server.command(&["PTTL", "a"]).unwrap().int().unwrap();
    assert!((1..=60_000).contains(&pttl), "{pttl}");
}

#[tokio::test]
async fn locks_of_many_tasks_are_sent_together() {
    let server = Server::start().unwrap();
    let session = Client::builder(&server.url());
    let session = session.connect_session().await.unwrap();
    let reads = || {
        let info = server.command(&["INFO", "stats"]).unwrap();
        let mut lines = info.text().unwrap().lines();
        let count = lines.find_map(|line| line.strip_prefix("total_reads_processed:"));
        count.unwrap().parse::<u64>().unwrap()
    };
    let before = reads();
    let sets = (0..500).map(|n| session.run(set(format!("key{n}"))));
    for reply in futures::future::join_all(sets).await {
        assert!(reply.unwrap().into_bool().unwrap());
    }
    let reads = reads() - before;
    assert!(reads < 60, "{reads} reads for 500 commands");
}

#[tokio::test]
async fn a_client_may_watch_without_being_connected() {
    let server = Server::start().unwrap();
    let none = connections(&server);
    let client = Client::builder(&server.url());
    let client = client.command_timeout(LIMIT).unconnected().unwrap();
    let (reply, mut watch) = client.watch(Command::read("PTTL").key("k")).await.unwrap();
    assert_eq!(reply.into_int().unwrap(), -2);
    assert_eq!(connections(&server), none + 1);
    server.command(&["SET", "k", "1"]).unwrap();
    tokio::time::timeout(SOON, watch.changed()).await.unwrap();
    for command in [incr("n"), Command::read("GET").key("n")] {
        let error = client.run(command).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
    }
    drop((client, watch));
    until("it is closed", async || connections(&server) == none).await;
}
