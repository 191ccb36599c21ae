//! `RedisVersioned` on a real server.

use std::time::Duration;

use purse::{Command, ErrorKind, Json, RedisHash, RedisList, RedisVersioned, Reply, Version};
use purse_testkit::{Release, Server};
use purse_tests::{client, fresh, until};

/// Sets a field of the hash of a value.
async fn set_field(client: &purse::Client, key: &str, field: &'static str, text: &str) {
    let set = Command::write("HSET").key(key).field(field).arg(text);
    client.run(set).await.expect("a reply");
}

#[tokio::test]
async fn version_grows_with_each_write() {
    let client = client().await;
    let value: RedisVersioned<String> = RedisVersioned::new(&client, fresh("versioned"));
    assert_eq!(value.load().await.unwrap(), None);
    let first = value.store_if(None, "a").await.unwrap().unwrap();
    assert_eq!(value.load().await.unwrap(), Some(("a".to_owned(), first)));
    let second = value.store_if(first, "b").await.unwrap().unwrap();
    assert_eq!(u64::from(second), u64::from(first) + 1);
    let (text, third) = value
        .update(|old| format!("{}c", old.unwrap()))
        .await
        .unwrap();
    assert_eq!(
        (text.as_str(), third),
        ("bc", Version::from(u64::from(second) + 1))
    );
}

#[tokio::test]
async fn store_of_another_version_changes_nothing() {
    let client = client().await;
    let value: RedisVersioned<Vec<u32>, Json> = RedisVersioned::new(&client, fresh("versioned"));
    let first = value.store_if(None, vec![1]).await.unwrap().unwrap();
    let current = Some((vec![1], first));
    assert_eq!(
        value.store_if(None, vec![2]).await.unwrap(),
        Err(current.clone())
    );
    let other = Version::from(u64::from(first) + 1);
    assert_eq!(
        value.store_if(other, vec![2]).await.unwrap(),
        Err(current.clone())
    );
    assert_eq!(value.load().await.unwrap(), current);
    assert!(value.clear().await.unwrap());
    assert_eq!(value.store_if(first, vec![2]).await.unwrap(), Err(None));
    assert!(!value.exists().await.unwrap());
}

#[tokio::test]
async fn version_of_a_removed_value_never_returns() {
    let client = client().await;
    let value: RedisVersioned<u32> = RedisVersioned::new(&client, fresh("versioned"));
    let mut last = Version::from(0);
    for _ in 0..20 {
        let (_, version) = value.update(|_| 1).await.unwrap();
        assert!(version > last);
        last = version;
        value.clear().await.unwrap();
    }
}

#[tokio::test]
async fn fetch_update_ends_when_there_is_nothing_to_set() {
    let client = client().await;
    let value: RedisVersioned<u32> = RedisVersioned::new(&client, fresh("versioned"));
    assert_eq!(value.fetch_update(|_| None).await.unwrap(), Err(None));
    let more = |old: Option<&u32>| Some(old.map_or(1, |old| old + 1)).filter(|&new| new < 3);
    assert_eq!(value.fetch_update(more).await.unwrap(), Ok(None));
    assert_eq!(value.fetch_update(more).await.unwrap(), Ok(Some(1)));
    assert_eq!(value.fetch_update(more).await.unwrap(), Err(Some(2)));
}

