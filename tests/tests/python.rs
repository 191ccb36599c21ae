//! Python's redis-purse 2.0.2 reads what purse writes, and the other way round.
//!
//! Where there is no Python, both tests say so and pass.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::TryStreamExt;
use purse::{
    Client, Codec, Plain, RedisHash, RedisKeySpace, RedisLifoQueue, RedisList, RedisPriorityQueue,
    RedisQueue, RedisSet, RedisSortedSet, SetOptions,
};
use purse_testkit::Server;
use purse_tests::plant::{Plant, carrot};
use purse_tests::python::{interpreter, lines, script};

#[path = "../../examples/hash.rs"]
#[allow(dead_code, reason = "as a program of its own it has a main function")]
mod hash;
#[path = "../../examples/redlock.rs"]
#[allow(dead_code, reason = "as a program of its own it has a main function")]
mod redlock;

fn spinach() -> Plant {
    Plant {
        name: "spinach".into(),
        healthiness: 9.8,
        tasty: false,
    }
}

fn broccoli() -> Plant {
    Plant {
        name: "broccoli".into(),
        healthiness: 12.2,
        tasty: true,
    }
}

/// A Python with redis-purse in it.
fn python() -> Option<PathBuf> {
    interpreter(Path::new(env!("CARGO_TARGET_TMPDIR")))
}

const TEXTS: [&str; 6] = ["a", "ä€😀", "", "\"quoted\"", "null", "12"];

fn raw() -> [Vec<u8>; 3] {
    [vec![], (0..=255).collect(), b"[1, 2]".to_vec()]
}

async fn write_sets(client: &Client) {
    let texts: RedisSet<String> = RedisSet::new(client, "rs:set:texts");
    texts.extend(TEXTS).await.expect("a reply");
    let bytes: RedisSet<Vec<u8>> = RedisSet::new(client, "rs:set:bytes");
    bytes.extend(raw()).await.expect("a reply");
    let plants: RedisSet<Plant> = RedisSet::new(client, "rs:set:plants");
    plants
        .extend([spinach(), broccoli()])
        .await
        .expect("a reply");

    let texts: RedisSortedSet<String> = RedisSortedSet::new(client, "rs:sorted:texts");
    let items = TEXTS
        .into_iter()
        .zip([-1.5, 0.1, 2.0, 3.0, 4.0, f64::INFINITY]);
    texts.extend(items).await.expect("a reply");
    let bytes: RedisSortedSet<Vec<u8>> = RedisSortedSet::new(client, "rs:sorted:bytes");
    bytes
        .extend(raw().map(|bytes| (bytes, 1.0)))
        .await
        .expect("a reply");
    let plants: RedisSortedSet<Plant> = RedisSortedSet::new(client, "rs:sorted:plants");
    plants.insert(spinach(), 9.8).await.expect("a reply");
}

