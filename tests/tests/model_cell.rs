//! `RedisCell` and `RedisVersioned` against an `Option`: random operations, and every answer compared.

use proptest::collection::vec;
use proptest::prelude::*;
use purse::{Client, RedisCell, RedisVersioned, Version};
use purse_tests::{fresh, model};

#[derive(Debug, Clone)]
enum Step {
    Load,
    Store(u8),
    StoreIfEmpty(u8),
    Swap(u8),
    CompareExchange(u8, u8),
    Take,
    Update(u8),
    Clear,
}

/// Steps with few values, so that comparisons often hold.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = || 0..4_u8;
    let step = prop_oneof![
        1 => Just(Step::Load),
        2 => value().prop_map(Step::Store),
        2 => value().prop_map(Step::StoreIfEmpty),
        2 => value().prop_map(Step::Swap),
        4 => (value(), value()).prop_map(|(current, new)| Step::CompareExchange(current, new)),
        1 => Just(Step::Take),
        2 => value().prop_map(Step::Update),
        1 => Just(Step::Clear),
    ];
    vec(step, 20..80)
}

async fn run_cell(client: &Client, steps: Vec<Step>) {
    let cell: RedisCell<u8> = RedisCell::new(client, fresh("cell"));
    let mut model: Option<u8> = None;
    for step in steps {
        match step {
            Step::Load => assert_eq!(cell.load().await.expect("a reply"), model),
            Step::Store(value) => {
                cell.store(value).await.expect("a reply");
                model = Some(value);
            }
            Step::StoreIfEmpty(value) => {
                let is_stored = cell.store_if_empty(value).await.expect("a reply");
                assert_eq!(is_stored, model.is_none());
                model = model.or(Some(value));
            }
            Step::Swap(value) => {
                let old = cell.swap(value).await.expect("a reply");
                assert_eq!(old, model.replace(value));
            }
            Step::CompareExchange(current, new) => {
                let outcome = cell.compare_exchange(current, new).await.expect("a reply");
                if model == Some(current) {
                    assert_eq!(outcome, Ok(current));
                    model = Some(new);
                } else {
                    assert_eq!(outcome, Err(model));
                }
            }
            Step::Take => assert_eq!(cell.take().await.expect("a reply"), model.take()),
            Step::Update(by) => {
                let more = |old: Option<u8>| old.unwrap_or(7).wrapping_add(by);
                let new = cell.update(more).await.expect("a reply");
                assert_eq!(new, more(model));
                model = Some(new);
            }
            Step::Clear => {
                let is_cleared = cell.clear().await.expect("a reply");
                assert_eq!(is_cleared, model.take().is_some());
            }
        }
        assert_eq!(cell.exists().await.expect("a reply"), model.is_some());
    }
    cell.clear().await.expect("a reply");
}

#[derive(Debug, Clone)]
enum VersionedStep {
    /// Stores with the present version, or with one that a value had this number of writes ago.
    StoreIf(usize, u8),
    StoreIfAbsent(u8),
    Update(u8),
    FetchUpdate(Option<u8>),
    Clear,
}

fn versioned_steps() -> impl Strategy<Value = Vec<VersionedStep>> {
    let step = prop_oneof![
        3 => (0..3_usize, any::<u8>()).prop_map(|(ago, new)| VersionedStep::StoreIf(ago, new)),
        1 => any::<u8>().prop_map(VersionedStep::StoreIfAbsent),
        2 => any::<u8>().prop_map(VersionedStep::Update),
        2 => any::<Option<u8>>().prop_map(VersionedStep::FetchUpdate),
        1 => Just(VersionedStep::Clear),
    ];
    vec(step, 20..80)
}

async fn run_versioned(client: &Client, steps: Vec<VersionedStep>) {
    let value: RedisVersioned<u8> = RedisVersioned::new(client, fresh("versioned"));
    let mut model: Option<(u8, Version)> = None;
    let mut versions: Vec<Version> = Vec::new();
    for step in steps {
        let stored = match step {
            VersionedStep::StoreIf(ago, new) => {
                let Some(&version) = versions.iter().rev().nth(ago) else {
                    continue;
                };
                let outcome = value.store_if(version, new).await.expect("a reply");
                match model.is_some_and(|(_, current)| current == version) {
                    true => Some((new, outcome.expect("the present version"))),
                    false => {
                        assert_eq!(outcome, Err(model));
                        None
                    }
                }
            }
            VersionedStep::StoreIfAbsent(new) => {
                let outcome = value.store_if(None, new).await.expect("a reply");
                match model {
                    None => Some((new, outcome.expect("no value"))),
                    Some(_) => {
                        assert_eq!(outcome, Err(model));
                        None
                    }
                }
            }
            VersionedStep::Update(new) => {
                let seen = model.map(|(old, _)| old);
                let updated = value.update(|old| {
                    assert_eq!(old.copied(), seen);
                    new
                });
                Some(updated.await.expect("a reply"))
            }
            VersionedStep::FetchUpdate(new) => {
                let seen = model.map(|(old, _)| old);
                let outcome = value.fetch_update(|_| new).await.expect("a reply");
                assert_eq!(outcome, if new.is_some() { Ok(seen) } else { Err(seen) });
                match new {
                    Some(_) => value.load().await.expect("a reply"),
                    None => None,
                }
            }
            VersionedStep::Clear => {
                let is_cleared = value.clear().await.expect("a reply");
                assert_eq!(is_cleared, model.take().is_some());
                None
            }
        };
        if let Some((new, version)) = stored {
            assert!(versions.last().is_none_or(|last| version > *last));
            versions.push(version);
            model = Some((new, version));
        }
        assert_eq!(value.load().await.expect("a reply"), model);
    }
    value.clear().await.expect("a reply");
}

#[test]
fn cell_behaves_like_an_option() {
    model::check(&steps(), run_cell);
}

#[test]
fn versioned_value_behaves_like_an_option_with_a_version() {
    model::check(&versioned_steps(), run_versioned);
}
