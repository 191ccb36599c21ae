//! Random fields, and times to live of fields.

use std::collections::BTreeMap;
use std::time::Duration;

use purse::{Client, ErrorKind, ExpiryCondition, RedisHash, RedisList, Ttl};
use purse_testkit::{Release, Server};
use purse_tests::{calls, fresh};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A hash on a server that knows times to live of fields.
async fn hash(entries: &[(&str, i64)]) -> (Server, Client, RedisHash<String, i64>) {
    let server = Server::builder().release(Release::Valkey9_1).start();
    let server = server.expect("a server");
    let client = Client::connect(&server.url()).await.expect("it runs");
    let hash = RedisHash::new(&client, fresh("hash"));
    hash.extend(entries.iter().copied()).await.expect("a reply");
    (server, client, hash)
}

/// Returns whether the time to live is about `expected`: tests take less than half a minute.
fn is_about(ttl: Ttl, expected: Duration) -> bool {
    let left = ttl.remaining();
    left.is_some_and(|left| left <= expected && left > expected - Duration::from_secs(30))
}

#[tokio::test]
async fn samples_are_distinct_entries_of_the_hash() {
    let (_server, client, hash) = hash(&[("a", 1), ("b", 2), ("c", 3)]).await;
    for count in [0, 1, 2, 3, 99, u32::MAX] {
        let expected = count.min(3) as usize;
        let sample = hash.sample(count).await.unwrap();
        assert_eq!(sample.len(), expected, "{sample:?}");
        let distinct: BTreeMap<_, _> = sample.into_iter().collect();
        assert_eq!(distinct.len(), expected, "{distinct:?}");
        let all = hash.to_map().await.unwrap();
        assert!(distinct.iter().all(|(key, value)| all[key] == *value));
        let mut keys = hash.sample_keys(count).await.unwrap();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), expected);
        assert!(keys.iter().all(|key| all.contains_key(key)));
    }
    let absent: RedisHash<String, i64> = RedisHash::new(&client, "absent");
    assert!(absent.sample(3).await.unwrap().is_empty());
    assert!(absent.sample_keys(3).await.unwrap().is_empty());
    let mut batch = client.batch().atomic();
    let sample = batch.add(hash.sample(2));
    batch.send().await.unwrap();
    assert_eq!(sample.take().unwrap().len(), 2, "pairs of another protocol");
}

#[tokio::test]
async fn many_fields_expire_and_persist() {
    let (server, _client, hash) = hash(&[("a", 1), ("b", 2), ("c", 3)]).await;
    let fields = ["a", "none", "b", "a"];
    assert_eq!(hash.expire_fields(fields, MINUTE).await.unwrap(), 3);
    let ttls = hash.field_ttls(["a", "c", "none", "b"]).await.unwrap();
    assert!(is_about(ttls[0], MINUTE) && is_about(ttls[3], MINUTE));
    assert_eq!(ttls[1..3], [Ttl::Persistent, Ttl::Missing]);
    assert_eq!(hash.persist_fields(["a", "c", "none"]).await.unwrap(), 1);
    assert_eq!(hash.field_ttl("a").await.unwrap(), Ttl::Persistent);

    for bad in [Duration::ZERO, Duration::from_micros(1), Duration::MAX] {
        for error in [
            hash.expire_fields(["a"], bad).await.unwrap_err(),
            hash.expire_field_if("a", bad, ExpiryCondition::Always)
                .await
                .unwrap_err(),
            hash.get_and_expire("a", bad).await.unwrap_err(),
            hash.set_with_ttl("a", 5, bad).await.unwrap_err(),
            hash.extend_with_ttl([("a", 5)], bad).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains(" at "), "{error}");
        }
    }
    assert_eq!(hash.get("a").await.unwrap(), Some(1));
    assert_eq!(hash.field_ttl("a").await.unwrap(), Ttl::Persistent);

    let none: [&str; 0] = [];
    let before = calls(&server, "hpexpire") + calls(&server, "hpersist") + calls(&server, "hpttl");
    assert_eq!(hash.expire_fields(none, MINUTE).await.unwrap(), 0);
    assert_eq!(hash.persist_fields(none).await.unwrap(), 0);
    assert!(hash.field_ttls(none).await.unwrap().is_empty());
    let after = calls(&server, "hpexpire") + calls(&server, "hpersist") + calls(&server, "hpttl");
    assert_eq!(after, before, "nothing is sent for nothing");

    hash.expire_fields(["a", "b"], Duration::from_millis(1))
        .await
        .unwrap();
    purse_tests::until("both fields expire", async || {
        hash.len().await.unwrap() == 1
    })
    .await;
}

