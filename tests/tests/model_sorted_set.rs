//! `RedisSortedSet` against a map that is sorted when it is read: random operations, and every
//! answer compared.

use std::collections::HashMap;
use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use futures::TryStreamExt;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Aggregate, Client, Condition, ErrorKind, Pattern, RedisSortedSet};
use purse_tests::{fresh, has_redis, model};

#[path = "model_sorted_set/reference.rs"]
mod reference;

use reference::{Model, apply_limit, reverse_if, values};

type Element = &'static str;
type Ranks = (Bound<i64>, Bound<i64>);
type Scores = (Bound<f64>, Bound<f64>);
type Limit = Option<(u64, u64)>;

#[derive(Debug, Clone)]
enum Step {
    Insert(Element, f64),
    InsertIf(Element, f64, Condition),
    Extend(Vec<(Element, f64)>),
    ExtendIf(Vec<(Element, f64)>, Condition),
    Increment(Element, f64),
    IncrementMany(Vec<(Element, f64)>),
    IncrementIf(Element, f64, Condition),
    Remove(Element),
    RemoveMany(Vec<Element>),
    Score(Element),
    Scores(Vec<Element>),
    Rank(Element),
    Around(Element, u32),
    Page(u64, u64),
    Sample(u32),
    Len,
    Peek,
    PopMin(Option<u32>),
    PopMax(Option<u32>),
    /// The highest if true.
    PopWait(bool),
    ByRank(Ranks, bool),
    ByRankFromTop(Ranks, bool),
    Ends(u64, bool),
    RemoveByRank(Ranks),
    RemoveFromTop(Ranks),
    ByScore(Scores, bool, Limit),
    RemoveByScore(Scores),
    ByValue((Bound<Element>, Bound<Element>), bool, Limit),
    Stream(Option<Element>),
    Union(f64, f64, Aggregate),
    Intersection(f64, f64, Aggregate),
    Difference,
    Clear,
}

