//! `RedisHyperLogLog` against a `HashSet`: random operations, and every count within its error.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use purse::{Client, RedisHyperLogLog};
use purse_tests::{fresh, model};

#[derive(Debug, Clone)]
enum Step {
    Add(u16),
    Extend(Vec<u16>),
    ExtendRange(u16, u16),
    Count,
    CountUnion,
    Merge,
    /// From here on, the steps are on the other sketch.
    Swap,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<u16>().prop_map(Step::Add),
        3 => vec(any::<u16>(), 0..50).prop_map(Step::Extend),
        3 => (any::<u16>(), 0..3_000_u16).prop_map(|(first, count)| Step::ExtendRange(first, count)),
        4 => Just(Step::Count),
        3 => Just(Step::CountUnion),
        2 => Just(Step::Merge),
        3 => Just(Step::Swap),
        1 => Just(Step::Clear),
    ];
    vec(step, 1..=40)
}

type Pair = (RedisHyperLogLog<u16>, HashSet<u16>);

/// Fails unless the count is within six standard errors.
fn assert_near(count: u64, expected: usize) {
    let most = expected as f64 * 0.0081 * 6.0 + 1.0;
    let error = (count as f64 - expected as f64).abs();
    assert!(error <= most, "{count} instead of {expected}");
    assert_eq!(count == 0, expected == 0, "{count} instead of {expected}");
}

async fn step((sketch, model): &mut Pair, other: &Pair, step: Step) -> purse::Result<()> {
    match step {
        Step::Add(value) => {
            let is_new = model.insert(value);
            let changed = sketch.add(value).await?;
            assert!(is_new || !changed, "{value} was added before");
        }
        Step::Extend(values) => {
            let before = model.len();
            model.extend(&values);
            let changed = sketch.extend(values).await?;
            assert!(model.len() > before || !changed);
        }
        Step::ExtendRange(first, count) => {
            let values = || (0..count).map(|n| first.wrapping_add(n));
            sketch.extend(values()).await?;
            model.extend(values());
        }
        Step::Count => {
            assert_near(sketch.count().await?, model.len());
            assert_eq!(sketch.is_empty().await?, model.is_empty());
        }
        Step::CountUnion => {
            let count = sketch.count_union([&other.0]).await?;
            assert_near(count, model.union(&other.1).count());
        }
        Step::Merge => {
            sketch.merge([&other.0]).await?;
            model.extend(&other.1);
        }
        Step::Clear => {
            sketch.clear().await?;
            model.clear();
        }
        Step::Swap => unreachable!("it is not a step of a sketch"),
    }
    Ok(())
}

async fn run(client: &Client, steps: Vec<Step>) {
    let pair = || {
        (
            RedisHyperLogLog::new(client, fresh("model")),
            HashSet::new(),
        )
    };
    let (mut one, mut other): (Pair, Pair) = (pair(), pair());
    for next in steps {
        match next {
            Step::Swap => std::mem::swap(&mut one, &mut other),
            next => step(&mut one, &other, next).await.expect("a reply"),
        }
    }
    for (sketch, model) in [one, other] {
        assert_near(sketch.count().await.expect("a reply"), model.len());
        sketch.clear().await.expect("a reply");
    }
}

#[test]
fn hyper_log_log_counts_as_a_hash_set_does() {
    model::check(&steps(), run);
}
