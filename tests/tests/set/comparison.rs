//! Comparisons with local values, symmetric differences and counts of combinations.

use std::collections::HashSet;

use futures::TryStreamExt;
use purse::{Client, ErrorKind, RedisHash, RedisSet};
use purse_testkit::{Release, Server};
use purse_tests::{calls, cluster_of_one, fresh};

use super::{Strings, all, client, letters, text};

#[tokio::test]
async fn sets_are_compared_with_local_values() {
    let set = letters("abc").await;
    for (values, is_subset, is_superset, is_disjoint) in [
        (vec![], false, true, true),
        (vec!["a", "b", "c"], true, true, false),
        (vec!["a", "b", "c", "a"], true, true, false),
        (vec!["d", "a", "b", "c"], true, false, false),
        (vec!["a", "b", "a", "b"], false, true, false),
        (vec!["a", "x"], false, false, false),
        (vec!["x", "y", "z"], false, false, true),
    ] {
        let values = || values.iter().copied();
        assert_eq!(set.is_subset_of(values()).await.unwrap(), is_subset);
        assert_eq!(set.is_superset_of(values()).await.unwrap(), is_superset);
        assert_eq!(set.is_disjoint_from(values()).await.unwrap(), is_disjoint);
        let equal = set.equals(values()).await.unwrap();
        assert_eq!(equal, is_subset && is_superset);
    }
    let absent = letters("").await;
    for values in [vec![], vec!["a"]] {
        let values = || values.iter().copied();
        let is_empty = values().count() == 0;
        assert!(absent.is_subset_of(values()).await.unwrap());
        assert_eq!(absent.is_superset_of(values()).await.unwrap(), is_empty);
        assert!(absent.is_disjoint_from(values()).await.unwrap());
        assert_eq!(absent.equals(values()).await.unwrap(), is_empty);
    }
}

#[tokio::test]
async fn comparisons_with_many_values_go_in_chunks() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set: RedisSet<u32> = RedisSet::new(&client, "set");
    set.extend(0..3_000).await.unwrap();
    let scripts = || calls(&server, "eval") + calls(&server, "evalsha");
    let before = scripts();
    assert!(set.equals((0..3_000).chain(0..3_000)).await.unwrap());
    assert_eq!(scripts(), before + 3);
    assert!(!set.equals(0..2_999).await.unwrap());
    assert!(!set.equals(1..3_001).await.unwrap());
    assert!(set.is_subset_of(0..4_000).await.unwrap());
    assert!(!set.is_subset_of(1..4_000).await.unwrap());
    assert!(set.is_superset_of(0..2_000).await.unwrap());
    assert!(!set.is_superset_of(2_000..3_001).await.unwrap());
    assert!(set.is_disjoint_from(3_000..6_000).await.unwrap());
    assert!(!set.is_disjoint_from(2_999..6_000).await.unwrap());
    let before = scripts();
    let none: [u32; 0] = [];
    assert!(set.is_superset_of(none).await.unwrap());
    assert!(set.is_disjoint_from(none).await.unwrap());
    assert_eq!(scripts(), before, "nothing is sent for nothing");
}

