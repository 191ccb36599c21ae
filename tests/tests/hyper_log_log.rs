//! `RedisHyperLogLog` on a real server.

use purse::{Client, Command, ErrorKind, RedisHyperLogLog, RedisList};
use purse_testkit::Server;
use purse_tests::{calls, client, cluster_of_one, fresh};

type Sketch<T> = RedisHyperLogLog<T>;

async fn sketch(elements: impl IntoIterator<Item = u32, IntoIter: Send>) -> Sketch<u32> {
    let sketch = Sketch::new(&client().await, fresh("hll"));
    sketch.extend(elements).await.expect("a reply");
    sketch
}

/// Fails unless the count is within five standard errors.
#[track_caller]
fn assert_near(count: u64, expected: u64) {
    let most = expected as f64 * 0.0081 * 5.0 + 1.0;
    let error = (count as f64 - expected as f64).abs();
    assert!(error <= most, "{count} instead of {expected}");
}

#[tokio::test]
async fn absent_sketch_counts_nothing() {
    let sketch = sketch([]).await;
    assert_eq!(sketch.count().await.unwrap(), 0);
    assert!(sketch.is_empty().await.unwrap() && !sketch.exists().await.unwrap());
    assert_eq!(sketch.count_union([&sketch]).await.unwrap(), 0);
    assert!(!sketch.clear().await.unwrap());
}

#[tokio::test]
async fn distinct_elements_are_counted_within_the_error() {
    let sketch: Sketch<u32> = sketch([]).await;
    assert!(sketch.add(7).await.unwrap());
    assert!(!sketch.add(7).await.unwrap());
    assert_eq!(sketch.count().await.unwrap(), 1);
    assert!(!sketch.is_empty().await.unwrap());
    assert!(!sketch.extend([7, 7]).await.unwrap());
    for count in [10, 1_000, 50_000, 200_000] {
        assert!(sketch.extend(0..count).await.unwrap());
        assert_near(sketch.count().await.unwrap(), count.into());
        assert!(!sketch.extend(0..count).await.unwrap(), "nothing is new");
    }
}

#[tokio::test]
async fn unions_are_counted_and_merged() {
    let [a, b, c] = [
        sketch(0..20_000).await,
        sketch(10_000..30_000).await,
        sketch(0..10).await,
    ];
    let none: [&Sketch<u32>; 0] = [];
    assert_near(a.count_union([&b]).await.unwrap(), 30_000);
    assert_near(a.count_union([&b, &c]).await.unwrap(), 30_000);
    assert_near(c.count_union(none).await.unwrap(), 10);
    assert_near(c.count_union([&a, &a]).await.unwrap(), 20_000);
    c.merge(none).await.unwrap();
    assert_near(c.count().await.unwrap(), 10);
    c.merge([&a, &b]).await.unwrap();
    assert_near(c.count().await.unwrap(), 30_000);
    assert_near(a.count().await.unwrap(), 20_000);
    let fresh = sketch([]).await;
    fresh.merge([&a]).await.unwrap();
    assert_near(fresh.count().await.unwrap(), 20_000);
    let empty = sketch([]).await;
    empty.merge(none).await.unwrap();
    assert!(empty.is_empty().await.unwrap());
    assert!(empty.exists().await.unwrap(), "as PFMERGE does");
}

#[tokio::test]
async fn bulk_goes_in_chunks() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let sketch: Sketch<u32> = Sketch::new(&client, "hll");
    let none: [u32; 0] = [];
    assert!(!sketch.extend(none).await.unwrap());
    assert_eq!(calls(&server, "pfadd"), 0);
    assert!(sketch.extend(0..5_000).await.unwrap());
    assert_eq!(calls(&server, "pfadd"), 5);
    assert_near(sketch.count().await.unwrap(), 5_000);
    let many: Vec<_> = (0..1_500)
        .map(|n| Sketch::new(&client, n.to_string()))
        .collect();
    assert_near(sketch.count_union(&many).await.unwrap(), 5_000);
    sketch.merge(&many).await.unwrap();
    assert_near(sketch.count().await.unwrap(), 5_000);
}

#[tokio::test]
async fn unencodable_value_is_not_sent() {
    let sketch: Sketch<f64> = Sketch::new(&client().await, fresh("hll"));
    for error in [
        sketch.add(f64::NAN).await.unwrap_err(),
        sketch.extend([1.0, f64::NAN]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert!(!sketch.exists().await.unwrap());
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let list: RedisList<String> = RedisList::new(&client, fresh("hll"));
    list.push_back("v").await.unwrap();
    let text = fresh("hll");
    let set = Command::write("SET").key(text.as_str()).arg("not a sketch");
    client.run(set).await.unwrap();
    let good = sketch(0..3).await;
    for key in [list.key().name(), text.as_bytes()] {
        let bad: Sketch<u32> = Sketch::new(&client, key);
        for error in [
            bad.add(1).await.unwrap_err(),
            bad.extend([1]).await.unwrap_err(),
            bad.count().await.unwrap_err(),
            bad.is_empty().await.unwrap_err(),
            bad.count_union([&good]).await.unwrap_err(),
            good.count_union([&bad]).await.unwrap_err(),
            good.merge([&bad]).await.unwrap_err(),
            bad.merge([&good]).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        }
    }
    assert_eq!(good.count().await.unwrap(), 3);
    assert_eq!(list.to_vec().await.unwrap(), ["v"]);
}

#[tokio::test]
async fn sketches_of_several_slots_are_refused_unsent() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let [a, b, far] = ["{t}a", "{t}b", "far"].map(|key| Sketch::<u32>::new(&client, key));
    a.extend([1, 2]).await.unwrap();
    for error in [
        a.count_union([&b, &far]).await.unwrap_err(),
        a.merge([&b, &far]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
        let says = error.to_string();
        assert!(
            says.contains("in different slots of"),
            "the server says: {says}"
        );
    }
    for command in ["pfcount", "pfmerge"] {
        assert_eq!(calls(&cluster.nodes()[0], command), 0, "{command}");
    }
    b.merge([&a]).await.unwrap();
    assert_eq!(b.count().await.unwrap(), 2);
}

#[tokio::test]
async fn batches_take_the_operations() {
    let client = client().await;
    for atomic in [false, true] {
        let [a, b] = [(); 2].map(|()| Sketch::<u32>::new(&client, fresh("hll")));
        a.add(1).await.unwrap();
        b.add(2).await.unwrap();
        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let added = batch.add(a.add(3));
        let union = batch.add(a.count_union([&b]));
        let merged = batch.add(b.merge([&a]));
        let count = batch.add(b.count());
        batch.send().await.unwrap();
        assert!(added.take().unwrap());
        assert_eq!(union.take().unwrap(), 3);
        merged.take().unwrap();
        assert_eq!(count.take().unwrap(), 3);
    }
}
