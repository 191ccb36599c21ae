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
    Remove(Element),
    RemoveMany(Vec<Element>),
    Score(Element),
    Scores(Vec<Element>),
    Rank(Element),
    Len,
    Peek,
    PopMin(Option<u32>),
    PopMax(Option<u32>),
    /// The highest if true.
    PopWait(bool),
    ByRank(Ranks, bool),
    RemoveByRank(Ranks),
    ByScore(Scores, bool, Limit),
    RemoveByScore(Scores),
    ByValue((Bound<Element>, Bound<Element>), bool, Limit),
    Stream(Option<Element>),
    Union(f64, f64, Aggregate),
    Intersection(f64, f64, Aggregate),
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
        2 => element().prop_map(Step::Remove),
        1 => elements().prop_map(Step::RemoveMany),
        1 => element().prop_map(Step::Score),
        1 => elements().prop_map(Step::Scores),
        2 => element().prop_map(Step::Rank),
        1 => Just(Step::Len),
        1 => Just(Step::Peek),
        1 => option::of(0..4_u32).prop_map(Step::PopMin),
        1 => option::of(0..4_u32).prop_map(Step::PopMax),
        1 => any::<bool>().prop_map(Step::PopWait),
        3 => (ranks(), any::<bool>()).prop_map(|(ranks, rev)| Step::ByRank(ranks, rev)),
        1 => ranks().prop_map(Step::RemoveByRank),
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
        1 => Just(Step::Clear),
    ];
    vec(step, 1..=99)
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Model(HashMap<String, f64>);

impl Model {
    /// All in order.
    fn to_sorted(&self) -> Vec<(String, f64)> {
        let mut all: Vec<_> = self.0.clone().into_iter().collect();
        all.sort_by(|(one, low), (other, high)| {
            let scores = low.partial_cmp(high).expect("no score is NaN");
            scores.then_with(|| one.as_bytes().cmp(other.as_bytes()))
        });
        all
    }

    fn take(&mut self, elements: &[(String, f64)]) {
        for (element, _) in elements {
            self.0.remove(element);
        }
    }

    /// Inserts an element; returns true if it is new, and true if its score has changed.
    fn insert(&mut self, element: Element, score: f64, condition: Condition) -> (bool, bool) {
        let old = self.0.get(element).copied();
        let holds = match (condition, old) {
            (Condition::Always, _) => true,
            (Condition::OnlyNew, old) => old.is_none(),
            (Condition::OnlyExisting, old) => old.is_some(),
            (_, None) => true,
            (Condition::OnlyGreater, Some(old)) => score > old,
            (Condition::OnlyLess, Some(old)) => score < old,
            (unknown, Some(_)) => panic!("no model of {unknown:?}"),
        };
        if holds {
            self.0.insert(element.to_owned(), score);
        }
        (
            holds && old.is_none(),
            holds && old.is_some_and(|old| old != score),
        )
    }

    /// The new score; `None` if it would be no number.
    fn increment(&mut self, element: Element, by: f64) -> Option<f64> {
        let sum = self.0.get(element).copied().unwrap_or(0.0) + by;
        (!sum.is_nan()).then(|| {
            self.0.insert(element.to_owned(), sum);
            sum
        })
    }

    fn by_rank(&self, (first, last): Ranks) -> Vec<(String, f64)> {
        let all = self.to_sorted();
        let length = i64::try_from(all.len()).expect("few");
        // A negative bound counts from the end: -1 is the last, and what follows it is the end.
        let place = |rank: i64| if rank < 0 { rank + length } else { rank };
        let from = match first {
            Bound::Unbounded => 0,
            Bound::Included(rank) => place(rank),
            Bound::Excluded(rank) => place(rank) + 1,
        };
        let to = match last {
            Bound::Unbounded => length,
            Bound::Included(rank) => place(rank) + 1,
            Bound::Excluded(rank) => place(rank),
        };
        let ranked = (0..length).zip(all);
        let ranked = ranked.filter(|(rank, _)| (from..to).contains(rank));
        ranked.map(|(_, element)| element).collect()
    }

    fn by_score(&self, scores: Scores) -> Vec<(String, f64)> {
        let mut all = self.to_sorted();
        all.retain(|(_, score)| scores.contains(score));
        all
    }

    fn combine(&self, weights: [f64; 2], how: Aggregate, other: &Self, union: bool) -> Self {
        // A sum that would be no number is zero.
        let number = |n: f64| if n.is_nan() { 0.0 } else { n };
        let [own, its] = weights;
        let mut combined = HashMap::new();
        for element in self.0.keys().chain(other.0.keys()) {
            let mine = self.0.get(element).map(|score| score * own);
            let theirs = other.0.get(element).map(|score| score * its);
            let score = match (mine, theirs, how) {
                (Some(mine), Some(theirs), Aggregate::Sum) => number(mine + theirs),
                (Some(mine), Some(theirs), Aggregate::Min) => mine.min(theirs),
                (Some(mine), Some(theirs), Aggregate::Max) => mine.max(theirs),
                (one, other, _) if union => one.or(other).expect("it is in one of them"),
                _ => continue,
            };
            combined.insert(element.clone(), score);
        }
        Self(combined)
    }
}

fn reverse_if<T>(mut elements: Vec<T>, reversed: bool) -> Vec<T> {
    if reversed {
        elements.reverse();
    }
    elements
}

fn apply_limit<T>(elements: Vec<T>, limit: Limit) -> Vec<T> {
    let (offset, count) = limit.unwrap_or((0, u64::MAX));
    let most = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    elements
        .into_iter()
        .skip(most(offset))
        .take(most(count))
        .collect()
}

fn values(elements: Vec<(String, f64)>) -> Vec<String> {
    elements.into_iter().map(|(element, _)| element).collect()
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
            let stored = combined
                .weights([own, its])
                .aggregate(how)
                .store_into(set)
                .await?;
            assert_eq!(stored, model.0.len() as u64);
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
            assert_eq!(set.rank(element).await?, rank(model.to_sorted()));
            assert_eq!(
                set.rank_rev(element).await?,
                rank(reverse_if(model.to_sorted(), true))
            );
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
                let page = apply_limit(expected, limit);
                assert_eq!(range().limit(offset, count).with_scores().await?, page);
                assert_eq!(range().limit(offset, count).to_vec().await?, values(page));
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
                let page = range().limit(offset, count).to_vec().await?;
                assert_eq!(page, apply_limit(expected, limit));
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
