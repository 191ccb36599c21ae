//! Watched keys: each change of a key wakes its watch, and so does each event that may hide a change.

mod support;

use std::pin::pin;
use std::time::Duration;

use purse_client::{Client, Command, Script, Watch};
use purse_testkit::Server;
use support::{SOON, client, get, tracking};
use tokio::time::timeout;

static LOCK: Script = Script::write(
    "LOCK",
    "if redis.call('SET', KEYS[1], ARGV[1], 'NX') then return 1 end return redis.call('PTTL', KEYS[1])",
);

fn read(key: &str) -> Command {
    Command::read("PTTL").key(key.to_owned())
}

async fn watch(client: &Client, key: &str) -> Watch {
    client.watch(read(key)).await.expect("a watch").1
}

/// Waits for the change of a key; no test needs the beats, which are seconds apart.
async fn wait_awake(watch: &mut Watch, why: &str) {
    timeout(SOON, watch.changed()).await.expect(why);
}

/// Returns true if the watch has been woken.
async fn wakes_at_once(watch: &mut Watch) -> bool {
    timeout(Duration::ZERO, watch.changed()).await.is_ok()
}

fn set(server: &Server, key: &str, value: &str) {
    server.command(&["SET", key, value]).expect("SET");
}

#[tokio::test]
async fn any_change_of_a_key_wakes_only_its_watch() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let mut other = watch(&client, "other").await;
    for (why, change) in [
        ("made", &["SET", "key", "1"][..]),
        ("overwritten", &["SET", "key", "2"]),
        ("given a lifetime", &["PEXPIRE", "key", "60000"]),
        ("deleted", &["DEL", "key"]),
        ("pushed to", &["RPUSH", "key", "x"]),
        ("popped from", &["LPOP", "key"]),
        (
            "written by a script",
            &["EVAL", "redis.call('SET', KEYS[1], 1)", "1", "key"],
        ),
        ("renamed", &["RENAME", "key", "elsewhere"]),
        ("renamed to", &["RENAME", "elsewhere", "key"]),
    ] {
        let mut watch = watch(&client, "key").await;
        assert!(!wakes_at_once(&mut watch).await, "awake before it is {why}");
        server.command(change).expect(why);
        wait_awake(&mut watch, why).await;
        assert!(wakes_at_once(&mut watch).await, "awake only once: {why}");
    }
    assert!(!wakes_at_once(&mut other).await);
    assert_eq!(tracking(&server).len(), 1, "one connection for all of them");
}

#[tokio::test]
async fn change_of_a_key_wakes_all_its_watches() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let mut first = watch(&client, "key").await;
    let mut waits = Vec::new();
    for key in ["key", "key", "other"] {
        let mut watch = watch(&client, key).await;
        let wait = tokio::spawn(async move { watch.changed().await });
        waits.push(wait);
    }
    // The tasks run before this one continues, and wait.
    let mut change = pin!(first.changed());
    assert!(futures::poll!(&mut change).is_pending());
    tokio::task::yield_now().await;
    let append = Command::write("APPEND").key("key").arg("x");
    client.run(append).await.expect("APPEND");
    timeout(SOON, change).await.expect("changed");
    let other = waits.pop().expect("three");
    for wait in waits {
        timeout(SOON, wait)
            .await
            .expect("changed")
            .expect("no panic");
    }
    assert!(!other.is_finished(), "its key was not changed");
    set(&server, "other", "1");
    timeout(SOON, other)
        .await
        .expect("changed")
        .expect("no panic");
}

#[tokio::test]
async fn a_key_that_expires_wakes_its_watch() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    server
        .command(&["SET", "key", "1", "PX", "100"])
        .expect("SET");
    let mut watch = watch(&client, "key").await;
    wait_awake(&mut watch, "expired").await;
    assert_eq!(get(&server, "key"), None);
}

#[tokio::test]
async fn a_key_that_is_evicted_wakes_its_watch() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    set(&server, "key", "1");
    let mut watch = watch(&client, "key").await;
    for (name, value) in [("maxmemory-policy", "allkeys-random"), ("maxmemory", "1")] {
        server.command(&["CONFIG", "SET", name, value]).expect(name);
    }
    // A write is refused for want of memory, and before that all keys go.
    server.command(&["SET", "more", "1"]).expect("an answer");
    wait_awake(&mut watch, "evicted").await;
}

#[tokio::test]
async fn script_reply_is_returned_and_its_key_watched() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let lock = || Command::script(&LOCK).key("key").arg("token");
    let (taken, _mine) = client.watch(lock()).await.expect("a watch");
    assert_eq!(taken.into_int().expect("a number"), 1);
    let (refused, mut watch) = client.watch(lock()).await.expect("a watch");
    assert_eq!(refused.into_int().expect("a number"), -1);
    assert!(!wakes_at_once(&mut watch).await);
    server.command(&["DEL", "key"]).expect("DEL");
    wait_awake(&mut watch, "deleted").await;
}

#[tokio::test]
async fn a_reply_that_fred_would_take_for_a_message_is_given_whole() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    server
        .command(&["RPUSH", "key", "message", "a", "b"])
        .expect("RPUSH");
    let range = Command::read("LRANGE").key("key").arg(0_i64).arg(-1_i64);
    let (reply, mut watch) = client.watch(range).await.expect("a watch");
    let [first, _, _] = reply.into_array().expect("three");
    assert_eq!(&first.into_bytes().expect("bytes")[..], b"message");
    server.command(&["LPOP", "key"]).expect("LPOP");
    wait_awake(&mut watch, "popped from").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_right_after_the_read_is_never_missed() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let (writer, key) = (client.clone(), "key");
    for round in 0..3_000 {
        let incr = Command::write("INCR").key(key);
        let (read, written) = tokio::join!(
            client.watch(Command::read("GET").key(key)),
            writer.run(incr)
        );
        let (reply, mut watch) = read.expect("a watch");
        written.expect("INCR");
        let seen = reply.non_nil().map_or(0, |reply| {
            let text = reply.into_bytes().expect("bytes");
            String::from_utf8_lossy(&text).parse().expect("a number")
        });
        // Either it saw the change, or it wakes.
        if seen <= round {
            wait_awake(&mut watch, "changed after the read").await;
        }
    }
}
