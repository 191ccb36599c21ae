//! Sentinels and nodes that do not know of the last failover, or hear of it first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use purse_client::{Client, Command, ErrorKind, Pop};
use purse_testkit::Server;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::fake::{Fake, read, write};
use crate::support::{SOON, get, incr, until, waits};
use crate::{Events, text_of};

const NAME: &str = "purse";

/// A sentinel that names a port as the primary, and sends a message when it names another one.
struct Sentinel {
    fake: Fake,
    primary: watch::Sender<u16>,
    subscriptions: Arc<AtomicUsize>,
}

impl Sentinel {
    async fn start(primary: u16) -> Self {
        Self::start_with(3, primary).await
    }

    /// Starts a sentinel that speaks RESP2, or RESP3 as well.
    async fn start_with(resp: u8, primary: u16) -> Self {
        let primary = watch::Sender::new(primary);
        let subscriptions = Arc::new(AtomicUsize::new(0));
        let (named, count) = (primary.clone(), subscriptions.clone());
        let serve = move |socket, _| serve(socket, resp, named.subscribe(), count.clone());
        Self {
            fake: Fake::start(serve).await,
            primary,
            subscriptions,
        }
    }

    fn address(&self) -> &str {
        self.fake.url.trim_start_matches("redis://")
    }

    /// Waits until a client has subscribed.
    async fn wait_subscribed(&self) {
        until("a subscription", async || {
            self.subscriptions.load(Ordering::SeqCst) > 0
        })
        .await;
    }
}

async fn serve(
    mut socket: TcpStream,
    resp: u8,
    mut primary: watch::Receiver<u16>,
    count: Arc<AtomicUsize>,
) {
    let mut is_subscribed = false;
    let mut request = [0; 4096];
    let message = if resp == 2 { '*' } else { '>' };
    loop {
        let reply = tokio::select! {
            read = socket.read(&mut request) => {
                let request = match read {
                    Ok(length) if length > 0 => String::from_utf8_lossy(&request[..length]),
                    _ => return,
                };
                if request.contains("HELLO") && resp == 2 {
                    "-ERR unknown command 'HELLO'\r\n".to_owned()
                } else if request.contains("HELLO") {
                    "%1\r\n$4\r\nmode\r\n$8\r\nsentinel\r\n".to_owned()
                } else if request.contains("SUBSCRIBE") {
                    is_subscribed = true;
                    primary.mark_unchanged();
                    count.fetch_add(1, Ordering::SeqCst);
                    array(message, &["subscribe", "+switch-master", "1"])
                } else if request.contains("GET-MASTER-ADDR-BY-NAME") {
                    array('*', &["127.0.0.1", &primary.borrow().to_string()])
                } else {
                    "+OK\r\n".to_owned()
                }
            }
            Ok(()) = primary.changed(), if is_subscribed => {
                let text = format!("{NAME} 127.0.0.1 1 127.0.0.1 {}", *primary.borrow());
                array(message, &["message", "+switch-master", &text])
            }
        };
        write(&mut socket, reply.as_bytes()).await;
    }
}

fn array(kind: char, words: &[&str]) -> String {
    let head = format!("{kind}{}\r\n", words.len());
    words.iter().fold(head, |text, word| text + &bulk(word))
}

fn bulk(word: &str) -> String {
    format!("${}\r\n{word}\r\n", word.len())
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
            Sentinel::start(stale).await,
            Sentinel::start(primary.port()).await,
        );
        // The silent server costs a third of that.
        let builder = Client::builder(&url(&[&stale, &good])).connect_timeout(SOON);
        let session = builder.clone().connect_session();
        let (client, session) = tokio::join!(builder.connect(), session);
        let (client, session) = (client.expect("the primary"), session.expect("the primary"));
        client.run(incr("n")).await.expect("INCR");
        session.run(incr("n")).await.expect("INCR");
        assert!(stale.fake.accepted_count() > 0, "it is asked first");
    }
    assert_eq!(get(&primary, "n").as_deref(), Some("6"));
}

