//! Sentinels that name another primary than before, or than the others do.

use std::time::Duration;

use purse_client::{Client, ErrorKind};
use purse_testkit::Server;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::fake::{Fake, read, write};
use crate::support::{get, incr};
use crate::text_of;

const NAME: &str = "purse";

/// A sentinel that names a port as the primary.
struct Sentinel(Fake);

impl Sentinel {
    async fn of(primary: u16) -> Self {
        let serve = move |socket, _| serve(socket, primary);
        Self(Fake::start(serve).await)
    }

    fn address(&self) -> &str {
        self.0.url.trim_start_matches("redis://")
    }
}

async fn serve(mut socket: TcpStream, primary: u16) {
    let mut request = [0; 4096];
    loop {
        let request = match socket.read(&mut request).await {
            Ok(length) if length > 0 => String::from_utf8_lossy(&request[..length]),
            _ => return,
        };
        let reply = if request.contains("HELLO") {
            "%1\r\n$4\r\nmode\r\n$8\r\nsentinel\r\n".to_owned()
        } else if request.contains("SUBSCRIBE") {
            array('>', &["subscribe", "+switch-master", "1"])
        } else {
            array('*', &["127.0.0.1", &primary.to_string()])
        };
        write(&mut socket, reply.as_bytes()).await;
    }
}

fn array(kind: char, words: &[&str]) -> String {
    let words = words.iter();
    let head = format!("{kind}{}\r\n", words.len());
    words.fold(head, |text, word| {
        text + &format!("${}\r\n{word}\r\n", word.len())
    })
}

/// Returns the URL of a group of sentinels.
fn url(sentinels: &[&Sentinel]) -> String {
    let (first, others) = sentinels.split_first().expect("a sentinel");
    let url = format!(
        "redis-sentinel://{}?sentinelServiceName={NAME}",
        first.address()
    );
    others
        .iter()
        .fold(url, |url, other| url + "&node=" + other.address())
}

/// Returns a server that copies another one.
fn replica_of(primary: &Server) -> Server {
    let replica = Server::start().expect("a server");
    let port = primary.port().to_string();
    let made = replica.command(&["REPLICAOF", primary.host(), &port]);
    assert_eq!(made.expect("REPLICAOF").text(), Some("OK"));
    replica
}

#[tokio::test]
async fn stale_sentinel_does_not_keep_a_client_from_the_primary() {
    let primary = Server::start().expect("a server");
    let replica = replica_of(&primary);
    let silent = Fake::start(|mut socket, _| async move { while read(&mut socket).await {} }).await;
    let silent = silent.url.rsplit_once(':').expect("a port").1.to_owned();
    // Nothing listens on port 1.
    for stale in [1, replica.port(), silent.parse().expect("a port")] {
        let (stale, good) = (
            Sentinel::of(stale).await,
            Sentinel::of(primary.port()).await,
        );
        let builder = Client::builder(&url(&[&stale, &good]));
        let client = builder.clone().connect().await.expect("the primary");
        client.run(incr("n")).await.expect("INCR");
        let session = builder.connect_session().await.expect("the primary");
        session.run(incr("n")).await.expect("INCR");
        assert!(stale.0.accepted() > 0, "it is asked first");
    }
    assert_eq!(get(&primary, "n").as_deref(), Some("6"));
}

#[tokio::test]
async fn dead_primary_of_all_sentinels_is_named_in_the_error() {
    let sentinels = [Sentinel::of(1).await, Sentinel::of(1).await];
    let builder = Client::builder(&url(&[&sentinels[0], &sentinels[1]]));
    let error = builder
        .connect_timeout(Duration::from_secs(30))
        .connect()
        .await
        .expect_err("no primary");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{}", text_of(&error));
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    assert!(text_of(&error).contains("connection refused"), "{error:?}");
}
