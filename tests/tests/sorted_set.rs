//! `RedisSortedSet` on a real server.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use purse::{Aggregate, Changes, Client, Condition, ErrorKind, Pattern, Raw, RedisSortedSet};
use purse_testkit::Server;
use purse_tests::plant::{Plant, carrot};
use purse_tests::{calls, client, fresh, has_redis};

#[path = "sorted_set/bad_input.rs"]
mod bad_input;
#[path = "sorted_set/pops.rs"]
mod pops;
#[path = "sorted_set/ranges.rs"]
mod ranges;
#[path = "sorted_set/ranks.rs"]
mod ranks;

type Strings = RedisSortedSet<String>;

async fn create(elements: &[(&str, f64)]) -> Strings {
    let set = Strings::new(&client().await, fresh("sorted"));
    set.extend(elements.iter().copied()).await.expect("a reply");
    set
}

/// Five letters, two of them with the same score.
async fn five() -> Strings {
    create(&[("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", 3.5), ("e", 5.0)]).await
}

async fn all(set: &Strings) -> Vec<(String, f64)> {
    set.by_rank(..).with_scores().await.expect("a reply")
}

fn pairs<const N: usize>(pairs: [(&str, f64); N]) -> Vec<(String, f64)> {
    pairs
        .map(|(element, score)| (element.to_owned(), score))
        .into()
}

fn pair(element: &str, score: f64) -> Option<(String, f64)> {
    Some((element.to_owned(), score))
}

#[tokio::test]
async fn an_absent_sorted_set_is_an_empty_one() {
    let set = create(&[]).await;
    assert!(set.is_empty().await.unwrap() && !set.exists().await.unwrap());
    assert_eq!(set.len().await.unwrap(), 0);
    assert!(!set.contains("a").await.unwrap());
    assert_eq!(set.score("a").await.unwrap(), None);
    assert_eq!(set.scores(["a", "b"]).await.unwrap(), [None, None]);
    assert_eq!(set.rank("a").await.unwrap(), None);
    assert_eq!(set.rank_from_top("a").await.unwrap(), None);
    assert_eq!(set.rank_with_score("a").await.unwrap(), None);
    assert_eq!(set.rank_from_top_with_score("a").await.unwrap(), None);
    assert_eq!(set.standing("a").await.unwrap(), None);
    assert!(set.around("a", 3).await.unwrap().is_empty());
    assert!(set.top(3).to_vec().await.unwrap().is_empty());
    assert!(set.page(0, 3).to_vec().await.unwrap().is_empty());
    assert!(set.sample(3).await.unwrap().is_empty());
    assert!(set.union([&set]).to_vec().await.unwrap().is_empty());
    assert_eq!(set.peek_min().await.unwrap(), None);
    assert_eq!(set.peek_max().await.unwrap(), None);
    assert_eq!(set.pop_min().await.unwrap(), None);
    assert_eq!(set.pop_max().await.unwrap(), None);
    assert!(set.pop_min_n(3).await.unwrap().is_empty());
    assert!(set.pop_max_n(3).await.unwrap().is_empty());
    assert_eq!(set.pop_min_wait(Some(Duration::ZERO)).await.unwrap(), None);
    assert_eq!(set.pop_max_wait(Some(Duration::ZERO)).await.unwrap(), None);
    assert!(set.by_rank(..).to_vec().await.unwrap().is_empty());
    assert!(set.by_score(..).with_scores().await.unwrap().is_empty());
    assert_eq!(set.by_score(..).count().await.unwrap(), 0);
    assert_eq!(set.by_rank(..).remove().await.unwrap(), 0);
    assert!(!set.remove("a").await.unwrap());
    assert_eq!(set.remove_many(["a", "b"]).await.unwrap(), 0);
    assert!(set.stream().next().await.is_none());
    assert_eq!(set.union([&set]).store_into(&set).await.unwrap(), 0);
    assert!(!set.clear().await.unwrap());
}

