//! The TLS port of a server.

#![allow(
    clippy::unwrap_used,
    reason = "what helps a test may do what a test may"
)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use purse_testkit::{Authority, Certificates, Error, Proxy, Release, Server};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

type Client = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// Returns the settings of a client that trusts the CA, and has the client certificate of another.
fn config(trusted: &Certificates, own: Option<&Certificates>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(trusted.ca_pem().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain = CertificateDer::from_pem_file(own.client_file()).unwrap();
            let key = PrivateKeyDer::from_pem_file(own.client_key_file()).unwrap();
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
    }
}

fn connect(config: ClientConfig, port: u16, name: &str) -> Client {
    let name = name.to_owned().try_into().unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(("localhost", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    BufReader::new(StreamOwned::new(tls, stream))
}

fn ask(client: &mut Client, command: &str) -> io::Result<String> {
    write!(client.get_mut(), "{command}\r\n")?;
    let mut line = String::new();
    client.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn certificates(server: &Server) -> &Certificates {
    server.certificates().unwrap()
}

fn plain_config(server: &Server) -> ClientConfig {
    config(certificates(server), None)
}

#[test]
fn tls_port_answers_by_each_default_name() {
    let server = Server::builder().tls().start().unwrap();
    let url = format!("rediss://localhost:{}", server.tls_port());
    assert_eq!(server.tls_url(), url);
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut client = connect(plain_config(&server), server.tls_port(), name);
        assert_eq!(ask(&mut client, "PING").unwrap(), "+PONG");
    }
    assert_eq!(server.command(&["PING"]).unwrap().text(), Some("PONG"));
}

#[test]
fn tls_port_refuses_a_client_without_tls() {
    let server = Server::builder().tls().start().unwrap();
    let mut client = TcpStream::connect(("localhost", server.tls_port())).unwrap();
    client.write_all(b"PING\r\n").unwrap();
    let mut said = Vec::new();
    // The end may come as a reset.
    let _ = client.read_to_end(&mut said);
    assert!(!said.windows(4).any(|word| word == b"PONG"), "{said:?}");
}

#[test]
fn large_values_pass_the_tls_port_unchanged() {
    let server = Server::builder().tls().start().unwrap();
    let mut client = connect(plain_config(&server), server.tls_port(), "localhost");
    let value: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let header = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n", value.len());
    let stream = client.get_mut();
    stream.write_all(header.as_bytes()).unwrap();
    stream.write_all(&value).unwrap();
    assert_eq!(ask(&mut client, "").unwrap(), "+OK");
    let length = ask(&mut client, "GET k").unwrap();
    assert_eq!(length, format!("${}", value.len()));
    let mut got = vec![0; value.len()];
    client.read_exact(&mut got).unwrap();
    assert!(got == value);
}

#[test]
fn client_certificate_is_demanded_and_checked() {
    let server = Server::builder().tls_demand_client_certificate().start();
    let server = server.unwrap();
    let other = Server::builder().tls().start().unwrap();
    let (own, foreign) = (certificates(&server), certificates(&other));

    let mut good = connect(config(own, Some(own)), server.tls_port(), "localhost");
    assert_eq!(ask(&mut good, "PING").unwrap(), "+PONG");
    for bad in [config(own, None), config(own, Some(foreign))] {
        let mut client = connect(bad, server.tls_port(), "localhost");
        assert_ne!(ask(&mut client, "PING").unwrap_or_default(), "+PONG");
    }
}

#[test]
fn certificate_of_another_name_is_not_valid_for_localhost() {
    let server = Server::builder().tls_name("other.example").start().unwrap();
    let mut client = connect(plain_config(&server), server.tls_port(), "localhost");
    let error = ask(&mut client, "PING").unwrap_err();
    assert!(error.to_string().contains("other.example"), "{error}");
    let mut client = connect(plain_config(&server), server.tls_port(), "other.example");
    assert_eq!(ask(&mut client, "PING").unwrap(), "+PONG");
}

#[test]
fn client_that_trusts_another_ca_refuses_the_server() {
    let server = Server::builder().tls().start().unwrap();
    let other = Server::builder().tls().start().unwrap();
    let mut client = connect(plain_config(&other), server.tls_port(), "localhost");
    let error = ask(&mut client, "PING").unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
}

#[test]
fn servers_of_one_authority_share_a_ca() {
    let authority = Authority::generate().unwrap();
    let settings = Server::builder().tls_authority(&authority);
    let (one, two) = (settings.clone().start().unwrap(), settings.start().unwrap());
    assert_eq!(certificates(&one).ca_pem(), authority.pem());
    let mut client = connect(plain_config(&one), two.tls_port(), "localhost");
    assert_eq!(ask(&mut client, "PING").unwrap(), "+PONG");
}

#[test]
fn tls_connection_ends_with_the_server_and_works_after_restart() {
    let server = Server::builder().tls().start().unwrap();
    let mut client = connect(plain_config(&server), server.tls_port(), "localhost");
    assert_eq!(ask(&mut client, "PING").unwrap(), "+PONG");
    server.kill().unwrap();
    let mut rest = String::new();
    // The end may come as a reset.
    let _ = client.read_line(&mut rest);
    assert_eq!(rest, "");
    server.restart().unwrap();
    let mut client = connect(plain_config(&server), server.tls_port(), "localhost");
    assert_eq!(ask(&mut client, "PING").unwrap(), "+PONG");
}

#[test]
fn tls_url_contains_the_password_and_proxies_work() {
    let server = Server::builder().password("a b").tls().start().unwrap();
    let url = format!("rediss://:a%20b@localhost:{}", server.tls_port());
    assert_eq!(server.tls_url(), url);
    let proxy = Proxy::start(server.tls_port()).unwrap();
    let mut client = connect(plain_config(&server), proxy.port(), "localhost");
    assert_eq!(ask(&mut client, "AUTH \"a b\"").unwrap(), "+OK");
    // A handshake record, not a request in the clear.
    assert_eq!(proxy.requests()[0], 22);
}

#[test]
fn every_release_has_a_tls_port() {
    for &release in Release::ALL.iter().filter(|one| one.is_prebuilt_here()) {
        let server = Server::builder().release(release).tls().start().unwrap();
        let mut client = connect(plain_config(&server), server.tls_port(), "localhost");
        assert_eq!(ask(&mut client, "PING").unwrap(), "+PONG", "{release}");
    }
}

#[test]
fn dropped_server_closes_the_tls_port_and_removes_files() {
    let server = Server::builder().tls().start().unwrap();
    let port = server.tls_port();
    let directory = certificates(&server).directory().to_owned();
    assert!(directory.is_dir());
    drop(server);
    assert!(!directory.exists());
    assert!(TcpStream::connect(("localhost", port)).is_err());
}

#[test]
fn server_without_tls_has_no_certificates() {
    assert!(Server::shared().certificates().is_none());
}

#[test]
fn invalid_name_is_an_error_with_the_reason() {
    let error = Server::builder().tls_name("é").start().unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error}");
    assert!(error.to_string().contains("sign a certificate"), "{error}");
}
