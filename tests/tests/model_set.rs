//! `RedisSet` against a `HashSet`: random operations, and every answer compared.

use std::collections::HashSet;

use futures::TryStreamExt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Client, Combined, Pattern, RedisSet};
use purse_tests::{fresh, model};

type Element = &'static str;

/// Which of two sets an operation is on.
#[derive(Debug, Clone, Copy)]
enum Side {
    Left,
    Right,
}

#[derive(Debug, Clone, Copy)]
enum Combine {
    Union,
    Intersection,
    Difference,
    SymmetricDifference,
}

#[derive(Debug, Clone)]
enum Step {
    Add(Side, Element),
    Extend(Side, Vec<Element>),
    Remove(Side, Element),
    RemoveMany(Side, Vec<Element>),
    Pop(Side),
    PopN(Side, u32),
    Sample(Side, u32),
    Contains(Side, Element),
    ContainsMany(Side, Vec<Element>),
    Len(Side),
    IsEmpty(Side),
    Stream(Side),
    Matching(Side, Element),
    MoveToOther(Side, Element),
    Compare(Side),
    CompareWith(Side, Vec<Element>),
    Combine(Side, Combine),
    CountUpTo(Side, Combine, u64),
    /// Into the left one if true.
    Store(Side, Combine, bool),
    Clear(Side),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few elements, so that they meet; numbers alone are a set of their own kind on the server.
    let element = || select(vec!["1", "2", "-3", "", "a", "ab", "*", "[a]", "ä"]);
    let elements = || vec(element(), 0..5);
    let side = || select(vec![Side::Left, Side::Right]);
    let combine = || {
        select(vec![
            Combine::Union,
            Combine::Intersection,
            Combine::Difference,
            Combine::SymmetricDifference,
        ])
    };
    let step = prop_oneof![
        4 => (side(), element()).prop_map(|(side, element)| Step::Add(side, element)),
        4 => (side(), elements()).prop_map(|(side, elements)| Step::Extend(side, elements)),
        2 => (side(), element()).prop_map(|(side, element)| Step::Remove(side, element)),
        1 => (side(), elements()).prop_map(|(side, elements)| Step::RemoveMany(side, elements)),
        1 => side().prop_map(Step::Pop),
        1 => (side(), 0..4_u32).prop_map(|(side, count)| Step::PopN(side, count)),
        1 => (side(), 0..6_u32).prop_map(|(side, count)| Step::Sample(side, count)),
        1 => (side(), element()).prop_map(|(side, element)| Step::Contains(side, element)),
        1 => (side(), elements()).prop_map(|(side, elements)| Step::ContainsMany(side, elements)),
        1 => side().prop_map(Step::Len),
        1 => side().prop_map(Step::IsEmpty),
        1 => side().prop_map(Step::Stream),
        1 => (side(), element()).prop_map(|(side, element)| Step::Matching(side, element)),
        2 => (side(), element()).prop_map(|(side, element)| Step::MoveToOther(side, element)),
        2 => side().prop_map(Step::Compare),
        2 => (side(), elements()).prop_map(|(side, elements)| Step::CompareWith(side, elements)),
        3 => (side(), combine()).prop_map(|(side, how)| Step::Combine(side, how)),
        1 => (side(), combine(), 0..4_u64).prop_map(|(side, how, most)| Step::CountUpTo(side, how, most)),
        2 => (side(), combine(), any::<bool>()).prop_map(|(side, how, left)| Step::Store(side, how, left)),
        1 => side().prop_map(Step::Clear),
    ];
    vec(step, 1..=99)
}

type Model = HashSet<String>;

/// Both sets, on the server and here.
struct Pair {
    left: (RedisSet<String>, Model),
    right: (RedisSet<String>, Model),
}

impl Pair {
    fn new(client: &Client) -> Self {
        let set = || (RedisSet::new(client, fresh("model")), Model::new());
        Self {
            left: set(),
            right: set(),
        }
    }

    /// The set on that side with its model, and the other one.
    #[expect(clippy::type_complexity, reason = "two pairs of a set and its model")]
    fn on(
        &mut self,
        side: Side,
    ) -> (
        &mut (RedisSet<String>, Model),
        &mut (RedisSet<String>, Model),
    ) {
        match side {
            Side::Left => (&mut self.left, &mut self.right),
            Side::Right => (&mut self.right, &mut self.left),
        }
    }

    /// A combination of the set on that side with the other one.
    fn combine(&mut self, side: Side, how: Combine) -> (Combined<String>, Model) {
        let ((set, model), (other, others)) = self.on(side);
        match how {
            Combine::Union => (set.union([&*other]), &*model | others),
            Combine::Intersection => (set.intersection([&*other]), &*model & others),
            Combine::Difference => (set.difference([&*other]), &*model - others),
            Combine::SymmetricDifference => (set.symmetric_difference(other), &*model ^ others),
        }
    }