#[tokio::test]
async fn elements_are_in_the_order_of_scores_and_then_of_bytes() {
    let set = create(&[]).await;
    assert!(set.insert("b", 2.0).await.unwrap());
    assert!(set.insert("c", 1.0).await.unwrap());
    assert!(set.insert("a", 2.0).await.unwrap());
    assert!(!set.insert("a", 2.0).await.unwrap());
    assert_eq!(all(&set).await, pairs([("c", 1.0), ("a", 2.0), ("b", 2.0)]));
    assert!(
        !set.insert("c", 3.0).await.unwrap(),
        "another score is no new element"
    );
    assert_eq!(all(&set).await, pairs([("a", 2.0), ("b", 2.0), ("c", 3.0)]));
    assert_eq!(
        set.extend([("c", 0.0), ("d", -1.5), ("d", -2.5)])
            .await
            .unwrap(),
        1
    );
    assert_eq!(set.len().await.unwrap(), 4);
    assert_eq!(set.peek_min().await.unwrap(), pair("d", -2.5));
    assert_eq!(set.peek_max().await.unwrap(), pair("b", 2.0));
    assert_eq!(set.rank("d").await.unwrap(), Some(0));
    assert_eq!(set.rank("b").await.unwrap(), Some(3));
    assert_eq!(set.rank_from_top("b").await.unwrap(), Some(0));
    assert_eq!(set.rank_from_top("d").await.unwrap(), Some(3));
    assert!(set.contains("c").await.unwrap(), "with a score of zero");
    assert_eq!(set.score("c").await.unwrap(), Some(0.0));
    let scores = set.scores(["d", "x", "c", "d"]).await.unwrap();
    assert_eq!(scores, [Some(-2.5), None, Some(0.0), Some(-2.5)]);
    assert_eq!(set.scores(["d"]).await.unwrap(), [Some(-2.5)]);
    assert!(set.remove("d").await.unwrap());
    assert!(!set.remove("d").await.unwrap());
    assert_eq!(set.remove_many(["a", "x", "b"]).await.unwrap(), 2);
    assert_eq!(all(&set).await, pairs([("c", 0.0)]));
}

#[tokio::test]
async fn scores_come_back_to_the_last_bit() {
    let set = create(&[]).await;
    let scores = [
        0.1 + 0.2,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        9_007_199_254_740_993.0,
        1.0 / 3.0,
    ];
    for score in scores {
        set.insert("x", score).await.unwrap();
        let there = [
            set.score("x").await.unwrap().unwrap(),
            set.scores(["x"]).await.unwrap()[0].unwrap(),
            set.peek_min().await.unwrap().unwrap().1,
            set.by_score(..).with_scores().await.unwrap()[0].1,
            set.stream().next().await.unwrap().unwrap().1,
        ];
        assert_eq!(there, [score; 5]);
        assert_eq!(
            set.by_score(score..=score).count().await.unwrap(),
            1,
            "{score}"
        );
        let near = (Excluded(score), Unbounded);
        assert_eq!(set.by_score(near).count().await.unwrap(), 0, "{score}");
        assert_eq!(set.pop_max().await.unwrap(), pair("x", score));
        set.insert("x", score).await.unwrap();
        assert_eq!(set.pop_max_wait(None).await.unwrap(), pair("x", score));
    }
}

