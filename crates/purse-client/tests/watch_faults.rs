//! Watched keys while things go wrong: a watch may wake for nothing, and never sleeps on.

mod support;

use std::time::Duration;

use futures::FutureExt;
use futures::future::{join_all, select_all};
use purse_client::{Client, Command, ErrorKind, Script, Watch};
use purse_testkit::Server;
use support::{Proxy, client, connect_restricted, connections, tracking, until};
use tokio::time::timeout;

/// Beats are two seconds apart, and an answer may take two as well.
const BEATS: Duration = Duration::from_secs(40);

static INCR: Script = Script::write("INCR", "return redis.call('INCR', KEYS[1])");

fn read(key: &str) -> Command {
    Command::read("PTTL").key(key.to_owned())
}

async fn watch(client: &Client, key: &str) -> Watch {
    client.watch(read(key)).await.expect("a watch").1
}

async fn wait_awake(watch: &mut Watch, why: &str) {
    timeout(BEATS, watch.changed()).await.expect(why);
}

async fn wakes_at_once(watch: &mut Watch) -> bool {
    timeout(Duration::ZERO, watch.changed()).await.is_ok()
}

/// A watch of a key sleeps, and wakes when the key is written.
async fn check_watch(server: &Server, client: &Client) {
    let mut watch = watch(client, "works").await;
    assert!(!wakes_at_once(&mut watch).await);
    server.command(&["INCR", "works"]).expect("INCR");
    wait_awake(&mut watch, "written").await;
}

#[tokio::test]
async fn a_lost_connection_wakes_all_and_the_next_watch_makes_another() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let (mut one, mut two) = (watch(&client, "a").await, watch(&client, "b").await);
    let ids = tracking(&server);
    assert_eq!(ids.len(), 1);
    server
        .command(&["CLIENT", "KILL", "ID", &ids[0]])
        .expect("CLIENT KILL");
    wait_awake(&mut one, "killed").await;
    wait_awake(&mut two, "killed").await;
    check_watch(&server, &client).await;
    assert_ne!(tracking(&server), ids);
}

#[tokio::test]
async fn watch_right_after_a_loss_wakes_or_fails() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for _ in 0..20 {
        let _watch = watch(&client, "key").await;
        let kill = ["CLIENT", "KILL", "ID", &tracking(&server)[0]];
        server.command(&kill).expect("CLIENT KILL");
        // This watch may or may not notice the dead connection. It must not wait on it.
        match client.watch(read("key")).await {
            Ok((_, mut watch)) => {
                server.command(&["INCR", "key"]).expect("INCR");
                wait_awake(&mut watch, "written, or lost").await;
            }
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
    check_watch(&server, &client).await;
}

#[tokio::test]
async fn paused_server_wakes_its_watches() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let mut watch = watch(&client, "key").await;
    server.pause().expect("paused");
    wait_awake(&mut watch, "silent").await;
    server.resume().expect("resumed");
    check_watch(&server, &client).await;
}

#[tokio::test]
async fn a_connection_that_swallows_everything_wakes_its_watches() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::builder(&proxy.url)
        .command_timeout(Duration::from_millis(500))
        .connect()
        .await
        .expect("a server");
    let mut sleeper = watch(&client, "key").await;
    proxy.swallow();
    let error = client.watch(read("other")).await.expect_err("no reply");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    wait_awake(&mut sleeper, "silent").await;
    proxy.swallow_no_more();
    check_watch(&server, &client).await;
}