#[tokio::test]
async fn conditions_decide_about_each_field() {
    use ExpiryCondition::{Always, OnlyExpiring, OnlyLonger, OnlyPersistent, OnlyShorter};
    let (_server, _client, hash) = hash(&[("stays", 1), ("ends", 2)]).await;
    for (condition, ttl, of_stays, of_ends) in [
        (OnlyPersistent, HOUR, true, false),
        (OnlyExpiring, HOUR, false, true),
        (OnlyLonger, HOUR, false, true),
        (OnlyLonger, MINUTE / 2, false, false),
        (OnlyShorter, MINUTE / 2, true, true),
        (OnlyShorter, HOUR, true, false),
        (Always, HOUR, true, true),
    ] {
        for one_by_one in [true, false] {
            hash.persist_field("stays").await.unwrap();
            hash.expire_field("ends", MINUTE).await.unwrap();
            let expected = u64::from(of_stays) + u64::from(of_ends);
            if one_by_one {
                for (field, expected) in [("stays", of_stays), ("ends", of_ends), ("none", false)] {
                    let changed = hash.expire_field_if(field, ttl, condition).await;
                    assert_eq!(changed.unwrap(), expected, "{condition:?} {field}");
                }
            } else {
                let fields = ["stays", "ends", "none"];
                let changed = hash.expire_fields_if(fields, ttl, condition).await;
                assert_eq!(changed.unwrap(), expected, "{condition:?}");
            }
            let ttls = hash.field_ttls(["stays", "ends"]).await.unwrap();
            match of_stays {
                true => assert!(is_about(ttls[0], ttl), "{condition:?} {ttls:?}"),
                false => assert_eq!(ttls[0], Ttl::Persistent, "{condition:?}"),
            }
            let expected = if of_ends { ttl } else { MINUTE };
            assert!(is_about(ttls[1], expected), "{condition:?} {ttls:?}");
        }
    }
}

