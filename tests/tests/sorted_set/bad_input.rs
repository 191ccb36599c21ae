//! What no sorted set takes, and what it leaves as it was.

use std::ops::Bound::{Excluded, Unbounded};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use purse::{Aggregate, Client, Condition, ErrorKind, RedisHash, RedisSortedSet};
use purse_testkit::Server;
use purse_tests::{calls, client, cluster_of_one, fresh};

use super::{Strings, all, create, create_undecodable, pair, pairs};

#[tokio::test]
async fn infinities_that_add_up_to_no_number_change_nothing() {
    let set = create(&[("a", 1.0), ("up", f64::INFINITY)]).await;
    let before = all(&set).await;
    let down = f64::NEG_INFINITY;
    for error in [
        set.increment("up", down).await.unwrap_err(),
        set.increment_if("up", down, Condition::Always)
            .await
            .unwrap_err(),
        set.increment_many([("a", 1.0), ("b", 1.0), ("up", down)])
            .await
            .unwrap_err(),
        set.increment_many([("a", f64::INFINITY), ("a", down)])
            .await
            .unwrap_err(),
        set.increment_many([("a", f64::MAX), ("a", f64::MAX), ("a", down)])
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Server, Some("ERR")),
            "{error}"
        );
    }
    assert_eq!(all(&set).await, before);
    let scores = set.increment_many([("a", down), ("b", f64::INFINITY), ("a", 1.0)]);
    assert_eq!(scores.await.unwrap(), [down, f64::INFINITY, down]);
}

#[tokio::test]
async fn finite_scores_never_become_infinite() {
    for (score, by) in [
        (1e308, 1e308),
        (-1e308, -1e308),
        (f64::MAX, f64::MAX),
        (f64::MAX, 2_f64.powi(970)),
    ] {
        let set = create(&[("a", score), ("b", 1.0)]).await;
        let before = all(&set).await;
        for error in [
            set.increment("a", by).await.unwrap_err(),
            set.increment_many([("b", 1.0), ("a", by)])
                .await
                .unwrap_err(),
            set.increment_many([("c", by), ("c", score)])
                .await
                .unwrap_err(),
            set.increment_if("a", by, Condition::OnlyExisting)
                .await
                .unwrap_err(),
        ] {
            assert_eq!(
                (error.kind(), error.code()),
                (ErrorKind::Server, Some("ERR")),
                "{error}"
            );
        }
        assert_eq!(all(&set).await, before);
        assert_eq!(set.increment("a", -by).await.unwrap(), score - by);
        assert_eq!(set.increment("d", by).await.unwrap(), by);
        let infinite = f64::INFINITY.copysign(by);
        assert_eq!(set.increment("a", infinite).await.unwrap(), infinite);
        assert_eq!(set.increment("a", by).await.unwrap(), infinite);
    }
    let below = f64::from_bits(2_f64.powi(970).to_bits() - 1);
    let set = create(&[("a", f64::MAX)]).await;
    assert_eq!(set.increment("a", below).await.unwrap(), f64::MAX);
}

#[tokio::test]
async fn nan_is_refused_before_anything_is_sent() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set = Strings::new(&client, "set");
    let nan = f64::NAN;
    for (command, refused) in [
        ("ZADD", set.insert("a", nan).await.map(drop)),
        (
            "ZADD",
            set.insert_if("a", nan, Condition::OnlyNew).await.map(drop),
        ),
        ("ZADD", set.extend([("a", 1.0), ("b", nan)]).await.map(drop)),
        (
            "SORTED SET EXTEND",
            set.extend_if([("a", nan)], Condition::OnlyLess)
                .await
                .map(drop),
        ),
        ("ZINCRBY", set.increment("a", nan).await.map(drop)),
        (
            "SORTED SET INCREMENT",
            set.increment_many([("a", nan)]).await.map(drop),
        ),
        (
            "ZRANGEBYSCORE",
            set.by_score(nan..).to_vec().await.map(drop),
        ),
        (
            "ZREVRANGEBYSCORE",
            set.by_score(..nan).rev().with_scores().await.map(drop),
        ),
        (
            "ZCOUNT",
            set.by_score((Excluded(nan), Unbounded))
                .count()
                .await
                .map(drop),
        ),
        (
            "ZREMRANGEBYSCORE",
            set.by_score(..=nan).remove().await.map(drop),
        ),
        (
            "ZRANGEBYSCORE",
            set.by_score(nan..=nan).bottom(1).to_vec().await.map(drop),
        ),
        (
            "ZUNIONSTORE",
            set.union([&set])
                .weights([1.0, nan])
                .store_into(&set)
                .await
                .map(drop),
        ),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let about = format!("{command} on key \"set\" at {}", client.server());
        assert!(error.to_string().starts_with(&about), "{error}");
    }
    let wide = (1_i64 << 53) + 1;
    for refused in [
        set.insert("a", wide).await.map(drop),
        set.insert_if("a", -wide, Condition::OnlyNew)
            .await
            .map(drop),
        set.extend([("a", u64::MAX)]).await.map(drop),
        set.increment("a", wide).await.map(drop),
        set.increment_if("a", nan, Condition::Always)
            .await
            .map(drop),
        set.by_score(..wide).count().await.map(drop),
        set.by_score(wide..).top(1).to_vec().await.map(drop),
        set.union([&set])
            .weights([1.0, nan])
            .to_vec()
            .await
            .map(drop),
        set.difference([&set])
            .weights([1.0, 1.0])
            .to_vec()
            .await
            .map(drop),
        set.difference([&set])
            .aggregate(Aggregate::Max)
            .store_into(&set)
            .await
            .map(drop),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let about = format!("on key \"set\" at {}", client.server());
        assert!(error.to_string().contains(&about), "{error}");
    }
    let info = server.command(&["INFO", "commandstats"]).unwrap();
    let info = info.text().unwrap().to_owned();
    assert!(
        !info.contains("cmdstat_z") && !info.contains("cmdstat_eval"),
        "{info}"
    );
}

