//! `RedisMultimap` on a real server.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{
    Client, Command, Decoded, ErrorKind, Json, RedisList, RedisMultimap, RedisSortedSet, Ttl,
};
use purse_testkit::Server;
use purse_tests::{calls, client, cluster_of_one, fresh};

type Tags = RedisMultimap<String, String>;

async fn tags(entries: &[(&str, &str)]) -> Tags {
    let tags = Tags::new(&client().await, fresh("multimap"));
    tags.extend(entries.iter().copied()).await.expect("a reply");
    tags
}

fn set<const N: usize>(values: [&str; N]) -> HashSet<String> {
    values.map(str::to_owned).into()
}

async fn sorted(tags: &Tags) -> Vec<(String, String)> {
    let mut entries: Vec<_> = tags.iter().try_collect().await.expect("entries");
    entries.sort();
    entries
}

fn pairs<const N: usize>(entries: [(&str, &str); N]) -> Vec<(String, String)> {
    let entries = entries.map(|(key, value)| (key.to_owned(), value.to_owned()));
    entries.into()
}

#[tokio::test]
async fn an_absent_multimap_is_an_empty_one() {
    let tags = tags(&[]).await;
    assert!(tags.is_empty().await.unwrap() && !tags.exists().await.unwrap());
    assert_eq!(tags.len().await.unwrap(), 0);
    assert_eq!(tags.count_keys().await.unwrap(), 0);
    assert!(tags.get("a").await.unwrap().is_empty());
    assert_eq!(tags.count("a").await.unwrap(), 0);
    assert!(!tags.contains("a", "1").await.unwrap());
    assert!(!tags.contains_key("a").await.unwrap());
    assert!(!tags.remove("a", "1").await.unwrap());
    assert_eq!(tags.remove_many([("a", "1")]).await.unwrap(), 0);
    assert!(tags.remove_all("a").await.unwrap().is_empty());
    assert_eq!(tags.delete_all("a").await.unwrap(), 0);
    assert!(tags.to_map().await.unwrap().is_empty());
    assert!(tags.iter().next().await.is_none());
    assert!(tags.keys().next().await.is_none());
    assert!(tags.values_of("a").next().await.is_none());
    assert!(!tags.clear().await.unwrap());
}

#[tokio::test]
async fn entries_are_added_once_and_removed_once() {
    let tags = tags(&[("a", "1"), ("a", "2"), ("b", "1")]).await;
    assert!(!tags.insert("a", "1").await.unwrap());
    assert!(tags.insert("a", "3").await.unwrap());
    assert_eq!(tags.get("a").await.unwrap(), set(["1", "2", "3"]));
    assert_eq!(tags.count("a").await.unwrap(), 3);
    assert!(tags.contains("b", "1").await.unwrap());
    assert!(!tags.contains("b", "2").await.unwrap());
    assert!(tags.contains_key("b").await.unwrap());
    assert_eq!(
        tags.extend([("b", "1"), ("c", "1"), ("c", "1")])
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        (tags.len().await.unwrap(), tags.count_keys().await.unwrap()),
        (5, 3)
    );
    assert!(tags.remove("c", "1").await.unwrap());
    assert!(!tags.remove("c", "1").await.unwrap());
    assert!(!tags.contains_key("c").await.unwrap());
    assert_eq!(
        tags.remove_many([("a", "1"), ("a", "x"), ("b", "x")])
            .await
            .unwrap(),
        1
    );
    assert_eq!(tags.remove_all("a").await.unwrap(), set(["2", "3"]));
    assert_eq!(tags.remove_all("a").await.unwrap(), set([]));
    assert_eq!(sorted(&tags).await, pairs([("b", "1")]));
    assert_eq!(tags.delete_all("b").await.unwrap(), 1);
    assert!(!tags.exists().await.unwrap(), "no entry, no key");
}

