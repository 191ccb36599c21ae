//! Python's pottery 3.0.1 reads what purse writes with the codec `Json`, and the other way round.
//!
//! The table in README.md says what is compatible. Where there is no Python, the tests say so and
//! pass.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use futures::TryStreamExt;
use purse::{Client, Codec, ErrorKind, Json, RedisHash, RedisList, RedisSet};
use purse_testkit::Server;
use purse_tests::plant::{Plant, carrot};
use purse_tests::python::{lines, pottery, script};
use serde_json::{Value, json};

const TEXTS: [&str; 6] = ["a", "ä€😀", "", "\"quoted\"", "null", "12"];

/// A Python with pottery in it.
fn python() -> Option<PathBuf> {
    pottery(Path::new(env!("CARGO_TARGET_TMPDIR")))
}

#[tokio::test]
async fn pottery_reads_what_rust_writes() {
    let Some(python) = python() else { return };
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let texts: RedisList<String, Json> = RedisList::new(&client, "rs:texts");
    texts.extend(TEXTS).await.unwrap();
    let plants: RedisList<Plant, Json> = RedisList::new(&client, "rs:plants");
    plants.push_back(carrot()).await.unwrap();
    let deque: RedisList<u32, Json> = RedisList::new(&client, "rs:deque");
    deque.extend([1, 2, 3]).await.unwrap();
    // A key that may be anything is JSON, quotes and all; a `String` would go without.
    let dict: RedisHash<Value, Plant, Json> = RedisHash::new(&client, "rs:dict");
    dict.set(json!("carrot"), carrot()).await.unwrap();
    dict.set(json!("7"), carrot()).await.unwrap();
    let numbers: RedisHash<u32, String, Json> = RedisHash::new(&client, "rs:numbers");
    numbers.set(7, "seven").await.unwrap();
    let set: RedisSet<String, Json> = RedisSet::new(&client, "rs:set");
    set.extend(["a", "12", "ä"]).await.unwrap();
    let counter: RedisHash<Value, i64, Json> = RedisHash::new(&client, "rs:counter");
    counter.increment(json!("a"), 3).await.unwrap();
    counter.increment(json!("b"), -1).await.unwrap();

    script(&python, "pottery_read.py", &[server.url()]);
    assert_eq!(counter.get(json!("a")).await.unwrap(), Some(5));
    assert_eq!(deque.to_vec().await.unwrap(), [2]);
}

#[tokio::test]
async fn rust_reads_what_pottery_writes() {
    let Some(python) = python() else { return };
    let server = Server::start().unwrap();
    script(&python, "pottery_write.py", &[server.url()]);

    let client = Client::connect(&server.url()).await.unwrap();
    let texts: RedisList<String, Json> = RedisList::new(&client, "py:texts");
    assert_eq!(texts.to_vec().await.unwrap(), TEXTS);
    assert_eq!(texts.position("12").await.unwrap(), Some(5));
    let plants: RedisList<Plant, Json> = RedisList::new(&client, "py:plants");
    assert_eq!(plants.to_vec().await.unwrap(), [carrot()]);
    let deque: RedisList<u32, Json> = RedisList::new(&client, "py:deque");
    assert_eq!(deque.pop_front().await.unwrap(), Some(1));
    assert_eq!(deque.pop_back().await.unwrap(), Some(3));
    let dict: RedisHash<Value, Plant, Json> = RedisHash::new(&client, "py:dict");
    let dict: HashMap<Value, Plant> = dict.iter().try_collect().await.unwrap();
    let expected = [(json!("carrot"), carrot()), (json!("7"), carrot())];
    assert_eq!(dict, HashMap::from(expected));
    let numbers: RedisHash<u32, String, Json> = RedisHash::new(&client, "py:numbers");
    assert_eq!(numbers.get(7).await.unwrap().as_deref(), Some("seven"));
    let set: RedisSet<String, Json> = RedisSet::new(&client, "py:set");
    let all: HashSet<String> = set.stream().try_collect().await.unwrap();
    assert_eq!(all, HashSet::from(["a", "12", "ä"].map(str::to_owned)));
    assert!(set.contains("12").await.unwrap());
    let is_found = set.contains("ä").await.unwrap();
    assert!(
        !is_found,
        "Python escapes what is not ASCII, as README.md says"
    );
    let counter: RedisHash<Value, i64, Json> = RedisHash::new(&client, "py:counter");
    assert_eq!(counter.increment(json!("a"), 1).await.unwrap(), 4);
    assert_eq!(counter.get(json!("b")).await.unwrap(), Some(-1));

    let queue: RedisList<String, Json> = RedisList::new(&client, "py:queue");
    let error = queue.pop_front().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "its queue is a stream");
}

#[test]
fn floats_have_the_same_text_but_for_small_ones() {
    let Some(python) = python() else { return };
    let powers = (-320..=308).map(|n| format!("1e{n}").parse().unwrap());
    let floats = powers.flat_map(|power: f64| [power, -1.25 * power, power / 3.0]);
    let floats: Vec<f64> = floats.filter(|float| float.is_finite()).collect();
    let arguments: Vec<_> = floats.iter().map(|float| format!("{float:e}")).collect();
    let program = "import json, sys\nfor x in sys.argv[1:]: print(json.dumps(float(x)))";
    for (float, text) in floats.into_iter().zip(lines(&python, program, &arguments)) {
        let is_same = Json::encode(&float).unwrap() == text;
        let differs = (1e-9..1e-4).contains(&float.abs());
        assert_eq!(is_same, !differs, "{text}");
    }
}