#[tokio::test]
async fn conditions_decide_for_each_element() {
    use Condition::{Always, OnlyExisting, OnlyGreater, OnlyLess, OnlyNew};
    for (condition, element, score, changed, after) in [
        (Always, "a", 2.0, true, Some(2.0)),
        (Always, "a", 1.0, false, Some(1.0)),
        (Always, "x", 1.0, true, Some(1.0)),
        (OnlyNew, "a", 2.0, false, Some(1.0)),
        (OnlyNew, "x", 2.0, true, Some(2.0)),
        (OnlyExisting, "a", 2.0, true, Some(2.0)),
        (OnlyExisting, "x", 2.0, false, None),
        (OnlyGreater, "a", 2.0, true, Some(2.0)),
        (OnlyGreater, "a", 1.0, false, Some(1.0)),
        (OnlyGreater, "a", 0.0, false, Some(1.0)),
        (OnlyGreater, "x", 0.0, true, Some(0.0)),
        (OnlyLess, "a", 2.0, false, Some(1.0)),
        (OnlyLess, "a", 0.0, true, Some(0.0)),
        (OnlyLess, "x", 9.0, true, Some(9.0)),
    ] {
        if matches!(condition, OnlyGreater | OnlyLess) && !has_redis(6, 2) {
            continue;
        }
        let case = format!("{condition:?} {element} {score}");
        let set = create(&[("a", 1.0)]).await;
        let answer = set.insert_if(element, score, condition).await.unwrap();
        assert_eq!(answer, changed, "{case}");
        assert_eq!(set.score(element).await.unwrap(), after, "{case}");

        let set = create(&[("a", 1.0), ("b", 1.0)]).await;
        let counts = set.extend_if([(element, score)], condition).await.unwrap();
        let expected = (
            u64::from(changed && element == "x"),
            u64::from(changed && element == "a"),
        );
        assert_eq!((counts.added, counts.updated), expected, "{case}");
    }
    if !has_redis(6, 2) {
        return;
    }
    let set = create(&[("a", 1.0), ("b", 5.0)]).await;
    let items = [("a", 3.0), ("b", 3.0), ("c", 3.0), ("d", 3.0)];
    let Changes { added, updated, .. } = set.extend_if(items, OnlyGreater).await.unwrap();
    assert_eq!((added, updated), (2, 1));
    let expected = pairs([("a", 3.0), ("c", 3.0), ("d", 3.0), ("b", 5.0)]);
    assert_eq!(all(&set).await, expected);
}

#[tokio::test]
async fn scores_are_added_to() {
    let set = create(&[("a", 40.0)]).await;
    assert_eq!(set.increment("a", 2.0).await.unwrap(), 42.0);
    assert_eq!(set.increment("b", -0.5).await.unwrap(), -0.5);
    let items = [("a", 1.0), ("x", 1.5), ("a", -3.0), ("b", 0.0)];
    let scores = set.increment_many(items).await.unwrap();
    assert_eq!(scores, [43.0, 1.5, 40.0, -0.5]);
    assert_eq!(
        all(&set).await,
        pairs([("b", -0.5), ("x", 1.5), ("a", 40.0)])
    );
    assert_eq!(set.increment_many([("a", 2.0)]).await.unwrap(), [42.0]);
    assert_eq!(
        set.increment("a", f64::INFINITY).await.unwrap(),
        f64::INFINITY
    );
    assert_eq!(set.increment("a", -1e308).await.unwrap(), f64::INFINITY);
}