async fn read_sets(client: &Client) {
    let texts: RedisSet<String> = RedisSet::new(client, "py:set:texts");
    let all = texts.to_set().await.expect("a reply");
    assert_eq!(all, HashSet::from(TEXTS.map(str::to_owned)));
    assert!(texts.contains("ä€😀").await.expect("a reply"));
    let bytes: RedisSet<Vec<u8>> = RedisSet::new(client, "py:set:bytes");
    assert_eq!(bytes.to_set().await.expect("a reply"), HashSet::from(raw()));
    let plants: RedisSet<Plant> = RedisSet::new(client, "py:set:plants");
    assert_eq!(plants.len().await.expect("a reply"), 4);
    assert!(plants.contains(spinach()).await.expect("a reply"));
    assert!(plants.remove(broccoli()).await.expect("a reply"));
    let dicts: RedisSet<Plant> = RedisSet::new(client, "py:set:dicts");
    let all: Vec<Plant> = dicts.stream().try_collect().await.expect("a reply");
    assert_eq!(all, [carrot()]);
    let is_found = dicts.contains(carrot()).await.expect("a reply");
    assert!(
        !is_found,
        "Python writes a dict with spaces, as the documentation says"
    );

    let texts: RedisSortedSet<String> = RedisSortedSet::new(client, "py:sorted:texts");
    let expected = TEXTS.map(str::to_owned).into_iter();
    let expected = expected.zip([-1.5, 0.1, 2.0, 3.0, 4.0, f64::INFINITY]);
    let all = texts.by_rank(..).with_scores().await.expect("a reply");
    assert_eq!(all, expected.collect::<Vec<_>>());
    let bytes: RedisSortedSet<Vec<u8>> = RedisSortedSet::new(client, "py:sorted:bytes");
    let scores = bytes.scores(raw()).await.expect("a reply");
    assert_eq!(scores, [Some(0.0), Some(1.0), Some(2.0)]);
    let plants: RedisSortedSet<Plant> = RedisSortedSet::new(client, "py:sorted:plants");
    assert_eq!(plants.rank(spinach()).await.expect("a reply"), Some(2));
    assert_eq!(
        plants.pop_max().await.expect("a reply"),
        Some((broccoli(), 12.2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_what_rust_writes() {
    let Some(python) = python() else { return };
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    hash::run(&server.url()).await.unwrap();
    let masters: Vec<_> = (0..5).map(|database| server.url_db(database)).collect();
    redlock::run(&server.url(), &masters).await.unwrap();

    let texts: RedisList<String> = RedisList::new(&client, "rs:texts");
    texts.extend(TEXTS).await.unwrap();
    let bytes: RedisList<Vec<u8>> = RedisList::new(&client, "rs:bytes");
    bytes.extend(raw()).await.unwrap();
    let dicts: RedisList<Plant> = RedisList::new(&client, "rs:dicts");
    dicts.push_back(carrot()).await.unwrap();
    let counts: RedisHash<u8, u8> = RedisHash::new(&client, "rs:counts");
    counts.set(7, 42).await.unwrap();
    write_sets(&client).await;
    let space: RedisKeySpace<String> = RedisKeySpace::new(&client, "rs:space*:");
    let texts = TEXTS.into_iter().zip(TEXTS);
    space.extend(texts).await.unwrap();
    space.sub("raw:").extend([("é", "ä")]).await.unwrap();
    let minute = SetOptions::new().ttl(Duration::from_secs(60));
    let plants: RedisKeySpace<Plant> = RedisKeySpace::new(&client, "rs:plants:");
    plants.set_with("carrot", carrot(), minute).await.unwrap();
    plants.get_or_insert("leek", carrot()).await.unwrap();
    let bytes: RedisKeySpace<Vec<u8>> = RedisKeySpace::new(&client, "rs:raw:");
    let numbered = raw().into_iter().enumerate();
    bytes
        .extend(numbered.map(|(n, value)| (n.to_string(), value)))
        .await
        .unwrap();

    let fifo: RedisQueue<String> = RedisQueue::new(&client, "rs:fifo");
    fifo.push_many(["a", "b", "c"]).await.unwrap();
    let lifo: RedisLifoQueue<String> = RedisLifoQueue::new(&client, "rs:lifo");
    lifo.push_many(["a", "b", "c"]).await.unwrap();
    let ranked: RedisPriorityQueue<Plant> = RedisPriorityQueue::new(&client, "rs:ranked");
    ranked.push(spinach(), 2.0).await.unwrap();
    ranked.push(broccoli(), 1.0).await.unwrap();

    script(&python, "read.py", &[server.url()]);
}

#[tokio::test]
async fn rust_reads_what_python_writes() {
    let Some(python) = python() else { return };
    let server = Server::start().unwrap();
    script(&python, "write.py", &[server.url()]);

    let client = Client::connect(&server.url()).await.unwrap();
    let texts: RedisList<String> = RedisList::new(&client, "py:texts");
    assert_eq!(texts.to_vec().await.unwrap(), TEXTS);
    assert_eq!(texts.position("12").await.unwrap(), Some(5));
    let bytes: RedisList<Vec<u8>> = RedisList::new(&client, "py:bytes");
    assert_eq!(bytes.to_vec().await.unwrap(), raw());
    let dicts: RedisList<Plant> = RedisList::new(&client, "py:dicts");
    assert_eq!(dicts.to_vec().await.unwrap(), [carrot()]);
    let plants: RedisHash<String, Plant> = RedisHash::new(&client, "py:plants");
    let plants: HashMap<String, Plant> = plants.iter().try_collect().await.unwrap();
    assert_eq!(plants.len(), 4);
    assert_eq!(plants["broccoli"], broccoli());
    let numbers: RedisList<u64> = RedisList::new(&client, "py:numbers");
    assert_eq!(
        numbers.to_vec().await.unwrap(),
        (0..=100).collect::<Vec<_>>()
    );

    read_sets(&client).await;

    let space: RedisKeySpace<String> = RedisKeySpace::new(&client, "py:space*:");
    let texts: HashMap<String, String> = space.items().try_collect().await.unwrap();
    let expected = TEXTS.map(|text| (text.to_owned(), text.to_owned()));
    assert_eq!(texts, HashMap::from(expected));
    let plants: RedisKeySpace<Plant> = RedisKeySpace::new(&client, "py:space-plants:");
    assert_eq!(plants.get("carrot").await.unwrap(), Some(carrot()));
    assert!(plants.ttl("carrot").await.unwrap().remaining().is_some());
    let dicts = plants.sub("dict:");
    assert_eq!(dicts.get("carrot").await.unwrap(), Some(carrot()));
    let bytes: RedisKeySpace<Vec<u8>> = RedisKeySpace::new(&client, "py:space-raw:");
    let raws = bytes.get_many(["0", "1", "2"]).await.unwrap();
    assert_eq!(raws, raw().map(Some));

    let fifo: RedisQueue<String> = RedisQueue::new(&client, "py:fifo");
    let lifo: RedisLifoQueue<String> = RedisLifoQueue::new(&client, "py:lifo");
    for (first_in, last_in) in [("a", "c"), ("b", "b"), ("c", "a")] {
        assert_eq!(fifo.pop().await.unwrap(), first_in);
        assert_eq!(lifo.try_pop().await.unwrap().as_deref(), Some(last_in));
    }
    let ranked: RedisPriorityQueue<Plant> = RedisPriorityQueue::new(&client, "py:ranked");
    assert_eq!(ranked.pop().await.unwrap(), (broccoli(), 1.0));
    assert_eq!(ranked.try_pop().await.unwrap(), Some((spinach(), 2.0)));
}

#[test]
fn pydantic_writes_floats_alike() {
    let Some(python) = python() else { return };
    // From 1e16 on it depends on the release of pydantic.
    let powers = (-320..16).map(|n| format!("1e{n}").parse().unwrap());
    let floats = powers.flat_map(|power: f64| [power, -1.25 * power, power / 3.0]);
    let floats: Vec<f64> = floats.filter(|float| float.abs() < 1e16).collect();
    let arguments: Vec<_> = floats.iter().map(|float| format!("{float:e}")).collect();
    let program = "import sys, pydantic\n\
        class M(pydantic.RootModel): root: float\n\
        for x in sys.argv[1:]: print(M(float(x)).model_dump_json())";
    for (float, text) in floats.into_iter().zip(lines(&python, program, &arguments)) {
        assert_eq!(Plain::encode(&float).unwrap(), text);
    }
}