/// Keys and values that a layout with separators would mix up.
#[tokio::test]
async fn keys_are_told_apart_whatever_their_bytes() {
    let words = [
        "",
        ":",
        "::",
        "1",
        "1:",
        "1:a:",
        "a",
        "a:",
        "a:b",
        "ab",
        ";",
        "a;",
        "aa",
        "[a",
        "(a",
        "+",
        "-",
        "*",
        "\0",
        "ä",
        "10:aaaaaaaaaa:",
        "aaaaaaaaaa",
        "aaaaaaaaaaa",
    ];
    let tags = tags(&[]).await;
    let mut model: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (n, key) in words.iter().enumerate() {
        for value in words.iter().skip(n % 3) {
            assert!(tags.insert(*key, *value).await.unwrap());
            let values = model.entry((*key).to_owned()).or_default();
            values.insert((*value).to_owned());
        }
    }
    for key in words {
        let expected = &model[key];
        let values: BTreeSet<_> = tags.get(key).await.unwrap().into_iter().collect();
        assert_eq!(values, *expected, "{key:?}");
        let streamed: Vec<_> = tags.values_of(key).try_collect().await.unwrap();
        assert_eq!(streamed.len(), expected.len(), "{key:?}");
        assert_eq!(tags.count(key).await.unwrap(), expected.len() as u64);
    }
    let keys: Vec<String> = tags.keys().try_collect().await.unwrap();
    assert_eq!(keys.len(), words.len());
    assert_eq!(
        keys.into_iter().collect::<BTreeSet<_>>(),
        model.keys().cloned().collect()
    );
    for key in words {
        assert_eq!(tags.delete_all(key).await.unwrap(), model[key].len() as u64);
    }
    assert!(tags.is_empty().await.unwrap());

    let bytes: RedisMultimap<Vec<u8>, Vec<u8>> =
        RedisMultimap::new(&client().await, fresh("multimap"));
    for key in [&b""[..], b"\xff", b"\xff\xff", b"\x00:"] {
        assert!(bytes.insert(key, key).await.unwrap());
        assert_eq!(bytes.get(key).await.unwrap(), HashSet::from([key.to_vec()]));
    }
    let map = bytes.to_map().await.unwrap();
    assert!(map.iter().all(|(key, values)| values.contains(key)) && map.len() == 4);
}

#[tokio::test]
async fn entries_are_readable_elements_of_a_sorted_set() {
    let client = client().await;
    let sizes: RedisMultimap<u32, String, Json> = RedisMultimap::new(&client, fresh("multimap"));
    sizes.extend([(41, "red"), (7, "blue")]).await.unwrap();
    let elements: RedisSortedSet<String> = RedisSortedSet::new(&client, sizes.key().name());
    let all = elements.by_rank(..).with_scores().await.unwrap();
    let expected = [("1:7:\"blue\"", 0.0), ("2:41:\"red\"", 0.0)];
    assert_eq!(all, expected.map(|(text, score)| (text.to_owned(), score)));
}

#[tokio::test]
async fn bulk_goes_in_chunks_and_streams_in_pages() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let map: RedisMultimap<u32, u32> = RedisMultimap::new(&client, "multimap");
    let entries = || (0..5_000).map(|n| (n % 1_000, n));
    assert_eq!(map.extend(entries()).await.unwrap(), 5_000);
    assert_eq!(calls(&server, "zadd"), 5);
    let streamed: Vec<(u32, u32)> = map.iter().try_collect().await.unwrap();
    assert_eq!(calls(&server, "zrangebylex"), 20, "5,000 entries by 256");
    assert_eq!(streamed.len(), 5_000);
    assert_eq!(
        streamed.into_iter().collect::<HashSet<_>>(),
        entries().collect()
    );
    let keys: Vec<u32> = map.keys().try_collect().await.unwrap();
    assert_eq!(keys.len(), 1_000);
    assert_eq!(
        keys.into_iter().collect::<HashSet<_>>(),
        (0..1_000).collect()
    );
    assert_eq!(map.count_keys().await.unwrap(), 1_000);
    assert_eq!(
        map.get(7).await.unwrap(),
        [7, 1_007, 2_007, 3_007, 4_007].into()
    );
    assert_eq!(map.remove_many(entries().take(3_000)).await.unwrap(), 3_000);
    assert_eq!(calls(&server, "zrem"), 3);
    let none: [(u32, u32); 0] = [];
    assert_eq!(
        map.extend(none).await.unwrap() + map.remove_many(none).await.unwrap(),
        0
    );
    assert_eq!((calls(&server, "zadd"), calls(&server, "zrem")), (5, 3));

    // A page that ends with the last entry, and a key of several pages.
    let map: RedisMultimap<u32, u32> = RedisMultimap::new(&client, "one key");
    for count in [255, 256, 257, 512] {
        map.extend((0..count).map(|n| (1, n))).await.unwrap();
        map.insert(2, 0).await.unwrap();
        let values: Vec<u32> = map.values_of(1).try_collect().await.unwrap();
        assert_eq!(values.len(), count as usize);
        assert_eq!(
            values.into_iter().collect::<HashSet<_>>(),
            (0..count).collect()
        );
        map.clear().await.unwrap();
    }
    for count in [255, 256, 257] {
        map.extend((0..count).map(|n| (n, n))).await.unwrap();
        assert_eq!(map.count_keys().await.unwrap(), u64::from(count));
        map.clear().await.unwrap();
    }
    let all = server.command(&["DBSIZE"]).unwrap();
    assert_eq!(all.int(), Some(1), "a multimap is one key");
}

