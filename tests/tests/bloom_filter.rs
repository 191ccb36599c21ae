//! `RedisBloomFilter` on a real server.

use std::sync::Arc;

use purse::{Client, Command, ErrorKind, RedisBloomFilter, RedisList, Ttl};
use purse_testkit::Server;
use purse_tests::{calls, client, cluster_of_one, fresh, shared};

#[path = "bloom_filter/replace.rs"]
mod replace;

type Filter<T> = RedisBloomFilter<T>;

async fn filter(capacity: u64, error_rate: f64) -> Filter<u32> {
    Filter::new(&client().await, fresh("bloom"), capacity, error_rate).expect("valid")
}

/// The whole value of a key.
fn dump(server: &Server, key: &[u8]) -> Vec<u8> {
    let key = str::from_utf8(key).expect("text");
    let reply = server.command(&["GET", key]).expect("a reply");
    reply.bytes().map(<[u8]>::to_vec).unwrap_or_default()
}

#[tokio::test]
async fn absent_filter_contains_nothing() {
    let filter = filter(1_000, 0.01).await;
    assert!(filter.is_empty().await.unwrap() && !filter.exists().await.unwrap());
    assert_eq!(filter.len().await.unwrap(), 0);
    assert!(!filter.contains(7).await.unwrap());
    assert_eq!(filter.contains_many([7, 8]).await.unwrap(), [false, false]);
    assert!(!filter.exists().await.unwrap(), "a read creates nothing");
    assert!(!filter.clear().await.unwrap());
}

#[tokio::test]
async fn elements_are_new_once() {
    let filter = filter(1_000, 1e-6).await;
    assert!(filter.add(7).await.unwrap());
    assert!(!filter.add(7).await.unwrap());
    let new = filter.add_many([7, 8, 8, 9]).await.unwrap();
    assert_eq!(new, [false, true, false, true]);
    assert_eq!(filter.len().await.unwrap(), 3);
    assert!(filter.contains(8).await.unwrap());
    let answers = filter.contains_many([9, 10, 7]).await.unwrap();
    assert_eq!(answers, [true, false, true]);
    assert!(
        filter
            .expire(std::time::Duration::from_secs(60))
            .await
            .unwrap()
    );
    filter.add(11).await.unwrap();
    assert_ne!(
        filter.ttl().await.unwrap(),
        Ttl::Persistent,
        "it keeps its time"
    );
    assert!(filter.clear().await.unwrap());
    assert!(!filter.contains(7).await.unwrap() && filter.is_empty().await.unwrap());
}

/// Fills several layers, and asks for all elements and for others.
async fn check_rate(capacity: u64, error_rate: f64, elements: u32, probes: u32) {
    let filter = filter(capacity, error_rate).await;
    let new = filter.add_many(0..elements).await.expect("a reply");
    let added = new.iter().filter(|new| **new).count();
    assert_eq!(filter.len().await.expect("a reply"), added as u64);
    // Those that are not new were false positives.
    let wrong = elements as usize - added;
    assert!(wrong as f64 <= error_rate * f64::from(elements), "{wrong}");
    let answers = filter.contains_many(0..elements).await.expect("a reply");
    assert!(answers.iter().all(|found| *found), "a false negative");
    let others = 1_000_000..1_000_000 + probes;
    let answers = filter.contains_many(others).await.expect("a reply");
    let wrong = answers.iter().filter(|found| **found).count();
    let rate = wrong as f64 / f64::from(probes);
    println!("{capacity} {error_rate} {elements}: {rate}");
    assert!(
        rate <= error_rate,
        "{rate} of {error_rate}, capacity {capacity}"
    );
    // More than chance would give a filter that has a multiple of the bits.
    assert!(rate >= error_rate / 20.0, "{rate} of {error_rate}");
}

#[tokio::test]
async fn false_positives_stay_within_the_error_rate() {
    // One full layer; several; a tiny first one.
    check_rate(2_000, 0.01, 2_000, 20_000).await;
    check_rate(500, 0.01, 7_500, 20_000).await;
    check_rate(1_000, 0.3, 3_000, 5_000).await;
    check_rate(1, 0.02, 6_300, 10_000).await;
    check_rate(500, 0.001, 1_500, 20_000).await;
}

