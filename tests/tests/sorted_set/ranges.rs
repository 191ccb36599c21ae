//! Ranges by rank, score and value.

use std::ops::Bound::{Excluded, Included, Unbounded};

use purse::RedisSortedSet;
use purse_tests::{client, fresh};

use super::{all, create, five, pairs};

#[tokio::test]
async fn ranges_of_ranks_are_those_of_std_with_negative_ranks() {
    let set = five().await;
    for (range, expected) in [
        ((Included(0), Excluded(2)), "ab"),
        ((Included(1), Included(3)), "bcd"),
        ((Unbounded, Unbounded), "abcde"),
        ((Included(-2), Unbounded), "de"),
        ((Unbounded, Excluded(-1)), "abcd"),
        ((Unbounded, Excluded(0)), ""),
        ((Excluded(0), Included(-2)), "bcd"),
        ((Excluded(-1), Unbounded), ""),
        ((Included(3), Excluded(99)), "de"),
        ((Included(-99), Included(1)), "ab"),
        ((Included(3), Excluded(1)), ""),
        ((Included(5), Unbounded), ""),
        ((Included(i64::MIN), Included(i64::MAX)), "abcde"),
        ((Included(i64::MAX), Included(i64::MAX)), ""),
        ((Unbounded, Included(i64::MIN)), ""),
    ] {
        let forward = set.by_rank(range).to_vec().await.unwrap().concat();
        assert_eq!(forward, expected, "{range:?}");
        let backward = set.by_rank(range).rev().to_vec().await.unwrap().concat();
        assert_eq!(
            backward,
            expected.chars().rev().collect::<String>(),
            "{range:?}"
        );
    }
    assert_eq!(
        set.by_rank(..1).with_scores().await.unwrap(),
        pairs([("a", 1.0)])
    );
    let best = set.by_rank(-2..).rev().with_scores().await.unwrap();
    assert_eq!(best, pairs([("e", 5.0), ("d", 3.5)]));
    let again = set.by_rank(-2..).rev().rev().to_vec().await.unwrap();
    assert_eq!(again, ["d", "e"]);
    assert_eq!(set.by_rank(-2..).rev().remove().await.unwrap(), 2);
    assert_eq!(set.by_rank(..1).remove().await.unwrap(), 1);
    assert_eq!(set.by_rank(..0).remove().await.unwrap(), 0);
    assert_eq!(all(&set).await, pairs([("b", 2.0), ("c", 2.0)]));
}

#[tokio::test]
async fn ranges_of_scores_have_any_bounds() {
    let set = five().await;
    set.extend([("-", f64::NEG_INFINITY), ("~", f64::INFINITY)])
        .await
        .unwrap();
    for (range, expected) in [
        ((Included(1.0), Included(2.0)), "abc"),
        ((Included(1.0), Excluded(2.0)), "a"),
        ((Excluded(1.0), Excluded(5.0)), "bcd"),
        ((Excluded(2.0), Unbounded), "de~"),
        ((Unbounded, Excluded(2.0)), "-a"),
        ((Unbounded, Unbounded), "-abcde~"),
        (
            (Excluded(f64::NEG_INFINITY), Excluded(f64::INFINITY)),
            "abcde",
        ),
        ((Included(f64::INFINITY), Unbounded), "~"),
        ((Included(5.0), Included(1.0)), ""),
        ((Excluded(2.0), Included(2.0)), ""),
        ((Included(-1e300), Included(1e300)), "abcde"),
    ] {
        let forward = set.by_score(range).to_vec().await.unwrap().concat();
        assert_eq!(forward, expected, "{range:?}");
        let backward = set.by_score(range).rev().to_vec().await.unwrap().concat();
        assert_eq!(
            backward,
            expected.chars().rev().collect::<String>(),
            "{range:?}"
        );
        let count = set.by_score(range).count().await.unwrap();
        assert_eq!(count, expected.len() as u64, "{range:?}");
        let page = set
            .by_score(range)
            .limit(1, 2)
            .to_vec()
            .await
            .unwrap()
            .concat();
        assert_eq!(
            page,
            expected.chars().skip(1).take(2).collect::<String>(),
            "{range:?}"
        );
    }
    assert_eq!(
        set.by_score(2.0..5.0).to_vec().await.unwrap(),
        ["b", "c", "d"]
    );
    let top = set
        .by_score(..10.0)
        .rev()
        .limit(1, 2)
        .with_scores()
        .await
        .unwrap();
    assert_eq!(top, pairs([("d", 3.5), ("c", 2.0)]));
    assert!(
        set.by_score(..)
            .limit(0, 0)
            .to_vec()
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        set.by_score(..)
            .limit(99, 1)
            .to_vec()
            .await
            .unwrap()
            .is_empty()
    );
    let rest = set.by_score(..).limit(5, u64::MAX).to_vec().await.unwrap();
    assert_eq!(rest, ["e", "~"]);
    let none = set
        .by_score(..)
        .limit(u64::MAX, u64::MAX)
        .to_vec()
        .await
        .unwrap();
    assert!(none.is_empty());
    assert_eq!(set.by_score(2.0..5.0).remove().await.unwrap(), 3);
    assert_eq!(set.by_score(..).to_vec().await.unwrap().concat(), "-ae~");
}

#[tokio::test]
async fn ranges_of_values_go_by_their_bytes() {
    let set = create(&["a", "ab", "b", "c", "d"].map(|element| (element, 0.0))).await;
    let range = async |range| {
        set.by_value::<&str>(range)
            .to_vec()
            .await
            .unwrap()
            .join(" ")
    };
    assert_eq!(range((Included("a"), Excluded("b"))).await, "a ab");
    assert_eq!(range((Excluded("a"), Included("b"))).await, "ab b");
    assert_eq!(range((Included("b"), Unbounded)).await, "b c d");
    assert_eq!(range((Unbounded, Excluded("aa"))).await, "a");
    assert_eq!(range((Unbounded, Unbounded)).await, "a ab b c d");
    assert_eq!(range((Included("z"), Included("a"))).await, "");
    assert_eq!(range((Included(""), Excluded(""))).await, "");
    let backward = set.by_value("b"..="c").rev().to_vec().await.unwrap();
    assert_eq!(backward, ["c", "b"]);
    let page = set
        .by_value("a"..)
        .rev()
        .limit(1, 2)
        .to_vec()
        .await
        .unwrap();
    assert_eq!(page, ["c", "b"]);
    assert_eq!(
        set.by_value("a".to_owned().."c".to_owned())
            .count()
            .await
            .unwrap(),
        3
    );
    assert_eq!(set.by_value("aa"..="b").remove().await.unwrap(), 2);
    assert_eq!(set.by_rank(..).to_vec().await.unwrap(), ["a", "c", "d"]);
    let numbers: RedisSortedSet<u32> = RedisSortedSet::new(&client().await, fresh("sorted"));
    numbers
        .extend([(1, 0.0), (2, 0.0), (3, 0.0)])
        .await
        .unwrap();
    assert_eq!(numbers.by_value(2..).to_vec().await.unwrap(), [2, 3]);
}