#[tokio::test]
async fn concurrent_updates_are_all_applied() {
    let client = client().await;
    let value: RedisVersioned<u64> = RedisVersioned::new(&client, fresh("versioned"));
    let tasks = (0..8).map(|n| {
        let value = value.clone();
        tokio::spawn(async move {
            for _ in 0..25 {
                let more = |old: Option<&u64>| old.map_or(1, |old| old + 1);
                match n % 2 {
                    0 => drop(value.update(more).await.unwrap()),
                    _ => drop(value.fetch_update(|old| Some(more(old))).await.unwrap()),
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(value.load().await.unwrap().unwrap().0, 200);
}

#[tokio::test]
async fn dropped_update_happens_once_or_not_at_all() {
    let client = client().await;
    let value: RedisVersioned<u64> = RedisVersioned::new(&client, fresh("versioned"));
    let (mut least, mut most) = (0, 0);
    for round in 0..300 {
        let mut update = Box::pin(value.update(|old| old.map_or(1, |old| old + 1)));
        most += u64::from(round % 9 > 0);
        for _ in 0..round % 9 {
            if let Some(updated) = futures::FutureExt::now_or_never(&mut update) {
                updated.unwrap();
                least += 1;
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let (sum, _) = value
        .update(|old| old.map_or(1, |old| old + 1))
        .await
        .unwrap();
    assert!(
        (least + 1..=most + 1).contains(&sum),
        "{least}, {sum}, {most}"
    );
    assert!(most > least, "no update was dropped");
}

#[tokio::test]
async fn time_to_live_is_kept_and_receipts_are_removed() {
    let server = Server::start().unwrap();
    let client = purse::Client::connect(&server.url()).await.unwrap();
    let value: RedisVersioned<u32> = RedisVersioned::new(&client, "value");
    value.update(|_| 1).await.unwrap();
    value.expire(Duration::from_secs(60)).await.unwrap();
    value.update(|_| 2).await.unwrap();
    assert!(value.ttl().await.unwrap().remaining().is_some());
    until("the receipts are removed", async || {
        server.command(&["DBSIZE"]).unwrap().int() == Some(1)
    })
    .await;
}

#[tokio::test]
async fn versions_are_exact_up_to_53_bits() {
    let client = client().await;
    let key = fresh("versioned");
    let value: RedisVersioned<u32> = RedisVersioned::new(&client, &key);
    let most = (1_u64 << 53) - 1;
    set_field(&client, &key, "d", "1").await;
    set_field(&client, &key, "v", &(most - 2).to_string()).await;
    for version in [most - 1, most] {
        let stored = value.store_if(Version::from(version - 1), 2).await.unwrap();
        assert_eq!(stored, Ok(Version::from(version)));
    }
    let error = value.update(|_| 3).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Server, Some("ERR"))
    );
    assert_eq!(value.load().await.unwrap(), Some((2, Version::from(most))));
}

#[tokio::test]
async fn hash_that_is_not_a_versioned_value_is_refused() {
    let client = client().await;
    let key = fresh("versioned");
    let value: RedisVersioned<u32> = RedisVersioned::new(&client, &key);
    let other: RedisHash<String, String> = RedisHash::new(&client, &key);
    other.set("a", "b").await.unwrap();
    let error = value.store_if(None, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert_eq!(other.len().await.unwrap(), 1);
    for (v, d) in [
        (Some("1"), None),
        (None, Some("1")),
        (Some("x"), Some("1")),
        (Some("-1"), Some("1")),
        (Some("007"), Some("1")),
        (Some("+7"), Some("1")),
        (Some(""), Some("1")),
        (Some("1"), Some("many")),
    ] {
        other.clear().await.unwrap();
        for (field, text) in [("v", v), ("d", d)] {
            if let Some(text) = text {
                set_field(&client, &key, field, text).await;
            }
        }
        let before = other.to_map().await.unwrap();
        let errors = [
            value.load().await.map(drop).unwrap_err(),
            value
                .store_if(Version::from(9), 1)
                .await
                .map(drop)
                .unwrap_err(),
            value.update(|_| 1).await.map(drop).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Decode, "{v:?}, {d:?}: {error}");
            assert_eq!(error.key().unwrap(), key.as_bytes());
        }
        assert_eq!(other.to_map().await.unwrap(), before);
    }
}

#[tokio::test]
async fn key_of_another_type_is_refused_and_kept() {
    let client = client().await;
    let key = fresh("versioned");
    let list: RedisList<u32> = RedisList::new(&client, &key);
    list.push_back(1).await.unwrap();
    let value: RedisVersioned<u32> = RedisVersioned::new(&client, &key);
    let kinds = [
        value.load().await.map(drop).unwrap_err().kind(),
        value.store_if(None, 1).await.map(drop).unwrap_err().kind(),
        value.update(|_| 1).await.map(drop).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::WrongType; 3]);
    assert_eq!(list.to_vec().await.unwrap(), [1]);
}

#[tokio::test]
async fn refused_write_leaves_value_and_receipt_consistent() {
    for release in [Release::Default, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let rights = "~* -@all +hello +eval +evalsha +hmget +hlen +time +get +set +unlink";
        server.user("app", "secret", rights).unwrap();
        let client = purse::Client::connect(&server.url_of("app", "secret"))
            .await
            .unwrap();
        let value: RedisVersioned<u32> = RedisVersioned::new(&client, "value");
        let error = value.update(|_| 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        server
            .command(&["ACL", "SETUSER", "app", "+hset", "-set"])
            .unwrap();
        let error = value.update(|_| 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(server.command(&["EXISTS", "value"]).unwrap().int(), Some(0));
        server.command(&["ACL", "SETUSER", "app", "+set"]).unwrap();
        assert_eq!(value.update(|_| 1).await.unwrap().0, 1);
    }
}

#[tokio::test]
async fn full_server_refuses_the_write_as_a_whole() {
    let server = Server::start().unwrap();
    let client = purse::Client::connect(&server.url()).await.unwrap();
    let value: RedisVersioned<u32> = RedisVersioned::new(&client, "value");
    let (_, version) = value.update(|_| 1).await.unwrap();
    server
        .command(&["CONFIG", "SET", "maxmemory", "1"])
        .unwrap();
    let error = value.update(|_| 2).await.unwrap_err();
    assert_eq!(error.code(), Some("OOM"), "{error}");
    assert_eq!(value.load().await.unwrap(), Some((1, version)));
    server
        .command(&["CONFIG", "SET", "maxmemory", "0"])
        .unwrap();
    assert_eq!(value.update(|_| 2).await.unwrap().0, 2);
}

#[tokio::test]
async fn server_that_replicates_the_text_of_scripts_is_too_old() {
    let server = Server::builder().release(Release::Redis6_2_5);
    let server = server
        .config("lua-replicate-commands", "no")
        .start()
        .unwrap();
    let client = purse::Client::connect(&server.url()).await.unwrap();
    let value: RedisVersioned<u32> = RedisVersioned::new(&client, "value");
    let window = purse::RedisWindowCounter::new(&client, "window", Duration::from_secs(60));
    for error in [
        value.update(|_| 1).await.map(drop).unwrap_err(),
        window.add(1).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(
            error.to_string().contains("lua-replicate-commands"),
            "{error}"
        );
    }
    assert_eq!(server.command(&["DBSIZE"]).unwrap().int(), Some(0));
}

#[tokio::test]
async fn value_is_a_hash_that_others_can_read() {
    let client = client().await;
    let key = fresh("versioned");
    let value: RedisVersioned<String> = RedisVersioned::new(&client, &key);
    let (_, version) = value.update(|_| "text".to_owned()).await.unwrap();
    let fields = client
        .run(Command::read("HMGET").key(&*key).arg("v").arg("d"))
        .await;
    let fields = fields.and_then(Reply::into_array).unwrap();
    let [v, d] = fields.map(|field| field.into_bytes().unwrap());
    assert_eq!((v, d), (version.to_string().into(), "text".into()));
}
