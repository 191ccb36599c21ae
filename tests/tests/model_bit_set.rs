//! `RedisBitSet` against a `BTreeSet`: random operations, and every answer compared.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Client, RedisBitSet};
use purse_tests::{fresh, model};

const CAPACITY: u32 = 200;

#[derive(Debug, Clone, Copy)]
enum Combine {
    Union,
    Intersection,
    Difference,
    SymmetricDifference,
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u32),
    Extend(Vec<u32>),
    Remove(u32),
    RemoveMany(Vec<u32>),
    Toggle(u32),
    Contains(u32),
    ContainsMany(Vec<u32>),
    Len,
    IsEmpty,
    Count(u32, u32),
    First,
    FirstAbsent,
    Stream,
    /// With the other set; into it if true.
    Store(Combine, bool),
    /// From here on, the steps are on the other set.
    Swap,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Mostly the first bits, so that they fill bytes.
    let bit = || prop_oneof![4 => 0..20_u32, 1 => 0..CAPACITY];
    let bits = || vec(bit(), 0..12);
    let combine = select(vec![
        Combine::Union,
        Combine::Intersection,
        Combine::Difference,
        Combine::SymmetricDifference,
    ]);
    let step = prop_oneof![
        3 => bit().prop_map(Step::Insert),
        4 => bits().prop_map(Step::Extend),
        2 => bit().prop_map(Step::Remove),
        1 => bits().prop_map(Step::RemoveMany),
        2 => bit().prop_map(Step::Toggle),
        1 => bit().prop_map(Step::Contains),
        1 => bits().prop_map(Step::ContainsMany),
        1 => Just(Step::Len),
        1 => Just(Step::IsEmpty),
        3 => (bit(), bit()).prop_map(|(first, last)| Step::Count(first, last)),
        1 => Just(Step::First),
        2 => Just(Step::FirstAbsent),
        2 => Just(Step::Stream),
        2 => (combine, any::<bool>()).prop_map(|(how, into_other)| Step::Store(how, into_other)),
        2 => Just(Step::Swap),
        1 => Just(Step::Clear),
    ];
    vec(step, 20..=80)
}

type Pair = (RedisBitSet, BTreeSet<u32>);

async fn step((set, model): &mut Pair, other: &mut Pair, step: Step) -> purse::Result<()> {
    match step {
        Step::Insert(bit) => assert_eq!(set.insert(bit).await?, model.insert(bit)),
        Step::Extend(bits) => {
            let before = model.len();
            model.extend(&bits);
            let new = set.extend(bits).await?;
            assert_eq!(new, (model.len() - before) as u64);
        }
        Step::Remove(bit) => assert_eq!(set.remove(bit).await?, model.remove(&bit)),
        Step::RemoveMany(bits) => {
            let removed = set.remove_many(&bits).await?;
            let expected = bits.iter().filter(|bit| model.remove(bit)).count();
            assert_eq!(removed, expected as u64);
        }
        Step::Toggle(bit) => {
            let is_set = !model.remove(&bit);
            if is_set {
                model.insert(bit);
            }
            assert_eq!(set.toggle(bit).await?, is_set);
        }
        Step::Contains(bit) => assert_eq!(set.contains(bit).await?, model.contains(&bit)),
        Step::ContainsMany(bits) => {
            let expected: Vec<_> = bits.iter().map(|bit| model.contains(bit)).collect();
            assert_eq!(set.contains_many(bits).await?, expected);
        }
        Step::Len => assert_eq!(set.len().await?, model.len() as u64),
        Step::IsEmpty => assert_eq!(set.is_empty().await?, model.is_empty()),
        Step::Count(first, last) => {
            let in_range = model.iter().filter(|bit| (first..=last).contains(bit));
            let expected = in_range.count() as u64;
            assert_eq!(set.count(first..=last).await?, expected, "{first}..={last}");
        }
        Step::First => assert_eq!(set.first().await?, model.first().copied()),
        Step::FirstAbsent => {
            let expected = (0..CAPACITY).find(|bit| !model.contains(bit));
            assert_eq!(set.first_absent().await?, expected);
        }
        Step::Stream => {
            let streamed: Vec<u32> = set.stream().try_collect().await?;
            assert!(streamed.iter().eq(model.iter()), "{streamed:?}");
        }
        Step::Store(how, into_other) => {
            let (combined, expected) = match how {
                Combine::Union => (set.union([&other.0]), &*model | &other.1),
                Combine::Intersection => (set.intersection([&other.0]), &*model & &other.1),
                Combine::Difference => (set.difference([&other.0]), &*model - &other.1),
                Combine::SymmetricDifference => {
                    (set.symmetric_difference([&other.0]), &*model ^ &other.1)
                }
            };
            let into = if into_other { &other.0 } else { &*set };
            assert_eq!(combined.store_into(into).await?, expected.len() as u64);
            *(if into_other { &mut other.1 } else { model }) = expected;
        }
        Step::Clear => {
            set.clear().await?;
            model.clear();
        }
        Step::Swap => unreachable!("it is not a step of a set"),
    }
    Ok(())
}

async fn run(client: &Client, steps: Vec<Step>) {
    let pair = || {
        (
            RedisBitSet::new(client, fresh("model"), CAPACITY),
            BTreeSet::new(),
        )
    };
    let (mut one, mut other) = (pair(), pair());
    for next in steps {
        match next {
            Step::Swap => std::mem::swap(&mut one, &mut other),
            next => step(&mut one, &mut other, next).await.expect("a reply"),
        }
    }
    for (set, model) in [one, other] {
        let streamed: Vec<u32> = set.stream().try_collect().await.expect("a reply");
        assert!(streamed.into_iter().eq(model));
        set.clear().await.expect("a reply");
    }
}

#[test]
fn bit_set_answers_as_a_btree_set_does() {
    model::check(&steps(), run);
}