#[tokio::test]
async fn sorted_sets_are_combined_in_memory_and_on_the_server() {
    let a = create(&[("x", 1.0), ("y", 2.0)]).await;
    let b = create(&[("y", 10.0), ("z", 20.0)]).await;
    let c = create(&[("y", -5.0)]).await;
    let into = create(&[("old", 0.0)]).await;
    let mixed = || a.union([&b, &c]).weights([2.0, 0.5, 1.0]);
    for (combined, expected) in [
        (a.union([&b]), pairs([("x", 1.0), ("y", 12.0), ("z", 20.0)])),
        (
            a.union(Vec::<Strings>::new()),
            pairs([("x", 1.0), ("y", 2.0)]),
        ),
        (
            a.union([b.clone(), c.clone()]),
            pairs([("x", 1.0), ("y", 7.0), ("z", 20.0)]),
        ),
        (mixed(), pairs([("x", 2.0), ("y", 4.0), ("z", 10.0)])),
        (
            mixed().aggregate(Aggregate::Min),
            pairs([("y", -5.0), ("x", 2.0), ("z", 10.0)]),
        ),
        (
            mixed().aggregate(Aggregate::Max),
            pairs([("x", 2.0), ("y", 5.0), ("z", 10.0)]),
        ),
        (a.intersection([&b]), pairs([("y", 12.0)])),
        (
            a.intersection([&b, &c]).aggregate(Aggregate::Max),
            pairs([("y", 10.0)]),
        ),
        (
            a.intersection([&b]).weights([f64::INFINITY, 1.0]),
            pairs([("y", f64::INFINITY)]),
        ),
        (a.difference([&b]), pairs([("x", 1.0)])),
        (
            b.difference([&a, &c]).aggregate(Aggregate::Sum),
            pairs([("z", 20.0)]),
        ),
    ] {
        let stored = combined.store_into(&into).await.unwrap();
        assert_eq!(stored, expected.len() as u64, "{combined:?}");
        assert_eq!(all(&into).await, expected, "{combined:?}");
        assert_eq!(
            combined.with_scores().await.unwrap(),
            expected,
            "{combined:?}"
        );
        let elements: Vec<_> = expected.into_iter().map(|(element, _)| element).collect();
        assert_eq!(
            combined.to_vec().await.unwrap(),
            elements,
            "{combined:?} in the same order"
        );
    }
    for weights in [vec![1.0], vec![1.0; 3]] {
        let error = a
            .union([&b])
            .weights(weights)
            .store_into(&into)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(a.union([&a]).store_into(&a).await.unwrap(), 2);
    assert_eq!(
        all(&a).await,
        pairs([("x", 2.0), ("y", 4.0)]),
        "in its own place"
    );
}

#[tokio::test]
async fn nothing_is_sent_for_nothing() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set = Strings::new(&client, "set");
    let none: [(&str, f64); 0] = [];
    assert_eq!(set.extend(none).await.unwrap(), 0);
    let changes = set.extend_if(none, Condition::OnlyNew).await.unwrap();
    assert_eq!(changes, Changes::default());
    assert!(set.increment_many(none).await.unwrap().is_empty());
    assert!(set.scores(Vec::<&str>::new()).await.unwrap().is_empty());
    assert_eq!(set.remove_many(Vec::<&str>::new()).await.unwrap(), 0);
    assert!(set.by_rank(..0).to_vec().await.unwrap().is_empty());
    let info = server.command(&["INFO", "commandstats"]).unwrap();
    let info = info.text().unwrap().to_owned();
    assert!(
        !info.contains("cmdstat_z") && !info.contains("cmdstat_eval"),
        "{info}"
    );
}

#[tokio::test]
async fn bulk_goes_in_chunks_and_streams_in_pages() {
    let server = Server::start().unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set: RedisSortedSet<u32> = RedisSortedSet::new(&client, "set");
    let items = || (0..5_000_u32).map(|n| (n, f64::from(n)));
    assert_eq!(set.extend(items()).await.unwrap(), 5_000);
    assert_eq!(calls(&server, "zadd"), 5);
    let scores = set.scores(0..5_000_u32).await.unwrap();
    assert!(
        scores
            .iter()
            .enumerate()
            .all(|(n, score)| *score == Some(n as f64))
    );
    // None of the scores is greater than the one before.
    let condition = match has_redis(6, 2) {
        true => Condition::OnlyLess,
        false => Condition::Always,
    };
    let changes = set.extend_if(items().map(|(n, score)| (n * 2, score)), condition);
    let changes = changes.await.unwrap();
    assert_eq!(
        (changes.added, changes.updated),
        (2_500, 2_499),
        "zero is the same"
    );
    let sums = set.increment_many(items()).await.unwrap();
    assert_eq!((sums.len(), sums[4_999]), (5_000, 9_998.0));

    let streamed: BTreeMap<u32, u64> = set
        .stream()
        .map_ok(|(element, score)| (element, score as u64))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(streamed.len(), 7_500);
    assert!(
        (0..5_000).all(|n| streamed[&n] == u64::from(if n % 2 == 0 { n / 2 + n } else { 2 * n }))
    );
    let pages = calls(&server, "zscan");
    assert!((15..=45).contains(&pages), "{pages}");
    let mut stream = set.stream().page_size(10);
    stream.next().await.unwrap().unwrap();
    drop(stream);
    set.len().await.unwrap();
    assert_eq!(calls(&server, "zscan") - pages, 1, "one page was asked for");

    assert_eq!(set.remove_many(0..10_000).await.unwrap(), 7_500);
    assert_eq!(calls(&server, "zrem"), 10);
    assert!(!set.exists().await.unwrap());
}