    /// Takes the step on both sides.
    async fn step(&mut self, step: Step) -> purse::Result<()> {
        match step {
            Step::Combine(side, how) => {
                let (combined, expected) = self.combine(side, how);
                assert_eq!(combined.to_set().await?, expected);
                let streamed: Vec<String> = combined.stream().try_collect().await?;
                assert_eq!(streamed.len(), expected.len(), "none comes twice");
                assert_eq!(streamed.into_iter().collect::<Model>(), expected);
            }
            Step::CountUpTo(side, how, most) => {
                let (combined, expected) = self.combine(side, how);
                let expected = expected.len() as u64;
                assert_eq!(combined.count().await?, expected);
                assert_eq!(combined.count_up_to(most).await?, expected.min(most));
            }
            Step::Store(side, how, left) => {
                let (combined, expected) = self.combine(side, how);
                let into = if left {
                    &mut self.left
                } else {
                    &mut self.right
                };
                let stored = combined.store_into(&into.0).await?;
                assert_eq!(stored, expected.len() as u64);
                into.1 = expected;
            }
            Step::MoveToOther(side, element) => {
                let ((set, model), (other, others)) = self.on(side);
                let moved = set.move_to(other, element).await?;
                let taken = model.take(element);
                assert_eq!(moved, taken.is_some());
                others.extend(taken);
            }
            Step::Compare(side) => {
                let ((set, model), (other, others)) = self.on(side);
                assert_eq!(set.is_subset(other).await?, model.is_subset(others));
                assert_eq!(set.is_superset(other).await?, model.is_superset(others));
                assert_eq!(set.is_disjoint(other).await?, model.is_disjoint(others));
            }
            Step::Add(side, _)
            | Step::Extend(side, _)
            | Step::Remove(side, _)
            | Step::RemoveMany(side, _)
            | Step::Pop(side)
            | Step::PopN(side, _)
            | Step::Sample(side, _)
            | Step::Contains(side, _)
            | Step::ContainsMany(side, _)
            | Step::Len(side)
            | Step::IsEmpty(side)
            | Step::CompareWith(side, _)
            | Step::Stream(side)
            | Step::Matching(side, _)
            | Step::Clear(side) => {
                let ((set, model), _) = self.on(side);
                one(set, model, step).await?;
            }
        }
        Ok(())
    }
}

/// Takes a step that is on one set alone.
async fn one(set: &RedisSet<String>, model: &mut Model, step: Step) -> purse::Result<()> {
    match step {
        Step::Add(_, element) => {
            assert_eq!(set.add(element).await?, model.insert(element.to_owned()));
        }
        Step::Extend(_, elements) => {
            let added = set.extend(elements.iter().copied()).await?;
            let before = model.len();
            model.extend(elements.into_iter().map(str::to_owned));
            assert_eq!(added, (model.len() - before) as u64);
        }
        Step::Remove(_, element) => assert_eq!(set.remove(element).await?, model.remove(element)),
        Step::RemoveMany(_, elements) => {
            let removed = set.remove_many(elements.iter().copied()).await?;
            let expected = elements
                .into_iter()
                .filter(|element| model.remove(*element));
            assert_eq!(removed, expected.count() as u64);
        }
        Step::Pop(_) => match set.pop().await? {
            Some(popped) => assert!(model.remove(&popped), "{popped}"),
            None => assert!(model.is_empty()),
        },
        Step::PopN(_, count) => {
            let popped = set.pop_n(count).await?;
            assert_eq!(popped.len(), model.len().min(count as usize));
            assert!(
                popped.iter().all(|element| model.remove(element)),
                "{popped:?}"
            );
        }
        Step::Sample(_, count) => {
            let sample = set.sample(count).await?;
            assert_eq!(sample.len(), model.len().min(count as usize));
            let distinct: Model = sample.iter().cloned().collect();
            assert_eq!(distinct.len(), sample.len(), "{sample:?}");
            assert!(distinct.is_subset(model), "{sample:?}");
        }
        Step::Contains(_, element) => {
            assert_eq!(set.contains(element).await?, model.contains(element));
        }
        Step::ContainsMany(_, elements) => {
            let answers = set.contains_many(elements.iter().copied()).await?;
            let expected = elements.into_iter().map(|element| model.contains(element));
            assert_eq!(answers, expected.collect::<Vec<_>>());
        }
        Step::CompareWith(_, elements) => {
            let values = || elements.iter().copied();
            let others: Model = values().map(str::to_owned).collect();
            assert_eq!(set.is_subset_of(values()).await?, model.is_subset(&others));
            assert_eq!(
                set.is_superset_of(values()).await?,
                model.is_superset(&others)
            );
            assert_eq!(
                set.is_disjoint_from(values()).await?,
                model.is_disjoint(&others)
            );
            assert_eq!(set.equals(values()).await?, *model == others);
        }
        Step::Len(_) => assert_eq!(set.len().await?, model.len() as u64),
        Step::IsEmpty(_) => assert_eq!(set.is_empty().await?, model.is_empty()),
        Step::Stream(_) => {
            let streamed: Model = set.stream().page_size(2).try_collect().await?;
            assert_eq!(streamed, *model);
        }
        Step::Matching(_, prefix) => {
            let stream = set.stream().matching(Pattern::prefix(prefix));
            let streamed: Model = stream.try_collect().await?;
            let expected = model.iter().filter(|element| element.starts_with(prefix));
            assert_eq!(streamed, expected.cloned().collect());
        }
        Step::Clear(_) => {
            assert_eq!(set.clear().await?, !model.is_empty());
            model.clear();
        }
        Step::MoveToOther(..)
        | Step::Compare(_)
        | Step::Combine(..)
        | Step::CountUpTo(..)
        | Step::Store(..) => {
            unreachable!("{step:?} is on both")
        }
    }
    Ok(())
}

async fn run(client: &Client, steps: Vec<Step>) {
    let mut pair = Pair::new(client);
    for step in steps {
        pair.step(step).await.expect("a reply");
    }
    for (set, model) in [pair.left, pair.right] {
        assert_eq!(set.to_set().await.expect("a reply"), model);
        set.clear().await.expect("a reply");
    }
}

#[test]
fn a_set_answers_as_a_hash_set_does() {
    model::check(&steps(), run);
}
