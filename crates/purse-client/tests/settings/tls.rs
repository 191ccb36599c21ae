//! TLS: what is trusted, and what a failed handshake says.

use std::time::{Duration, Instant};
use std::{env, process};

use bytes::Bytes;
use purse_client::fred::interfaces::ClientLike;
use purse_client::fred::types::config::{Server as FredServer, ServerConfig};
use purse_client::{Client, ClientBuilder, Command, ErrorKind, Pop};
use purse_testkit::{Authority, Certificates, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{SOON, incr, until};
use crate::{assert_info, assert_permanent, info, text_of};

fn certificates(server: &Server) -> &Certificates {
    server.certificates().expect("a TLS port")
}

/// Configures a client that trusts the authority of the server.
fn builder_with_authority(server: &Server, url: &str) -> ClientBuilder {
    Client::builder(url).certificate_authorities(certificates(server).ca_pem())
}

#[tokio::test]
async fn trusted_server_is_connected_to_by_name_and_address() {
    let server = Server::builder().tls().start().expect("a server");
    server
        .user("app", "pass word", "~* &* +@all")
        .expect("a user");
    let port = server.tls_port();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let url = format!("rediss://app:pass%20word@{host}:{port}/3");
        let client = builder_with_authority(&server, &url).connect().await;
        let client = client.unwrap_or_else(|error| panic!("{host}: {error:?}"));
        let info = info(&client).await;
        assert_eq!((&*info["db"], &*info["user"]), ("3", "app"), "{host}");
        assert_info(&info, "resp", "3");
    }
    let url = format!("valkeys://[::1]:{port}");
    let session = builder_with_authority(&server, &url)
        .connect_session()
        .await;
    session.expect("a session");
}

#[tokio::test]
async fn encrypted_connection_carries_values_pops_and_watches() {
    let server = Server::builder().tls().start().expect("a server");
    let client = builder_with_authority(&server, &server.tls_url())
        .connect()
        .await;
    let client = client.expect("a trusted server");
    let large = Bytes::from(vec![b'x'; 3 << 20]);
    let push = Command::write("RPUSH").key("list").arg(large.clone());
    client.run(push).await.expect("RPUSH");
    let delivery = client.take(&Pop::front("list")).await.expect("a reply");
    let delivery = delivery.expect("an element");
    assert_eq!(delivery.element(), large);
    delivery.ack();
    let get = Command::read("GET").key("n");
    let (_, mut watch) = client.watch(get).await.expect("a watch");
    client.run(incr("n")).await.expect("INCR");
    let changed = tokio::time::timeout(SOON, watch.changed()).await;
    changed.expect("the change is reported");

    server.restart().expect("restart");
    until("the client is connected again", async || {
        client.run(incr("n")).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn unknown_authority_is_config() {
    let server = Server::builder().tls().start().expect("a server");
    // By the certificates of the system, and by those of another authority.
    let system = Client::builder(&server.tls_url());
    let other = Authority::generate().expect("an authority");
    let other = Client::builder(&server.tls_url()).certificate_authorities(other.pem());
    for builder in [system, other] {
        let error = builder.clone().connect().await.expect_err("not trusted");
        assert_permanent(&error, ErrorKind::Config, "certificate");
        assert_permanent(&error, ErrorKind::Config, "UnknownIssuer");
        let port = server.tls_port().to_string();
        assert!(error.to_string().contains(&port), "{error}");

        let builder = builder.command_timeout(Duration::from_millis(500));
        let lazy = builder.connect_lazy().expect("settings that are read");
        let error = lazy.run(incr("n")).await.expect_err("not trusted");
        assert_permanent(&error, ErrorKind::Config, "UnknownIssuer");
        assert!(!lazy.is_connected());
    }
    let exists = server.command(&["EXISTS", "n"]).expect("EXISTS");
    assert_eq!(exists.int(), Some(0));
}

#[test]
fn given_authority_needs_no_root_certificates_of_the_system() {
    const NAME: &str = "tls::given_authority_needs_no_root_certificates_of_the_system";
    const FILE: &str = "SSL_CERT_FILE";
    const NOTHING: &str = "/dev/null";
    if env::var(FILE).as_deref() != Ok(NOTHING) {
        // Variables are those of a process, so this test runs in one of its own.
        let mut test = process::Command::new(env::current_exe().expect("a path"));
        test.args(["--exact", NAME]).env(FILE, NOTHING);
        let output = test.env_remove("SSL_CERT_DIR").output().expect("a test");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("1 passed"), "{text}");
        return;
    }
    let server = Server::builder().tls().start().expect("a server");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        Client::connect(&server.tls_url())
            .await
            .expect_err("no authority");
        let client = builder_with_authority(&server, &server.tls_url())
            .connect()
            .await;
        client
            .expect("a trusted server")
            .ping()
            .await
            .expect("PONG");
    });
}