#[tokio::test]
async fn undecodable_value_is_an_error_with_its_bytes() {
    let set = create_undecodable().await;
    let two = Bytes::from("two");
    for error in [
        set.by_rank(..).to_vec().await.unwrap_err(),
        set.by_rank(..).with_scores().await.unwrap_err(),
        set.by_score(2.0..).top(2).with_scores().await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.bytes()),
            (ErrorKind::Decode, Some(&two)),
            "{error}"
        );
        assert!(error.removed().is_empty());
    }
    let elements: Vec<_> = set.stream().collect().await;
    assert_eq!(elements.iter().filter(|element| element.is_ok()).count(), 2);
    let error = elements
        .into_iter()
        .find_map(Result::err)
        .expect("one fails");
    assert_eq!(error.bytes(), Some(&two));
    assert_eq!(set.len().await.unwrap(), 3);
}

#[tokio::test]
async fn unencodable_value_is_not_sent() {
    let set: RedisSortedSet<f64> = RedisSortedSet::new(&client().await, fresh("sorted"));
    let nan = f64::NAN;
    for error in [
        set.insert(nan, 1.0).await.unwrap_err(),
        set.extend([(1.0, 1.0), (nan, 2.0)]).await.unwrap_err(),
        set.increment_many([(nan, 1.0)]).await.unwrap_err(),
        set.scores([nan]).await.unwrap_err(),
        set.standing(nan).await.unwrap_err(),
        set.around(nan, 1).await.unwrap_err(),
        set.rank_with_score(nan).await.unwrap_err(),
        set.increment_if(nan, 1, Condition::Always)
            .await
            .unwrap_err(),
        set.by_value(nan..).to_vec().await.unwrap_err(),
        set.by_value(..nan).remove().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert!(!set.exists().await.unwrap());
    let items = (0..3_000).map(|n| (f64::from(n), if n == 2_500 { nan } else { 0.0 }));
    let error = set.extend(items).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.done()),
        (ErrorKind::InvalidInput, 2_048),
        "{error}"
    );
    assert_eq!(set.len().await.unwrap(), 2_048);
}

#[tokio::test]
async fn key_of_another_type_is_refused_unchanged() {
    let client = client().await;
    let hash: RedisHash<String, String> = RedisHash::new(&client, fresh("sorted"));
    hash.set("f", "v").await.unwrap();
    let set = Strings::new(&client, hash.key().name());
    let other = create(&[("a", 1.0)]).await;
    for error in [
        set.len().await.unwrap_err(),
        set.insert("x", 1.0).await.unwrap_err(),
        set.extend([("x", 1.0)]).await.unwrap_err(),
        set.extend_if([("x", 1.0)], Condition::OnlyNew)
            .await
            .unwrap_err(),
        set.increment("x", 1.0).await.unwrap_err(),
        set.increment_many([("x", 1.0)]).await.unwrap_err(),
        set.scores(["x"]).await.unwrap_err(),
        set.by_rank(..).to_vec().await.unwrap_err(),
        set.top(1).to_vec().await.unwrap_err(),
        set.standing("x").await.unwrap_err(),
        set.around("x", 1).await.unwrap_err(),
        set.rank_from_top_with_score("x").await.unwrap_err(),
        set.increment_if("x", 1, Condition::OnlyNew)
            .await
            .unwrap_err(),
        set.sample(1).await.unwrap_err(),
        other.difference([&set]).to_vec().await.unwrap_err(),
        set.by_score(..).count().await.unwrap_err(),
        set.by_score(..).remove().await.unwrap_err(),
        set.pop_min().await.unwrap_err(),
        set.pop_max_n(2).await.unwrap_err(),
        set.pop_min_wait(None).await.unwrap_err(),
        set.stream().try_collect::<Vec<_>>().await.unwrap_err(),
        other.union([&set]).store_into(&other).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    assert_eq!(hash.get("f").await.unwrap().as_deref(), Some("v"));
    assert_eq!(all(&other).await, pairs([("a", 1.0)]));
}

#[tokio::test]
async fn sorted_sets_of_several_slots_are_refused_unsent() {
    let cluster = cluster_of_one();
    let client = Client::connect(&cluster.url()).await.unwrap();
    let [a, b, far] = ["{t}a", "{t}b", "far"].map(|key| Strings::new(&client, key));
    a.insert("x", 1.0).await.unwrap();
    b.insert("y", 2.0).await.unwrap();
    for error in [
        a.union([&b, &far]).store_into(&a).await.unwrap_err(),
        a.union([&b]).store_into(&far).await.unwrap_err(),
        far.intersection([&a]).store_into(&b).await.unwrap_err(),
        a.union([&b, &far]).to_vec().await.unwrap_err(),
        far.difference([&a]).with_scores().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::CrossSlot, "{error}");
        for words in ["in different slots of", " on key ", "127.0.0.1"] {
            let says = error.to_string();
            assert!(says.contains(words), "it is the server that says: {says}");
        }
    }
    for command in ["zunionstore", "zinterstore"] {
        assert_eq!(calls(&cluster.nodes()[0], command), 0, "{command}");
    }
    assert_eq!(a.union([&b]).to_vec().await.unwrap(), ["x", "y"]);
    assert_eq!(a.union([&b]).store_into(&a).await.unwrap(), 2);
    assert_eq!(a.pop_min_wait(None).await.unwrap(), pair("x", 1.0));
}