#[tokio::test]
async fn value_has_the_documented_layout() {
    let filter = filter(1_000, 0.01).await;
    filter.add_many(0..1_000).await.unwrap();
    let key = filter.key().name().to_vec();
    let value = dump(shared(), &key);
    assert_eq!(&value[..20], b"PURSE BLOOM1\0\0\x03\xe8\0\0\0\x08");
    assert_eq!(&value[20..28], [0; 8]);
    let count = u32::from_be_bytes(value[28..32].try_into().unwrap());
    assert_eq!(u64::from(count), filter.len().await.unwrap());
    let first_layer: usize = 11_556;
    assert_eq!(value.len(), (256 + first_layer).div_ceil(8));
    // Up to the first element of the next layer.
    filter.add_many(1_000..1_010).await.unwrap();
    let second_layer = (2_000 * 9 * 13_usize).div_ceil(9);
    let bits = 256 + first_layer + second_layer;
    assert_eq!(dump(shared(), &key).len(), bits.div_ceil(8));
}

#[tokio::test]
async fn bad_sizes_are_refused() {
    let client = client().await;
    for (capacity, error_rate) in [
        (0, 0.01),
        (1_000, 0.0),
        (1_000, 1.0),
        (1_000, -0.1),
        (1_000, 1e-13),
        (1_000, f64::NAN),
        (1_000, f64::INFINITY),
        (u64::MAX, 0.01),
        (400_000_000, 0.01),
    ] {
        let error = Filter::<u32>::new(&client, "bloom", capacity, error_rate).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("bloom"), "{error}");
    }
}

#[tokio::test]
async fn filter_of_another_scheme_is_refused_unchanged() {
    let one = filter(1_000, 0.01).await;
    one.add_many(0..10).await.unwrap();
    let key = one.key().name().to_vec();
    let before = dump(shared(), &key);
    let client = client().await;
    for (capacity, error_rate) in [(2_000, 0.01), (1_000, 0.001)] {
        let other: Filter<u32> = Filter::new(&client, &key, capacity, error_rate).unwrap();
        for error in [
            other.add(1).await.unwrap_err(),
            other.add_many([1, 2]).await.unwrap_err(),
            other.contains(1).await.unwrap_err(),
            other.contains_many([1, 2]).await.unwrap_err(),
            other.len().await.unwrap_err(),
            other.is_empty().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
            assert!(
                error.to_string().contains("capacity of 1000 and 8 hashes"),
                "{error}"
            );
        }
    }
    assert_eq!(dump(shared(), &key), before);
    let same: Filter<u32> = Filter::new(&client, &key, 1_000, 0.009).unwrap();
    assert!(same.contains(1).await.unwrap(), "it has as many hashes");
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let list: RedisList<String> = RedisList::new(&client, fresh("bloom"));
    list.push_back("v").await.unwrap();
    for text in [
        "",
        "short",
        "PURSE BLOOM1 but no more than that, or is there?",
        "PURSE BLOOM1",
    ] {
        let absent = filter(1_000, 0.01).await.key();
        let key = match text {
            "" => list.key(),
            _ => absent,
        };
        let key = key.name().to_vec();
        if !text.is_empty() {
            let set = Command::write("SET").key(key.clone()).arg(text);
            client.run(set).await.unwrap();
        }
        let filter: Filter<u32> = Filter::new(&client, &key, 1_000, 0.01).unwrap();
        for error in [
            filter.add(1).await.unwrap_err(),
            filter.add_many([1]).await.unwrap_err(),
            filter.contains(1).await.unwrap_err(),
            filter.contains_many([1]).await.unwrap_err(),
            filter.len().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::WrongType, "{text}: {error}");
        }
        if !text.is_empty() {
            assert_eq!(dump(shared(), &key), text.as_bytes());
        }
    }
    assert_eq!(list.to_vec().await.unwrap(), ["v"]);
}

#[tokio::test]
async fn full_filter_refuses_what_is_new() {
    let filter = filter(100, 0.5).await;
    assert_eq!(filter.max_len(), 102_300);
    filter.add_many([1, 2]).await.unwrap();
    let key = str::from_utf8(filter.key().name()).unwrap().to_owned();
    let count: u32 = 102_298;
    let set = ["BITFIELD", &key, "SET", "u32", "224", &count.to_string()];
    shared().command(&set).unwrap();
    let before = dump(shared(), key.as_bytes());
    let error = filter
        .add_many([1, 10_001, 10_002, 10_003])
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Server, Some("ERR"))
    );
    assert!(error.to_string().contains("102298 of 102300"), "{error}");
    assert_eq!(dump(shared(), key.as_bytes()), before, "all or nothing");
    let new = filter.add_many([1, 10_001, 10_002]).await.unwrap();
    assert_eq!(new, [false, true, true]);
    assert_eq!(filter.len().await.unwrap(), filter.max_len());
    assert!(filter.add(10_003).await.is_err());
    assert!(!filter.add(10_002).await.unwrap(), "it is not new");
    assert!(filter.contains(10_001).await.unwrap() && filter.contains(1).await.unwrap());
}