#[tokio::test]
async fn streams_continue_after_the_page_when_entries_change() {
    let client = client().await;
    let map: RedisMultimap<u32, u32> = RedisMultimap::new(&client, fresh("multimap"));
    map.extend((0..1_000).map(|n| (n, n))).await.unwrap();
    let mut entries = map.iter();
    let mut seen = Vec::new();
    while let Some((key, value)) = entries.try_next().await.unwrap() {
        assert_eq!(key, value);
        seen.push(key);
        if seen.len() == 100 {
            // Those that were returned, the last one of the page included.
            map.remove_many((0..256).map(|n| (n, n))).await.unwrap();
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
    let mut keys = map.keys();
    assert_eq!(keys.next().await.unwrap().unwrap(), 256);
    map.clear().await.unwrap();
    assert_eq!(keys.count().await, 255, "the rest of the page");
}

#[tokio::test]
async fn whole_multimap_expires_and_is_renamed_in_one_step() {
    let tags = tags(&[("a", "1"), ("b", "2")]).await;
    assert!(tags.expire(Duration::from_secs(60)).await.unwrap());
    tags.insert("c", "3").await.unwrap();
    assert!(
        tags.ttl().await.unwrap().remaining().is_some(),
        "a write keeps it"
    );
    tags.key().persist().await.unwrap();
    assert_eq!(tags.ttl().await.unwrap(), Ttl::Persistent);
    let name = fresh("multimap");
    tags.key().rename(&name).await.unwrap();
    let renamed = Tags::new(&client().await, &name);
    assert_eq!(renamed.len().await.unwrap(), 3);
    assert!(tags.is_empty().await.unwrap());
    assert!(renamed.clear().await.unwrap());
    assert!(!renamed.contains_key("a").await.unwrap());
    renamed.insert("a", "1").await.unwrap();
    renamed.expire(Duration::from_millis(1)).await.unwrap();
    purse_tests::until("it expires", async || {
        renamed.count_keys().await.unwrap() == 0
    })
    .await;
}

#[tokio::test]
async fn operations_go_into_batches_and_clusters() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let tags = Tags::new(&client, "no hash tag");
    for atomic in [false, true] {
        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let new = batch.add(tags.insert("a", "1"));
        let values = batch.add(tags.get("a"));
        let removed = batch.add(tags.remove_all("a"));
        let left = batch.add(tags.len());
        batch.send().await.unwrap();
        assert!(new.take().unwrap());
        assert_eq!(values.take().unwrap(), set(["1"]));
        assert_eq!(removed.take().unwrap(), set(["1"]));
        assert_eq!(left.take().unwrap(), 0);
    }
    tags.extend([("a", "1"), ("b", "1")]).await.unwrap();
    assert_eq!(tags.count_keys().await.unwrap(), 2);
}

#[tokio::test]
async fn undecodable_value_is_an_error_with_its_bytes() {
    let client = client().await;
    let texts = tags(&[("a", "1"), ("a", "two"), ("b", "3")]).await;
    let map: RedisMultimap<String, u32> = RedisMultimap::new(&client, texts.key().name());
    let two = Bytes::from("two");
    for error in [
        map.get("a").await.unwrap_err(),
        map.to_map().await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.bytes()),
            (ErrorKind::Decode, Some(&two))
        );
        assert_eq!(error.field().map(|field| &**field), Some(&b"a"[..]));
        assert!(error.removed().is_empty());
    }
    let entries: Vec<_> = map.iter().collect().await;
    assert_eq!(entries.iter().filter(|entry| entry.is_ok()).count(), 2);
    assert_eq!(map.count_keys().await.unwrap(), 2, "keys are decodable");
    let lenient = map.lenient().get("a").await.unwrap();
    assert_eq!(lenient.len(), 2);
    assert_eq!(
        lenient
            .into_iter()
            .filter_map(Decoded::ok)
            .collect::<Vec<_>>(),
        [1]
    );
    let error = map.remove_all("a").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.bytes()),
        (ErrorKind::Decode, Some(&two))
    );
    assert_eq!(error.removed(), [Bytes::from("1"), two]);
    assert_eq!(map.len().await.unwrap(), 1);
}

