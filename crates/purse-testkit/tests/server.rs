//! A server that is started, used and dropped.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;

use common::{home, refuses};
use purse_testkit::{
    Binary, Error, Flavour, Masters, Release, Reply, Server, ServerBuilder, Version,
};
use rustix::process::{Pid, getpgid, getpgrp};

fn ok() -> Reply {
    Reply::Simple("OK".into())
}

#[test]
fn a_started_server_answers_at_its_url() {
    let server = Server::start().unwrap();
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
    assert_eq!(server.url_db(3), format!("{}/3", server.url()));
    assert_eq!(server.command(&["PING"]).unwrap().text(), Some("PONG"));

    let info = server.command(&["INFO", "server"]).unwrap().to_string();
    assert!(info.contains(&format!("process_id:{}\r\n", server.pid())));
    assert!(info.contains(&format!("tcp_port:{}\r\n", server.port())));
    assert!(server.is_running());
    assert!(server.log().contains("Ready to accept connections"));
}

#[test]
fn two_servers_share_nothing() {
    let (one, two) = (Server::start().unwrap(), Server::start().unwrap());
    assert_ne!(one.port(), two.port());
    assert_ne!(home(&one), home(&two));
    assert_eq!(one.command(&["SET", "key", "1"]).unwrap(), ok());
    assert_eq!(two.command(&["GET", "key"]).unwrap(), Reply::Nil);
}

#[test]
fn the_shared_server_is_one() {
    let threads: Vec<_> = (0..4)
        .map(|_| thread::spawn(|| Server::shared().pid()))
        .collect();
    let here = Server::shared().pid();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), here);
    }
}

#[test]
fn a_dropped_server_leaves_nothing() {
    let server = Server::start().unwrap();
    let (port, home) = (server.port(), home(&server));
    assert!(home.is_dir());
    drop(server);
    assert!(refuses(port));
    assert!(!home.exists());
}

#[test]
fn a_paused_server_can_be_dropped() {
    let server = Server::start().unwrap();
    let port = server.port();
    server.pause().unwrap();
    drop(server);
    assert!(refuses(port));
}

#[test]
fn terminal_signals_do_not_reach_a_server() {
    let server = Server::start().unwrap();
    let pid = Pid::from_raw(server.pid().try_into().unwrap());
    assert_ne!(getpgid(pid).unwrap(), getpgrp());
}

#[test]
fn every_kind_of_reply_is_read() {
    let server = Server::start().unwrap();
    let binary: &[u8] = b"\0\r\n\xff$";
    assert_eq!(
        server.command(&[b"SET", b"key".as_ref(), binary]).unwrap(),
        ok()
    );
    assert_eq!(
        server.command(&["GET", "key"]).unwrap().bytes(),
        Some(binary)
    );
    assert_eq!(
        server.command(&["APPEND", "key", ""]).unwrap().int(),
        Some(5)
    );
    assert_eq!(server.command(&["GET", "none"]).unwrap(), Reply::Nil);
    let refusal = server.command(&["LLEN", "key"]).unwrap();
    assert!(refusal.error().unwrap().starts_with("WRONGTYPE "));
    let script = "return {1, {redis.status_reply('two')}, {}, false}";
    assert_eq!(
        server.command(&["EVAL", script, "0"]).unwrap(),
        Reply::Array(vec![
            Reply::Int(1),
            Reply::Array(vec![Reply::Simple("two".into())]),
            Reply::Array(vec![]),
            Reply::Nil,
        ])
    );
}

#[test]
fn directives_take_effect() {
    let server = Server::builder()
        .config("maxmemory", "100mb")
        .config("client-output-buffer-limit", "pubsub 1mb 1mb 7")
        .config("notify-keyspace-events", "")
        .databases(3)
        .start()
        .unwrap();
    let setting = |name| server.command(&["CONFIG", "GET", name]).unwrap().items()[1].to_string();
    assert_eq!(setting("maxmemory"), "104857600");
    assert!(setting("client-output-buffer-limit").ends_with("pubsub 1048576 1048576 7"));
    assert_eq!(setting("databases"), "3");
    assert_eq!(setting("notify-keyspace-events"), "");
}

