//! `redis://` to a node of a cluster.

use std::time::{Duration, Instant};

use purse_client::{Client, Command, Error, ErrorKind, Pop, Script};
use purse_testkit::Cluster;

use crate::support::SOON;
use crate::text_of;

#[track_caller]
fn assert_says_cluster(error: &Error) {
    let text = text_of(error);
    assert!(!error.is_retryable() && !error.is_ambiguous(), "{text}");
    assert!(text.contains("MOVED"), "{text}");
    assert!(text.contains("redis-cluster://"), "{text}");
    assert_eq!(error.kind(), ErrorKind::Config, "{text}");
}

static COUNT: Script = Script::write("COUNT", "return redis.call('INCR', KEYS[1])");

#[tokio::test]
async fn moved_to_a_plain_client_is_config_at_once() {
    let cluster = Cluster::start(2, 0).expect("a cluster");
    let keys = ["a", "b", "c", "d", "e", "f"];
    let (node, other) = (&cluster.nodes()[0], &cluster.nodes()[1]);
    let owned_by = |port: u16| {
        let mut keys = keys.into_iter();
        keys.find(|key| cluster.primary_of(key).expect("an owner").port() == port)
            .expect("a key of each node")
    };
    let (near, far) = (owned_by(node.port()), owned_by(other.port()));
    let client = Client::connect(&node.url()).await.expect("a node");
    let started = Instant::now();
    let incr = Command::write("INCR");
    client
        .run(incr.clone().key(near))
        .await
        .expect("its own key");
    for command in [
        incr.key(far),
        Command::read("GET").key(far),
        Command::script(&COUNT).key(far),
        Command::read("HGETALL").key(far),
    ] {
        assert_says_cluster(&client.run(command).await.expect_err("MOVED"));
    }
    let pop = Pop::front(far);
    assert_says_cluster(&client.take(&pop).await.expect_err("MOVED"));
    let wait = Some(Duration::from_millis(10));
    assert_says_cluster(&client.take_wait(&pop, wait).await.expect_err("MOVED"));
    assert_says_cluster(&client.take_wait(&pop, None).await.expect_err("MOVED"));
    let watch = client.watch(Command::read("LLEN").key(far)).await;
    assert_says_cluster(&watch.expect_err("MOVED"));
    let session = Client::builder(&node.url()).connect_session().await;
    let session = session.expect("a node");
    let error = session.run(Command::write("INCR").key(far)).await;
    assert_says_cluster(&error.expect_err("MOVED"));
    // Five seconds are the time of one command.
    assert!(started.elapsed() < SOON / 2, "took {:?}", started.elapsed());
    let exists = other.command(&["EXISTS", far]).expect("EXISTS");
    assert_eq!(exists.int(), Some(0));
}

#[tokio::test]
async fn moved_in_a_batch_of_a_plain_client_is_config() {
    let cluster = Cluster::start(2, 0).expect("a cluster");
    let owner = cluster.primary_of("a").expect("an owner");
    let mut nodes = cluster.nodes().iter();
    let other = nodes.find(|node| node.port() != owner.port()).expect("two");
    let client = Client::connect(&other.url()).await.expect("a node");
    for atomic in [false, true] {
        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let read = purse_client::Reply::into_int;
        let pending = batch.add(client.op(Command::write("INCR").key("a"), read));
        match batch.send().await {
            Ok(_) => assert_says_cluster(&pending.take().expect_err("MOVED")),
            Err(error) => assert_says_cluster(&error),
        }
    }
}