#[tokio::test]
async fn full_server_leaves_the_filter_unchanged() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let filter: Filter<u32> = Filter::new(&client, "bloom", 1_000, 0.01).unwrap();
    filter.add_many(0..500).await.unwrap();
    let before = dump(&server, b"bloom");
    server
        .command(&["CONFIG", "SET", "maxmemory", "1"])
        .unwrap();
    let absent: Filter<u32> = Filter::new(&client, "absent", 1_000, 0.01).unwrap();
    for error in [
        filter.add(501).await.unwrap_err(),
        filter.add_many(500..2_000).await.unwrap_err(),
        absent.add(1).await.unwrap_err(),
        absent.replace([1]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        assert_eq!((error.code(), error.done()), (Some("OOM"), 0), "{error}");
    }
    assert!(filter.contains(1).await.unwrap());
    assert_eq!(dump(&server, b"bloom"), before);
    assert_eq!(server.command(&["DBSIZE"]).unwrap().int(), Some(1));
}

#[tokio::test]
async fn layer_larger_than_a_string_is_refused_unchanged() {
    let server = Server::builder().config("proto-max-bulk-len", "1mb");
    let server = server.start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let filter: Filter<u32> = Filter::new(&client, "bloom", 2_000_000, 0.01).unwrap();
    match filter.add(1).await {
        // Older servers take strings of 512 MB in any case.
        Ok(is_new) => assert!(is_new),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Server, "{error}");
            assert_eq!(server.command(&["DBSIZE"]).unwrap().int(), Some(0));
        }
    }
}

#[tokio::test]
async fn chunks_are_bounded_by_the_bits_that_they_touch() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let filter: Filter<f64> = Filter::new(&client, "bloom", 1_000, 0.01).unwrap();
    let none: [f64; 0] = [];
    assert!(filter.add_many(none).await.unwrap().is_empty());
    assert!(filter.contains_many(none).await.unwrap().is_empty());
    let scripts = || calls(&server, "eval") + calls(&server, "evalsha");
    assert_eq!(scripts(), 0, "nothing is sent for nothing");
    // 8 to 17 hashes are 125 bits, of which 16384 are at most in a chunk, and a part of one more.
    let chunk = 16_384 / 125 + 1;
    let values = || (0..1_000).map(f64::from);
    filter.add_many(values()).await.unwrap();
    assert!(
        (1_000_u64.div_ceil(chunk)..=8).contains(&scripts()),
        "{}",
        scripts()
    );
    filter.clear().await.unwrap();
    let values = values().map(|n| if n == 600.0 { f64::NAN } else { n });
    let error = filter.add_many(values).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    let done = error.done() as u64;
    assert!(done > 400 && done < 600, "{done}");
    let len = filter.len().await.unwrap();
    assert!(len <= done && len > done - 5, "{len} of {done}");
    let error = filter.add(f64::NAN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    let error = filter.contains(f64::NAN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_adds_of_one_element_succeed_once() {
    let filter = Arc::new(filter(1_000, 1e-9).await);
    for n in 0..10 {
        let tasks = (0..64).map(|_| tokio::spawn(filter.add(n)));
        let new = futures::future::try_join_all(tasks).await.unwrap();
        let new = new.into_iter().filter(|new| *new.as_ref().unwrap());
        assert_eq!(new.count(), 1);
    }
}

#[tokio::test]
async fn batches_take_the_operations() {
    let client = client().await;
    for atomic in [false, true] {
        let filter: Filter<u32> = Filter::new(&client, fresh("bloom"), 1_000, 0.01).unwrap();
        let mut batch = client.batch();
        if atomic {
            batch = batch.atomic();
        }
        let first = batch.add(filter.add(1));
        let again = batch.add(filter.add(1));
        let found = batch.add(filter.contains(1));
        let len = batch.add(filter.len());
        batch.send().await.unwrap();
        assert!(first.take().unwrap() && !again.take().unwrap());
        assert!(found.take().unwrap());
        assert_eq!(len.take().unwrap(), 1);
    }
}

#[tokio::test]
async fn filter_works_in_a_cluster() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    for key in ["bloom", "{tag}bloom", "odd{bloom"] {
        let filter: Filter<u32> = Filter::new(&client, key, 1_000, 0.01).unwrap();
        filter.add_many(0..300).await.unwrap();
        assert!(filter.contains(299).await.unwrap());
        filter.replace(300..303).await.unwrap();
        assert_eq!(filter.len().await.unwrap(), 3);
        filter.clear().await.unwrap();
    }
}
