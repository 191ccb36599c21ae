//! `RedisCounter` against an `i128`, and blocks of ids against a sum: random operations, and every
//! answer compared.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use purse::{Client, RedisCounter, RedisIdGenerator};
use purse_tests::{fresh, model};

#[derive(Debug, Clone)]
enum Step {
    Get,
    Set(i64),
    Take,
    Add(i64, bool),
    /// By bounds, an amount, whether it saturates, and whether exactly once.
    Bounded(i64, i64, i64, bool, bool),
    Clear,
}

/// Numbers near those at which something changes.
fn number() -> impl Strategy<Value = i64> {
    let near = select(vec![i64::MIN, -(1 << 53), 0, 1 << 53, 1 << 62, i64::MAX]);
    let by = prop_oneof![4 => -3..=3_i64, 1 => any::<i64>()];
    (near, by).prop_map(|(near, by)| near.saturating_add(by))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => Just(Step::Get),
        2 => number().prop_map(Step::Set),
        1 => Just(Step::Take),
        4 => (number(), any::<bool>()).prop_map(|(by, once)| Step::Add(by, once)),
        6 => (number(), number(), number(), any::<bool>(), any::<bool>()).prop_map(
            |(one, other, by, saturates, once)| {
                Step::Bounded(one.min(other), one.max(other), by, saturates, once)
            }
        ),
        1 => Just(Step::Clear),
    ];
    vec(step, 20..80)
}

async fn run(client: &Client, steps: Vec<Step>) {
    let counter: RedisCounter<i64> = RedisCounter::new(client, fresh("counter"));
    let mut model: i64 = 0;
    for step in steps {
        match step {
            Step::Get => assert_eq!(counter.get().await.expect("a reply"), model),
            Step::Set(number) => {
                counter.set(number).await.expect("a reply");
                model = number;
            }
            Step::Take => {
                let taken = counter.take().await.expect("a reply");
                assert_eq!(taken, std::mem::take(&mut model));
            }
            Step::Add(by, once) => {
                let sum = match once {
                    true => counter.add_once(by).await,
                    false => counter.add(by).await,
                };
                assert_eq!(sum.ok(), model.checked_add(by));
                model = model.checked_add(by).unwrap_or(model);
            }
            Step::Bounded(lowest, highest, by, saturates, once) => {
                let bounded = counter.bounded(lowest..=highest);
                let sum = i128::from(model) + i128::from(by);
                let clamped = sum.clamp(lowest.into(), highest.into());
                let expected = i64::try_from(clamped).expect("a bound");
                if saturates {
                    let sum = match once {
                        true => bounded.saturating_add_once(by).await,
                        false => bounded.saturating_add(by).await,
                    };
                    assert_eq!(sum.expect("a reply"), expected);
                    model = expected;
                } else {
                    let checked = match once {
                        true => bounded.checked_add_once(by).await,
                        false => bounded.checked_add(by).await,
                    };
                    let expected = (clamped == sum).then_some(expected);
                    assert_eq!(checked.expect("a reply"), expected);
                    model = expected.unwrap_or(model);
                }
            }
            Step::Clear => {
                counter.clear().await.expect("a reply");
                model = 0;
            }
        }
        assert_eq!(counter.get().await.expect("a reply"), model);
    }
    counter.clear().await.expect("a reply");
}

#[derive(Debug, Clone)]
enum IdStep {
    /// The generator of this number returns an id.
    Next(usize),
    /// The ids continue this number after the last one.
    Advance(u64),
}

fn id_steps() -> impl Strategy<Value = (Vec<u32>, Vec<IdStep>)> {
    let step = prop_oneof![
        9 => (0..3_usize).prop_map(IdStep::Next),
        1 => (0..20_u64).prop_map(IdStep::Advance),
    ];
    (vec(1..6_u32, 3), vec(step, 20..80))
}

async fn run_ids(client: &Client, (sizes, steps): (Vec<u32>, Vec<IdStep>)) {
    let key = fresh("ids");
    let generators = sizes
        .iter()
        .map(|size| RedisIdGenerator::new(client, &key).block_size(*size));
    let generators: Vec<_> = generators.collect();
    let mut last_of = [0; 3];
    let mut all = std::collections::HashSet::new();
    let mut highest = 0;
    for step in steps {
        match step {
            IdStep::Next(number) => {
                let id = generators[number].next_id().await.expect("an id");
                assert!(id > last_of[number], "{id} after {}", last_of[number]);
                assert!(all.insert(id), "{id} again");
                last_of[number] = id;
                highest = highest.max(id);
            }
            IdStep::Advance(more) => {
                let to = highest + more;
                let last = generators[0].advance_to(to).await.expect("a reply");
                assert!(last >= to, "{last}, {to}");
                highest = highest.max(to);
            }
        }
    }
    generators[0].key().delete().await.expect("a reply");
}

#[test]
fn counter_behaves_like_an_integer() {
    model::check(&steps(), run);
}

#[test]
fn ids_of_several_generators_are_unique_and_increase() {
    model::check(&id_steps(), run_ids);
}