#[tokio::test]
async fn dead_primary_of_all_sentinels_is_named_in_the_error() {
    let sentinels = [Sentinel::start(1).await, Sentinel::start(1).await];
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

#[tokio::test]
async fn failover_to_another_server_is_followed_in_both_protocols() {
    for resp in [2, 3] {
        let [old, new] = [(); 2].map(|()| Server::start().expect("a server"));
        let sentinel = Sentinel::start_with(resp, old.port()).await;
        let events = Events::default();
        let client = events.of(Client::builder(&url(&[&sentinel])));
        let client = client.connect().await.expect("the primary");
        client.run(incr("n")).await.expect("INCR");
        sentinel.wait_subscribed().await;
        // The confirmation of a subscription is no reply: it must not count as a missing one.
        let stats = client.stats();
        assert_eq!(stats.commands, stats.replies, "RESP{resp}");
        sentinel.primary.send_replace(new.port());
        until("the new primary is used", async || {
            // One that is in flight when the connection is replaced fails.
            let _ = client.run(incr("n")).await;
            get(&new, "n").is_some()
        })
        .await;
        let all = events.all();
        assert_eq!(all, ["connected", "failover", "reconnected"], "RESP{resp}");
    }
}

#[tokio::test]
async fn watches_and_pops_follow_a_failover_from_a_live_primary() {
    let [old, new] = [(); 2].map(|()| Server::start().expect("a server"));
    let sentinel = Sentinel::start(old.port()).await;
    let client = Client::connect(&url(&[&sentinel]))
        .await
        .expect("a primary");
    let read = Command::read("LLEN").key("watched");
    let (_, mut watch) = client.watch(read).await.expect("a watch");
    let waiting = client.clone();
    let pop = tokio::spawn(async move { waiting.take_wait(&Pop::front("queue"), None).await });
    until("the pop waits", async || waits(&old) >= 3).await;
    sentinel.wait_subscribed().await;

    new.command(&["RPUSH", "queue", "x"]).expect("RPUSH");
    sentinel.primary.send_replace(new.port());
    timeout(SOON, watch.changed()).await.expect("it wakes");
    let delivery = timeout(SOON, pop).await.expect("in time");
    let delivery = delivery.expect("no panic").expect("a reply").expect("one");
    assert_eq!(&delivery.element()[..], b"x");
    delivery.ack();
}

/// Starts a node of a cluster that names the node with the port `owner` as the owner of all slots,
/// and itself when it is asked about itself. It closes a connection that sends SET.
async fn node(owner: Arc<AtomicU16>) -> (Fake, u16) {
    let fake = Fake::start(move |mut socket, _| {
        let owner = owner.clone();
        async move {
            let mut request = [0; 4096];
            loop {
                let requests = match socket.read(&mut request).await {
                    Ok(length) if length > 0 => String::from_utf8_lossy(&request[..length]),
                    _ => return,
                };
                for request in requests.split('*').skip(1) {
                    let reply = if request.contains("HELLO") {
                        "%1\r\n$4\r\nmode\r\n$7\r\ncluster\r\n".to_owned()
                    } else if request.contains("SLOTS") {
                        let port = owner.load(Ordering::SeqCst);
                        format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n+127.0.0.1\r\n:{port}\r\n")
                    } else if request.contains("NODES") {
                        bulk("a1 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-16383\n")
                    } else if request.contains("LLEN") {
                        ":0\r\n".to_owned()
                    } else if request.contains("\r\nSET\r\n") {
                        return;
                    } else {
                        "+OK\r\n".to_owned()
                    };
                    write(&mut socket, reply.as_bytes()).await;
                }
            }
        }
    })
    .await;
    let port = fake.url.rsplit_once(':').expect("a port").1.parse();
    (fake, port.expect("a number"))
}

#[tokio::test]
async fn watch_wakes_when_slot_moves_before_node_notices() {
    let owner = Arc::new(AtomicU16::new(0));
    let (_first, first) = node(owner.clone()).await;
    let (_second, second) = node(owner.clone()).await;
    owner.store(first, Ordering::SeqCst);
    let url = format!("redis-cluster://127.0.0.1:{first}?node=127.0.0.1:{second}");
    let client = Client::connect(&url).await.expect("a cluster");
    let read = Command::read("LLEN").key("k");
    let (_, mut watch) = client.watch(read.clone()).await.expect("a watch");
    assert!(watch.changed().now_or_never().is_none());

    owner.store(second, Ordering::SeqCst);
    // A lost connection lets the client ask for the slots.
    let set = Command::write("SET").key("k").arg("v");
    client.run(set).await.expect_err("closed");
    timeout(SOON, watch.changed()).await.expect("it wakes");
    let (_, mut watch) = client.watch(read).await.expect("a watch");
    assert!(watch.changed().now_or_never().is_none());
}