#[tokio::test]
async fn read_with_lost_reply_fails_in_time_without_watch() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::connect(&proxy.url).await.expect("a server");
    check_watch(&server, &client).await;
    proxy.lose_next_reply();
    let error = client.watch(read("key")).await.expect_err("no reply");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(proxy.has_lost_reply());
    check_watch(&server, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_messages_than_fred_keeps_wake_every_watch() {
    const KEYS: usize = 10_000;
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let keys: Vec<_> = (0..KEYS).map(|n| format!("key:{n}")).collect();
    let mut watches = join_all(keys.iter().map(|key| watch(&client, key))).await;
    assert_eq!(tracking(&server).len(), 1, "one connection for all of them");
    assert!(!wakes_at_once(&mut watches[0]).await);
    let mut mset = vec!["MSET"];
    mset.extend(keys.iter().flat_map(|key| [key.as_str(), "1"]));
    server.command(&mset).expect("MSET");
    let all = join_all(watches.iter_mut().map(Watch::changed));
    timeout(BEATS, all).await.expect("all of them wake");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_watches_share_one_connection() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let mut watches = join_all((0..200).map(|_| watch(&client, "key"))).await;
    assert_eq!(tracking(&server).len(), 1);
    let (_, first, rest) = select_all(watches.iter_mut().map(|watch| watch.changed().boxed()))
        .now_or_never()
        .unwrap_or(((), usize::MAX, Vec::new()));
    drop(rest);
    assert_eq!(first, usize::MAX, "nothing was changed");
    server.command(&["INCR", "key"]).expect("INCR");
    let all = join_all(watches.iter_mut().map(Watch::changed));
    timeout(BEATS, all).await.expect("all of them wake");
}

#[tokio::test]
async fn the_connection_closes_some_time_after_the_last_watch() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let kept = watch(&client, "key").await;
    drop(watch(&client, "other").await);
    // Given up at any point: it must not count as a watch for ever.
    for micros in 0..500 {
        let _ = timeout(
            Duration::from_micros(micros),
            client.watch(read("given up")),
        )
        .await;
    }
    drop(kept);
    let gone = async {
        while !tracking(&server).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BEATS, gone).await.expect("closed");
    check_watch(&server, &client).await;
}

#[tokio::test]
async fn a_dropped_client_leaves_no_connection_and_no_sleeper() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let mut watch = watch(&client, "key").await;
    drop(client);
    wait_awake(&mut watch, "the client is gone").await;
    until("all connections are closed", async || {
        connections(&server) == 0
    })
    .await;
}

#[tokio::test]
async fn closed_client_closes_its_tracking_connection() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let mut watch = watch(&client, "key").await;
    client.close().await;
    assert!(wakes_at_once(&mut watch).await);
    until("all connections are closed", async || {
        connections(&server) == 0
    })
    .await;
    let error = client.watch(read("key")).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

#[tokio::test]
async fn refused_tracking_is_reported_and_remembered() {
    let server = Server::start().expect("a server");
    let client = connect_restricted(&server, "~* &* +@all -client").await;
    let received = || {
        let info = server.command(&["INFO", "stats"]).expect("INFO");
        let info = info.text().expect("text").to_owned();
        let mut lines = info.lines();
        let count = lines.find_map(|line| line.strip_prefix("total_connections_received:"));
        count.expect("a count").parse::<u64>().expect("a number")
    };
    let before = received();
    for _ in 0..50 {
        let error = client.watch(read("key")).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert!(error.to_string().contains("NOPERM"), "{error}");
    }
    let made = received() - before;
    assert!(made < 25, "{made} connections to hear the same");
    client.run(read("key")).await.expect("other commands work");
}

#[tokio::test]
async fn readonly_replica_wakes_watches_and_is_left() {
    let (primary, server) = (
        Server::start().expect("a server"),
        Server::start().expect("a server"),
    );
    let client = client(&server).await;
    let mut sleeper = watch(&client, "key").await;
    let port = primary.port().to_string();
    let made = server.command(&["REPLICAOF", primary.host(), &port]);
    assert_eq!(made.expect("REPLICAOF").text(), Some("OK"));
    let refused = async {
        while !wakes_at_once(&mut sleeper).await {
            let incr = client.watch(Command::script(&INCR).key("other")).await;
            assert!(incr.expect_err("a replica").is_retryable());
        }
    };
    timeout(BEATS, refused).await.expect("the sleeper wakes");
    let made = server.command(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(made.expect("REPLICAOF").text(), Some("OK"));
    check_watch(&server, &client).await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error_in_time_and_found_again() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let mut sleeper = watch(&client, "key").await;
    server.kill().expect("killed");
    wait_awake(&mut sleeper, "killed").await;
    let all = join_all((0..100).map(|_| client.watch(read("key"))));
    for outcome in timeout(BEATS, all).await.expect("errors in time") {
        let error = outcome.expect_err("no server");
        assert!(error.is_retryable(), "{error}");
    }
    server.restart().expect("restarted");
    check_watch(&server, &client).await;
}

#[tokio::test]
async fn watch_needs_one_key_and_returns_errors_of_its_read() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for command in [
        Command::read("PING"),
        Command::read("EXISTS").key("a").key("b"),
    ] {
        let error = client.watch(command).await.expect_err("not one key");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    server.command(&["SET", "key", "1"]).expect("SET");
    let error = client
        .watch(Command::read("LLEN").key("key"))
        .await
        .expect_err("a string");
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    assert!(error.to_string().contains("LLEN on key \"key\""), "{error}");
}
