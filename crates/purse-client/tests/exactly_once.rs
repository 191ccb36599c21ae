//! Scripts that run exactly once, and commands that may run twice, when replies are lost.

mod support;

use std::time::{Duration, Instant};

use purse_client::{Client, Command, ErrorKind, Script, is_internal_key};
use purse_testkit::{Release, Server};
use support::{Proxy, SOON, calls, client, connect_restricted, get, servers, start_release, until};

/// Adds one to a counter, unless it is full. The receipt holds the sum, or "full".
static COUNT: Script = Script::write(
    "COUNT",
    "local answer = redis.call('GET', KEYS[2])
     if answer then return answer end
     local sum = (redis.call('GET', KEYS[1]) or 0) + 1
     if sum > tonumber(ARGV[1]) then
         if ARGV[3] == '1' then redis.call('SET', KEYS[2], 'full', 'PX', ARGV[2]) end
         return 'full'
     end
     redis.call('SET', KEYS[1], sum)
     redis.call('SET', KEYS[2], sum, 'PX', ARGV[2])
     return sum",
);

fn count(most: i64) -> Command {
    Command::script(&COUNT).key("counter").arg(most)
}

async fn run(client: &Client, script: Command) -> String {
    let reply = client.run_exactly_once(script).await.expect("a reply");
    let text = reply.into_bytes().expect("text");
    String::from_utf8(text.into()).expect("text")
}

fn receipts(server: &Server) -> Vec<String> {
    let keys = server.command(&["KEYS", "*:receipt:*"]).expect("KEYS");
    let names = keys.items().iter().filter_map(purse_testkit::Reply::text);
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn receipt_is_removed_once_the_reply_arrived() {
    for server in servers() {
        let client = client(&server).await;
        for n in 1..=3 {
            assert_eq!(run(&client, count(9)).await, n.to_string());
        }
        until("removed", async || receipts(&server).is_empty()).await;
        assert_eq!(run(&client, count(3)).await, "full");
        assert_eq!(get(&server, "counter").as_deref(), Some("3"));
    }
}

#[tokio::test]
async fn script_of_a_lost_reply_runs_once_and_answers_the_same() {
    for server in servers() {
        let proxy = Proxy::before(&server).await;
        let client = Client::connect(&proxy.url).await.expect("a server");
        for n in 1..=20 {
            client.ping().await.expect("a new connection");
            proxy.lose_next_reply();
            assert_eq!(run(&client, count(99)).await, n.to_string());
            assert!(proxy.has_lost_reply());
        }
        assert_eq!(get(&server, "counter").as_deref(), Some("20"));
        // The first request might still arrive, as far as the client knows.
        let left = receipts(&server);
        assert_eq!(left.len(), 20);
        for receipt in left {
            assert!(receipt.starts_with("counter{counter}:purse:receipt:"));
            assert!(is_internal_key(receipt.as_bytes()), "{receipt}");
            let ttl = server.command(&["PTTL", &receipt]).expect("PTTL").int();
            assert!((500_000..=600_000).contains(&ttl.expect("a number")));
        }
    }
}

#[tokio::test]
async fn request_that_arrives_late_changes_nothing() {
    for (most, expected) in [(9, "6"), (5, "full")] {
        let server = Server::start().expect("a server");
        let proxy = Proxy::before(&server).await;
        let client = Client::connect(&proxy.url).await.expect("a server");
        server.command(&["SET", "counter", "5"]).expect("SET");
        proxy.hold_next_request_and_hang_up();
        assert_eq!(run(&client, count(most)).await, expected);
        assert!(proxy.holds_one());
        // The second request was refused, and there is room when the first one arrives.
        if most == 5 {
            server.command(&["SET", "counter", "0"]).expect("SET");
        }
        let before = get(&server, "counter");
        let asked = calls(&server, "eval") + calls(&server, "evalsha");
        proxy.release();
        until("the first request ran", async || {
            calls(&server, "eval") + calls(&server, "evalsha") > asked
        })
        .await;
        assert_eq!(get(&server, "counter"), before);
    }
}

#[tokio::test]
async fn command_that_may_run_twice_is_sent_again() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::connect(&proxy.url).await.expect("a server");
    let count = || Command::write("INCR").key("counter");
    proxy.lose_next_reply();
    let error = client.run(count()).await.expect_err("no reply");
    assert!(error.is_ambiguous(), "{error}");
    client.ping().await.expect("a new connection");
    proxy.lose_next_reply();
    let reply = client.run_repeatable(count()).await.expect("a reply");
    assert_eq!(reply.into_int().expect("a number"), 3);
}

#[tokio::test]
async fn script_ends_with_its_time() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::connect(&proxy.url).await.expect("a server");
    proxy.swallow();
    let since = Instant::now();
    let short = count(9).timeout(Duration::from_millis(200));
    let error = client.run_exactly_once(short).await.expect_err("no reply");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert!(
        error.to_string().contains("COUNT on key \"counter\""),
        "{error}"
    );
    assert!(since.elapsed() < SOON);
}

#[tokio::test]
async fn error_after_a_lost_reply_is_ambiguous() {
    let server = Server::start().expect("a server");
    let proxy = Proxy::before(&server).await;
    let client = Client::connect(&proxy.url).await.expect("a server");
    server.command(&["RPUSH", "counter", "x"]).expect("RPUSH");
    let error = client.run_exactly_once(count(9)).await.expect_err("a list");
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    // The request that is held might find another value.
    proxy.hold_next_request_and_hang_up();
    let error = client.run_exactly_once(count(9)).await.expect_err("a list");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert!(error.server().is_some() && std::error::Error::source(&error).is_some());
    proxy.release();
}

#[tokio::test]
async fn command_without_script_or_key_is_refused() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for command in [
        Command::write("INCR").key("counter"),
        Command::script(&COUNT).arg(9),
    ] {
        let error = client.run_exactly_once(command).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(client.stats().commands, 0);
}

#[tokio::test]
async fn closed_client_removes_the_receipts_before_it_ends() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    for _ in 0..50 {
        run(&client, count(99)).await;
    }
    client.close().await;
    assert_eq!(receipts(&server), [""; 0]);
    let error = client
        .run_exactly_once(count(99))
        .await
        .expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

#[tokio::test]
async fn receipt_without_the_right_to_remove_it_expires() {
    let server = start_release(Release::Default);
    let rights = "~* +eval +evalsha +get +set";
    let client = connect_restricted(&server, rights).await;
    client.ping().await.expect_err("no right to it");
    server.command(&["ACL", "LOG", "RESET"]).expect("ACL LOG");
    assert_eq!(run(&client, count(9)).await, "1");
    let refused = async || {
        let log = server.command(&["ACL", "LOG"]).expect("ACL LOG");
        !log.items().is_empty()
    };
    until("the removal was refused", refused).await;
    assert_eq!(receipts(&server).len(), 1);
    assert_eq!(run(&client, count(9)).await, "2");
}
