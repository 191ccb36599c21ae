//! Nodes of a cluster that are down or moved: what they cost the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use purse_client::{Client, Command, ErrorKind, Reply};
use purse_testkit::{Cluster, Release, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::slot_requests;
use crate::support::{incr, until};

/// The time that a command may take.
const LIMIT: Duration = Duration::from_secs(3);

/// Two nodes; the slot of `bar` is on the first one, that of `foo` on the second one.
fn two() -> Cluster {
    // However slow the machine is, no node counts the cluster as down.
    let settings = Server::builder()
        .config("cluster-require-full-coverage", "no")
        .config("cluster-node-timeout", "60000");
    Cluster::start_with(2, 0, &settings).expect("a cluster")
}

async fn client(cluster: &Cluster) -> Client {
    Client::builder(&cluster.url())
        .command_timeout(LIMIT)
        .connect()
        .await
        .expect("a cluster")
}

/// Increments `foo` until `stop`; returns the number of times, and the longest time of one.
async fn keep_busy(client: Client, stop: Arc<AtomicBool>) -> (usize, Duration) {
    let (mut count, mut longest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        client.run(incr("foo")).await.expect("a node that is well");
        longest = longest.max(started.elapsed());
        count += 1;
    }
    (count, longest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_to_a_node_do_not_wait_for_one_that_is_down() {
    let cluster = two();
    let client = client(&cluster).await;
    for key in ["foo", "bar"] {
        client.run(incr(key)).await.expect(key);
    }
    let down = cluster.primary_of("bar").expect("a primary");
    for hangs in [true, false] {
        match hangs {
            true => down.pause().expect("pause"),
            false => down.kill().expect("kill"),
        }
        let stop = Arc::new(AtomicBool::new(false));
        let busy = tokio::spawn(keep_busy(client.clone(), stop.clone()));
        for _ in 0..2 {
            let fails = join_all((0..32).map(|_| client.run(incr("bar")))).await;
            assert!(fails.iter().all(Result::is_err), "hangs: {hangs}");
        }
        stop.store(true, Ordering::Relaxed);
        let (count, longest) = busy.await.expect("all succeed");
        assert!(count > 100, "{count} commands, hangs: {hangs}");
        assert!(longest < LIMIT * 4 / 5, "{longest:?}, hangs: {hangs}");
        if hangs {
            down.resume().expect("resume");
            until("the node answers", async || {
                client.run(incr("bar")).await.is_ok()
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_redirections_at_once_cause_few_refreshes() {
    const SLOTS: u16 = 30;
    let cluster = two();
    let client = client(&cluster).await;
    let new = cluster.primary_of("foo").expect("a primary");
    // The client knows of the moves only by the redirections.
    let keys: Vec<_> = (0..)
        .map(|number| format!("key:{number}"))
        .filter(|key| cluster.primary_of(key).expect("a primary").port() != new.port())
        .take(usize::from(SLOTS))
        .collect();
    for key in &keys {
        let slot = cluster.slot(key).expect("a slot");
        if cluster.primary_of_slot(slot).expect("a primary").port() != new.port() {
            let moving = cluster.move_slot(slot, new).expect("a move");
            moving.finish().expect("moved");
        }
    }
    let asked = || -> u64 {
        let nodes = cluster.nodes().iter();
        nodes.map(slot_requests).sum()
    };
    let (before, redirects) = (asked(), client.stats().redirects);
    let increments = keys.iter().flat_map(|key| vec![key; 20]);
    let increments = increments.map(|key| client.run(Command::write("INCR").key(key.clone())));
    for result in join_all(increments).await {
        result.expect("it follows the redirection");
    }
    let followed = client.stats().redirects - redirects;
    assert!(followed >= u64::from(SLOTS), "{followed} redirections");
    for key in &keys {
        let value = new.command(&["GET", key]).expect("GET");
        assert_eq!(value.text(), Some("20"), "{key}");
    }
    // A refresh asks both nodes; one may have begun before the last redirection.
    until("the slots are learned", async || asked() > before).await;
    let refreshes = (asked() - before).div_ceil(2);
    assert!(refreshes <= 4, "{refreshes} refreshes");
    let redirects = client.stats().redirects;
    for key in &keys {
        client
            .run(Command::read("GET").key(key.clone()))
            .await
            .expect(key);
    }
    assert_eq!(
        client.stats().redirects,
        redirects,
        "the slots were learned"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_of_a_node_cause_few_refreshes() {
    let cluster = two();
    let client = client(&cluster).await;
    for key in ["foo", "bar"] {
        client.run(incr(key)).await.expect(key);
    }
    let up = cluster.primary_of("foo").expect("a primary");
    cluster
        .primary_of("bar")
        .expect("a primary")
        .kill()
        .expect("kill");
    let (before, started) = (slot_requests(up), Instant::now());
    let mut failures = 0;
    while started.elapsed() < Duration::from_millis(500) {
        let incr = incr("bar").timeout(Duration::from_millis(1));
        client.run(incr).await.expect_err("a node that is down");
        failures += 1;
    }
    let elapsed = started.elapsed().as_millis();
    let refreshes = u128::from(slot_requests(up) - before);
    assert!(failures > 30, "{failures} failures");
    // There is a pause of fifty milliseconds between two refreshes.
    assert!(refreshes <= elapsed / 50 + 2, "{refreshes} in {elapsed} ms");
}

/// Accepts connections, answers what a client says first, and closes them; counts them.
async fn close_after_handshake() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut read = [0; 4096];
            if socket.read(&mut read).await.is_ok() {
                let hello = b"%2\r\n+version\r\n+9.0.0\r\n+mode\r\n+cluster\r\n+OK\r\n+OK\r\n";
                // The client may be gone.
                let _ = socket.write_all(hello).await;
                // Meanwhile other connections of the client have replies.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    (port, accepted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_that_closes_after_hello_is_not_tried_at_full_speed() {
    let settings = Server::builder().release(Release::Valkey9_1);
    let cluster = Cluster::start_with(2, 0, &settings).expect("a cluster");
    let behind = cluster.primary_of("bar").expect("a primary");
    let (port, accepted) = close_after_handshake().await;
    let announce = ["CONFIG", "SET", "cluster-announce-port", &port.to_string()];
    assert_eq!(
        behind.command(&announce).expect("CONFIG").text(),
        Some("OK")
    );
    until("all nodes know the other port", async || {
        cluster.nodes().iter().all(|node| {
            let nodes = node.command(&["CLUSTER", "NODES"]).expect("CLUSTER NODES");
            nodes
                .text()
                .is_some_and(|nodes| nodes.contains(&format!(":{port}@")))
        })
    })
    .await;
    let client = client(&cluster).await;
    let stop = Arc::new(AtomicBool::new(false));
    let busy = tokio::spawn(keep_busy(client.clone(), stop.clone()));
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1_500) {
        client.run(incr("bar")).await.expect_err("closed");
    }
    stop.store(true, Ordering::Relaxed);
    let (count, _) = busy.await.expect("all succeed");
    assert!(count > 100, "{count} commands to the other node");
    let accepted = accepted.load(Ordering::SeqCst);
    println!("{accepted} connections");
    assert!((3..60).contains(&accepted), "{accepted} connections");
}

#[tokio::test]
async fn batch_for_a_node_that_is_down_fails_once() {
    let cluster = two();
    let client = client(&cluster).await;
    for key in ["foo", "bar"] {
        client.run(incr(key)).await.expect(key);
    }
    let down = cluster.primary_of("bar").expect("a primary");
    down.kill().expect("kill");
    until("the loss is noticed", async || !client.is_connected()).await;
    let before = client.stats().errors(ErrorKind::NotSent);
    let mut batch = client.batch();
    let mut add = |command: Command| batch.add(client.op(command, Reply::into_int));
    let (dead, alive) = (add(incr("bar").fail_fast()), add(incr("foo")));
    batch.send().await.expect("each has its own result");
    let error = dead.take().expect_err("a node that is down");
    assert_eq!(error.kind(), ErrorKind::NotSent, "{error}");
    assert_eq!(alive.take().expect("a node that is well"), 2);
    assert_eq!(client.stats().errors(ErrorKind::NotSent), before + 1);
}

#[tokio::test]
async fn commands_without_a_key_go_to_a_node_that_is_up() {
    let cluster = two();
    let client = client(&cluster).await;
    for key in ["foo", "bar"] {
        client.run(incr(key)).await.expect(key);
    }
    for key in ["foo", "bar"] {
        let up = cluster.primary_of(key).expect("a primary");
        let mut nodes = cluster.nodes().iter();
        let down = nodes.find(|node| node.port() != up.port()).expect("two");
        let asked = slot_requests(up);
        down.kill().expect("kill");
        until("the loss is noticed", async || !client.is_connected()).await;
        until("the slots are asked for", async || {
            slot_requests(up) > asked
        })
        .await;
        for _ in 0..5 {
            let ping = client.run(Command::read("PING")).await;
            ping.expect("a node that is well");
        }
        down.restart().expect("restart");
        until("the node is up again", async || client.is_connected()).await;
    }
}
