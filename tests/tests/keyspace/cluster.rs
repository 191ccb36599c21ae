//! A space over three shards.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use purse::{Client, ErrorKind, RedisKeySpace};
use purse_testkit::{Reply, Server};
use purse_tests::calls;

const SLOTS: usize = 16_384;

/// A cluster of three servers.
struct Cluster(Vec<Server>);

impl Cluster {
    /// A cluster in which the first `owners` have an equal share of the slots.
    fn start(owners: usize) -> Self {
        let cluster = Self((0..3).map(|_| node()).collect());
        let first = cluster.0[0].port().to_string();
        for (n, server) in cluster.0.iter().enumerate() {
            let mine: Vec<_> = (0..SLOTS)
                .filter(|slot| slot * owners / SLOTS == n)
                .map(|slot| slot.to_string())
                .collect();
            if !mine.is_empty() {
                let mut words = vec!["CLUSTER", "ADDSLOTS"];
                words.extend(mine.iter().map(String::as_str));
                ask(server, &words);
            }
            if n > 0 {
                ask(server, &["CLUSTER", "MEET", "127.0.0.1", &first]);
            }
        }
        let complete = "cluster_state:ok cluster_slots_ok:16384 cluster_known_nodes:3";
        for server in &cluster.0 {
            wait_for(server, &["CLUSTER", "INFO"], complete);
        }
        cluster
    }

    async fn client(&self) -> Client {
        let url = self.0[0].url().replace("redis://", "redis-cluster://");
        Client::connect(&url).await.expect("a cluster that runs")
    }

    fn sizes(&self) -> Vec<i64> {
        let size = |server| ask(server, &["DBSIZE"]).int().expect("a size");
        self.0.iter().map(size).collect()
    }

    fn calls(&self, command: &str) -> u64 {
        self.0.iter().map(|server| calls(server, command)).sum()
    }
}

fn node() -> Server {
    // Nodes talk to each other on a port 10000 higher, which not every free port has.
    let port = std::iter::repeat_with(|| {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        free.expect("a free port").port()
    })
    .find(|port| TcpListener::bind(("127.0.0.1", port.saturating_add(10_000))).is_ok());
    Server::builder()
        .config("cluster-enabled", "yes")
        .config("cluster-announce-ip", "127.0.0.1")
        .port(port.expect("two free ports"))
        .start()
        .expect("a server")
}

fn ask(server: &Server, words: &[&str]) -> Reply {
    server.command(words).expect("a reply")
}

/// Looks until the answer has all of these words.
fn wait_for(server: &Server, command: &[&str], words: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let reply = ask(server, command);
        let text = reply.text().unwrap_or_default();
        if words.split(' ').all(|word| text.contains(word)) {
            return;
        }
        assert!(Instant::now() < deadline, "no {words} in {text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_space_spreads_over_all_shards() {
    const MANY: u32 = 3_000;
    let cluster = Cluster::start(3);
    let client = cluster.client().await;
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space*:");
    let outside: RedisKeySpace<u32> = RedisKeySpace::new(&client, "spacex:");
    let entries = || (0..MANY).map(|n| (n.to_string(), n));
    space.extend(entries()).await.unwrap();
    outside
        .extend((0..100).map(|n| (n.to_string(), n)))
        .await
        .unwrap();
    let sizes = cluster.sizes();
    assert!(sizes.iter().all(|size| *size > 500), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<i64>(), i64::from(MANY) + 100);

    let names = entries().map(|(key, _)| key).chain(["none".to_owned()]);
    let got = space.get_many(names).await.unwrap();
    let expected = (0..MANY).map(Some).chain([None]);
    assert!(got.into_iter().eq(expected), "in order");

    assert_eq!(space.len().await.unwrap(), u64::from(MANY));
    let items: BTreeMap<String, u32> = space.items().try_collect().await.unwrap();
    assert!(items.into_iter().eq(entries().collect::<BTreeMap<_, _>>()));
    let mut keys: Vec<String> = space.keys().page_size(10).try_collect().await.unwrap();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), MANY as usize);

    let scans = cluster.calls("scan");
    let mut items = space.items().page_size(10);
    items.next().await.unwrap().unwrap();
    drop(items);
    for n in 0..20 {
        assert!(space.contains(n.to_string()).await.unwrap());
    }
    assert!(
        cluster.calls("scan") - scans <= 3,
        "the dropped stream goes on"
    );

    let some = (0..1_000).map(|n| n.to_string());
    assert_eq!(space.delete_many(some).await.unwrap(), 1_000);
    assert_eq!(space.clear().await.unwrap(), 2_000);
    assert!(space.is_empty().await.unwrap());
    assert_eq!(outside.len().await.unwrap(), 100);
}

#[tokio::test]
async fn all_or_none_wants_one_slot() {
    let cluster = Cluster::start(3);
    let client = cluster.client().await;
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    let entries = [("a", 1), ("b", 2)];
    let error = space.extend_if_none_exist(entries).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
    let says = error.to_string();
    assert!(says.contains("hash tag"), "not the server's words: {says}");
    assert!(says.starts_with("MSETNX at "), "{says}");

    let tagged: RedisKeySpace<u32> = RedisKeySpace::new(&client, "{space}:");
    assert!(tagged.extend_if_none_exist(entries).await.unwrap());
    assert!(!tagged.extend_if_none_exist(entries).await.unwrap());
    tagged
        .extend((0..500).map(|n| (n.to_string(), n)))
        .await
        .unwrap();
    assert_eq!(cluster.calls("mset"), 1, "one slot is one command");
    assert_eq!(tagged.len().await.unwrap(), 502);
    assert_eq!(cluster.sizes().into_iter().max(), Some(502));
    assert_eq!(tagged.pop("a").await.unwrap(), Some(1));
    assert_eq!(tagged.get_or_insert("a", 3).await.unwrap(), 3);
}

#[tokio::test]
async fn scan_finds_keys_moved_to_an_empty_shard() {
    let cluster = Cluster::start(2);
    let client = cluster.client().await;
    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    space.set("a", 1).await.unwrap();
    assert_eq!(space.len().await.unwrap(), 1);
    assert_eq!(cluster.calls("scan"), 2, "two have slots");

    let to = &cluster.0[2];
    let id = ask(to, &["CLUSTER", "MYID"]);
    let slot = ask(to, &["CLUSTER", "KEYSLOT", "{x}"]).int().unwrap();
    // The new owner learns it first: the others would tell it that the slot is theirs.
    for server in cluster.0.iter().rev() {
        let slot = slot.to_string();
        let give = ["CLUSTER", "SETSLOT", &slot, "NODE", id.text().unwrap()];
        assert_eq!(ask(server, &give), Reply::Simple("OK".into()));
    }
    ask(to, &["SET", "space:{x}", "2"]);
    let mut values: Vec<u32> = space.values().try_collect().await.unwrap();
    values.sort_unstable();
    assert_eq!(values, [1, 2]);
}