#[tokio::test]
async fn comparison_with_bad_input_is_an_error() {
    let client = client().await;
    let hash: RedisHash<String, String> = RedisHash::new(&client, fresh("set"));
    hash.set("f", "v").await.unwrap();
    let set = Strings::new(&client, hash.key().name());
    let other = letters("ab").await;
    let none: [&str; 0] = [];
    for error in [
        set.is_subset_of(none).await.unwrap_err(),
        set.is_superset_of(["a"]).await.unwrap_err(),
        set.is_disjoint_from(["a"]).await.unwrap_err(),
        set.equals(["a"]).await.unwrap_err(),
        other.symmetric_difference(&set).to_set().await.unwrap_err(),
        set.symmetric_difference(&other).count().await.unwrap_err(),
        set.intersection([&other]).count_up_to(1).await.unwrap_err(),
        set.intersection([&other]).count_up_to(0).await.unwrap_err(),
        other.union([&set]).count().await.unwrap_err(),
        other
            .symmetric_difference(&set)
            .store_into(&other)
            .await
            .unwrap_err(),
        other
            .symmetric_difference(&set)
            .stream()
            .try_collect::<Vec<_>>()
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(all(&other).await, "ab");
    let floats: RedisSet<f64> = RedisSet::new(&client, fresh("set"));
    for error in [
        floats.is_subset_of([1.0, f64::NAN]).await.unwrap_err(),
        floats.is_superset_of([f64::NAN]).await.unwrap_err(),
        floats.is_disjoint_from([f64::NAN]).await.unwrap_err(),
        floats.equals([f64::NAN]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
        assert!(error.to_string().contains(" at "), "{error}");
    }
}

#[tokio::test]
async fn symmetric_difference_is_read_streamed_and_stored() {
    for (a, b, expected) in [
        ("abcd", "cdef", "abef"),
        ("abc", "abc", ""),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("", "", ""),
    ] {
        let (left, right) = (letters(a).await, letters(b).await);
        let difference = left.symmetric_difference(&right);
        assert_eq!(text(difference.to_set().await.unwrap()), expected);
        let streamed: Vec<String> = difference.stream().try_collect().await.unwrap();
        assert_eq!(streamed.len(), expected.len());
        assert_eq!(text(streamed), expected);
        assert_eq!(difference.count().await.unwrap(), expected.len() as u64);
        assert_eq!(
            difference.count_up_to(1).await.unwrap(),
            expected.len().min(1) as u64
        );
        for into_right in [true, false] {
            let (left, right) = (letters(a).await, letters(b).await);
            let into = if into_right { &right } else { &left };
            let stored = left.symmetric_difference(&right).store_into(into).await;
            assert_eq!(stored.unwrap(), expected.len() as u64);
            assert_eq!(all(into).await, expected);
            let (other, before) = if into_right { (&left, a) } else { (&right, b) };
            assert_eq!(all(other).await, before);
        }
    }
    let set = letters("ab").await;
    let none = set.symmetric_difference(&set);
    assert!(none.to_set().await.unwrap().is_empty());
    assert_eq!(none.store_into(&set).await.unwrap(), 0);
    assert!(!set.exists().await.unwrap());
}

#[tokio::test]
async fn large_symmetric_difference_replaces_any_value() {
    let client = client().await;
    let a: RedisSet<u32> = RedisSet::new(&client, fresh("set"));
    let b: RedisSet<u32> = RedisSet::new(&client, fresh("set"));
    a.extend(0..10_000).await.unwrap();
    b.extend(5_000..25_000).await.unwrap();
    let hash: RedisHash<String, String> = RedisHash::new(&client, fresh("set"));
    hash.set("f", "v").await.unwrap();
    let into: RedisSet<u32> = RedisSet::new(&client, hash.key().name());
    let stored = a.symmetric_difference(&b).store_into(&into).await.unwrap();
    assert_eq!(stored, 20_000);
    let expected: HashSet<u32> = (0..5_000).chain(10_000..25_000).collect();
    assert_eq!(into.to_set().await.unwrap(), expected);
}

#[tokio::test]
async fn combinations_are_counted_up_to_a_limit_on_all_servers() {
    for release in [Release::Default, Release::Redis8_2, Release::Redis6_2_5] {
        let server = Server::builder().release(release).start().unwrap();
        let client = Client::connect(&server.url()).await.unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|key| RedisSet::<u32>::new(&client, key));
        a.extend(0..100).await.unwrap();
        b.extend(50..150).await.unwrap();
        c.extend(90..100).await.unwrap();
        for (combined, count) in [
            (a.intersection([&b]), 50),
            (a.intersection([&b, &c]), 10),
            (a.intersection([] as [&RedisSet<u32>; 0]), 100),
            (a.union([&b, &c]), 150),
            (a.difference([&b]), 50),
            (a.symmetric_difference(&b), 100),
        ] {
            assert_eq!(combined.count().await.unwrap(), count, "{combined:?}");
            for limit in [0, 1, count - 1, count, count + 1, i64::MAX as u64, u64::MAX] {
                let counted = combined.count_up_to(limit).await.unwrap();
                assert_eq!(counted, count.min(limit), "{combined:?} {limit}");
            }
        }
        let mut batch = client.batch().atomic();
        let count = batch.add(a.intersection([&b]).count_up_to(3));
        let all = batch.add(a.symmetric_difference(&b).to_set());
        batch.send().await.unwrap();
        assert_eq!((count.take().unwrap(), all.take().unwrap().len()), (3, 100));
    }
}

#[tokio::test]
async fn combinations_of_several_slots_are_refused_unsent() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let [a, b, far] = ["{t}a", "{t}b", "far"].map(|key| Strings::new(&client, key));
    a.extend(["x", "y"]).await.unwrap();
    b.extend(["y", "z"]).await.unwrap();
    for error in [
        a.symmetric_difference(&far).to_set().await.unwrap_err(),
        a.symmetric_difference(&far).count().await.unwrap_err(),
        a.intersection([&far]).count_up_to(1).await.unwrap_err(),
        a.symmetric_difference(&b)
            .store_into(&far)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
    }
    for command in ["eval", "evalsha"] {
        assert_eq!(calls(&cluster.nodes()[0], command), 0, "{command}");
    }
    let streamed = a.symmetric_difference(&far).stream();
    assert_eq!(text(streamed.try_collect::<Vec<_>>().await.unwrap()), "xy");
    assert_eq!(a.symmetric_difference(&b).store_into(&b).await.unwrap(), 2);
    assert!(b.equals(["x", "z"]).await.unwrap());
}