#[tokio::test]
async fn foreign_elements_are_errors_among_the_entries() {
    let client = client().await;
    let tags = tags(&[("a", "1"), ("b", "2")]).await;
    let elements: RedisSortedSet<String> = RedisSortedSet::new(&client, tags.key().name());
    let foreign = ["", "1", "9:a:", "x", "01:a:1", "99999999999:a:1"];
    elements
        .extend(foreign.map(|text| (text, 0.0)))
        .await
        .unwrap();
    let split = |results: Vec<purse::Result<String>>| {
        let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        for error in bad.iter().filter_map(|bad| bad.as_ref().err()) {
            assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
            assert!(error.bytes().is_some() && error.key().is_some(), "{error}");
        }
        let good: BTreeSet<_> = good.into_iter().filter_map(Result::ok).collect();
        (good, bad.len())
    };
    let expected = (
        BTreeSet::from(["a".to_owned(), "b".to_owned()]),
        foreign.len(),
    );
    let keys = tags.iter().map(|entry| entry.map(|(key, _)| key));
    assert_eq!(split(keys.collect().await), expected);
    assert_eq!(split(tags.keys().collect().await), expected);
    for error in [
        tags.to_map().await.unwrap_err(),
        tags.count_keys().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert!(error.to_string().contains("not an entry"), "{error}");
    }
    assert_eq!(tags.get("a").await.unwrap(), set(["1"]));
}

#[tokio::test]
async fn bad_input_changes_nothing() {
    let client = client().await;
    let floats: RedisMultimap<String, f64> = RedisMultimap::new(&client, fresh("multimap"));
    for error in [
        floats.insert("a", f64::NAN).await.unwrap_err(),
        floats
            .extend([("a", 1.0), ("b", f64::NAN)])
            .await
            .unwrap_err(),
        floats.contains("a", f64::NAN).await.unwrap_err(),
        floats.remove("a", f64::NAN).await.unwrap_err(),
        floats.remove_many([("a", f64::NAN)]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
        assert!(
            error.command().is_some() && error.key().is_some(),
            "{error}"
        );
    }
    assert!(!floats.exists().await.unwrap());
    let by_float: RedisMultimap<HashMap<u8, f64>, u32> =
        RedisMultimap::new(&client, fresh("multimap"));
    let nan = HashMap::from([(1, f64::NAN)]);
    let error = by_float.values_of(&nan).next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    assert_eq!(
        by_float.get(&nan).await.unwrap_err().kind(),
        ErrorKind::Encode
    );

    let list: RedisList<String> = RedisList::new(&client, fresh("multimap"));
    list.push_back("x").await.unwrap();
    let tags = Tags::new(&client, list.key().name());
    for error in [
        tags.len().await.unwrap_err(),
        tags.get("a").await.unwrap_err(),
        tags.count("a").await.unwrap_err(),
        tags.contains("a", "1").await.unwrap_err(),
        tags.contains_key("a").await.unwrap_err(),
        tags.insert("a", "1").await.unwrap_err(),
        tags.extend([("a", "1")]).await.unwrap_err(),
        tags.remove("a", "1").await.unwrap_err(),
        tags.remove_all("a").await.unwrap_err(),
        tags.delete_all("a").await.unwrap_err(),
        tags.to_map().await.unwrap_err(),
        tags.count_keys().await.unwrap_err(),
        tags.iter().try_collect::<Vec<_>>().await.unwrap_err(),
        tags.keys().try_collect::<Vec<_>>().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(list.to_vec().await.unwrap(), ["x"]);
}

#[tokio::test]
async fn full_server_refuses_new_entries_and_removes_old_ones() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let tags = Tags::new(&client, "multimap");
    tags.extend([("a", "1"), ("b", "1")]).await.unwrap();
    client
        .run(Command::write("CONFIG").arg("SET").arg("maxmemory").arg(1))
        .await
        .unwrap();
    assert_eq!(tags.insert("a", "2").await.unwrap_err().code(), Some("OOM"));
    assert_eq!(tags.remove_all("a").await.unwrap(), set(["1"]));
    assert!(tags.remove("b", "1").await.unwrap());
}