#[tokio::test]
async fn reads_and_writes_set_the_time_to_live() {
    let (_server, client, hash) = hash(&[("a", 1)]).await;
    assert_eq!(hash.get_and_expire("a", MINUTE).await.unwrap(), Some(1));
    assert!(is_about(hash.field_ttl("a").await.unwrap(), MINUTE));
    assert_eq!(hash.get_and_expire("none", MINUTE).await.unwrap(), None);
    assert!(!hash.contains_key("none").await.unwrap());
    assert_eq!(hash.get_and_persist("none").await.unwrap(), None);
    assert_eq!(hash.get_and_persist("a").await.unwrap(), Some(1));
    assert_eq!(hash.field_ttl("a").await.unwrap(), Ttl::Persistent);

    hash.set_with_ttl("a", 2, HOUR).await.unwrap();
    hash.set_with_ttl("b", 3, HOUR).await.unwrap();
    assert_eq!(hash.get_many(["a", "b"]).await.unwrap(), [Some(2), Some(3)]);
    hash.set_keep_ttl("a", 4).await.unwrap();
    hash.set_keep_ttl("c", 5).await.unwrap();
    hash.set("b", 6).await.unwrap();
    let ttls = hash.field_ttls(["a", "b", "c"]).await.unwrap();
    assert!(is_about(ttls[0], HOUR), "{ttls:?}");
    assert_eq!(ttls[1..], [Ttl::Persistent; 2]);
    assert_eq!(hash.get_many(["a", "c"]).await.unwrap(), [Some(4), Some(5)]);
    hash.extend_with_ttl([("c", 7), ("d", 8)], MINUTE)
        .await
        .unwrap();
    let ttls = hash.field_ttls(["c", "d"]).await.unwrap();
    assert!(ttls.into_iter().all(|ttl| is_about(ttl, MINUTE)));
    assert_eq!(hash.get_many(["c", "d"]).await.unwrap(), [Some(7), Some(8)]);

    let texts: RedisHash<String, String> = RedisHash::new(&client, hash.key().name());
    texts.set("a", "four").await.unwrap();
    let error = hash.get_and_expire("a", MINUTE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(error.field().map(|field| &**field), Some(&b"a"[..]));
    assert!(hash.contains_key("a").await.unwrap(), "it is not removed");

    let mut batch = client.batch();
    let set = batch.add(hash.set_with_ttl("e", 9, MINUTE));
    let got = batch.add(hash.get_and_persist("e"));
    batch.send().await.unwrap();
    set.take().unwrap();
    assert_eq!(got.take().unwrap(), Some(9));
}

#[tokio::test]
async fn failed_later_chunk_reports_done_fields() {
    let (server, _client, hash) = hash(&[]).await;
    let server = std::sync::Arc::new(server);
    server.user("app", "secret", "~* +@all").unwrap();
    let client = Client::connect(&server.url_of("app", "secret"))
        .await
        .unwrap();
    let limited: RedisHash<u32, u32> = RedisHash::new(&client, hash.key().name());
    let numbers = || {
        let server = server.clone();
        // The third chunk is made before the second is sent.
        (0..3_000).inspect(move |&n| {
            if n == 2_500 {
                server.command(&["ACL", "SETUSER", "app", "-@all"]).unwrap();
            }
        })
    };
    let allow = || server.command(&["ACL", "SETUSER", "app", "+@all"]).unwrap();
    let entries = numbers().map(|n| (n, n));
    let error = limited.extend_with_ttl(entries, MINUTE).await.unwrap_err();
    assert_eq!((error.kind(), error.done()), (ErrorKind::Auth, 1_024));
    allow();
    assert_eq!(hash.len().await.unwrap(), 1_024);
    limited.extend((0..3_000).map(|n| (n, n))).await.unwrap();
    let error = limited.expire_fields(numbers(), HOUR).await.unwrap_err();
    assert_eq!((error.kind(), error.done()), (ErrorKind::Auth, 1_024));
    allow();
    let error = limited.persist_fields(numbers()).await.unwrap_err();
    assert_eq!((error.kind(), error.done()), (ErrorKind::Auth, 1_024));
    allow();
    assert_eq!(limited.expire_fields(0..3_000, HOUR).await.unwrap(), 3_000);
    let ttls = limited.field_ttls(0..3_000).await.unwrap();
    assert!(ttls.len() == 3_000 && ttls.into_iter().all(|ttl| is_about(ttl, HOUR)));
    assert_eq!(limited.persist_fields(0..3_000).await.unwrap(), 3_000);
}

#[tokio::test]
async fn older_servers_do_not_support_times_of_fields() {
    for (release, has_ttl, has_sample) in [
        (Release::Redis6_2_5, false, true),
        (Release::Valkey8_1, false, true),
        (Release::Redis8_2, true, true),
    ] {
        let server = Server::builder().release(release).start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        let hash: RedisHash<String, i64> = RedisHash::new(&client, "hash");
        hash.set("a", 1).await.unwrap();
        let condition = ExpiryCondition::OnlyPersistent;
        let results = [
            hash.expire_field_if("a", MINUTE, condition).await.map(drop),
            hash.expire_fields(["a"], MINUTE).await.map(drop),
            hash.field_ttls(["a"]).await.map(drop),
            hash.persist_fields(["a"]).await.map(drop),
            hash.get_and_expire("a", MINUTE).await.map(drop),
            hash.get_and_persist("a").await.map(drop),
            hash.set_with_ttl("a", 1, MINUTE).await,
            hash.set_keep_ttl("a", 1).await,
            hash.extend_with_ttl([("a", 1)], MINUTE).await,
        ];
        for result in results {
            let kind = result.err().map(|error| error.kind());
            let expected = (!has_ttl).then_some(ErrorKind::Unsupported);
            assert_eq!(kind, expected, "{release:?}");
        }
        assert_eq!(hash.sample(1).await.is_ok(), has_sample, "{release:?}");
        assert_eq!(hash.get("a").await.unwrap(), Some(1));
        assert_eq!(hash.field_ttl("a").await.is_ok(), has_ttl);
    }
}

#[tokio::test]
async fn key_of_another_type_gives_no_field_a_time() {
    let (_server, client, hash) = hash(&[]).await;
    let list: RedisList<String> = RedisList::new(&client, hash.key().name());
    list.push_back("x").await.unwrap();
    for error in [
        hash.sample(1).await.unwrap_err(),
        hash.sample_keys(1).await.unwrap_err(),
        hash.expire_fields(["a"], MINUTE).await.unwrap_err(),
        hash.field_ttls(["a"]).await.unwrap_err(),
        hash.persist_fields(["a"]).await.unwrap_err(),
        hash.get_and_expire("a", MINUTE).await.unwrap_err(),
        hash.get_and_persist("a").await.unwrap_err(),
        hash.set_with_ttl("a", 1, MINUTE).await.unwrap_err(),
        hash.extend_with_ttl([("a", 1)], MINUTE).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(list.to_vec().await.unwrap(), ["x"]);
}
