//! Ranks from both ends, standings, neighbours, and increments under a condition.

use std::time::{Duration, SystemTime};

use purse::{Client, Condition, ErrorKind, Ranked, RedisSortedSet, Tie};
use purse_testkit::Server;
use purse_tests::{client, fresh};

use super::{Strings, all, create, five, pairs};

#[tokio::test]
async fn ranks_and_standings_of_equal_scores() {
    let set = five().await;
    for (element, rank, score, standing) in [
        ("a", 0, 1.0, 5),
        ("b", 1, 2.0, 3),
        ("c", 2, 2.0, 3),
        ("d", 3, 3.5, 2),
        ("e", 4, 5.0, 1),
    ] {
        let from_top = 4 - rank;
        assert_eq!(set.rank(element).await.unwrap(), Some(rank));
        assert_eq!(set.rank_from_top(element).await.unwrap(), Some(from_top));
        let with_score = set.rank_with_score(element).await.unwrap();
        assert_eq!(with_score, Some((rank, score)));
        let with_score = set.rank_from_top_with_score(element).await.unwrap();
        assert_eq!(with_score, Some((from_top, score)));
        assert_eq!(set.standing(element).await.unwrap(), Some(standing));
    }
}

#[tokio::test]
async fn scores_without_a_short_text_have_exact_standings() {
    let third = 1.0 / 3.0;
    let above = f64::from_bits(f64::to_bits(third) + 1);
    let set = create(&[
        ("up", f64::INFINITY),
        ("above", above),
        ("third", third),
        ("third too", third),
        ("tiny", 5e-324),
        ("down", f64::NEG_INFINITY),
    ])
    .await;
    for (element, standing) in [
        ("up", 1),
        ("above", 2),
        ("third", 3),
        ("third too", 3),
        ("tiny", 5),
        ("down", 6),
    ] {
        assert_eq!(set.standing(element).await.unwrap(), Some(standing));
        let (_, score) = set.rank_with_score(element).await.unwrap().unwrap();
        assert_eq!(Some(score), set.score(element).await.unwrap(), "{element}");
    }
}

fn text(ranked: Vec<Ranked<String>>) -> String {
    let ranked = ranked.into_iter();
    ranked
        .map(|Ranked { rank, value, .. }| format!("{rank}{value}"))
        .collect()
}

