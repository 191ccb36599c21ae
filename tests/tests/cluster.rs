//! Every collection on a cluster of three shards, also while it changes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::TryStreamExt;
use purse::{
    Client, ErrorKind, RedisCell, RedisCounter, RedisHash, RedisIdGenerator, RedisKeySpace,
    RedisLifoQueue, RedisList, RedisPriorityQueue, RedisQueue, RedisSet, RedisSortedSet,
    RedisVersioned, RedisWindowCounter,
};
use purse_testkit::{Cluster, Server};
use purse_tests::deliveries::Deliveries;
use purse_tests::tally::Tally;
use purse_tests::{blocked, calls, kill_in_step, until};

/// The longest time until the cluster works again.
const SOON: Duration = Duration::from_secs(10);

fn three_shards() -> Cluster {
    Cluster::start(3, 1).expect("a cluster")
}

async fn client(cluster: &Cluster) -> Client {
    let client = Client::builder(&cluster.url()).command_timeout(Duration::from_secs(2));
    client.connect().await.expect("a cluster that runs")
}

/// A hash tag on each of the first three nodes.
fn tags(cluster: &Cluster) -> Vec<String> {
    let on = |node: &Server| {
        let mut tags = (0..).map(|n| format!("{{{n}}}"));
        let tag = tags.find(|tag| {
            let primary = cluster.primary_of(tag).expect("a primary");
            primary.port() == node.port()
        });
        tag.expect("a slot for each")
    };
    cluster.nodes()[..3].iter().map(on).collect()
}

#[tokio::test]
async fn collections_of_one_key_work_on_every_shard() {
    let cluster = three_shards();
    let client = client(&cluster).await;
    for tag in tags(&cluster) {
        let key = |name: &str| format!("{tag}{name}");
        let list: RedisList<u32> = RedisList::new(&client, key("list"));
        list.extend(0..3_000).await.unwrap();
        list.insert(1, 7).await.unwrap();
        assert_eq!(list.range(..2).await.unwrap(), [0, 7]);
        let streamed: Vec<u32> = list.stream().try_collect().await.unwrap();
        assert_eq!(streamed.len(), 3_001);

        let hash: RedisHash<String, u32> = RedisHash::new(&client, key("hash"));
        assert_eq!(hash.insert("a", 1).await.unwrap(), None);
        assert_eq!(hash.get_or_insert("a", 2).await.unwrap(), 1);
        let entries: BTreeMap<String, u32> = hash.iter().try_collect().await.unwrap();
        assert_eq!(entries, BTreeMap::from([("a".to_owned(), 1)]));

        let set: RedisSet<u32> = RedisSet::new(&client, key("set"));
        let other: RedisSet<u32> = RedisSet::new(&client, key("other"));
        set.extend(0..100).await.unwrap();
        other.extend(50..200).await.unwrap();
        assert_eq!(set.intersection([&other]).to_set().await.unwrap().len(), 50);
        assert!(set.move_to(&other, 1).await.unwrap());

        let ranking: RedisSortedSet<u32> = RedisSortedSet::new(&client, key("ranking"));
        ranking
            .extend((0..10).map(|n| (n, f64::from(n))))
            .await
            .unwrap();
        assert_eq!(ranking.pop_max().await.unwrap(), Some((9, 9.0)));
        assert_eq!(ranking.by_score(3.0..).count().await.unwrap(), 6);

        list.key().rename(key("renamed")).await.unwrap();
        let renamed: RedisList<u32> = RedisList::new(&client, key("renamed"));
        assert_eq!(renamed.len().await.unwrap(), 3_001);
    }
}

#[tokio::test]
async fn cells_and_counters_work_on_every_shard() {
    let cluster = three_shards();
    let client = client(&cluster).await;
    let mut keys: Vec<_> = tags(&cluster);
    // The receipt of each of these keys must be in its slot.
    keys.extend(["plain", "a{b", "{}", "}{", "", "a}b"].map(str::to_owned));
    for key in keys {
        let name = |end: &str| format!("{key}{end}");
        let cell: RedisCell<u32> = RedisCell::new(&client, name("cell"));
        assert_eq!(cell.swap(1).await.unwrap(), None, "{key}");
        assert_eq!(cell.update(|old| old.unwrap() + 1).await.unwrap(), 2);
        let value: RedisVersioned<u32> = RedisVersioned::new(&client, name("value"));
        let (_, version) = value.update(|_| 1).await.unwrap();
        assert!(value.store_if(version, 2).await.unwrap().is_ok(), "{key}");
        let counter: RedisCounter<u8> = RedisCounter::new(&client, name("counter"));
        assert_eq!(counter.add_once(2).await.unwrap(), 2, "{key}");
        let bounded = counter.bounded(..=3);
        assert_eq!(bounded.checked_add_once(2).await.unwrap(), None);
        let window = RedisWindowCounter::new(&client, name("window"), 100 * SOON);
        window.add(1).await.unwrap();
        assert_eq!(window.sum(SOON).await.unwrap(), 1, "{key}");
        let ids = RedisIdGenerator::new(&client, name("ids"));
        assert_eq!(ids.next_id().await.unwrap(), 1, "{key}");
    }
    until("the receipts are removed", async || {
        let receipts = |node: &Server| node.command(&["KEYS", "*:receipt:*"]).unwrap();
        let mut primaries = cluster.nodes().iter();
        primaries.all(|node| receipts(node).items().is_empty())
    })
    .await;
}

