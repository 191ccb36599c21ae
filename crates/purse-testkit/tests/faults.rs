//! A server that crashes, hangs, stops and comes back.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

mod common;

use std::io::ErrorKind;
use std::time::Duration;

use common::{eventually, refuses};
use purse_testkit::{Error, Reply, Server};

fn set_and_get(server: &Server) -> Reply {
    let done = server.command(&["SET", "key", "value"]).unwrap();
    assert_eq!(done.text(), Some("OK"));
    server.command(&["GET", "key"]).unwrap()
}

#[test]
fn a_killed_server_comes_back_empty_on_its_port() {
    let server = Server::start().unwrap();
    assert_eq!(set_and_get(&server).text(), Some("value"));
    let (port, pid) = (server.port(), server.pid());

    server.kill().unwrap();
    assert!(!server.is_running());
    let refused = server.command(&["PING"]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    server.restart().unwrap();
    assert!(server.is_running());
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
    assert_eq!(server.command(&["GET", "key"]).unwrap(), Reply::Nil);
}

#[test]
fn append_only_data_outlive_a_kill() {
    let server = Server::builder().append_only().start().unwrap();
    set_and_get(&server);
    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!(
        server.command(&["GET", "key"]).unwrap().text(),
        Some("value")
    );
}

#[test]
fn a_running_server_is_stopped_before_it_is_restarted() {
    let server = Server::builder()
        .append_only()
        .password("secret")
        .start()
        .unwrap();
    set_and_get(&server);
    let pid = server.pid();
    server.restart().unwrap();
    assert_ne!(server.pid(), pid);
    assert_eq!(
        server.command(&["GET", "key"]).unwrap().text(),
        Some("value")
    );
    assert_eq!(
        server.log().matches("Ready to accept connections").count(),
        2
    );
}

#[test]
fn a_server_can_be_restarted_often() {
    let server = Server::start().unwrap();
    for _ in 0..5 {
        server.kill().unwrap();
        server.restart().unwrap();
        assert_eq!(set_and_get(&server).text(), Some("value"));
    }
}

#[test]
fn a_failed_restart_can_be_repeated() {
    let server = Server::builder().append_only().start().unwrap();
    set_and_get(&server);
    server.kill().unwrap();
    let thief = Server::builder().port(server.port()).start().unwrap();
    assert!(matches!(server.restart(), Err(Error::Ended { .. })));
    assert!(!server.is_running());
    drop(thief);
    server.restart().unwrap();
    assert_eq!(
        server.command(&["GET", "key"]).unwrap().text(),
        Some("value")
    );
}

#[test]
fn a_paused_server_answers_only_when_resumed() {
    let server = Server::start().unwrap();
    server.pause().unwrap();
    assert!(server.is_running());
    let silence = server
        .command_timeout(&["PING"], Duration::from_millis(100))
        .unwrap_err();
    assert_eq!(silence.kind(), ErrorKind::TimedOut);
    server.resume().unwrap();
    assert_eq!(server.command(&["PING"]).unwrap().text(), Some("PONG"));
}

#[test]
fn a_paused_server_can_be_stopped_killed_and_restarted() {
    let server = Server::start().unwrap();
    server.pause().unwrap();
    server.stop().unwrap();
    server.restart().unwrap();
    server.pause().unwrap();
    server.kill().unwrap();
    server.restart().unwrap();
    server.pause().unwrap();
    server.restart().unwrap();
    assert_eq!(set_and_get(&server).text(), Some("value"));
}

#[test]
fn stop_is_graceful_and_kill_is_not() {
    let graceful = "bye bye";
    let server = Server::start().unwrap();
    server.kill().unwrap();
    assert!(!server.log().contains(graceful), "{}", server.log());
    server.restart().unwrap();
    server.stop().unwrap();
    assert!(!server.is_running());
    assert!(server.log().contains(graceful), "{}", server.log());
}

#[test]
fn stop_does_not_save() {
    let server = Server::start().unwrap();
    set_and_get(&server);
    server.stop().unwrap();
    server.restart().unwrap();
    assert_eq!(server.command(&["GET", "key"]).unwrap(), Reply::Nil);
}

#[test]
fn a_gone_server_can_be_stopped_but_not_paused() {
    let server = Server::start().unwrap();
    server.kill().unwrap();
    server.kill().unwrap();
    server.stop().unwrap();
    assert!(matches!(server.pause(), Err(Error::Io { .. })));
    assert!(matches!(server.resume(), Err(Error::Io { .. })));
}

#[test]
fn server_that_exits_is_noticed() {
    let server = Server::start().unwrap();
    // The server closes the connection without an answer.
    assert!(server.command(&["SHUTDOWN", "NOSAVE"]).is_err());
    eventually("the server ends", || !server.is_running());
    assert!(refuses(server.port()));
    server.restart().unwrap();
    assert_eq!(set_and_get(&server).text(), Some("value"));
}