#[tokio::test]
async fn neighbours_end_where_the_set_ends() {
    let set = five().await;
    for (element, neighbours, expected) in [
        ("c", 0, "2c"),
        ("c", 1, "1d2c3b"),
        ("c", 2, "0e1d2c3b4a"),
        ("e", 1, "0e1d"),
        ("e", u32::MAX, "0e1d2c3b4a"),
        ("a", 1, "3b4a"),
        ("x", 3, ""),
    ] {
        let around = set.around(element, neighbours).await.unwrap();
        assert_eq!(text(around), expected, "{neighbours} around {element}");
    }
    let scores = set.around("d", 1).await.unwrap();
    let scores: Vec<_> = scores.into_iter().map(|ranked| ranked.score).collect();
    assert_eq!(scores, [5.0, 3.5, 2.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_contain_the_element_while_ranks_change() {
    let set: RedisSortedSet<u32> = RedisSortedSet::new(&client().await, fresh("sorted"));
    set.extend((0..50_u32).map(|n| (n, n))).await.unwrap();
    let writer = tokio::spawn({
        let set = set.clone();
        async move {
            for round in 0..300_u32 {
                // The element goes from one end to the other, and back.
                let score = if round % 2 == 0 { 1_000 } else { -1 };
                set.insert(25_u32, score).await.unwrap();
            }
        }
    });
    while !writer.is_finished() {
        let around = set.around(25, 2).await.unwrap();
        let own: Vec<_> = around.iter().filter(|ranked| ranked.value == 25).collect();
        assert_eq!(own.len(), 1, "{around:?}");
        assert!(
            around.is_sorted_by(|one, other| {
                one.rank + 1 == other.rank && one.score >= other.score
            })
        );
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn conditional_increment_decides_by_the_sum() {
    use Condition::{Always, OnlyExisting, OnlyGreater, OnlyLess, OnlyNew};
    for (condition, element, by, expected) in [
        (Always, "a", 2.0, Some(3.0)),
        (Always, "x", 2.0, Some(2.0)),
        (OnlyNew, "a", 2.0, None),
        (OnlyNew, "x", 2.0, Some(2.0)),
        (OnlyNew, "up", f64::NEG_INFINITY, None),
        (OnlyExisting, "a", -2.0, Some(-1.0)),
        (OnlyExisting, "x", 2.0, None),
        (OnlyGreater, "a", 2.0, Some(3.0)),
        (OnlyGreater, "a", 0.0, None),
        (OnlyGreater, "a", -2.0, None),
        (OnlyGreater, "a", 1e-20, None),
        (OnlyGreater, "x", -2.0, Some(-2.0)),
        (OnlyGreater, "up", 1.0, None),
        (OnlyLess, "a", -2.0, Some(-1.0)),
        (OnlyLess, "a", 2.0, None),
        (OnlyLess, "x", 2.0, Some(2.0)),
    ] {
        let case = format!("{condition:?} {element} {by}");
        let set = create(&[("a", 1.0), ("up", f64::INFINITY)]).await;
        let before = set.score(element).await.unwrap();
        let answer = set.increment_if(element, by, condition).await.unwrap();
        assert_eq!(answer, expected, "{case}");
        let after = set.score(element).await.unwrap();
        assert_eq!(after, expected.or(before), "{case}");
    }
    let set = create(&[("a", 0.1)]).await;
    let sum = set.increment_if("a", 0.2, OnlyGreater).await.unwrap();
    assert_eq!(sum, Some(0.1 + 0.2), "to the last bit");
}

#[tokio::test]
async fn samples_are_different_elements_with_their_scores() {
    let set = five().await;
    assert!(set.sample(0).await.unwrap().is_empty());
    let mut sample = set.sample(9).await.unwrap();
    sample.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(sample, all(&set).await);
    assert_eq!(set.sample(2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn integers_are_scores() {
    let set = create(&[]).await;
    assert!(set.insert("a", 3).await.unwrap());
    assert_eq!(set.extend([("b", 1_u64), ("c", 2)]).await.unwrap(), 2);
    assert_eq!(set.increment("b", -5).await.unwrap(), -4.0);
    let sums = set.increment_many([("a", 1_usize)]).await.unwrap();
    assert_eq!(sums, [4.0]);
    let changed = set.insert_if("c", 7_i64, Condition::OnlyGreater).await;
    assert!(changed.unwrap());
    let changes = set.extend_if([("c", 1_u8)], Condition::OnlyLess).await;
    assert_eq!(changes.unwrap().updated, 1);
    let most = 1_i64 << 53;
    set.insert("most", most).await.unwrap();
    set.insert("least", -most).await.unwrap();
    let expected = [
        ("least", -9_007_199_254_740_992.0),
        ("b", -4.0),
        ("c", 1.0),
        ("a", 4.0),
        ("most", 9_007_199_254_740_992.0),
    ];
    assert_eq!(all(&set).await, pairs(expected));
}

#[tokio::test]
async fn tie_ranks_the_earlier_first() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let second = Duration::from_secs(1);
    let tie = Tie::first(start, 86_400 * second).unwrap();
    let set = create(&[]).await;
    for (player, points, at) in [("a", 7, 20), ("b", 7, 10), ("c", 8, 30), ("d", -7, 5)] {
        let score = tie.score(points, start + at * second).unwrap();
        set.insert(player, score).await.unwrap();
    }
    let best = set.top(9).with_scores().await.unwrap();
    let best = best
        .iter()
        .map(|(player, score)| (player.as_str(), tie.points(*score)));
    let expected = [("c", 8), ("b", 7), ("a", 7), ("d", -7)];
    assert_eq!(best.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn servers_before_6_2_are_unsupported_by_name() {
    let server = Server::builder()
        .config("rename-command", "ZUNION \"\"")
        .config("rename-command", "ZRANDMEMBER \"\"")
        .start()
        .unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    let set = Strings::new(&client, "set");
    set.insert("a", 1).await.unwrap();
    for error in [
        set.union([&set]).to_vec().await.unwrap_err(),
        set.sample(1).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("the server is"), "{source}");
    }
    assert_eq!(set.union([&set]).store_into(&set).await.unwrap(), 1);
}
