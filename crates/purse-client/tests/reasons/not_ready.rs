//! Servers that are not ready: the error says so, and nothing changed.

use std::time::Duration;

use purse_client::{Client, Command, Error, ErrorKind};
use purse_testkit::Server;

use crate::fake::{Fake, answer, close, read, write};
use crate::support::{get, incr, until};
use crate::{lazy, text_of};

/// Checks that a command did not run, and may run later.
#[track_caller]
fn assert_not_ready(error: &Error, code: &str) {
    assert_eq!(error.kind(), ErrorKind::Server, "{error:?}");
    assert_eq!(error.code(), Some(code), "{error:?}");
    assert!(error.is_retryable() && !error.is_ambiguous(), "{error:?}");
}

#[tokio::test]
async fn reply_of_a_server_that_is_not_ready_is_retryable() {
    for code in [
        "LOADING",
        "BUSY",
        "MASTERDOWN",
        "NOREPLICAS",
        "CLUSTERDOWN",
        "READONLY",
    ] {
        let reply = format!("-{code} for now\r\n");
        let fake = Fake::start(move |socket, _| {
            let reply = reply.clone();
            async move { answer(socket, reply.as_bytes()).await }
        })
        .await;
        let client = Client::connect(&fake.url).await.expect("a handshake");
        let read = Command::read("GET").key("k");
        assert_not_ready(&client.run(read).await.expect_err("refused"), code);
        assert_not_ready(&client.run(incr("n")).await.expect_err("refused"), code);
    }
}

#[tokio::test]
async fn busy_server_refuses_and_is_used_again() {
    let settings = Server::builder().config("lua-time-limit", "20");
    let server = settings.start().expect("a server");
    let client = Client::connect(&server.url()).await.expect("a server");
    let session = Client::builder(&server.url()).connect_session().await;
    let session = session.expect("a session");
    let endless = Command::read("EVAL").arg("while true do end").arg("0");
    let endless = tokio::spawn(async move { session.run(endless).await });
    let mut refused = None;
    until("the server is busy", async || {
        refused = client.run(incr("n")).await.err();
        refused.is_some()
    })
    .await;
    let before = get(&server, "n");
    assert!(before.is_none(), "a busy server answered {before:?}");
    assert_not_ready(&refused.expect("an error"), "BUSY");
    // A client that connects now is told the same, or is served later.
    let late = lazy(Client::builder(&server.url()));
    let killed = server.command(&["SCRIPT", "KILL"]).expect("SCRIPT KILL");
    assert_eq!(killed.text(), Some("OK"));
    endless.await.expect("no panic").expect_err("killed");
    let (one, two) = (client.run(incr("m")).await, late.run(incr("m")).await);
    one.expect("INCR");
    two.expect("INCR");
    assert_eq!(get(&server, "m").as_deref(), Some("2"));
}

#[tokio::test]
async fn primary_without_replicas_refuses_writes_only() {
    let settings = Server::builder().config("min-replicas-to-write", "1");
    let server = settings.start().expect("a server");
    let client = Client::connect(&server.url()).await.expect("a server");
    let error = client.run(incr("n")).await.expect_err("no replica");
    assert_not_ready(&error, "NOREPLICAS");
    let read = client.run(Command::read("GET").key("n")).await;
    assert!(read.expect("GET").is_nil());
}

#[tokio::test]
async fn replica_without_its_primary_refuses() {
    let settings = Server::builder().config("replica-serve-stale-data", "no");
    let server = settings.start().expect("a server");
    let follow = server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(follow.expect("REPLICAOF").text(), Some("OK"));
    let client = Client::connect(&server.url()).await.expect("a server");
    let read = client.run(Command::read("GET").key("k")).await;
    assert_not_ready(&read.expect_err("no primary"), "MASTERDOWN");
    let write = client.run(incr("n")).await.expect_err("no primary");
    assert!(write.is_retryable() && !write.is_ambiguous(), "{write:?}");
}

#[tokio::test]
async fn server_with_too_many_clients_says_so_until_one_leaves() {
    let server = Server::start().expect("a server");
    let first = Client::connect(&server.url()).await.expect("a server");
    let limit = |limit: i64| {
        let set = Command::write("CONFIG").arg("SET");
        first.run(set.arg("maxclients").arg(limit))
    };
    limit(1).await.expect("CONFIG SET");
    let error = Client::connect(&server.url()).await.expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    assert!(error.is_retryable());
    assert!(
        text_of(&error).contains("max number of clients"),
        "{error:?}"
    );

    let short = Duration::from_millis(400);
    let waits = lazy(Client::builder(&server.url()).command_timeout(short));
    let error = waits.run(incr("n")).await.expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
    assert!(
        text_of(&error).contains("max number of clients"),
        "{error:?}"
    );
    limit(100).await.expect("CONFIG SET");
    until("the client is let in", async || {
        waits.run(incr("m")).await.is_ok()
    })
    .await;
    assert_eq!(get(&server, "n"), None);
}

#[tokio::test]
async fn refused_handshake_is_reported_and_retried() {
    for (words, told) in [
        (
            "LOADING Redis is loading the dataset in memory",
            "not ready",
        ),
        ("MASTERDOWN Link with MASTER is down", "not ready"),
        ("BUSY Redis is busy running a script", "not ready"),
        ("DENIED Redis is running in protected mode", "refuses"),
    ] {
        let fake = Fake::start(move |mut socket, number| async move {
            if number > 1 {
                return answer(socket, b":7\r\n").await;
            }
            read(&mut socket).await;
            write(&mut socket, format!("-{words}\r\n").as_bytes()).await;
            close(socket).await;
        })
        .await;
        let error = Client::connect(&fake.url).await.expect_err(words);
        assert_eq!(error.kind(), ErrorKind::NotSent, "{error:?}");
        let text = text_of(&error);
        assert!(text.contains(words) && text.contains(told), "{text}");
        assert!(error.is_retryable());
        // The next attempt is refused, and the one after it is not.
        let client = lazy(Client::builder(&fake.url));
        let reply = client.run(incr("n")).await.expect("waits");
        assert_eq!(reply.into_int().expect("a number"), 7);
    }
}
