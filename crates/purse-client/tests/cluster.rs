//! Against a cluster of two: what fred's router does with redirections.

mod support;

use std::time::Duration;

use bytes::Bytes;
use purse_client::{Client, Command, ErrorKind, Script};
use purse_testkit::Server;
use support::{incr, until};

static COUNT: Script = Script::write("COUNT", "return redis.call('INCR', KEYS[1])");

/// Two nodes; the slot of `bar` is on the first one, that of `foo` on the second one.
struct Cluster([Server; 2]);

impl Cluster {
    async fn start() -> Self {
        let node = || {
            Server::builder()
                .config("cluster-enabled", "yes")
                .config("cluster-require-full-coverage", "no")
                .config("cluster-announce-ip", "127.0.0.1")
                .start()
                .expect("a node")
        };
        let cluster = Self([node(), node()]);
        let [first, second] = &cluster.0;
        for (node, slots) in [(first, ["0", "8191"]), (second, ["8192", "16383"])] {
            node.command(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]])
                .expect("ADDSLOTSRANGE");
        }
        second
            .command(&["CLUSTER", "SET-CONFIG-EPOCH", "2"])
            .expect("SET-CONFIG-EPOCH");
        let port = second.port().to_string();
        first
            .command(&["CLUSTER", "MEET", "127.0.0.1", &port])
            .expect("MEET");
        until("both know all slots", async || {
            cluster.0.iter().all(|node| {
                let info = node.command(&["CLUSTER", "INFO"]).expect("CLUSTER INFO");
                let info = info.text().expect("text");
                info.contains("cluster_state:ok") && info.contains("cluster_slots_assigned:16384")
            })
        })
        .await;
        cluster
    }

    async fn client(&self) -> Client {
        Client::builder(&format!("redis-cluster://127.0.0.1:{}", self.0[0].port()))
            .command_timeout(Duration::from_secs(1))
            .connect()
            .await
            .expect("a cluster")
    }

    fn tell(&self, node: usize, words: &[&str]) {
        let reply = self.0[node]
            .command(&[&["CLUSTER"], words].concat())
            .expect("CLUSTER");
        assert!(reply.error().is_none(), "{words:?}: {reply:?}");
    }

    fn id(&self, node: usize) -> String {
        let id = self.0[node].command(&["CLUSTER", "MYID"]).expect("MYID");
        id.text().expect("text").to_owned()
    }
}

const SLOT_OF_BAR: &str = "5061";

#[tokio::test]
async fn commands_and_scripts_find_their_node() {
    let cluster = Cluster::start().await;
    let client = cluster.client().await;
    for key in ["foo", "bar", "{bar}foo", ""] {
        client
            .run(Command::write("SET").key(key).arg(1_i64))
            .await
            .expect(key);
        client
            .run(Command::script(&COUNT).key(key))
            .await
            .expect(key);
        let reply = client.run(Command::read("GET").key(key)).await.expect(key);
        assert_eq!(reply.into_int().expect("a number"), 2, "{key}");
    }
    let error = client
        .run(Command::write("RENAME").key("foo").key("bar"))
        .await
        .expect_err("slots");
    assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
}

#[tokio::test]
async fn a_redirection_that_cannot_be_followed_does_not_end_the_client() {
    let cluster = Cluster::start().await;
    let client = cluster.client().await;
    client.run(incr("foo")).await.expect("before");
    let (first, second) = (cluster.id(0), cluster.id(1));
    cluster.tell(1, &["SETSLOT", SLOT_OF_BAR, "IMPORTING", &first]);
    cluster.tell(0, &["SETSLOT", SLOT_OF_BAR, "MIGRATING", &second]);
    // What these two do, fred decides; they must not take the others with them.
    let _ = client.run(Command::read("GET").key("bar")).await;
    let _ = client.run(incr("bar")).await;
    until("other slots work", async || {
        client.run(incr("foo")).await.is_ok()
            && client.run(Command::read("GET").key("foo")).await.is_ok()
    })
    .await;
    for node in 0..2 {
        cluster.tell(node, &["SETSLOT", SLOT_OF_BAR, "STABLE"]);
    }
    until("the slot works", async || {
        client.run(incr("bar")).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_value_that_looks_like_a_redirection_is_a_value() {
    let cluster = Cluster::start().await;
    let client = cluster.client().await;
    for value in [
        "MOVED 5061 127.0.0.1:1",
        "ASK 5061 127.0.0.1:1",
        "MOVED",
        "CLUSTERDOWN x",
    ] {
        let value = Bytes::from(value);
        let set = Command::write("HSET")
            .key("bar")
            .arg(Bytes::from("f"))
            .arg(value.clone());
        client.run(set).await.expect("HSET");
        let get = client
            .run(Command::read("HGET").key("bar").arg(Bytes::from("f")))
            .await;
        assert_eq!(get.expect("HGET").into_bytes().expect("bytes"), value);

        let key = "{bar}list";
        client
            .run(Command::write("RPUSH").key(key).arg(value.clone()))
            .await
            .expect("RPUSH");
        let first = client
            .run(Command::read("LINDEX").key(key).arg(0_i64))
            .await;
        assert_eq!(first.expect("LINDEX").into_bytes().expect("bytes"), value);
        let popped = client.run(Command::write("LPOP").key(key)).await;
        assert_eq!(popped.expect("LPOP").into_bytes().expect("bytes"), value);
    }
}

#[tokio::test]
async fn a_write_next_to_a_slot_that_is_down_is_never_called_undone() {
    let cluster = Cluster::start().await;
    let client = cluster.client().await;
    cluster.tell(1, &["DELSLOTS", "12182"]);
    cluster.tell(0, &["DELSLOTS", "12182"]);
    let (down, one, two) = tokio::join!(
        client.run(incr("foo")),
        client.run(incr("bar")),
        client.run(incr("bar"))
    );
    assert!(down.is_err());
    for result in [one, two] {
        if let Err(error) = result {
            assert!(error.is_ambiguous() && !error.is_retryable(), "{error:?}");
        }
    }
}