#[tokio::test]
async fn streams_filter_by_pattern() {
    let set = create(&[("a*1", 1.0), ("a*2", 2.0), ("ab3", 3.0), ("[x]{}?", 4.0)]).await;
    let matching = async |pattern: Pattern| {
        let elements = set
            .stream()
            .matching(pattern)
            .map_ok(|(element, _)| element);
        let elements: BTreeSet<String> = elements.try_collect().await.unwrap();
        elements.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(matching(Pattern::glob("a*")).await, ["a*1", "a*2", "ab3"]);
    assert_eq!(matching(Pattern::prefix("a*")).await, ["a*1", "a*2"]);
    assert_eq!(matching(Pattern::literal("[x]{}?")).await, ["[x]{}?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_insert_and_remove_succeed_once() {
    let set = create(&[]).await;
    for _ in 0..10 {
        let race = async |what: fn(&Strings, f64) -> purse::Op<bool>| {
            let tasks = (0..64).map(|n| tokio::spawn(what(&set, f64::from(n))));
            let done = futures::future::try_join_all(tasks).await.unwrap();
            done.into_iter()
                .filter(|done| *done.as_ref().unwrap())
                .count()
        };
        assert_eq!(race(|set, score| set.insert("x", score)).await, 1);
        assert_eq!(
            race(|set, score| set.insert_if("y", score, Condition::OnlyNew)).await,
            1
        );
        if has_redis(6, 2) {
            let greater = |set: &RedisSortedSet<String>, _| {
                set.insert_if("y", 1_000.0, Condition::OnlyGreater)
            };
            assert_eq!(race(greater).await, 1);
        }
        assert_eq!(race(|set, _| set.remove("x")).await, 1);
        assert_eq!(race(|set, _| set.remove("y")).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_sums_and_counts_are_exact() {
    let set = create(&[]).await;
    let tasks = (0..64).map(|n| {
        let set = set.clone();
        tokio::spawn(async move {
            let one = set.increment("one", 1.0).await.unwrap();
            let many = set
                .increment_many([("a", 1.0), ("b", 1.0), ("a", 1.0)])
                .await
                .unwrap();
            // Each value is offered by two tasks.
            let items = (n / 2 * 10..n / 2 * 10 + 10).map(|n| (format!("{n}"), 1.0));
            let changes = set.extend_if(items, Condition::OnlyNew).await.unwrap();
            (one, many, changes.added)
        })
    });
    let done = futures::future::try_join_all(tasks).await.unwrap();
    let mut ones: Vec<_> = done.iter().map(|(one, ..)| *one as u32).collect();
    ones.sort_unstable();
    assert_eq!(ones, (1..=64).collect::<Vec<_>>());
    for (_, many, _) in &done {
        assert_eq!(
            [many[0], many[2]],
            [2.0 * many[1] - 1.0, 2.0 * many[1]],
            "{many:?}"
        );
    }
    assert_eq!(done.iter().map(|(.., added)| added).sum::<u64>(), 320);
}

#[tokio::test]
async fn elements_may_be_of_any_serde_type() {
    let client = client().await;
    let plants: RedisSortedSet<Plant> = RedisSortedSet::new(&client, fresh("sorted"));
    let plant = carrot();
    assert!(plants.insert(&plant, 5.5).await.unwrap());
    assert!(!plants.insert(plant.clone(), 6.5).await.unwrap());
    assert_eq!(plants.peek_max().await.unwrap(), Some((plant.clone(), 6.5)));
    assert_eq!(plants.rank(&plant).await.unwrap(), Some(0));

    let bytes: RedisSortedSet<Vec<u8>, Raw> = RedisSortedSet::new(&client, fresh("sorted"));
    for element in [
        &b""[..],
        b"*?[]{}",
        b"\x00\xff\r\n",
        b"[a",
        b"(a",
        b"-",
        b"+",
    ] {
        assert!(bytes.insert(element, 0.0).await.unwrap());
        assert_eq!(bytes.score(element).await.unwrap(), Some(0.0));
        assert_eq!(
            bytes.by_value(element..=element).to_vec().await.unwrap(),
            [element]
        );
    }
    assert_eq!(bytes.len().await.unwrap(), 7);
}

/// A sorted set of numbers in which the second one is none.
async fn create_undecodable() -> RedisSortedSet<u32> {
    let set = create(&[("1", 1.0), ("two", 2.5), ("3", 3.0)]).await;
    RedisSortedSet::new(&client().await, set.key().name())
}
