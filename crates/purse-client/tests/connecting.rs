//! Connecting, and every way in which it fails: in bounded time, naming the server.

mod support;

use std::time::{Duration, Instant};

use purse_client::{Client, Command, Error, ErrorKind, Preset};
use purse_testkit::Server;
use support::{SOON, client, connections, until};
use tokio::net::TcpListener;

async fn connect_error(url: &str) -> Error {
    let started = Instant::now();
    let error = Client::builder(url)
        .connect_timeout(Duration::from_millis(500))
        .connect()
        .await
        .expect_err("nobody should answer");
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "took {:?}",
        started.elapsed()
    );
    error
}

#[tokio::test]
async fn a_port_without_a_server_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let error = connect_error(&format!("redis://{address}")).await;
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
    assert!(error.to_string().contains(&address), "{error}");
    assert!(error.to_string().contains("connection refused"), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_server_that_never_answers_costs_the_timeout_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let error = connect_error(&format!("redis://{address}")).await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn a_wrong_password_says_so_and_is_not_shown() {
    let server = Server::builder()
        .password("right")
        .start()
        .expect("a server");
    let url = format!("redis://:wrong-one@127.0.0.1:{}", server.port());
    let error = connect_error(&url).await;
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert!(
        error.to_string().contains(&server.port().to_string()),
        "{error}"
    );
    assert!(
        !format!("{error:?} {error}").contains("wrong-one"),
        "{error:?}"
    );
    let client = Client::connect(&server.url())
        .await
        .expect("the right password");
    client.run(Command::read("PING")).await.expect("PING");
}

#[tokio::test]
async fn no_password_where_one_is_wanted() {
    let server = Server::builder()
        .password("right")
        .start()
        .expect("a server");
    let error = connect_error(&format!("redis://127.0.0.1:{}", server.port())).await;
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
}

#[cfg(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
))]
#[tokio::test]
async fn tls_to_a_plain_port_fails_in_bounded_time() {
    let server = Server::shared();
    let error = connect_error(&format!("rediss://127.0.0.1:{}", server.port())).await;
    assert!(
        matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Timeout),
        "{error:?}"
    );
    assert!(
        error.to_string().contains(&server.port().to_string()),
        "{error}"
    );
    assert!(error.to_string().contains("TLS"), "{error:?}");
}

#[cfg(not(any(
    feature = "tls-rustls",
    feature = "tls-rustls-ring",
    feature = "tls-native"
)))]
#[tokio::test]
async fn tls_url_without_tls_feature_is_refused_unsent() {
    let server = Server::shared();
    let error = connect_error(&format!("rediss://127.0.0.1:{}", server.port())).await;
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.to_string().contains("tls-"), "{error}");
}

#[tokio::test]
async fn urls_and_timeouts_that_cannot_work() {
    for url in [
        "",
        "127.0.0.1",
        "http://127.0.0.1:1",
        "redis://",
        "redis://host:port",
        "redis-sentinel://h:1",
    ] {
        let error = connect_error(url).await;
        assert_eq!(error.kind(), ErrorKind::Config, "{url}: {error:?}");
    }
    let zero = Client::builder("redis://127.0.0.1:1").command_timeout(Duration::ZERO);
    assert_eq!(
        zero.connect().await.expect_err("zero").kind(),
        ErrorKind::Config
    );
}

#[tokio::test]
async fn the_database_of_the_url_is_used() {
    let server = Server::start().expect("a server");
    let third = Client::connect(&server.url_db(3))
        .await
        .expect("database 3");
    assert_eq!(third.database(), 3);
    third
        .run(Command::write("SET").key("here").arg("3"))
        .await
        .expect("SET");
    let first = client(&server).await;
    let reply = first
        .run(Command::read("EXISTS").key("here"))
        .await
        .expect("EXISTS");
    assert!(!reply.into_bool().expect("a yes or no"));
}

#[tokio::test]
async fn client_can_be_built_from_fred_or_from_a_client() {
    let server = Server::shared();
    let config = purse_client::fred::types::config::Config::from_url(&server.url()).expect("a URL");
    let client = Client::from_fred(config)
        .connect()
        .await
        .expect("the same server");
    let again = client
        .to_builder()
        .preset(Preset::Locks)
        .connect()
        .await
        .expect("again");
    assert_eq!(client.server(), again.server());
    again.run(Command::read("PING")).await.expect("PING");
}

#[tokio::test]
async fn dropping_the_last_clone_closes_every_connection() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    client.run(Command::read("PING")).await.expect("PING");
    let clone = client.clone();
    drop(client);
    clone
        .run(Command::read("PING"))
        .await
        .expect("a clone still works");
    assert_eq!(connections(&server), 1);
    drop(clone);
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn dropping_a_connect_midway_leaves_no_connection() {
    let server = Server::start().expect("a server");
    for polls in 0..30 {
        let url = server.url();
        let connect = Client::connect(&url);
        tokio::pin!(connect);
        for _ in 0..polls {
            if futures::poll!(&mut connect).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn after_close_everything_fails_at_once() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    client.close().await;
    let started = Instant::now();
    for command in [Command::read("PING"), Command::write("INCR").key("n")] {
        let error = client.run(command).await.expect_err("closed");
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    }
    assert!(started.elapsed() < Duration::from_millis(200));
    until("no connection is left", async || connections(&server) == 0).await;
}

#[tokio::test]
async fn closing_without_a_server_takes_about_a_second() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    server.kill().expect("kill");
    until("the loss is noticed", async || {
        let ping = Command::read("PING")
            .fail_fast()
            .timeout(Duration::from_millis(50));
        client.run(ping).await.is_err()
    })
    .await;
    let started = Instant::now();
    client.close().await;
    assert!(started.elapsed() < SOON / 2, "took {:?}", started.elapsed());
}

#[test]
fn a_client_can_be_dropped_outside_of_its_runtime() {
    let server = Server::start().expect("a server");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(client(&server));
    drop(runtime);
    drop(client);
}

#[test]
fn everything_is_send_and_sync() {
    static_assertions::assert_impl_all!(Client: Send, Sync, Clone);
    static_assertions::assert_impl_all!(Command: Send, Sync);
    static_assertions::assert_impl_all!(Error: Send, Sync, std::error::Error);
    static_assertions::assert_impl_all!(purse_client::Op<u64>: Send, Unpin);
    static_assertions::assert_impl_all!(purse_client::Reply: Send, Sync);
    static_assertions::assert_impl_all!(purse_client::Scan: Send, Sync);
    static_assertions::assert_impl_all!(purse_client::Pop: Send, Sync);
    static_assertions::assert_impl_all!(purse_client::Delivery: Send, Sync);
    static_assertions::assert_impl_all!(purse_client::Watch: Send, Sync, std::fmt::Debug);
    static_assertions::assert_impl_all!(purse_client::ClientBuilder: Send, Sync);
}