fn bound<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Bound<T>> {
    (value, 0..3_u8).prop_map(|(value, kind)| match kind {
        0 => Bound::Unbounded,
        1 => Bound::Included(value),
        _ => Bound::Excluded(value),
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Condition::{Always, OnlyExisting, OnlyGreater, OnlyLess, OnlyNew};
    // Few elements and scores, so that they meet.
    let element = || select(vec!["", "a", "ab", "b", "*", "[a]", "ä", "12"]);
    let score = || {
        let infinite = [f64::INFINITY, f64::NEG_INFINITY];
        select([&infinite[..], &[-1.5, 0.0, 0.1, 1.0, 2.0, 1e300]].concat())
    };
    let elements = || vec(element(), 0..5);
    let items = || vec((element(), score()), 0..5);
    let condition = || match has_redis(6, 2) {
        true => select(vec![Always, OnlyNew, OnlyExisting, OnlyGreater, OnlyLess]),
        false => select(vec![Always, OnlyNew, OnlyExisting]),
    };
    let aggregate = || select(vec![Aggregate::Sum, Aggregate::Min, Aggregate::Max]);
    let weight = || select(vec![-1.0, 0.5, 1.0, 2.0]);
    let ranks = || (bound(-6..6_i64), bound(-6..6_i64));
    let scores = || (bound(score()), bound(score()));
    let values = || (bound(element()), bound(element()));
    let limit = || option::of((0..4_u64, 0..4_u64));
    let step = prop_oneof![
        4 => (element(), score()).prop_map(|(element, score)| Step::Insert(element, score)),
        6 => (element(), score(), condition())
            .prop_map(|(element, score, condition)| Step::InsertIf(element, score, condition)),
        3 => items().prop_map(Step::Extend),
        5 => (items(), condition()).prop_map(|(items, condition)| Step::ExtendIf(items, condition)),
        3 => (element(), score()).prop_map(|(element, by)| Step::Increment(element, by)),
        3 => items().prop_map(Step::IncrementMany),
        3 => (element(), score(), condition())
            .prop_map(|(element, by, condition)| Step::IncrementIf(element, by, condition)),
        2 => element().prop_map(Step::Remove),
        1 => elements().prop_map(Step::RemoveMany),
        1 => element().prop_map(Step::Score),
        1 => elements().prop_map(Step::Scores),
        2 => element().prop_map(Step::Rank),
        3 => (element(), 0..4_u32).prop_map(|(element, count)| Step::Around(element, count)),
        1 => (0..4_u64, 0..4_u64).prop_map(|(number, size)| Step::Page(number, size)),
        1 => (0..9_u32).prop_map(Step::Sample),
        1 => Just(Step::Len),
        1 => Just(Step::Peek),
        1 => option::of(0..4_u32).prop_map(Step::PopMin),
        1 => option::of(0..4_u32).prop_map(Step::PopMax),
        1 => any::<bool>().prop_map(Step::PopWait),
        3 => (ranks(), any::<bool>()).prop_map(|(ranks, rev)| Step::ByRank(ranks, rev)),
        3 => (ranks(), any::<bool>()).prop_map(|(ranks, rev)| Step::ByRankFromTop(ranks, rev)),
        2 => (0..9_u64, any::<bool>()).prop_map(|(count, rev)| Step::Ends(count, rev)),
        1 => ranks().prop_map(Step::RemoveByRank),
        1 => ranks().prop_map(Step::RemoveFromTop),
        3 => (scores(), any::<bool>(), limit())
            .prop_map(|(scores, rev, limit)| Step::ByScore(scores, rev, limit)),
        1 => scores().prop_map(Step::RemoveByScore),
        2 => (values(), any::<bool>(), limit())
            .prop_map(|(values, rev, limit)| Step::ByValue(values, rev, limit)),
        1 => option::of(element()).prop_map(Step::Stream),
        1 => (weight(), weight(), aggregate())
            .prop_map(|(one, two, how)| Step::Union(one, two, how)),
        1 => (weight(), weight(), aggregate())
            .prop_map(|(one, two, how)| Step::Intersection(one, two, how)),
        1 => Just(Step::Difference),
        1 => Just(Step::Clear),
    ];
    vec(step, 1..=99)
}

type Set = RedisSortedSet<String>;

/// Takes a step that changes the set.
async fn change(client: &Client, set: &Set, model: &mut Model, step: Step) -> purse::Result<()> {
    match step {
        Step::Insert(element, score) => {
            let (new, _) = model.insert(element, score, Condition::Always);
            assert_eq!(set.insert(element, score).await?, new);
        }
        Step::InsertIf(element, score, condition) => {
            let (new, other) = model.insert(element, score, condition);
            assert_eq!(
                set.insert_if(element, score, condition).await?,
                new || other
            );
        }
        Step::Extend(items) => {
            let added = set.extend(items.iter().copied()).await?;
            let always = Condition::Always;
            let new = items
                .into_iter()
                .filter(|(element, score)| model.insert(element, *score, always).0);
            assert_eq!(added, new.count() as u64);
        }
        Step::ExtendIf(items, condition) => {
            let changes = set.extend_if(items.iter().copied(), condition).await?;
            let (mut added, mut updated) = (0, 0);
            for (element, score) in items {
                let (new, other) = model.insert(element, score, condition);
                added += u64::from(new);
                updated += u64::from(other);
            }
            assert_eq!((changes.added, changes.updated), (added, updated));
        }
        Step::Increment(element, by) => match (
            set.increment(element, by).await,
            model.increment(element, by),
        ) {
            (Ok(score), Some(expected)) => assert_eq!(score, expected),
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::Server),
            (score, expected) => panic!("{score:?} where {expected:?} was expected"),
        },
        Step::IncrementMany(items) => {
            let mut after = model.clone();
            let sums = items
                .iter()
                .map(|(element, by)| after.increment(element, *by));
            match (
                sums.collect::<Option<Vec<_>>>(),
                set.increment_many(items).await,
            ) {
                (Some(expected), scores) => {
                    assert_eq!(scores?, expected);
                    *model = after;
                }
                (None, scores) => {
                    assert_eq!(scores.expect_err("no number").kind(), ErrorKind::Server);
                }
            }
        }
        Step::IncrementIf(element, by, condition) => {
            let answer = set.increment_if(element, by, condition).await;
            match (answer, model.increment_if(element, by, condition)) {
                (Ok(score), Ok(expected)) => assert_eq!(score, expected),
                (Err(error), Err(())) => assert_eq!(error.kind(), ErrorKind::Server),
                (score, expected) => panic!("{score:?} where {expected:?} was expected"),
            }
        }
        Step::Remove(element) => {
            assert_eq!(
                set.remove(element).await?,
                model.0.remove(element).is_some()
            );
        }
        Step::RemoveMany(elements) => {
            let removed = set.remove_many(elements.iter().copied()).await?;
            let expected = elements
                .into_iter()
                .filter_map(|element| model.0.remove(element));
            assert_eq!(removed, expected.count() as u64);
        }
        Step::RemoveByRank(ranks) => {
            let expected = model.by_rank(ranks);
            assert_eq!(set.by_rank(ranks).remove().await?, expected.len() as u64);
            model.take(&expected);
        }
        Step::RemoveFromTop(ranks) => {
            let expected = model.by_rank_from_top(ranks);
            let removed = set.by_rank_from_top(ranks).remove().await?;
            assert_eq!(removed, expected.len() as u64);
            model.take(&expected);
        }
        Step::RemoveByScore(scores) => {
            let expected = model.by_score(scores);
            assert_eq!(set.by_score(scores).count().await?, expected.len() as u64);
            assert_eq!(set.by_score(scores).remove().await?, expected.len() as u64);
            model.take(&expected);
        }
        Step::Union(own, its, how) | Step::Intersection(own, its, how) => {
            let union = matches!(step, Step::Union(..));
            // The set itself, without its lowest element: something to combine it with.
            let other = Set::new(client, fresh("model"));
            let part = model.by_rank((Bound::Included(1), Bound::Unbounded));
            other
                .extend(part.iter().map(|(element, score)| (element, score / 2.0)))
                .await?;
            let others = Model(
                part.into_iter()
                    .map(|(element, score)| (element, score / 2.0))
                    .collect(),
            );
            *model = model.combine([own, its], how, &others, union);
            let combined = if union {
                set.union([&other])
            } else {
                set.intersection([&other])
            };
            let combined = combined.weights([own, its]).aggregate(how);
            assert_eq!(combined.with_scores().await?, model.to_sorted());
            assert_eq!(combined.to_vec().await?, values(model.to_sorted()));
            assert_eq!(combined.store_into(set).await?, model.0.len() as u64);
            other.clear().await?;
        }
        Step::Difference => {
            let other = Set::new(client, fresh("model"));
            let part = model.by_rank((Bound::Included(2), Bound::Unbounded));
            other.extend(part.iter().cloned()).await?;
            model.take(&part);
            let difference = set.difference([&other]);
            assert_eq!(difference.with_scores().await?, model.to_sorted());
            assert_eq!(difference.store_into(set).await?, model.0.len() as u64);
            other.clear().await?;
        }
        Step::Clear => {
            assert_eq!(set.clear().await?, !model.0.is_empty());
            model.0.clear();
        }
        Step::PopMin(count) => {
            let popped = match count {
                Some(count) => set.pop_min_n(count).await?,
                None => set.pop_min().await?.into_iter().collect(),
            };
            let mut expected = model.to_sorted();
            expected.truncate(count.unwrap_or(1) as usize);
            assert_eq!(popped, expected);
            model.take(&popped);
        }
        Step::PopMax(count) => {
            let popped = match count {
                Some(count) => set.pop_max_n(count).await?,
                None => set.pop_max().await?.into_iter().collect(),
            };
            let mut expected = reverse_if(model.to_sorted(), true);
            expected.truncate(count.unwrap_or(1) as usize);
            assert_eq!(popped, expected);
            model.take(&popped);
        }
        Step::PopWait(highest) => {
            let wait = Some(Duration::ZERO);
            let popped = if highest {
                set.pop_max_wait(wait).await?
            } else {
                set.pop_min_wait(wait).await?
            };
            assert_eq!(
                popped,
                reverse_if(model.to_sorted(), highest).first().cloned()
            );
            model.take(popped.as_slice());
        }
        step => read(client, set, model, step).await?,
    }
    Ok(())
}

/// Takes a step that reads.
async fn read(client: &Client, set: &Set, model: &Model, step: Step) -> purse::Result<()> {
    match step {
        Step::Score(element) => {
            let expected = model.0.get(element).copied();
            assert_eq!(set.score(element).await?, expected);
            assert_eq!(set.contains(element).await?, expected.is_some());
        }
        Step::Scores(elements) => {
            let scores = set.scores(elements.iter().copied()).await?;
            let expected = elements
                .into_iter()
                .map(|element| model.0.get(element).copied());
            assert_eq!(scores, expected.collect::<Vec<_>>());
        }
        Step::Rank(element) => {
            let rank = |all: Vec<(String, f64)>| {
                let place = all.iter().position(|(other, _)| other == element);
                place.map(|rank| rank as u64)
            };
            let from_bottom = rank(model.to_sorted());
            let from_top = rank(reverse_if(model.to_sorted(), true));
            assert_eq!(set.rank(element).await?, from_bottom);
            assert_eq!(set.rank_from_top(element).await?, from_top);
            let score = model.0.get(element).copied();
            let both = set.rank_with_score(element).await?;
            assert_eq!(both, from_bottom.zip(score));
            let both = set.rank_from_top_with_score(element).await?;
            assert_eq!(both, from_top.zip(score));
            let above = |score: f64| model.0.values().filter(|other| **other > score).count();
            let standing = score.map(|score| above(score) as u64 + 1);
            assert_eq!(set.standing(element).await?, standing);
        }
        Step::Around(element, neighbours) => {
            let all = reverse_if(model.to_sorted(), true);
            let place = all.iter().position(|(other, _)| other == element);
            let near = |rank: &usize| {
                place.is_some_and(|place| rank.abs_diff(place) <= neighbours as usize)
            };
            let ranked = all.into_iter().enumerate();
            let expected = ranked
                .filter(|(rank, _)| near(rank))
                .map(|(rank, (value, score))| (rank as u64, value, score));
            let around = set.around(element, neighbours).await?.into_iter();
            let around = around.map(|ranked| (ranked.rank, ranked.value, ranked.score));
            assert_eq!(around.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
        Step::Page(number, size) => {
            let all = reverse_if(model.to_sorted(), true);
            let expected = apply_limit(all, Some((number * size, size)));
            assert_eq!(set.page(number, size).with_scores().await?, expected);
        }
        Step::Ends(count, reversed) => {
            let all = model.to_sorted();
            let lowest = reverse_if(apply_limit(all.clone(), Some((0, count))), reversed);
            let highest = apply_limit(reverse_if(all, true), Some((0, count)));
            let highest = reverse_if(highest, reversed);
            let (mut top, mut bottom) = (set.top(count), set.bottom(count));
            if reversed {
                (top, bottom) = (top.rev(), bottom.rev());
            }
            assert_eq!(top.with_scores().await?, highest);
            assert_eq!(bottom.to_vec().await?, values(lowest));
        }
        Step::Sample(count) => {
            let sample = set.sample(count).await?;
            assert_eq!(sample.len(), model.0.len().min(count as usize));
            let sample: HashMap<_, _> = sample.into_iter().collect();
            let all = model.0.iter();
            let found = all.filter(|(element, score)| sample.get(*element) == Some(score));
            assert_eq!(found.count(), model.0.len().min(count as usize));
        }
        Step::Len => {
            assert_eq!(set.len().await?, model.0.len() as u64);
            assert_eq!(set.is_empty().await?, model.0.is_empty());
        }
        Step::Peek => {
            assert_eq!(set.peek_min().await?, model.to_sorted().first().cloned());
            assert_eq!(set.peek_max().await?, model.to_sorted().last().cloned());
        }
        Step::ByRank(ranks, reversed) => {
            let range = || {
                if reversed {
                    set.by_rank(ranks).rev()
                } else {
                    set.by_rank(ranks)
                }
            };
            let expected = reverse_if(model.by_rank(ranks), reversed);
            assert_eq!(range().with_scores().await?, expected);
            assert_eq!(range().to_vec().await?, values(expected));
        }
        Step::ByRankFromTop(ranks, reversed) => {
            let range = || {
                if reversed {
                    set.by_rank_from_top(ranks).rev()
                } else {
                    set.by_rank_from_top(ranks)
                }
            };
            let expected = reverse_if(model.by_rank_from_top(ranks), reversed);
            assert_eq!(range().with_scores().await?, expected);
            assert_eq!(range().to_vec().await?, values(expected));
        }
        Step::ByScore(scores, reversed, limit) => {
            let range = || {
                if reversed {
                    set.by_score(scores).rev()
                } else {
                    set.by_score(scores)
                }
            };
            let expected = reverse_if(model.by_score(scores), reversed);
            assert_eq!(range().with_scores().await?, expected);
            if let Some((offset, count)) = limit {
                // The end decides which elements are meant, and the reversal does not.
                let highest = apply_limit(reverse_if(model.by_score(scores), true), limit);
                let top = || range().top(count).offset(offset);
                assert_eq!(top().with_scores().await?, highest);
                let backward = reverse_if(values(highest), true);
                assert_eq!(top().rev().to_vec().await?, backward);
                let lowest = apply_limit(model.by_score(scores), limit);
                let bottom = || range().bottom(count).offset(offset);
                assert_eq!(bottom().to_vec().await?, values(lowest.clone()));
                let backward = reverse_if(lowest, true);
                assert_eq!(bottom().rev().with_scores().await?, backward);
            }
        }
        Step::ByValue(bounds, reversed, limit) => {
            // The server's answer means something for equal scores alone.
            let flat = Set::new(client, fresh("model"));
            flat.extend(model.0.keys().map(|element| (element, 0.0)))
                .await?;
            let mut expected: Vec<String> = model.0.keys().cloned().collect();
            expected.retain(|element| RangeBounds::<&str>::contains(&bounds, &element.as_str()));
            expected.sort();
            let expected = reverse_if(expected, reversed);
            let range = || {
                if reversed {
                    flat.by_value::<&str>(bounds).rev()
                } else {
                    flat.by_value::<&str>(bounds)
                }
            };
            assert_eq!(range().count().await?, expected.len() as u64);
            assert_eq!(range().to_vec().await?, expected);
            if let Some((offset, count)) = limit {
                let forward = reverse_if(expected, reversed);
                let highest = apply_limit(reverse_if(forward.clone(), true), limit);
                let top = range().top(count).offset(offset);
                assert_eq!(top.to_vec().await?, highest);
                let lowest = apply_limit(forward, limit);
                let bottom = range().bottom(count).offset(offset);
                assert_eq!(bottom.to_vec().await?, lowest);
            }
            flat.clear().await?;
        }
        Step::Stream(prefix) => {
            let prefix = prefix.unwrap_or_default();
            let stream = set.stream().page_size(2).matching(Pattern::prefix(prefix));
            let streamed: HashMap<String, f64> = stream.try_collect().await?;
            let all = model
                .0
                .iter()
                .map(|(element, score)| (element.clone(), *score));
            let expected: HashMap<_, _> = all
                .filter(|(element, _)| element.starts_with(prefix))
                .collect();
            assert_eq!(streamed, expected);
        }
        step => unreachable!("{step:?} reads nothing"),
    }
    Ok(())
}

async fn run(client: &Client, steps: Vec<Step>) {
    let set = Set::new(client, fresh("model"));
    let mut model = Model::default();
    for step in steps {
        change(client, &set, &mut model, step)
            .await
            .expect("a reply");
    }
    let all = set.by_rank(..).with_scores().await.expect("a reply");
    assert_eq!(all, model.to_sorted());
    set.clear().await.expect("a reply");
}

#[test]
fn a_sorted_set_answers_as_a_sorted_map_does() {
    model::check(&steps(), run);
}
