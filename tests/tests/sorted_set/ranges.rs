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
async fn ranges_of_ranks_from_the_top_mirror_those_from_the_bottom() {
    let set = five().await;
    for (range, expected) in [
        ((Included(0), Excluded(2)), "ed"),
        ((Included(1), Included(3)), "dcb"),
        ((Unbounded, Unbounded), "edcba"),
        ((Included(-2), Unbounded), "ba"),
        ((Unbounded, Excluded(-1)), "edcb"),
        ((Unbounded, Excluded(0)), ""),
        ((Excluded(-1), Unbounded), ""),
        ((Included(3), Excluded(99)), "ba"),
        ((Included(-99), Included(1)), "ed"),
        ((Included(5), Included(7)), ""),
        ((Included(i64::MIN), Included(i64::MAX)), "edcba"),
        ((Unbounded, Included(i64::MIN)), ""),
    ] {
        let from_top = || set.by_rank_from_top(range);
        let forward = from_top().to_vec().await.unwrap().concat();
        assert_eq!(forward, expected, "{range:?}");
        let backward = from_top().rev().to_vec().await.unwrap().concat();
        assert_eq!(
            backward,
            expected.chars().rev().collect::<String>(),
            "{range:?}"
        );
    }
    assert_eq!(set.by_rank_from_top(1..3).remove().await.unwrap(), 2);
    assert_eq!(all(&set).await, pairs([("a", 1.0), ("b", 2.0), ("e", 5.0)]));
    assert_eq!(set.by_rank_from_top(3..).remove().await.unwrap(), 0);
}

#[tokio::test]
async fn reversal_never_changes_which_elements_are_meant() {
    let set = five().await;
    let text = async |elements: purse::Op<Vec<String>>| elements.await.unwrap().concat();
    assert_eq!(text(set.top(3).to_vec()).await, "edc");
    assert_eq!(text(set.top(3).rev().to_vec()).await, "cde");
    assert_eq!(text(set.bottom(3).to_vec()).await, "abc");
    assert_eq!(text(set.bottom(3).rev().to_vec()).await, "cba");
    assert_eq!(text(set.by_rank(..3).rev().to_vec()).await, "cba");
    let below_5 = || set.by_score(..5);
    for is_reversed in [false, true] {
        let range = || match is_reversed {
            true => below_5().rev(),
            false => below_5(),
        };
        assert_eq!(text(range().top(2).to_vec()).await, "dc");
        assert_eq!(text(range().top(2).rev().to_vec()).await, "cd");
        assert_eq!(text(range().bottom(2).to_vec()).await, "ab");
        assert_eq!(text(range().bottom(2).rev().to_vec()).await, "ba");
        assert_eq!(text(range().top(2).offset(1).to_vec()).await, "cb");
        assert_eq!(text(range().bottom(2).offset(3).to_vec()).await, "d");
    }
    let scored = below_5().top(1).rev().rev().with_scores().await.unwrap();
    assert_eq!(scored, pairs([("d", 3.5)]));
    assert_eq!(set.top(2).rev().remove().await.unwrap(), 2);
    assert_eq!(set.bottom(1).rev().remove().await.unwrap(), 1);
    assert_eq!(all(&set).await, pairs([("b", 2.0), ("c", 2.0)]));
}

#[tokio::test]
async fn ends_and_pages_have_any_size() {
    let set = five().await;
    for (range, expected) in [
        (set.top(0), ""),
        (set.top(1), "e"),
        (set.top(u64::MAX), "edcba"),
        (set.bottom(0), ""),
        (set.bottom(9), "abcde"),
        (set.page(0, 2), "ed"),
        (set.page(1, 2), "cb"),
        (set.page(2, 2), "a"),
        (set.page(3, 2), ""),
        (set.page(0, 0), ""),
        (set.page(0, u64::MAX), "edcba"),
        (set.page(1, u64::MAX), ""),
        (set.page(u64::MAX, u64::MAX), ""),
    ] {
        let case = format!("{range:?}");
        assert_eq!(range.to_vec().await.unwrap().concat(), expected, "{case}");
    }
}

#[tokio::test]
async fn bounds_are_numbers_of_any_type() {
    let set = five().await;
    let count: usize = 2;
    let text = async |elements: purse::Op<Vec<String>>| elements.await.unwrap().concat();
    assert_eq!(text(set.by_rank(..count).to_vec()).await, "ab");
    assert_eq!(text(set.by_rank(count..).to_vec()).await, "cde");
    assert_eq!(text(set.by_rank(1..=count).to_vec()).await, "bc");
    assert_eq!(text(set.by_rank(3..u64::MAX).to_vec()).await, "de");
    assert_eq!(text(set.by_rank(-1_i8..).to_vec()).await, "e");
    assert_eq!(text(set.by_rank_from_top(..1_u32).to_vec()).await, "e");
    assert_eq!(text(set.by_score(2..4).to_vec()).await, "bcd");
    assert_eq!(text(set.by_score(..=5_u64).to_vec()).await, "abcde");
    assert_eq!(text(set.by_score(2.5_f32..).to_vec()).await, "de");
    let after = (Excluded(2_i64), Unbounded);
    assert_eq!(text(set.by_score(after).to_vec()).await, "de");
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
            .bottom(2)
            .offset(1)
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
        .top(2)
        .offset(1)
        .with_scores()
        .await
        .unwrap();
    assert_eq!(top, pairs([("d", 3.5), ("c", 2.0)]));
    assert!(
        set.by_score(..)
            .bottom(0)
            .to_vec()
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        set.by_score(..)
            .bottom(1)
            .offset(99)
            .to_vec()
            .await
            .unwrap()
            .is_empty()
    );
    let rest = set
        .by_score(..)
        .bottom(u64::MAX)
        .offset(5)
        .to_vec()
        .await
        .unwrap();
    assert_eq!(rest, ["e", "~"]);
    let none = set
        .by_score(..)
        .top(u64::MAX)
        .offset(u64::MAX)
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
    let page = set.by_value("a"..).top(2).offset(1).to_vec().await.unwrap();
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