#[tokio::test]
async fn operations_over_several_shards_are_refused_or_split() {
    let cluster = three_shards();
    let client = client(&cluster).await;
    let tags = tags(&cluster);
    let list = |tag: &str| -> RedisList<u32> { RedisList::new(&client, format!("{tag}list")) };
    let lists = [list(&tags[0]), list(&tags[1])];
    for list in &lists {
        list.push_back(1).await.unwrap();
    }
    let error = lists[0].key().rename(lists[1].key().name()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::CrossSlot);
    let mut batch = client.batch().atomic();
    let lengths = [
        batch.add(lists[0].push_back(2)),
        batch.add(lists[1].push_back(2)),
    ];
    assert_eq!(batch.send().await.unwrap_err().kind(), ErrorKind::CrossSlot);
    for length in lengths {
        assert!(length.take().is_err());
    }
    let mut batch = client.batch();
    let lengths = [
        batch.add(lists[0].push_back(2)),
        batch.add(lists[1].push_back(2)),
    ];
    batch.send().await.unwrap();
    for length in lengths {
        assert_eq!(length.take().unwrap(), 2, "the refused batch did nothing");
    }

    let space: RedisKeySpace<u32> = RedisKeySpace::new(&client, "space:");
    space
        .extend((0..300).map(|n| (n.to_string(), n)))
        .await
        .unwrap();
    let items: BTreeMap<String, u32> = space.items().try_collect().await.unwrap();
    assert_eq!(items.len(), 300);
    assert_eq!(space.clear().await.unwrap(), 300);
}

#[tokio::test]
async fn pops_wait_on_every_shard_and_can_be_dropped() {
    let cluster = three_shards();
    let client = client(&cluster).await;
    for tag in tags(&cluster) {
        let fifo: RedisQueue<u32> = RedisQueue::new(&client, format!("{tag}fifo"));
        let lifo: RedisLifoQueue<u32> = RedisLifoQueue::new(&client, format!("{tag}lifo"));
        let ranked: RedisPriorityQueue<u32> =
            RedisPriorityQueue::new(&client, format!("{tag}ranked"));
        let node = cluster.primary_of(&tag).unwrap();
        let looks = || (blocked(node), calls(node, "zcard"));
        for round in 0..2 {
            let (a, b, c) = (fifo.clone(), lifo.clone(), ranked.clone());
            let (_, cards) = looks();
            let pops = tokio::spawn(async move { tokio::try_join!(a.pop(), b.pop(), c.pop()) });
            until(&format!("three pops wait for {tag}"), async || {
                let now = looks();
                now.0 >= 2 && now.1 > cards + 1
            })
            .await;
            if round == 0 {
                pops.abort();
                assert!(pops.await.unwrap_err().is_cancelled());
                fifo.push(1).await.unwrap();
                lifo.push(2).await.unwrap();
                ranked.push(3, 0.5).await.unwrap();
                // What the dropped ones were just taking goes back.
                assert_eq!(fifo.pop_timeout(SOON).await.unwrap(), Some(1));
                assert_eq!(lifo.pop_timeout(SOON).await.unwrap(), Some(2));
                assert_eq!(ranked.pop_timeout(SOON).await.unwrap(), Some((3, 0.5)));
            } else {
                fifo.push(1).await.unwrap();
                lifo.push(2).await.unwrap();
                ranked.push(3, 0.5).await.unwrap();
                assert_eq!(pops.await.unwrap().unwrap(), (1, 2, (3, 0.5)));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_work_while_slots_move() {
    let cluster = three_shards();
    let client = client(&cluster).await;
    let tags = tags(&cluster);
    let slot = cluster.slot(&tags[0]).unwrap();
    let tally = Tally::start(&client, &tags);
    let deliveries = Deliveries::start(&client, &tags);
    let go_on = async || {
        tally.wait_progress(SOON).await;
        deliveries.wait_progress(SOON).await;
    };
    go_on().await;
    for to in [1, 2, 0] {
        let moving = cluster.move_slot(slot, &cluster.nodes()[to]).unwrap();
        go_on().await;
        assert!(moving.move_keys(1).unwrap() > 0);
        go_on().await;
        moving.finish().unwrap();
        go_on().await;
    }
    let totals = tally.end().await;
    assert_eq!((totals.ambiguous, totals.failed), (0, 0), "{totals:?}");
    deliveries.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_work_after_a_failover() {
    let cluster = three_shards();
    let client = client(&cluster).await;
    let tags = tags(&cluster);
    let tally = Tally::start(&client, &tags);
    let deliveries = Deliveries::start(&client, &tags);
    let go_on = async || {
        tally.wait_progress(SOON).await;
        deliveries.wait_progress(SOON).await;
    };
    go_on().await;

    let old = cluster.primary_of(&tags[0]).unwrap();
    let new = cluster.fail_over(old).unwrap();
    go_on().await;

    kill_in_step(new, old).await;
    cluster.settle().unwrap();
    go_on().await;
    tally.end().await;
    deliveries.end().await;
}
