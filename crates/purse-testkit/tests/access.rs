//! Users of a server, and its port by IPv6.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};

use purse_testkit::{Error, Server};

/// Sends inline commands over one connection, and returns the first line of each reply.
fn talk(stream: TcpStream, commands: &[&str]) -> Vec<String> {
    let mut stream = BufReader::new(stream);
    let mut ask = |command: &&str| {
        write!(stream.get_mut(), "{command}\r\n").unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    commands.iter().map(&mut ask).collect()
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect((server.host(), server.port())).unwrap()
}

#[test]
fn user_may_do_what_the_rules_say() {
    let server = Server::start().unwrap();
    server.user("app", "p@ss/word", "~app:* +set +get").unwrap();
    let replies = talk(
        connect(&server),
        &["AUTH app p@ss/word", "SET app:1 x", "SET other x", "PING"],
    );
    assert_eq!(replies[..2], ["+OK", "+OK"]);
    assert!(replies[2].starts_with("-NOPERM"), "{replies:?}");
    assert!(replies[3].starts_with("-NOPERM"), "{replies:?}");
    let refused = talk(connect(&server), &["AUTH app wrong"]);
    assert!(refused[0].starts_with("-WRONGPASS"), "{refused:?}");
}

#[test]
fn user_created_twice_has_the_second_rules() {
    let server = Server::start().unwrap();
    server.user("app", "one", "~* +set").unwrap();
    server.user("app", "two", "~* +get").unwrap();
    let replies = talk(
        connect(&server),
        &["AUTH app one", "AUTH app two", "SET key x"],
    );
    assert!(replies[0].starts_with("-WRONGPASS"), "{replies:?}");
    assert_eq!(replies[1], "+OK");
    assert!(replies[2].starts_with("-NOPERM"), "{replies:?}");
}

#[test]
fn user_with_an_invalid_rule_is_an_error() {
    let server = Server::start().unwrap();
    let error = server.user("app", "secret", "nonsense").unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert!(error.to_string().contains("nonsense"), "{error}");
}

#[test]
fn url_of_a_user_is_percent_encoded() {
    let server = Server::builder().password("default").start().unwrap();
    assert_eq!(
        server.url_of("a b", "p@/:é"),
        format!("redis://a%20b:p%40%2F%3A%C3%A9@127.0.0.1:{}", server.port())
    );
}

#[test]
fn ipv6_server_answers_on_both_addresses() {
    let started = Server::builder().ipv6().start();
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        let error = started.unwrap_err();
        assert!(matches!(error, Error::NoIpv6 { .. }), "{error}");
        return;
    }
    let server = started.unwrap();
    assert_eq!(server.url_v6(), format!("redis://[::1]:{}", server.port()));
    let stream = TcpStream::connect((Ipv6Addr::LOCALHOST, server.port())).unwrap();
    assert_eq!(talk(stream, &["PING"]), ["+PONG"]);
    assert_eq!(talk(connect(&server), &["PING"]), ["+PONG"]);
    server.restart().unwrap();
    let stream = TcpStream::connect((Ipv6Addr::LOCALHOST, server.port())).unwrap();
    assert_eq!(talk(stream, &["PING"]), ["+PONG"]);
}
