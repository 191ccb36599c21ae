//! Keys of other types than text.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use futures::{StreamExt, TryStreamExt};
use purse::{Codec, Decoded, ErrorKind, Pattern, Plain, RedisHash, RedisKeySpace};
use purse_tests::{client, fresh};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Color {
    Red,
    Green,
}

/// Checks that all methods work on `keys`, and that a hash writes the same text.
async fn check<K>(keys: [K; 3]) -> purse::Result<()>
where
    K: Debug + Clone + Ord + Hash + Send + Sync + 'static,
    Plain: Codec<K>,
{
    let client = client().await;
    let space: RedisKeySpace<u32, K> = RedisKeySpace::new(&client, fresh("typed") + "*:");
    let [a, b, c] = &keys;
    space.set(a, 1).await?;
    space.extend([(b.clone(), 2), (c.clone(), 3)]).await?;
    assert_eq!(space.get(a.clone()).await?, Some(1));
    assert_eq!(space.get_many([c, a]).await?, [Some(3), Some(1)]);
    assert!(space.contains(b).await?);
    let expected: BTreeMap<K, u32> = keys.iter().cloned().zip([1, 2, 3]).collect();
    let items: BTreeMap<K, u32> = space.items().try_collect().await?;
    assert_eq!(items, expected);
    let mut names: Vec<K> = space.keys().try_collect().await?;
    names.sort();
    assert!(names.iter().eq(expected.keys()));
    let one = space.keys().matching(Pattern::literal(text(&space, a)));
    assert_eq!(one.try_collect::<Vec<_>>().await?, std::slice::from_ref(a));

    let hash: RedisHash<K, u32> = RedisHash::new(&client, fresh("typed"));
    let texts: RedisHash<String, u32> = RedisHash::new(&client, hash.key().name());
    hash.set(a, 1).await?;
    assert!(texts.contains_key(text(&space, a)).await?);

    assert!(!space.extend_if_none_exist([(a.clone(), 9)]).await?);
    assert_eq!(space.pop(a).await?, Some(1));
    assert_eq!(space.get_or_insert(a, 4).await?, 4);
    assert_eq!(space.increment(a, 1).await?, 5);
    assert!(space.compare_and_delete(a, 5).await?);
    assert!(space.delete(b.clone()).await?);
    assert_eq!(space.delete_many(&keys).await?, 1);
    assert!(space.is_empty().await?);
    Ok(())
}

/// Returns the key on the server, without the prefix.
fn text<K: Send + 'static>(space: &RedisKeySpace<u32, K>, key: &K) -> String
where
    Plain: Codec<K>,
{
    let key = space.key(key).expect("a key");
    let name = key.name()[space.prefix().len()..].to_vec();
    String::from_utf8(name).expect("UTF-8")
}

#[tokio::test]
async fn keys_are_the_text_that_a_hash_writes() {
    check([Uuid::new_v4(), Uuid::nil(), Uuid::max()])
        .await
        .unwrap();
    check([u64::MAX, 0, 17]).await.unwrap();
    check([i128::MIN, i128::MAX, -1]).await.unwrap();
    check(["".to_owned(), "17".to_owned(), "a*".to_owned()])
        .await
        .unwrap();
    check([(1, Color::Red), (1, Color::Green), (2, Color::Red)])
        .await
        .unwrap();
    check([Some(Color::Red), Some(Color::Green), None])
        .await
        .unwrap();
    let space: RedisKeySpace<u32, Uuid> = RedisKeySpace::new(&client().await, "s:");
    let key = space.key(Uuid::nil()).unwrap();
    assert_eq!(key.name(), b"s:00000000-0000-0000-0000-000000000000");
}

#[tokio::test]
async fn key_that_is_no_k_is_an_error_that_names_it() {
    let client = client().await;
    let texts: RedisKeySpace<u32> = RedisKeySpace::new(&client, fresh("typed") + ":");
    texts
        .extend([("1", 1), ("two", 2), ("3", 3)])
        .await
        .unwrap();
    let space: RedisKeySpace<u32, u64> = RedisKeySpace::new(&client, texts.prefix());
    let keys: Vec<_> = space.keys().collect().await;
    let items: Vec<_> = space.items().collect().await;
    let keys = keys.into_iter().map(|key| key.map(|key| (key, 0)));
    for (command, all) in [("SCAN", keys.collect::<Vec<_>>()), ("MGET", items)] {
        assert_eq!(all.len(), 3, "the others are seen");
        let error = all.into_iter().find_map(Result::err).expect("an error");
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!(error.bytes().unwrap(), "two");
        assert_eq!(error.command(), Some(command));
        let name = [space.prefix(), b"two"].concat();
        assert_eq!(error.key().unwrap(), &name, "{error}");
        assert_eq!(error.server(), Some(client.server()));
    }
    // Values do not depend on their keys.
    assert_eq!(
        space.values().try_collect::<Vec<_>>().await.unwrap().len(),
        3
    );
    assert_eq!(
        space
            .raw_keys()
            .try_collect::<Vec<_>>()
            .await
            .unwrap()
            .len(),
        3
    );
    assert_eq!(space.len().await.unwrap(), 3);

    let lenient = space.lenient();
    let items: Vec<_> = lenient.items().try_collect().await.unwrap();
    let (good, bad): (Vec<_>, Vec<_>) = items
        .into_iter()
        .partition(|(key, _)| matches!(key, Decoded::Value(_)));
    assert_eq!((good.len(), bad.len()), (2, 1));
    // A key that cannot be decoded can be passed again.
    for (key, value) in bad {
        assert_eq!(value.ok(), Some(2));
        assert!(lenient.delete(key).await.unwrap());
    }
    assert_eq!(space.clear().await.unwrap(), 2);
}

#[tokio::test]
async fn unencodable_key_is_not_sent() {
    let client = client().await;
    let space: RedisKeySpace<u32, f64> = RedisKeySpace::new(&client, fresh("typed"));
    let before = client.stats().commands;
    let nan = f64::NAN;
    for error in [
        space.key(nan).map(drop).unwrap_err(),
        space.set(nan, 1).await.unwrap_err(),
        space.get(nan).await.map(drop).unwrap_err(),
        space.ttl(nan).await.map(drop).unwrap_err(),
        space.increment(nan, 1).await.map(drop).unwrap_err(),
        space.get_many([nan]).await.map(drop).unwrap_err(),
        space.extend([(nan, 1)]).await.unwrap_err(),
        space
            .extend_if_none_exist([(nan, 1)])
            .await
            .map(drop)
            .unwrap_err(),
        space.delete_many([nan]).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
        assert_eq!(error.server(), Some(client.server()), "{error}");
    }
    assert_eq!(client.stats().commands, before);
}