#[test]
fn debug_commands_are_allowed() {
    let server = Server::start().unwrap();
    assert_eq!(server.command(&["DEBUG", "SLEEP", "0"]).unwrap(), ok());
}

#[test]
fn a_password_is_asked_for_and_known() {
    let server = Server::builder().password(r#"a b"\é/@"#).start().unwrap();
    assert_eq!(
        server.url(),
        format!(
            "redis://:a%20b%22%5C%C3%A9%2F%40@127.0.0.1:{}",
            server.port()
        )
    );
    assert_eq!(server.command(&["PING"]).unwrap().text(), Some("PONG"));

    let mut stranger = TcpStream::connect((server.host(), server.port())).unwrap();
    stranger.write_all(b"PING\r\n").unwrap();
    let mut answer = String::new();
    BufReader::new(stranger).read_line(&mut answer).unwrap();
    assert!(answer.starts_with("-NOAUTH "), "{answer}");
}

#[test]
fn variables_reach_the_server_process() {
    let east = Server::builder().env("TZ", "EAST-7").start().unwrap();
    let plain = Server::builder().env("TZ", "UTC0").start().unwrap();
    // 7:M 22 Nov 2025 13:26:00.123 * Ready to accept connections
    let hour = |server: &Server| -> u32 {
        let log = server.log();
        let ready = log.lines().find(|line| line.contains("Ready to accept"));
        let time = ready.unwrap().split(' ').nth(4).unwrap();
        time.split(':').next().unwrap().parse().unwrap()
    };
    // One less if the hour was full in between.
    let ahead = (hour(&east) + 24 - hour(&plain)) % 24;
    assert!(ahead == 7 || ahead == 6, "{ahead}");
}

#[test]
fn a_bad_directive_is_an_error_with_the_servers_reason() {
    let error = Server::builder()
        .config("maxmemory-policy", "none-such")
        .start()
        .unwrap_err();
    let Error::Ended { log, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(log.contains("maxmemory-policy"), "{log}");
    assert!(error.to_string().contains(log));
}

#[test]
fn a_taken_port_is_an_error_that_says_so() {
    let first = Server::start().unwrap();
    let error = Server::builder().port(first.port()).start().unwrap_err();
    assert!(
        error.to_string().contains("Address already in use"),
        "{error}"
    );
    assert!(
        error.to_string().contains(&first.port().to_string()),
        "{error}"
    );
    assert_eq!(first.command(&["PING"]).unwrap().text(), Some("PONG"));
}

#[test]
fn a_binary_can_be_given() {
    let default = Release::Default.locate().unwrap();
    let server = Server::builder().binary(default.path()).start().unwrap();
    assert_eq!(server.binary(), &default);

    let error = Server::builder().binary("/bin/ls").start().unwrap_err();
    assert!(matches!(error, Error::NotAServer { .. }), "{error}");
    assert!(
        error.to_string().starts_with("/bin/ls is not a server"),
        "{error}"
    );
}

#[test]
fn masters_are_independent() {
    let masters = Masters::start(3).unwrap();
    assert_eq!(masters.len(), 3);
    assert_eq!(
        masters.urls(),
        [masters[0].url(), masters[1].url(), masters[2].url()]
    );
    masters[1].kill().unwrap();
    let running: Vec<bool> = masters.iter().map(Server::is_running).collect();
    assert_eq!(running, [true, false, true]);
}

#[test]
fn everything_can_be_shared_between_threads() {
    fn shareable<T: Send + Sync + std::fmt::Debug + 'static>() {}
    shareable::<Server>();
    shareable::<ServerBuilder>();
    shareable::<Masters>();
    shareable::<Binary>();
    shareable::<Flavour>();
    shareable::<Version>();
    shareable::<Release>();
    shareable::<Reply>();
    shareable::<Error>();
}