#[tokio::test]
async fn given_authority_keeps_the_names_of_a_fred_configuration() {
    let settings = Server::builder().tls_name("redis.example");
    let server = settings.start().expect("a server");
    let other = Server::builder().tls().start().expect("a server");
    let trusts_other = builder_with_authority(&other, &other.tls_url()).connect_lazy();
    let mut config = trusts_other.expect("settings").fred().client_config();
    let name = Some("redis.example".to_owned());
    config.server = ServerConfig::Centralized {
        server: FredServer::new_with_tls("127.0.0.1", server.tls_port(), name),
    };
    let client = Client::from_fred(config).certificate_authorities(certificates(&server).ca_pem());
    let client = client.connect().await.expect("a trusted server");
    client.ping().await.expect("PONG");
}

#[tokio::test]
async fn certificate_of_another_name_is_config() {
    let settings = Server::builder().tls_name("redis.example");
    let server = settings.start().expect("a server");
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let url = format!("rediss://{host}:{}", server.tls_port());
        let error = builder_with_authority(&server, &url).connect().await;
        let error = error.expect_err("another name");
        assert_permanent(&error, ErrorKind::Config, "certificate");
        assert_permanent(&error, ErrorKind::Config, "redis.example");
    }
}

#[tokio::test]
async fn client_certificate_is_sent_and_its_lack_is_auth() {
    let settings = Server::builder().tls_demand_client_certificate();
    let server = settings.clone().start().expect("a server");
    let url = server.tls_url();
    let identified = |of: &Server| {
        let of = certificates(of);
        Client::builder(&url).client_certificate(
            certificates(&server).ca_pem(),
            of.client_pem(),
            of.client_key_pem(),
        )
    };
    let client = identified(&server).connect().await.expect("a certificate");
    client.run(incr("n")).await.expect("INCR");

    // A clone of the builder, to which authorities are added, keeps the certificate.
    let builder = identified(&server);
    let again = builder
        .clone()
        .certificate_authorities(certificates(&server).ca_pem());
    let again = again.connect().await.expect("a certificate");
    again.run(incr("n")).await.expect("INCR");
    drop(builder);

    let error = builder_with_authority(&server, &url).connect().await;
    let error = error.expect_err("no client certificate");
    assert_permanent(&error, ErrorKind::Auth, "client certificate");

    let other = settings.start().expect("another authority");
    let error = identified(&other).connect().await;
    let error = error.expect_err("a certificate of another authority");
    assert_permanent(&error, ErrorKind::Auth, "client certificate");
}

#[tokio::test]
async fn plain_url_of_a_tls_port_says_so() {
    let server = Server::builder().tls().start().expect("a server");
    let url = format!("redis://127.0.0.1:{}", server.tls_port());
    let started = Instant::now();
    let error = Client::connect(&url)
        .await
        .expect_err("TLS is spoken there");
    assert_permanent(&error, ErrorKind::Config, "rediss://");
    assert!(started.elapsed() < SOON, "took {:?}", started.elapsed());
}

#[tokio::test]
async fn tls_url_of_a_plain_port_says_so() {
    let server = Server::start().expect("a server");
    let url = format!("rediss://127.0.0.1:{}", server.port());
    let builder = Client::builder(&url).connect_timeout(Duration::from_secs(1));
    let started = Instant::now();
    let error = builder.connect().await.expect_err("a plain port");
    let text = text_of(&error);
    assert!(text.contains("redis://"), "{text}");
    assert!(started.elapsed() < SOON, "took {:?}", started.elapsed());
    // The server waits for the end of a line, or answers with an error of its own.
    assert!(
        matches!(error.kind(), ErrorKind::Config | ErrorKind::Timeout),
        "{error:?}"
    );
}

#[tokio::test]
async fn tls_url_of_a_port_that_answers_in_plain_is_config() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            // The client may close the connection at any time.
            let _ = socket.write_all(b"-ERR Protocol error\r\n").await;
            let _ = socket.read(&mut [0; 1024]).await;
        }
    });
    let url = format!("rediss://127.0.0.1:{port}");
    let error = Client::connect(&url).await.expect_err("a plain port");
    assert_permanent(&error, ErrorKind::Config, "use redis://");
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_config() {
    let server = Server::builder().tls().start().expect("a server");
    let (ca, key) = (
        certificates(&server).ca_pem(),
        certificates(&server).client_key_pem(),
    );
    let client = certificates(&server).client_pem();
    let other = Server::builder().tls().start().expect("a server");
    let other_key = certificates(&other).client_key_pem();
    let (tls, plain) = (server.tls_url(), server.url());
    for (url, ca, certificate, key, words) in [
        (&plain, ca, client, &*key, "rediss://"),
        (&tls, "not PEM", client, &key, "CA certificates"),
        (&tls, ca, "not PEM", &key, "client certificate"),
        (&tls, ca, client, "not PEM", "private key"),
        (&tls, ca, client, &other_key, "private key"),
    ] {
        let builder = Client::builder(url).client_certificate(ca, certificate, key);
        let error = builder.connect().await.expect_err(words);
        assert_permanent(&error, ErrorKind::Config, words);
    }
}
